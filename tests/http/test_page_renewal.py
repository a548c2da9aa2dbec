"""Pages in JWT mode: a browser that opens one after its access cookie expired stays logged in."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import connections
from django.test import AsyncClient

from django_authkit import revoke_user, sessions_of
from django_authkit.signals import refresh_repeated, refresh_reused, session_refreshed
from support.access_policies import Policy
from support.client import ACCESS_COOKIE, SESSION_COOKIE, Device, body, code, credential_cookies, is_cleared
from support.live_site import LiveSite, by_cookie, in_jwt_mode
from support.pages import LINKED, OLD_BROWSER, PAGE, TAB, TOKENS, opened, user_of
from support.parallel import parallel_threads
from support.signals import heard
from testapp.django_views import midway

pytestmark = [in_jwt_mode, by_cookie]

API = "/api/whoami/"


@pytest.fixture
def stale(site: LiveSite, device: Device) -> Device:
    """Return ada's browser, whose access cookie has expired."""
    site.advance(minutes=6)
    return device


@pytest.mark.parametrize("headers", [TAB, OLD_BROWSER], ids=["tab", "old"])
def test_a_page_renews_the_login(site: LiveSite, ada: User, stale: Device, headers: dict[str, str]) -> None:
    """The user is shown, and the same response sets the new cookies, which work and are not cached."""
    before, (session,) = stale.copy(), sessions_of(ada)
    with heard(session_refreshed) as refreshed:
        answer = stale.send("GET", PAGE, headers=headers)
    assert user_of(answer) == ada.pk
    assert credential_cookies(answer) == TOKENS
    assert answer.headers["Cache-Control"] == "no-store"
    assert {"Cookie", "Authorization"} <= set(answer.headers["Vary"].split(", "))
    assert len(refreshed) == 1
    assert stale.credential != before.credential
    assert stale.django_session != before.django_session
    assert stale.logged_in()
    assert [each.sid for each in sessions_of(ada)] == [session.sid]
    assert credential_cookies(opened(stale)) == set()  # it is fresh now
    assert stale.refresh().status_code == 200


def test_a_link_of_another_site_renews_nothing(site: LiveSite, ada: User, stale: Device) -> None:
    """
    The page is shown to the user, and the next one renews the login.

    The other site could stop the navigation before the response arrives: the old token would look stolen.
    """
    with heard(session_refreshed) as refreshed:
        for _ in range(3):
            answer = stale.send("GET", PAGE, headers=LINKED)
            assert user_of(answer) == ada.pk
            assert credential_cookies(answer) == set()
            site.advance(seconds=20)
    assert not refreshed
    assert credential_cookies(opened(stale)) == TOKENS
    assert stale.logged_in()


def test_days_of_pages_need_no_second_login(site: LiveSite, ada: User, device: Device) -> None:
    """Each page after each pause is shown, until the auth session expires; otherwise it is anonymous."""
    for _ in range(13):
        site.advance(hours=7)
        assert user_of(opened(device)) == ada.pk
        assert user_of(opened(device)) == ada.pk
    site.advance(days=15)
    answer = opened(device)
    assert user_of(answer) is None
    assert all(is_cleared(answer.cookies[name]) for name in TOKENS)
    assert credential_cookies(opened(device)) == set()


