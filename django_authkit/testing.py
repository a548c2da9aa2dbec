"""
What tests of a project need: a client that is logged in, time that passes, and what was revoked.

Nothing here is imported outside of tests.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from django_authkit.conf import get_settings
from django_authkit.http.grant import Grant
from django_authkit.service import log_in, log_out
from django_authkit.signals import session_revoked
from django_authkit.types import AuthSession, Transport
from django_authkit.wiring import get_store


class AuthKitClientMixin:
    """
    Logs a test client in and out as the project does, in both modes: for ``Client`` and DRF's ``APIClient``.

    Args:
        transport: Where the credential of a login is: in the cookies of this client or in its header. By
            default in the cookies, if ``TRANSPORTS`` has them.
        arguments: Those of the client.

    Attributes:
        grant: The credentials of the last ``force_login``; ``None`` before it, and after ``logout``.
    """

    cookies: Any
    defaults: dict[str, Any]
    grant: Grant | None = None

    def __init__(self, *arguments: Any, transport: Transport | None = None, **named_arguments: Any) -> None:
        super().__init__(*arguments, **named_arguments)
        self._transport = transport

    def force_login(
        self,
        user: AbstractBaseUser,
        backend: str | None = None,
        *,
        transport: Transport | None = None,
        remember: bool = False,
    ) -> None:
        """
        Start an auth session for *user*; what this client sends from now on has its credential.

        It is bound to the address and the user agent of this client's ``defaults``, as ``BIND`` asks for.

        Args:
            user: The user.
            backend: Dotted path of the Django auth backend; by default the first one.
            transport: Whether the credential is in the cookies of this client or in its header; by default
                what the client was created with.
            remember: As for ``log_in``.
        """
        has_cookies = Transport.COOKIE in get_settings().transports
        transport = transport or self._transport or (Transport.COOKIE if has_cookies else Transport.HEADER)
        vouching = backend or getattr(user, "backend", None) or settings.AUTHENTICATION_BACKENDS[0]
        grant = log_in(self._request(), user, backend=vouching, transport=transport, remember=remember)
        if transport is Transport.HEADER:
            self.defaults["HTTP_AUTHORIZATION"] = f"{get_settings().compat.auth_schemes[0]} {grant.access}"
        response = HttpResponse()
        grant.attach(response)
        self.cookies.update(response.cookies)
        self.grant = grant

    def login(self, **credentials: Any) -> bool:
        """Log in the user whom Django's ``authenticate`` finds; return whether it found one."""
        user: Any = authenticate(**credentials)
        if user is not None:
            self.force_login(user)
        return user is not None

    def logout(self) -> None:
        """Revoke the auth session, and forget its credentials: this client is anonymous from now on."""
        log_out(self._request())
        self.defaults.pop("HTTP_AUTHORIZATION", None)
        self.grant = None
        super().logout()  # type: ignore[misc] # the client's

    async def aforce_login(self, user: AbstractBaseUser, backend: str | None = None) -> None:
        """Do what ``force_login`` does."""
        await sync_to_async(self.force_login)(user, backend)

    async def alogin(self, **credentials: Any) -> bool:
        """Do what ``login`` does."""
        return await sync_to_async(self.login)(**credentials)

    async def alogout(self) -> None:
        """Do what ``logout`` does."""
        await sync_to_async(self.logout)()

    def _request(self) -> HttpRequest:
        """Return a request as this client would send it, with its credentials and without a CSRF check."""
        factory = RequestFactory(**self.defaults)
        factory.cookies = self.cookies
        request = factory.post("/")
        request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
        return request


class AuthKitClient(AuthKitClientMixin, Client):
    """Django's test client, logged in and out as the project does."""


@contextmanager
def travel(**span: float) -> Iterator[None]:
    """
    Let time pass for Python and for the store, within the block.

    Needs the package time-machine. Calls can be nested. Change settings outside of it: with other settings,
    there is another store.

    Args:
        span: The arguments of ``timedelta``: ``days=15``.
    """
    import time_machine  # a dependency of those tests only

    ahead, store = timedelta(**span), get_store()
    before = store.clock_offset
    with time_machine.travel(time.time() + ahead.total_seconds(), tick=True):
        store.clock_offset = before + ahead // timedelta(milliseconds=1)
        try:
            yield
        finally:
            store.clock_offset = before


@contextmanager
def revoked() -> Iterator[list[AuthSession]]:
    """Give a list that gets each auth session for which ``session_revoked`` is sent within the block."""
    found: list[AuthSession] = []

    def note(session: AuthSession, **_: Any) -> None:
        found.append(session)

    session_revoked.connect(note)
    try:
        yield found
    finally:
        session_revoked.disconnect(note)
