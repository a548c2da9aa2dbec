"""``django_authkit.testing``, and the fixtures of pytest, as the tests of a project use them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from django_authkit import revoke_user, sessions_of
from django_authkit.testing import AuthKitClient, AuthKitClientMixin, revoked, travel
from django_authkit.types import Transport
from support.client import PASSWORD
from support.live_site import LiveSite, by_cookie


class AuthKitAPIClient(AuthKitClientMixin, APIClient):
    """As the documentation says."""


def statuses(client: Client) -> list[int]:
    """Return the statuses of a DRF view and of an endpoint."""
    return [client.get(path).status_code for path in ("/api/whoami/", "/auth/session/")]


def plain_user(client: Client) -> Any:
    """Return the primary key of the user whom a plain view sees."""
    return client.get("/plain/whoami/").json()["id"]


@pytest.mark.parametrize("kind", [AuthKitClient, AuthKitAPIClient])
def test_force_login_logs_in_for_all_views(site: LiveSite, kind: Any) -> None:
    """In both modes and transports, with a binding to the address and the user agent."""
    site.configure(BIND={"USER_AGENT": "revoke", "ADDRESS": "revoke"})
    ada = site.add_user()
    client = kind(headers={"User-Agent": "a test"}, REMOTE_ADDR="203.0.113.4")
    client.force_login(ada, transport=site.transport)
    assert statuses(client) == [200, 200]
    assert plain_user(client) == ada.pk
    (session,) = sessions_of(ada)
    assert (session.address, session.label) == ("203.0.113.4", "a test")
    assert session.sid == client.grant.session.sid


@pytest.mark.parametrize("kind", [AuthKitClient, AuthKitAPIClient])
def test_a_client_is_created_for_a_transport(site: LiveSite, kind: Any) -> None:
    """Its logins use that transport, unless one of them names another."""
    client = kind(transport=site.transport)
    client.force_login(site.add_user())
    assert ("HTTP_AUTHORIZATION" in client.defaults) is (site.transport is Transport.HEADER)
    assert bool(client.cookies) is (site.transport is Transport.COOKIE)
    assert statuses(client) == [200, 200]
    other = kind(transport=Transport.HEADER)
    other.force_login(site.add_user("bob"), transport=Transport.COOKIE)
    assert "HTTP_AUTHORIZATION" not in other.defaults


def test_a_forced_login_can_be_refreshed(site: LiveSite) -> None:
    """It has all credentials of a real one."""
    client = AuthKitClient()
    client.force_login(site.add_user(), transport=site.transport)
    assert client.grant
    token = client.grant.refresh or client.grant.access
    body = {} if client.cookies else {"refresh": token}
    assert client.post("/auth/refresh/", body, "application/json").status_code == 200


def test_login_checks_the_password(site: LiveSite) -> None:
    """As Django's client does."""
    site.add_user()
    client = AuthKitClient()
    assert client.login(username="ada", password="wrong") is False
    assert statuses(client)[0] == 401
    assert client.login(username="ada", password=PASSWORD) is True
    assert statuses(client) == [200, 200]


def test_logout_leaves_an_anonymous_client(site: LiveSite) -> None:
    """And revokes the auth session."""
    ada = site.add_user()
    client = AuthKitClient()
    client.force_login(ada, transport=site.transport)
    client.logout()
    assert client.get("/auth/session/").json()["code"] == "not_authenticated"
    assert plain_user(client) is None
    assert not sessions_of(ada)


@by_cookie
@pytest.mark.parametrize("by", ["endpoint", "method"])
@pytest.mark.parametrize("kind", [Client, AuthKitClient])
def test_a_logout_of_cookies_leaves_an_anonymous_client(site: LiveSite, kind: type[Client], by: str) -> None:
    """With Django's client, too, whose jar keeps deleted cookies as empty ones."""
    site.add_user()
    client = kind()
    body = {"username": "ada", "password": PASSWORD}
    assert client.post("/auth/login/", body, "application/json").status_code == 200
    assert statuses(client) == [200, 200]
    if by == "method":
        client.logout()
    else:
        client.post("/auth/logout/", {}, "application/json")
    assert client.get("/auth/session/").json()["code"] == "not_authenticated"
    assert plain_user(client) is None


def test_time_passes_for_the_store_and_for_tokens(site: LiveSite) -> None:
    """A login expires within the block, and afterwards it is as before."""
    client = AuthKitClient()
    client.force_login(site.add_user(), transport=site.transport)
    with travel(days=10):
        assert client.get("/auth/session/").status_code == (401 if site.is_jwt else 200)
    with travel(days=10), travel(days=81):
        assert client.get("/auth/session/").status_code == 401
    other = AuthKitClient()
    other.force_login(site.add_user("bob"), transport=site.transport)
    assert other.get("/auth/session/").status_code == 200


def test_what_a_block_revokes_is_listed(site: LiveSite) -> None:
    """Whoever revokes it."""
    ada, clients = site.add_user(), [AuthKitClient(), AuthKitClient()]
    for client in clients:
        client.force_login(ada, transport=site.transport)
    with revoked() as sessions:
        assert clients[0].delete("/auth/sessions/").status_code == 200
    assert clients[1].grant
    assert [session.sid for session in sessions] == [clients[1].grant.session.sid]
    with revoked() as sessions:
        revoke_user(ada)
    assert len(sessions) == 1
    assert statuses(clients[0])[0] == 401


PROJECT = """
def test_both_fixtures(authkit_client, authkit_travel, django_user_model, db):
    authkit_client.force_login(django_user_model.objects.create_user("ada"))
    assert authkit_client.get("/auth/session/").status_code == 200
    authkit_travel(days=50)
    authkit_travel(days=50)
    assert authkit_client.get("/auth/session/").status_code == 401
"""
SETTINGS = """
SECRET_KEY = "a" * 64
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "rest_framework", "django_authkit"]
MIDDLEWARE = [
    "django_authkit.middleware.SessionMiddleware",
    "django_authkit.middleware.AuthenticationMiddleware",
]
SESSION_ENGINE = "django_authkit.session_engine"
ROOT_URLCONF = "urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
AUTHKIT_MODE = "jwt"
"""
URLS = """
from django.urls import include, path
urlpatterns = [path("auth/", include("django_authkit.urls"))]
"""


def run_pytest(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder, with the plugin as if it had been found by its entry point."""
    plugin = ("-p", "no:authkit", "-p", "django_authkit.pytest_plugin", "-p", "no:cacheprovider")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DJANGO_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugin, *options, "--rootdir", folder, folder],
        cwd=folder,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_fixtures_work_in_a_project(tmp_path: Path) -> None:
    """A project with pytest-django gets both without an import."""
    for name, text in (("test_it", PROJECT), ("settings", SETTINGS), ("urls", URLS)):
        (tmp_path / f"{name}.py").write_text(text)
    done = run_pytest(tmp_path, DJANGO_SETTINGS_MODULE="settings")
    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.slow
def test_the_plugin_loads_nothing_of_django(tmp_path: Path) -> None:
    """So a project without pytest-django, or without Django, notices nothing of it."""
    (tmp_path / "test_it.py").write_text(
        "import sys\n\ndef test_it():\n    assert not [each for each in sys.modules if each == 'django']\n"
    )
    done = run_pytest(tmp_path, "-p", "no:django")
    assert "1 passed" in done.stdout, done.stdout + done.stderr
