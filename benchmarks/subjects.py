"""One DRF request, authenticated by each of our configurations and by other packages."""

import secrets
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import jwt
from allauth.headless.contrib.rest_framework.authentication import XSessionTokenAuthentication
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import User
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.models import get_token_model
from rest_framework.authentication import SessionAuthentication, TokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.authentication import JWTAuthentication, JWTStatelessUserAuthentication
from rest_framework_simplejwt.tokens import AccessToken

from benchmarks.measuring import Act, Variant
from django_authkit import log_in
from django_authkit.authentication import AuthKitAuthentication
from django_authkit.conf import get_settings
from django_authkit.middleware import AuthenticationMiddleware as OurAuthenticationMiddleware
from django_authkit.middleware import SessionMiddleware as OurSessionMiddleware
from django_authkit.stores.redis import connect
from django_authkit.tokens.claims import AccessClaims
from django_authkit.types import Transport
from django_authkit.wiring import get_codec, get_key_ring

Request = Any
View = Callable[[Request], Any]
factory = RequestFactory()

RAW = "one raw EVALSHA of an empty script"
MIDDLEWARE = "Django's two middleware classes, nobody logged in"
DECODE = "a plain jwt.decode"
FIRST_SIGHT = "our reading of a token never seen"


def view_with(*classes: type[Any]) -> View:
    """Return a view with a minimal response and these authentication classes."""

    class Nothing(APIView):
        authentication_classes = classes
        permission_classes = ()

        def get(self, request: Any) -> Response:
            request.user  # noqa: B018 - what a permission would look at
            return Response()

    return Nothing.as_view()


BARE = Act(run=view_with(), make=lambda: factory.get("/"))
"""The same view without authentication."""


def answering(view: View) -> View:
    """Return the view, after checking that it returns 200."""

    def checked(request: Request) -> Any:
        answer = view(request)
        assert answer.status_code == 200, answer.data
        return answer

    return checked


def ada() -> User:
    """Return the user."""
    return User.objects.get(username="ada")


def with_header(view: View, value: str, name: str = "Authorization") -> Act:
    """Return an act: requests to the view with that header."""
    return Act(run=answering(view), make=lambda: factory.get("/", headers={name: value}))


def of_ours() -> Act:
    """Log in, and return an act: requests with the credential."""
    token = log_in(factory.get("/"), ada(), transport=Transport.HEADER).access
    return with_header(view_with(AuthKitAuthentication), f"Bearer {token}")


def with_cookie(sessions: type[Any], users: type[Any], view: View) -> Act:
    """Log in through these middleware classes, and return an act: requests through them with the cookie."""

    def log_in_ada(request: Request) -> HttpResponse:
        login(request, ada(), backend="django.contrib.auth.backends.ModelBackend")
        return HttpResponse()

    (cookie,) = sessions(users(log_in_ada))(factory.get("/", secure=True)).cookies.values()
    header = {"Cookie": f"{cookie.key}={cookie.value}"}
    chain = answering(sessions(users(view)))
    return Act(run=chain, make=lambda: factory.get("/", headers=header, secure=True))


def of_our_cookie() -> Act:
    """Log in with Django's ``login()`` and our middleware, and return an act: requests with the cookie."""
    return with_cookie(OurSessionMiddleware, OurAuthenticationMiddleware, view_with(AuthKitAuthentication))


def of_django(engine: str) -> Act:
    """Log in with Django's own sessions, and return an act: requests with the cookie."""
    with override_settings(SESSION_ENGINE=engine):
        return with_cookie(SessionMiddleware, AuthenticationMiddleware, view_with(SessionAuthentication))


def of_allauth() -> Act:
    """Log in, and return an act: requests with the session token of allauth's headless API."""
    engine = import_module(settings.SESSION_ENGINE)
    request: Any = factory.get("/")
    request.session = engine.SessionStore()
    login(request, ada(), backend="django.contrib.auth.backends.ModelBackend")
    request.session.save()
    return with_header(view_with(XSessionTokenAuthentication), request.session.session_key, "X-Session-Token")


