"""The page, what it wants to know of the server, and its switch."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_POST
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from demo.launch import ask_for_mode
from demo.people import PEOPLE
from django_authkit import authenticate
from django_authkit.conf import get_settings
from showcase.mirror import reflect


@ensure_csrf_cookie
@never_cache
def page(request: HttpRequest) -> HttpResponse:
    """The page. It is the same for everybody: who is there is its script's to find out."""
    return render(request, "showcase/page.html", {"people": PEOPLE, "server": _server()})


@require_GET
@never_cache
def server(_request: HttpRequest) -> HttpResponse:
    """Tell how the server is set."""
    return JsonResponse(_server())


class MirrorView(APIView):
    """A view like any other of a project; its answer says what of the request reached the server."""

    def get(self, request: Request) -> Response:
        """Answer whoever is logged in."""
        http: HttpRequest = request._request
        known = authenticate(http)
        assert known is not None  # IsAuthenticated has seen to it
        return Response({**reflect(http, known), "server": _server()})


@require_POST
def switch_mode(_request: HttpRequest, mode: str) -> HttpResponse:
    """
    Ask for a server of *mode* in place of this one: 202, and it takes over a second or two later.

    A form of another site cannot ask: Django's CSRF check is in front of it.
    """
    if mode not in get_settings().accept:
        return JsonResponse({"detail": "This server does not accept that mode."}, status=404)
    if not ask_for_mode(mode):
        return JsonResponse({"detail": "Nobody listens. Start the site by manage.py demo."}, status=409)
    return JsonResponse({}, status=202)


def _server() -> dict[str, Any]:
    chosen = get_settings()
    return {
        "mode": chosen.mode,
        "accept": list(chosen.accept),
        "store": chosen.store,
        "grace": chosen.lifetimes.refresh_grace.total_seconds(),
        "can_switch": len(chosen.accept) > 1,
    }
