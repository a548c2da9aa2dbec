"""The site of ``slow_store``: two views."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from django_authkit import aauthenticate

_ONE = {"Content-Length": "1"}
"""Each answer is as long as the primary key of the only user."""


async def who(request: HttpRequest) -> HttpResponse:
    """Return the primary key of the user; 401 if there is none."""
    known = await aauthenticate(request)
    if known is None:
        return HttpResponse("-", status=401, headers=_ONE)
    return HttpResponse(str(known.user.pk), headers=_ONE)


async def nobody(request: HttpRequest) -> HttpResponse:
    """Return something, whoever asks."""
    return HttpResponse("1", headers=_ONE)


urlpatterns = [path("who/", who), path("nobody/", nobody)]
