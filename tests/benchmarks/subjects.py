"""The variants that ``authentication_cost`` compares. Imported when Django is ready and servers are up."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import User
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.management import call_command
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.models import get_token_model
from redis import Redis
from rest_framework.authentication import SessionAuthentication, TokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.authentication import JWTAuthentication, JWTStatelessUserAuthentication
from rest_framework_simplejwt.tokens import AccessToken

from benchmarks.authentication_cost import Request, Variant
from django_authkit import log_in
from django_authkit.authentication import AuthKitAuthentication
from django_authkit.types import Transport

Make = Callable[[], Request]
factory = RequestFactory()


def empty_the_stores() -> None:
    """Begin with fresh tables, an empty Valkey and one user."""
    call_command("migrate", verbosity=0)
    Redis.from_url(settings.CACHES["authkit"]["LOCATION"]).flushall()
    User.objects.all().delete()
    User.objects.create_user("ada")


def view_with(*classes: type[Any]) -> Callable[[Request], Any]:
    """Return a view that answers nothing much, behind these authentication classes."""

    class Nothing(APIView):
        authentication_classes = classes
        permission_classes = ()

        def get(self, request: Any) -> Response:
            request.user  # noqa: B018 - what a permission would look at
            return Response()

    return Nothing.as_view()


bare_view = view_with()


def bare_request() -> Request:
    """Return a request with nothing in it."""
    return factory.get("/")


def ada() -> User:
    """Return the user."""
    return User.objects.get(username="ada")


def bearer(token: str, scheme: str = "Bearer") -> Make:
    """Return what makes requests with that header."""
    return lambda: factory.get("/", headers={"Authorization": f"{scheme} {token}"})


def of_ours() -> Make:
    """Log in, and return what makes requests with the credential."""
    return bearer(log_in(factory.get("/"), ada(), transport=Transport.HEADER).access)


def through_django_sessions(engine: str) -> tuple[Callable[[], Make], Callable[[Request], Any]]:
    """Return how to log in with Django's own sessions, and the view with their middleware around it."""
    inner = view_with(SessionAuthentication)

    def no_answer(request: Request) -> HttpResponse:
        return HttpResponse()

    def prepare() -> Make:
        with override_settings(SESSION_ENGINE=engine):
            middleware = SessionMiddleware(no_answer)
        request: Any = factory.get("/")
        middleware.process_request(request)
        login(request, ada(), backend="django.contrib.auth.backends.ModelBackend")
        request.session.save()
        key = request.session.session_key

        def make() -> Request:
            made = factory.get("/")
            made.COOKIES[settings.SESSION_COOKIE_NAME] = key
            return made

        return make

    return prepare, _chained(engine, no_answer, inner)


def _chained(engine: str, no_answer: Any, inner: Any) -> Callable[[Request], Any]:
    """Return the view behind Django's middleware, made once as Django does."""
    with override_settings(SESSION_ENGINE=engine):
        session = SessionMiddleware(no_answer)
    user = AuthenticationMiddleware(no_answer)

    def run(request: Request) -> Any:
        session.process_request(request)
        user.process_request(request)
        return inner(request)

    return run


def subjects() -> list[Variant]:
    """Return all variants."""
    return [*ours(), *peers()]


def ours() -> list[Variant]:
    """Return every mode, store, check and loading of ours that there is."""
    view = view_with(AuthKitAuthentication)
    found = []
    for loading in ("eager", "lazy"):
        for store in ("database", "redis"):
            common = {"STORE": store, "USER_LOADING": loading}
            found.append(Variant(f"session, {store}, {loading}", of_ours, view, "session", common))
            checks = ("store", "replica", "none") if store == "redis" else ("store", "none")
            found += [
                Variant(
                    f"jwt, {store}, {check}, {loading}",
                    of_ours,
                    view,
                    "jwt",
                    {**common, "ACCESS_CHECK": check},
                )
                for check in checks
            ]
    return found


def peers() -> list[Variant]:
    """Return what people use today."""

    def simplejwt() -> Make:
        return bearer(str(AccessToken.for_user(ada())))

    def knox() -> Make:
        return bearer(get_token_model().objects.create(ada())[1], "Token")

    def token() -> Make:
        return bearer(Token.objects.get_or_create(user=ada())[0].key, "Token")

    found = [
        Variant("simplejwt", simplejwt, view_with(JWTAuthentication)),
        Variant("simplejwt, stateless", simplejwt, view_with(JWTStatelessUserAuthentication)),
        Variant("knox", knox, view_with(KnoxAuthentication)),
        Variant("DRF token", token, view_with(TokenAuthentication)),
    ]
    for engine in ("db", "cached_db", "cache"):
        prepare, view = through_django_sessions(f"django.contrib.sessions.backends.{engine}")
        found.append(Variant(f"Django session, {engine}", prepare, view))
    return found
