"""The site's addresses, those of the packages, and views that show who a request is for."""

from typing import Any

from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path
from django.utils.timezone import get_current_timezone
from django_otp import login as otp_login
from django_otp.plugins.otp_static.models import StaticDevice
from oauth2_provider.contrib.rest_framework import OAuth2Authentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_authkit.authentication import AuthKitAuthentication
from notesapp.models import Note


def _seen(user: Any) -> dict[str, Any]:
    """Return what a view sees of its user."""
    return {
        "id": user.pk,
        "name": user.get_username(),
        "verified": user.is_verified(),
        "hijacked": user.is_hijacked,
    }


def seen(request: HttpRequest) -> JsonResponse:
    """Say who is seen."""
    return JsonResponse(_seen(request.user))


class Seen(APIView):
    """Says who is seen."""

    def get(self, request: Request) -> Response:
        """Return the same as the plain view."""
        return Response(_seen(request.user))


class SeenByOAuth(APIView):
    """Says who is seen, with two classes that read ``Authorization: Bearer``, in the documented order."""

    authentication_classes = (OAuth2Authentication, AuthKitAuthentication)

    def get(self, request: Request) -> Response:
        """Return the name alone: other packages mark the user of a plain view."""
        return Response({"name": request.user.get_username()})


def name(request: HttpRequest) -> JsonResponse:
    """Say who is seen, without the marks of other packages."""
    return JsonResponse({"name": request.user.get_username()})


def time_zone(request: HttpRequest) -> JsonResponse:
    """Say whose time it is."""
    return JsonResponse({"zone": str(get_current_timezone())})


class TimeZone(APIView):
    """Says whose time it is, to everybody."""

    permission_classes = ()

    def get(self, request: Request) -> Response:
        """Return the same as the plain view."""
        return Response({"zone": str(get_current_timezone())})


def protected(request: HttpRequest) -> HttpResponse:
    """Redirect to a login form whoever is anonymous, and refuse everybody else."""
    return HttpResponse(status=403 if request.user.is_authenticated else 302)


def page(request: HttpRequest) -> HttpResponse:
    """Show a page with a body, into which the toolbar goes."""
    request.session["color"] = "green"
    return HttpResponse(f"<html><body>{request.user}</body></html>")


def write(request: HttpRequest) -> JsonResponse:
    """Write a note."""
    return JsonResponse({"id": Note.objects.create(text="plain").pk})


class Write(APIView):
    """Writes a note."""

    def post(self, request: Request) -> Response:
        """Return its key."""
        return Response({"id": Note.objects.create(text="API").pk})


def second_factor(request: HttpRequest) -> HttpResponse:
    """Take the second factor, as a view of the project's does after it checked the code."""
    otp_login(request, StaticDevice.objects.get_or_create(user_id=request.user.pk, name="codes")[0])
    return HttpResponse()


urlpatterns = [
    path("seen/", seen),
    path("api/seen/", Seen.as_view()),
    path("api/seen-by-oauth/", SeenByOAuth.as_view()),
    path("name/", name),
    path("protected/", protected),
    path("page/", page),
    path("time-zone/", time_zone),
    path("api/time-zone/", TimeZone.as_view()),
    path("write/", write),
    path("api/write/", Write.as_view()),
    path("second-factor/", second_factor),
    path("accounts/login/", LoginView.as_view(template_name="admin/login.html")),
    path("hijack/", include("hijack.urls")),
    path("impersonate/", include("impersonate.urls")),
    path("allauth/", include("allauth.urls")),
    path("headless/", include("allauth.headless.urls")),
    path("oauth/", include("oauth2_provider.urls")),
    path("toolbar/", include("debug_toolbar.urls")),
    path("", include("projects.urls")),
]