def of_simplejwt(authentication: type[Any]) -> Callable[[], Act]:
    """Return the start function for simplejwt."""
    return lambda: with_header(view_with(authentication), f"Bearer {AccessToken.for_user(ada())}")


def of_knox() -> Act:
    """Log in with knox."""
    return with_header(view_with(KnoxAuthentication), f"Token {get_token_model().objects.create(ada())[1]}")


def of_drf_token() -> Act:
    """Log in with DRF's token."""
    return with_header(
        view_with(TokenAuthentication), f"Token {Token.objects.get_or_create(user=ada())[0].key}"
    )


def ours() -> list[Variant]:
    """Return our variants: each mode, store, access check and way to load users."""
    found = []
    for loading in ("eager", "lazy"):
        for store in ("database", "redis"):
            common = {"STORE": store, "USER_LOADING": loading}
            found.append(Variant(f"session, {store}, {loading}", of_ours, common, "session", above=True))
            name = f"session cookie, {store}, {loading}"
            found.append(Variant(name, of_our_cookie, common, "session", above=True))
            found += [
                Variant(
                    f"jwt, {store}, {check}, {loading}",
                    of_ours,
                    {**common, "ACCESS_CHECK": check},
                    above=True,
                )
                for check in (("store", "replica", "none") if store == "redis" else ("store", "none"))
            ]
    remembered = {"STORE": "redis", "ACCESS_CHECK": "replica", "USER_LOADING": "lazy"}
    name = "session cookie, redis, replica, lazy"
    return [*found, Variant(name, of_our_cookie, remembered, "session", above=True)]


def peers() -> list[Variant]:
    """Return the variants of other packages."""
    found = [
        Variant("simplejwt", of_simplejwt(JWTAuthentication), above=True),
        Variant("simplejwt, stateless", of_simplejwt(JWTStatelessUserAuthentication), above=True),
        Variant("knox", of_knox, above=True),
        Variant("DRF token", of_drf_token, above=True),
    ]
    for engine in ("db", "cached_db", "cache"):
        path = f"django.contrib.sessions.backends.{engine}"
        found.append(Variant(f"Django session, {engine}", lambda path=path: of_django(path), above=True))  # type: ignore[misc]
        used = {"SESSION_ENGINE": path}
        found.append(Variant(f"allauth headless, {engine}", of_allauth, settings=used, above=True))
    return found


def floors() -> list[Variant]:
    """Return lower bounds: what any implementation has to do at least."""
    on_redis = {"STORE": "redis"}
    return [
        Variant(RAW, _raw_evalsha, on_redis),
        Variant(MIDDLEWARE, _middleware, above=True),
        Variant(DECODE, _plain_decode, on_redis),
        Variant(FIRST_SIGHT, _first_sight, on_redis),
    ]


def _raw_evalsha() -> Act:
    client: Any = connect(settings.AUTHKIT.get("REDIS", {}).get("ALIAS", "authkit"))
    digest = client.script_load("return 1")
    return Act(run=lambda _: client.evalsha(digest, 1, "authkit:{AA}", 0, "A" * 16), paused=True)


def _middleware() -> Act:
    """Return requests without a credential through Django's two middleware classes."""
    return Act(run=SessionMiddleware(AuthenticationMiddleware(view_with())), make=lambda: factory.get("/"))


def _fresh_token() -> str:
    """Return a new access token like ours."""
    now = int(time.time())
    claims = AccessClaims(
        subject="1",
        sid="A" * 16,
        issued_at=now,
        expires_at=now + 300,
        auth_time=now,
        stamp="s" * 8,
        jti=secrets.token_urlsafe(16),
    )
    return get_codec().issue_access(claims)


def _plain_decode() -> Act:
    """Return the decoding of such a token by PyJWT, with issuer and audience."""
    key: Any = get_key_ring().signing.verifying
    chosen = get_settings()
    about: dict[str, Any] = {"audience": chosen.audience, "issuer": chosen.issuer, "leeway": chosen.leeway}
    return Act(run=lambda token: jwt.decode(token, key, ["HS256"], **about), make=_fresh_token)


def _first_sight() -> Act:
    return Act(run=get_codec().read_access, make=_fresh_token)