def test_the_admin_and_the_browsable_api(site: LiveSite, device: Device) -> None:
    """Both see the user, as does a view behind a middleware that requires a login."""
    User.objects.filter(username="ada").update(is_staff=True)
    site.settings.MIDDLEWARE = [
        *site.settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    for path in ("/admin/", API, "/plain/whoami-async/"):
        site.advance(minutes=6)
        answer = opened(device, path, Accept="text/html")
        assert answer.status_code == 200, path
        assert credential_cookies(answer) == TOKENS


def test_the_access_cookie_may_be_gone(site: LiveSite, ada: User, device: Device) -> None:
    """A browser whose access cookie is missing or invalid is renewed, too."""
    for value in (None, "a.b.c"):
        site.advance(seconds=20)
        device.cookies.pop(ACCESS_COOKIE)
        if value:
            device.cookies[ACCESS_COOKIE] = value
        assert user_of(opened(device)) == ada.pk
    assert device.logged_in()


@pytest.mark.parametrize("access_check", ["store", "replica", "none"])
@pytest.mark.parametrize("user_loading", ["eager", "lazy"])
def test_whatever_the_policy(site: LiveSite, ada: User, access_check: str, user_loading: str) -> None:
    """Under each ``ACCESS_CHECK``, with an eager and a lazy user; a revoked one is not renewed."""
    if access_check == "replica" and not site.on_redis:
        pytest.skip("a replica needs Redis")
    policy = Policy(site.store, site.mode, access_check, user_loading)
    policy.set_up(site)
    device = site.logged_in()
    site.advance(minutes=6)
    assert user_of(opened(device)) == ada.pk
    site.advance(minutes=6)
    revoke_user(ada)
    assert user_of(opened(device)) is None
    site.configure(ACCESS_CHECK="store")  # ends the thread


@pytest.mark.parametrize("path", [PAGE, "/plain/whoami-async/", API])
def test_under_asgi(site: LiveSite, ada: User, stale: Device, path: str) -> None:
    """Async and sync views work the same."""

    @async_to_sync
    async def get() -> Any:
        client = AsyncClient()
        for name, value in stale.cookies.items():
            client.cookies[name] = value
        return await client.get(path, secure=True, headers=TAB)

    answer = get()
    assert user_of(answer) == ada.pk
    assert credential_cookies(answer) == TOKENS


def test_five_tabs_are_one_rotation(site: LiveSite, ada: User, stale: Device) -> None:
    """Opened at once, all show the user and get the same refresh token."""
    site.configure(LIFETIMES={"REFRESH_GRACE": timedelta(seconds=60)})  # slow on a busy machine
    tabs = [stale.copy() for _ in range(5)]
    with (
        heard(session_refreshed) as refreshed,
        heard(refresh_repeated) as repeated,
        heard(refresh_reused) as reused,
        parallel_threads(5) as threads,
    ):
        answers = threads.at_once([lambda tab=tab: opened(tab) for tab in tabs])  # type: ignore[misc]
    assert [user_of(answer) for answer in answers] == [ada.pk] * 5
    assert (len(refreshed), len(repeated), len(reused)) == (1, 4, 0)
    assert len({tab.secret for tab in tabs}) == 1
    assert tabs[0].django_session != stale.django_session
    assert all(tab.logged_in() for tab in tabs)
    (session,) = sessions_of(ada)
    assert session.generation == 2


@contextmanager
def midway_through(act: Any) -> Iterator[None]:
    """Call *act* once, while ``/django/cart/`` is running."""

    def once(**_: Any) -> None:
        midway.disconnect(once)
        act()

    midway.connect(once)
    yield


class TestSlowPages:
    """Events between the request and the response of a slow page."""

    def test_another_tab_is_renewed(self, site: LiveSite, ada: User, stale: Device) -> None:
        """Nothing is lost if another tab is renewed while this one takes longer than the grace."""
        slow, quick = stale.copy(), stale.copy()

        def act() -> None:
            assert user_of(opened(quick)) == ada.pk
            site.advance(seconds=60)

        with midway_through(act):
            answer = opened(slow, "/django/cart/")
        assert user_of(answer) == ada.pk
        assert credential_cookies(answer) == set()  # they would replace newer ones
        site.advance(minutes=6)
        assert user_of(opened(quick)) == ada.pk

    def test_it_rotates_when_it_responds(self, site: LiveSite, ada: User, stale: Device) -> None:
        """A user who aborts the request and repeats it after the grace is not treated as a thief."""
        again = stale.copy()
        with midway_through(lambda: site.advance(seconds=60)):
            assert user_of(opened(stale, "/django/cart/")) == ada.pk
        assert user_of(opened(again)) == ada.pk
        assert again.secret == stale.secret

    def test_a_logout_meanwhile_stays_one(self, site: LiveSite, ada: User, stale: Device) -> None:
        """No response restores the cookies."""
        with midway_through(lambda: revoke_user(ada)):
            answer = opened(stale, "/django/cart/")
        assert credential_cookies(answer) == set()

    def test_a_failing_view_rotates_nothing(self, site: LiveSite, ada: User, stale: Device) -> None:
        """The browser keeps its cookies after a server error, and the next page renews them."""
        before = dict(stale.cookies)

        def fail() -> None:
            raise RuntimeError

        with midway_through(fail), pytest.raises(RuntimeError):
            opened(stale, "/django/cart/")
        assert stale.cookies == before
        site.advance(minutes=6)
        assert user_of(opened(stale)) == ada.pk


@contextmanager
def atomic_requests(alias: str) -> Iterator[None]:
    """Run each view in a transaction."""
    options = connections[alias].settings_dict
    options["ATOMIC_REQUESTS"] = True
    try:
        yield
    finally:
        options["ATOMIC_REQUESTS"] = False


def test_within_an_atomic_request(site: LiveSite, ada: User, stale: Device) -> None:
    """Neither the rotation nor the revocation after reuse is rolled back with the view."""
    thief = stale.copy()
    with atomic_requests(site.alias):
        assert opened(stale, API).status_code == 200
        site.advance(minutes=6)
        assert opened(thief, API).status_code == 401
    assert sessions_of(ada) == ()


def test_it_can_be_turned_off(site: LiveSite, stale: Device) -> None:
    """With ``PAGE_RENEWAL`` off only ``refresh/`` exchanges the refresh cookie."""
    site.configure(PAGE_RENEWAL=False)
    answer = opened(stale)
    assert user_of(answer) is None
    assert credential_cookies(answer) == set()
    assert code(opened(stale, API)) == (401, "token_expired")
    assert stale.refresh().status_code == 200


def test_a_view_may_log_out(site: LiveSite, ada: User, stale: Device) -> None:
    """A logout during the page takes effect: the cookies are cleared and not renewed."""
    answer = opened(stale, "/django/leave/")
    assert all(is_cleared(answer.cookies[name]) for name in TOKENS)
    assert sessions_of(ada) == ()


def test_a_view_may_log_in_another_user(site: LiveSite, ada: User, bob: User, stale: Device) -> None:
    """A login during the page takes effect: the old auth session is revoked and not renewed."""
    answer = opened(stale, "/django/switch/bob/")
    assert body(answer)["id"] == bob.pk
    assert sessions_of(ada) == ()
    assert not any(answer.cookies[n].value for n in TOKENS & credential_cookies(answer))


class TestSwitch:
    """While both modes are accepted."""

    def test_a_page_gets_the_form_that_is_issued(self, site: LiveSite, ada: User, stale: Device) -> None:
        """After a switch to session keys, the refresh cookie is exchanged for one."""
        site.settings.AUTHKIT_MODE = "session"
        site.configure(ACCEPT=["session", "jwt"])
        answer = opened(stale)
        assert user_of(answer) == ada.pk
        assert SESSION_COOKIE in answer.cookies
        del stale.cookies[ACCESS_COOKIE]
        assert user_of(opened(stale)) == ada.pk
        assert len(sessions_of(ada)) == 1

    def test_a_session_key_comes_first(self, site: LiveSite, ada: User, bob: User, stale: Device) -> None:
        """While a session key authenticates the browser, old tokens are not renewed."""
        site.settings.AUTHKIT_MODE = "session"
        site.configure(ACCEPT=["session", "jwt"])
        stale.cookies[SESSION_COOKIE] = site.logged_in("bob").cookies[SESSION_COOKIE]
        answer = opened(stale)
        assert user_of(answer) == bob.pk
        assert not TOKENS & credential_cookies(answer)
