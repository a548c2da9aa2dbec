"""Other middleware between ours and the view reads or replaces ``request.user``."""

from contextlib import suppress

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import include, path
from pytest_django import Settings
from rest_framework.test import APIRequestFactory

from support.client import Device, body, code
from support.live_site import LiveSite, by_cookie, by_header, in_jwt_mode, in_session_mode
from testapp import views

LOOKS = "testapp.looking_middleware.looks"
IN_PROCESS_VIEW = "testapp.looking_middleware.LooksBeforeTheView"
OTHER_SERVICE = {"Authorization": "Bearer a-secret-of-another-service"}

on_one_store = pytest.mark.parametrize("where", ["valkey"], indirect=True)


def add(settings: Settings, *middleware: str) -> None:
    """Add *middleware* after ours."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, *middleware]


def front_page(request: HttpRequest) -> HttpResponse:
    """Return a public page."""
    return HttpResponse("welcome")


@pytest.fixture
def pages(settings: Settings) -> None:
    """Add a page that does not use the user."""
    settings.ROOT_URLCONF = (path("front/", front_page), path("", include("projects.urls")))


class TestLooking:
    """Middleware that reads the user hides no error, and does not affect the endpoints."""

    @on_one_store
    @by_header
    @in_jwt_mode
    @pytest.mark.parametrize("middleware", [LOOKS, IN_PROCESS_VIEW])
    def test_an_expired_token_is_401_and_the_endpoints_do_their_work(
        self, site: LiveSite, device: Device, settings: Settings, middleware: str
    ) -> None:
        """Views report an expired bearer, which does not block refresh, login or logout."""
        add(settings, middleware)
        site.advance(minutes=10)
        stale = {"Authorization": f"Bearer {device.access}"}
        assert code(device.who()) == (401, "token_expired")
        assert code(device.call()) == (401, "token_expired")
        refreshed = device.post("/auth/refresh/", {"refresh": device.refresh_token}, headers=stale)
        assert refreshed.status_code == 200
        by_header_too = {**stale, "X-Authkit-Transport": "header"}
        assert device.post("/auth/login/", {}, headers=by_header_too).status_code == 400
        assert device.post("/auth/logout/", {}, headers=stale).status_code == 204

    @on_one_store
    @by_header
    def test_a_plain_view_says_that_a_bearer_is_stale(
        self, site: LiveSite, ada: User, settings: Settings
    ) -> None:
        """The view gets the error, although a middleware saw an anonymous user before."""
        add(settings, LOOKS)
        assert site.device().get("/plain/whoami/", headers=OTHER_SERVICE).status_code == 401
        assert site.device().get("/plain/whoami-async/", headers=OTHER_SERVICE).status_code == 401

    @on_one_store
    @by_header
    def test_the_bearer_of_another_service_opens_public_pages(
        self, site: LiveSite, settings: Settings, pages: None
    ) -> None:
        """A page that does not use the user is shown."""
        add(settings, LOOKS)
        assert site.device().get("/front/", headers=OTHER_SERVICE).status_code == 200

    @on_one_store
    @by_header
    def test_a_page_that_does_not_exist_is_404(self, site: LiveSite, settings: Settings) -> None:
        """Even if its template uses the user."""
        settings.TEMPLATES = [
            {
                **settings.TEMPLATES[0],
                "APP_DIRS": False,
                "OPTIONS": {
                    "context_processors": settings.TEMPLATES[0]["OPTIONS"]["context_processors"],
                    "loaders": [
                        ("django.template.loaders.locmem.Loader", {"404.html": "no page, {{ user }}"})
                    ],
                },
            }
        ]
        assert site.device().get("/nowhere/", headers=OTHER_SERVICE).content == b"no page, AnonymousUser"

    @on_one_store
    @by_header
    def test_a_middleware_that_demands_a_login_refuses_nobody_of_whom_we_cannot_tell(
        self, site: LiveSite, ada: User, settings: Settings, pages: None
    ) -> None:
        """Its redirect to the login page becomes the error; without a credential it stays a redirect."""
        device = site.logged_in()
        add(settings, "testapp.looking_middleware.demands_login")
        assert site.device().get("/front/").status_code == 302
        assert site.device().get("/front/", headers=OTHER_SERVICE).status_code == 401
        assert device.get("/front/").status_code == 200

    @on_one_store
    @pytest.mark.parametrize("middleware", [LOOKS, IN_PROCESS_VIEW])
    def test_a_store_that_is_down_is_503(
        self, site: LiveSite, device: Device, settings: Settings, middleware: str, pages: None
    ) -> None:
        """For endpoints, DRF's views and plain ones; a page that does not use the user is shown."""
        add(settings, middleware)
        client = Client(raise_request_exception=False)
        for name, value in device.cookies.items():
            client.cookies[name] = value
        headers = {"Authorization": f"Bearer {device.access}"} if device.access else {}
        there = settings.CACHES
        nowhere = {**there["authkit"], "LOCATION": "redis://127.0.0.1:1/0"}
        settings.CACHES = {**there, "authkit": nowhere}
        views = ("/auth/session/", "/api/whoami/", "/plain/whoami/", "/front/")
        answers = [client.get(view, secure=True, headers=headers).status_code for view in views]
        settings.CACHES = there
        assert answers == [503, 503, 503, 200 if middleware == LOOKS else 503]

    @on_one_store
    @by_cookie
    def test_one_that_reads_the_session_last_hides_no_response(
        self, site: LiveSite, device: Device, settings: Settings, pages: None
    ) -> None:
        """Outside of ours, with the store down: it reads nothing, and the response stays what it is."""
        settings.MIDDLEWARE = ["testapp.looking_middleware.shows_the_session", *settings.MIDDLEWARE]
        device.get("/plain/visits/")  # creates an anonymous session in JWT mode
        there = settings.CACHES
        settings.CACHES = {**there, "authkit": {**there["authkit"], "LOCATION": "redis://127.0.0.1:1/0"}}
        answers = [device.get(path) for path in ("/front/", "/plain/visits/", "/plain/whoami/")]
        settings.CACHES = there
        assert [answer.status_code for answer in answers] == [200, 503, 503]
        assert {answer.headers["X-Session-Keys"] for answer in answers} == {""}
        assert "visits" in device.get("/front/").headers["X-Session-Keys"]


