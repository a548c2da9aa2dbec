"""A site that migrates to django-authkit, and the packages that logged its users in before."""

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.test import Client

from django_authkit.types import Transport
from support.client import PASSWORD, Device
from support.live_site import LiveSite

ENGINES = ("db", "cached_db", "cache", "file", "signed_cookies")


class Changeover:
    """
    The site, before and after the migration.

    Attributes:
        live: The site as it is configured.
    """

    def __init__(self, live: LiveSite) -> None:
        self.live = live

    def before(self, engine: str = "db") -> None:
        """Use the old configuration: Django's own middleware and sessions."""
        settings = self.live.settings
        settings.MIDDLEWARE = settings.OLD_MIDDLEWARE
        settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
        settings.SESSION_COOKIE_NAME = "sessionid"

    def after(self, *adopt: Any, cookie_name: str = "__Host-sessionid", **authkit: Any) -> None:
        """Use the new configuration: our middleware and engine, and *adopt*."""
        settings = self.live.settings
        settings.MIDDLEWARE = settings.MIDDLEWARE_AFTER
        settings.SESSION_ENGINE = "django_authkit.session_engine"
        settings.SESSION_COOKIE_NAME = cookie_name
        self.live.configure(ADOPT=list(adopt), **authkit)


class Package:
    """
    A package that logs users in, and what its clients do.

    Attributes:
        entry: Its entry in ``ADOPT``.
        engine: The session engine of the site that uses it.
    """

    entry: Any = ""
    engine = "db"

    def log_in(self, site: Changeover, username: str = "ada") -> str:
        """Log in at the old site as its clients do; return the credential."""
        raise NotImplementedError

    def log_out(self, app: Device, credential: str) -> HttpResponse:
        """Log out at the new site with the credential alone."""
        raise NotImplementedError

    def present(self, site: Changeover, credential: str) -> tuple[HttpResponse, Device]:
        """Present the credential to the new site; return the response and a client that kept it."""
        raise NotImplementedError

    def is_alive(self, site: Changeover, credential: str) -> bool:
        """Tell whether the package itself would still accept it."""
        raise NotImplementedError


class Browser(Package):
    """Django's sessions, in a browser."""

    def __init__(self, engine: str, *, renamed: bool = True) -> None:
        self.engine, self._renamed = engine, renamed
        self.entry = {
            "adapter": "django_sessions",
            "engine": f"django.contrib.sessions.backends.{engine}",
        }

    def log_in(self, site: Changeover, username: str = "ada") -> str:
        """Log in with Django's own view code."""
        browser = Device(site.live.mode, Transport.COOKIE)
        client = Client()
        answer = client.post("/plain/login/", {"username": username, "password": PASSWORD}, secure=True)
        assert answer.status_code == 204, answer.content
        browser.cookies["sessionid"] = client.cookies["sessionid"].value
        return browser.cookies["sessionid"]

    def present(self, site: Changeover, credential: str) -> tuple[HttpResponse, Device]:
        """Request a page that says who the user is."""
        browser = Device(site.live.mode, Transport.COOKIE)
        browser.cookies["sessionid"] = credential
        answer = browser.get("/plain/whoami/")
        if answer.status_code == 200 and json.loads(answer.content)["id"] is None:
            answer.status_code = 401  # so that all packages can be called alike
        return answer, browser

    def is_alive(self, site: Changeover, credential: str) -> bool:
        """Request the page from the old site."""
        adopt, name = site.live.settings.AUTHKIT.get("ADOPT"), site.live.settings.SESSION_COOKIE_NAME
        site.before(self.engine)
        client = Client()
        client.cookies["sessionid"] = credential
        known = client.get("/plain/whoami/", secure=True).json()["id"] is not None
        site.after(*adopt, cookie_name=name)
        return known


class AllauthApp(Browser):
    """allauth's headless app client."""

    def __init__(self) -> None:
        super().__init__("db")
        self.entry = "allauth"

    def log_in(self, site: Changeover, username: str = "ada") -> str:
        """Log in at its API."""
        answer = Client().post(
            "/_allauth/app/v1/auth/login",
            json.dumps({"username": username, "password": PASSWORD}),
            content_type="application/json",
            secure=True,
        )
        assert answer.status_code == 200, answer.content
        return str(answer.json()["meta"]["session_token"])

    def present(self, site: Changeover, credential: str) -> tuple[HttpResponse, Device]:
        """Call ``adopt/``."""
        return _adopt(site, {"X-Session-Token": credential})

    def log_out(self, app: Device, credential: str) -> HttpResponse:
        """Call ``logout/`` with it."""
        return app.post("/auth/logout/", headers={"X-Session-Token": credential})


