"""Two middleware classes of the workers: for our own URLs, and for the variant without login."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from django_authkit.compare.worker.config import ADDRESSES, WorkerConfig

GetResponse = Callable[[HttpRequest], Any]


@sync_and_async_middleware
def OwnAddresses(get_response: GetResponse) -> GetResponse:  # noqa: N802 - a middleware is named like a class
    """Resolve our own URLs with our URLconf, leaving the project's unchanged."""

    def mark(request: HttpRequest) -> None:
        if request.path_info.startswith(ADDRESSES):
            request.urlconf = "django_authkit.compare.worker.urls"

    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            mark(request)
            return await get_response(request)  # type: ignore[no-any-return]

        return markcoroutinefunction(answer_async)

    def answer(request: HttpRequest) -> HttpResponseBase:
        mark(request)
        return get_response(request)  # type: ignore[no-any-return]

    return answer


@sync_and_async_middleware
def GivenUser(get_response: GetResponse) -> GetResponse:  # noqa: N802 - likewise
    """Set the user of every request, loaded once per process: the cost of a view without authentication."""
    known: list[Any] = []

    def give(request: HttpRequest) -> None:
        if not known:
            known.append(
                get_user_model()._default_manager.get_by_natural_key(WorkerConfig.from_environment().username)
            )
        request.user = known[0]
        request._force_auth_user = known[0]  # type: ignore[attr-defined]  # noqa: SLF001 - used by DRF

    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            await sync_to_async(give)(request) if not known else give(request)
            return await get_response(request)  # type: ignore[no-any-return]

        return markcoroutinefunction(answer_async)

    def answer(request: HttpRequest) -> HttpResponseBase:
        give(request)
        return get_response(request)  # type: ignore[no-any-return]

    return answer
