"""The view of the guide that logs in apps and browsers."""

import json
from typing import Any

from django.contrib.auth.models import User
from django.middleware.csrf import get_token
from django.test import RequestFactory
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_authkit import enforce_csrf, log_in, sessions_of
from django_authkit.api.exception_handler import exception_handler
from django_authkit.types import Transport
from support.live_site import LiveSite


class PasskeyLogIn(APIView):
    """As in docs/how-to/your-own-login.md."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get_exception_handler(self) -> Any:
        """Return ours."""
        return exception_handler

    def post(self, request: Request) -> Response:
        """Log in; by cookies only after the CSRF check."""
        by_header = request.headers.get("X-Authkit-Transport") == "header"
        if not by_header:
            enforce_csrf(request)
        data: Any = request.data
        user = User.objects.get(username=data["passkey"])
        transport = Transport.HEADER if by_header else Transport.COOKIE
        grant = log_in(request, user, transport=transport, amr=["hwk", "user"])
        response = Response(grant.credentials())
        grant.attach(response)
        return response


def asked(headers: dict[str, str] | None = None, *, token: bool = False) -> Any:
    """Return the response to a login with these headers."""
    factory = RequestFactory(enforce_csrf_checks=True)
    request: Any = factory.post(
        "/", {"passkey": "ada"}, content_type="application/json", headers=headers, secure=True
    )
    if token:
        text = get_token(request)
        request.COOKIES["csrftoken"] = request.META["CSRF_COOKIE"]
        request.META.update(HTTP_X_CSRFTOKEN=text, HTTP_REFERER="https://testserver/")
    return PasskeyLogIn.as_view()(request).render()


def test_an_app_needs_no_csrf_token(site: LiveSite, ada: User) -> None:
    """It asks for header transport, and gets its credential in the body and no cookie."""
    answer = asked({"X-Authkit-Transport": "header"})
    assert answer.status_code == 200, answer.content
    assert json.loads(answer.content)["access"]
    assert not answer.cookies
    assert len(sessions_of(ada)) == 1


def test_a_browser_needs_the_csrf_token(site: LiveSite, ada: User) -> None:
    """Without it the login is refused with our error; with it, no credential is in the body."""
    answer = asked()
    assert (answer.status_code, json.loads(answer.content)["code"]) == (403, "csrf_failed")
    assert sessions_of(ada) == ()
    answer = asked(token=True)
    assert answer.status_code == 200, answer.content
    assert "access" not in json.loads(answer.content)
    assert len(sessions_of(ada)) == 1
