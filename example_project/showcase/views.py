"""The page, the views that its script calls, and the mode switch."""

from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from demo.comparison import RUNNING, Files
from demo.launch import ask_for_comparison, ask_for_mode
from demo.people import PEOPLE
from django_authkit import authenticate
from django_authkit.conf import get_settings
from showcase.mirror import reflect
from site_config.content_policy import FRAMED


@ensure_csrf_cookie
@never_cache
def page(request: HttpRequest) -> HttpResponse:
    """Return the page. It is the same for everybody; its script finds out who is logged in."""
    has_sockets = isinstance(request, ASGIRequest)
    context = {"people": PEOPLE, "server": _server(), "has_sockets": has_sockets}
    return render(request, "showcase/page.html", context)


@require_GET
@never_cache
def server(_request: HttpRequest) -> HttpResponse:
    """Return the settings of the server."""
    return JsonResponse(_server())


class MirrorView(APIView):
    """An ordinary API view. Its response shows what the server saw of the request."""

    schema = None  # it belongs to the page, not to the API

    def get(self, request: Request) -> Response:
        """Return what the server saw, for a user who is logged in."""
        http: HttpRequest = request._request
        known = authenticate(http)
        assert known is not None  # IsAuthenticated makes sure of it
        return Response({**reflect(http, known), "server": _server()})


@require_POST
def switch_mode(_request: HttpRequest, mode: str) -> HttpResponse:
    """
    Ask for this server to be replaced by one in *mode*. Returns 202; the switch takes a second or two.

    Django's CSRF check keeps forms of other sites from asking.
    """
    if mode not in get_settings().accept:
        return JsonResponse({"detail": "This server does not accept that mode."}, status=404)
    if not ask_for_mode(mode):
        return JsonResponse(
            {"detail": "This server cannot be switched. Start the site with manage.py demo."}, status=409
        )
    return JsonResponse({}, status=202)


@require_http_methods(["GET", "POST"])
@never_cache
def comparison(request: HttpRequest) -> HttpResponse:
    """Return how far the comparison is. ``POST`` asks for one; it begins a moment after the 202."""
    state = Files.of_this_site().read()
    if request.method == "GET":
        return JsonResponse(state)
    if state["is"] == RUNNING:
        return JsonResponse({"detail": "A comparison is running already."}, status=409)
    if not ask_for_comparison():
        return JsonResponse(
            {"detail": "This server cannot compare. Start the site with manage.py demo."}, status=409
        )
    return JsonResponse(state, status=202)


@require_GET
@never_cache
@xframe_options_sameorigin
def comparison_report(_request: HttpRequest) -> FileResponse:
    """Return the report, which the front page shows in a frame. It brings a policy of its own."""
    try:
        file = Files.of_this_site().report.open("rb")
    except FileNotFoundError as error:
        raise Http404 from error
    return FileResponse(file, headers={"Content-Security-Policy": FRAMED}, content_type="text/html")


def _server() -> dict[str, Any]:
    chosen = get_settings()
    return {
        "mode": chosen.mode,
        "accept": list(chosen.accept),
        "store": chosen.store,
        "grace": chosen.lifetimes.refresh_grace.total_seconds(),
        "can_switch": len(chosen.accept) > 1,
    }
