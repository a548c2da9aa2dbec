"""The view measured by default, and the logins of other packages."""

import json
from typing import Any

from django.contrib.auth import authenticate, get_user_model, login, logout
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class WhoAmI(APIView):
    """Requires a login, and does almost nothing."""

    permission_classes = (IsAuthenticated,)

    def get(self, request: Request) -> Response:
        """Return the current user."""
        return Response({"username": request.user.get_username()})


def _open(view: Any) -> Any:
    """Return *view* for clients on loopback that are not logged in."""
    view = csrf_exempt(require_POST(view))
    view.login_required = False
    return view


def _proved(request: HttpRequest) -> Any:
    body = json.loads(request.body)
    field = get_user_model().USERNAME_FIELD
    user = authenticate(request, **{field: body[field], "password": body["password"]})
    if user is None:
        raise ValueError("The scratch user's password does not count.")
    return user


def django_endpoints() -> list[URLPattern]:
    """Return the login and logout of Django's own sessions."""

    def log_in(request: HttpRequest) -> HttpResponse:
        login(request, _proved(request))
        return JsonResponse({"username": request.user.get_username()})

    def log_out(request: HttpRequest) -> HttpResponse:
        logout(request)
        return HttpResponse(status=204)

    return [path("login/", _open(log_in)), path("logout/", _open(log_out))]


def simplejwt_endpoints() -> list[URLPattern]:
    """Return those of djangorestframework-simplejwt."""
    from rest_framework_simplejwt.views import TokenBlacklistView, TokenObtainPairView, TokenRefreshView

    return [
        path("login/", TokenObtainPairView.as_view()),
        path("refresh/", TokenRefreshView.as_view()),
        path("logout/", TokenBlacklistView.as_view()),
    ]


def knox_endpoints() -> list[URLPattern]:
    """Return those of django-rest-knox."""
    from knox.models import get_token_model
    from knox.views import LogoutView

    def log_in(request: HttpRequest) -> HttpResponse:
        _, token = get_token_model().objects.create(_proved(request))
        return JsonResponse({"token": token})

    return [path("login/", _open(log_in)), path("logout/", LogoutView.as_view())]


def allauth_endpoints() -> list[URLPattern]:
    """Return what django-allauth's headless API does for apps: a session token, and none for browsers."""
    from importlib import import_module

    from allauth.headless import app_settings
    from django.conf import settings

    engine: Any = import_module(settings.SESSION_ENGINE)

    def log_in(request: HttpRequest) -> HttpResponse:
        login(request, _proved(request))
        token = app_settings.TOKEN_STRATEGY.create_session_token(request)
        request.session.save()
        request.session = engine.SessionStore()  # an app gets no cookie
        return JsonResponse({"token": token})

    def log_out(request: HttpRequest) -> HttpResponse:
        session = app_settings.TOKEN_STRATEGY.lookup_session(request.headers["X-Session-Token"])
        if session is not None:
            session.flush()
        return HttpResponse(status=204)

    return [path("login/", _open(log_in)), path("logout/", _open(log_out))]