class TestReplacing:
    """Middleware that replaces the user: for impersonation, a second factor, a tenant."""

    @on_one_store
    @by_cookie
    def test_drf_views_see_the_user_that_plain_views_see(
        self, site: LiveSite, device: Device, bob: User, settings: Settings
    ) -> None:
        """Over cookies, in both modes; an anonymous user stays anonymous."""
        add(settings, "testapp.looking_middleware.acts_as")
        for view in ("/plain/whoami/", "/api/whoami/"):
            assert body(device.get(view, headers={"X-Act-As": "bob"}))["id"] == bob.pk
        assert body(device.call())["username"] == "ada"
        assert site.device().get("/api/whoami/", headers={"X-Act-As": "bob"}).status_code == 401

    @on_one_store
    @by_cookie
    def test_an_unsafe_request_of_the_replaced_user_needs_the_csrf_token(
        self, site: LiveSite, device: Device, bob: User, settings: Settings
    ) -> None:
        """The request came with a cookie."""
        add(settings, "testapp.looking_middleware.acts_as")
        assert device.send("POST", "/api/notes/", b"{}", headers={"X-Act-As": "bob"}).status_code == 403
        proved = device.send("POST", "/api/notes/", b"{}", headers={"X-Act-As": "bob", **device.csrf()})
        assert body(proved)["owner"] == bob.pk

    @on_one_store
    @by_header
    def test_a_bearer_stays_its_users(
        self, site: LiveSite, device: Device, bob: User, settings: Settings
    ) -> None:
        """DRF views take the user of the bearer credential."""
        add(settings, "testapp.looking_middleware.acts_as")
        assert body(device.get("/api/whoami/", headers={"X-Act-As": "bob"}))["username"] == "ada"

    @on_one_store
    @by_cookie
    @in_jwt_mode
    def test_djangos_own_login_opens_no_api_through_other_middleware(
        self, site: LiveSite, ada: User, settings: Settings
    ) -> None:
        """In JWT mode it counts in plain views only, wrapped by another middleware or not."""
        add(settings, "testapp.looking_middleware.acts_as")
        client = Client()
        client.force_login(ada)
        assert client.get("/plain/whoami/", secure=True).json() == {"id": ada.pk}
        assert client.get("/api/whoami/", secure=True).status_code == 401

    @on_one_store
    @by_cookie
    @in_session_mode
    def test_a_unit_test_can_set_the_user_of_a_drf_view(self, site: LiveSite, ada: User) -> None:
        """Without middleware, with either request factory. An anonymous or inactive user is 401."""
        view = views.WhoAmI.as_view()
        for factory in (RequestFactory(), APIRequestFactory()):
            for user, status in ((ada, 200), (AnonymousUser(), 401), (User(pk=7, is_active=False), 401)):
                request = factory.get("/")
                request.user = user
                assert view(request).status_code == status


@on_one_store
def test_the_session_names_the_backend_of_whoever_is_logged_in(
    site: LiveSite, device: Device, settings: Settings
) -> None:
    """In JWT mode too: Django's ``RemoteUserMiddleware`` would log a user of another backend out."""
    add(settings, "django.contrib.auth.middleware.RemoteUserMiddleware")
    settings.ROOT_URLCONF = (
        path("backend/", backend_of),
        path("backend-async/", backend_of_async),
        path("", include("projects.urls")),
    )
    for view in ("/backend/", "/backend-async/"):
        assert device.get(view).content == b"django.contrib.auth.backends.ModelBackend"
        assert site.device().get(view).content == b"none"
    assert device.logged_in()


def backend_of(request: HttpRequest) -> HttpResponse:
    """Read it as packages do."""
    named = request.session.get(BACKEND_SESSION_KEY, "none")
    with suppress(KeyError):
        assert request.session[BACKEND_SESSION_KEY] == named
    return HttpResponse(named)


async def backend_of_async(request: HttpRequest) -> HttpResponse:
    """Read it as Django does in coroutines."""
    assert (await request.session.aget("nothing", "none")) == "none"
    return HttpResponse(await request.session.aget(BACKEND_SESSION_KEY, "none"))