class HeaderTokens(Package):
    """Tokens in the ``Authorization`` header."""

    scheme = "Token"
    view = ""

    def present(self, site: Changeover, credential: str) -> tuple[HttpResponse, Device]:
        """Call ``adopt/``."""
        return _adopt(site, {"Authorization": f"{self.scheme} {credential}"})

    def log_out(self, app: Device, credential: str) -> HttpResponse:
        """Call ``logout/`` with it."""
        return app.post("/auth/logout/", headers={"Authorization": f"{self.scheme} {credential}"})

    def is_alive(self, site: Changeover, credential: str) -> bool:
        """Call a view of the package's own."""
        answer = Client().get(self.view, headers={"Authorization": f"{self.scheme} {credential}"})
        return answer.status_code == 200


class Knox(HeaderTokens):
    """django-rest-knox."""

    entry = "knox"
    view = "/old/knox/"

    def log_in(self, site: Changeover, username: str = "ada") -> str:
        """Log in by basic authentication, as its manual says."""
        basic = b64encode(f"{username}:{PASSWORD}".encode()).decode()
        answer = Client().post("/old/knox/login/", headers={"Authorization": f"Basic {basic}"})
        assert answer.status_code == 200, answer.content
        return str(answer.json()["token"])


class DRF(HeaderTokens):
    """rest_framework.authtoken."""

    entry = "drf_tokens"
    view = "/old/drf/"

    def log_in(self, site: Changeover, username: str = "ada") -> str:
        """Obtain the token."""
        answer = Client().post("/old/drf/login/", {"username": username, "password": PASSWORD})
        assert answer.status_code == 200, answer.content
        return str(answer.json()["token"])


class SimpleJWT(Package):
    """simplejwt's refresh tokens."""

    entry = "simplejwt"

    def log_in(self, site: Changeover, username: str = "ada") -> str:
        """Obtain a pair of tokens, and keep the refresh token."""
        return self.pair(username)["refresh"]

    def pair(self, username: str = "ada") -> dict[str, str]:
        """Obtain a pair of tokens."""
        answer = Client().post("/old/token/", {"username": username, "password": PASSWORD})
        assert answer.status_code == 200, answer.content
        tokens: dict[str, str] = answer.json()
        return tokens

    def present(self, site: Changeover, credential: str) -> tuple[HttpResponse, Device]:
        """Call ``refresh/``, which is all that its clients can do."""
        app = Device(site.live.mode, Transport.HEADER)
        app.refresh_token = credential
        return app.refresh(), app

    def log_out(self, app: Device, credential: str) -> HttpResponse:
        """Call ``logout/`` with it."""
        return app.post("/auth/logout/", {"refresh": credential})

    def is_alive(self, site: Changeover, credential: str) -> bool:
        """Call the package's own refresh view."""
        return Client().post("/old/token/refresh/", {"refresh": credential}).status_code == 200


class SimpleJWTCookies(SimpleJWT):
    """simplejwt's pair in cookies that views of the project's own set."""

    entry = "simplejwt_cookie"

    def present(self, site: Changeover, credential: str) -> tuple[HttpResponse, Device]:
        """Request a page that says who the user is, with a pair of tokens in the cookies."""
        browser = Device(site.live.mode, Transport.COOKIE)
        browser.cookies.update(refresh_token=credential, access_token="an.access.token")
        answer = browser.get("/plain/whoami/")
        if answer.status_code == 200 and json.loads(answer.content)["id"] is None:
            answer.status_code = 401
        return answer, browser


class SimpleJWTAccess(HeaderTokens):
    """simplejwt's access tokens."""

    entry = "simplejwt_access"
    scheme = "Bearer"
    view = "/old/jwt/"

    def log_in(self, site: Changeover, username: str = "ada") -> str:
        """Obtain a pair of tokens, and keep the access token."""
        return SimpleJWT().pair(username)["access"]


def _adopt(site: Changeover, headers: Mapping[str, str]) -> tuple[HttpResponse, Device]:
    app = Device(site.live.mode, Transport.HEADER)
    answer = app.post("/auth/adopt/", headers=headers)
    if answer.status_code == 200:
        tokens = json.loads(answer.content)
        app.access, app.refresh_token = tokens["access"], tokens.get("refresh", "")
    return answer, app


PACKAGES: dict[str, Package] = {
    **{engine: Browser(engine) for engine in ENGINES},
    "allauth": AllauthApp(),
    "knox": Knox(),
    "drf": DRF(),
    "simplejwt": SimpleJWT(),
    "simplejwt-access": SimpleJWTAccess(),
    "simplejwt-cookies": SimpleJWTCookies(),
}
