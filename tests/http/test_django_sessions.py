"""Django's own sessions, logins and logouts, on top of auth sessions."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse
from django.test import Client

from django_authkit import sessions_of
from django_authkit.types import Mode, Transport
from support.client import (
    CREDENTIAL_COOKIES,
    PASSWORD,
    SESSION_COOKIE,
    Device,
    body,
    code,
    credential_cookies,
    is_cleared,
)
from support.live_site import LiveSite, by_cookie, by_header, in_jwt_mode, in_session_mode
from testapp.django_views import midway


def django_log_in(site: LiveSite, username: str = "ada") -> Device:
    """Return a browser that has logged in by a plain view with Django's ``login``."""
    browser = site.device(Transport.COOKIE)
    browser.who()
    assert browser.submit("/plain/login/", username=username, password=PASSWORD).status_code == 204
    return browser


@contextmanager
def once(signal: Signal, act: Any) -> Iterator[None]:
    """Call *act* the first time that *signal* is sent."""

    def receive(**kwargs: Any) -> None:
        signal.disconnect(receive)
        act()

    signal.connect(receive)
    yield
    signal.disconnect(receive)


@by_cookie
def test_djangos_log_in_is_an_auth_session(site: LiveSite, ada: User) -> None:
    """``login()`` in a plain view starts an auth session with its device, which plain views accept."""
    browser = django_log_in(site)
    (session,) = sessions_of(ada)
    assert session.mode is Mode.SESSION
    assert session.address == browser.address
    for path in ("/plain/whoami/", "/plain/whoami-async/"):
        assert body(browser.get(path))["id"] == ada.pk
    assert body(browser.get("/plain/whoami/"))["id"] == ada.pk
    if not site.is_jwt:
        assert site.sid(browser) == session.sid
        assert browser.logged_in()


@by_cookie
@in_jwt_mode
def test_djangos_log_in_opens_no_api_in_jwt_mode(site: LiveSite, ada: User) -> None:
    """If session keys are not accepted, Django's login counts in plain views only."""
    browser = django_log_in(site)
    assert code(browser.who()) == (401, "not_authenticated")
    assert browser.call().status_code == 401


@by_cookie
def test_djangos_logout_revokes_the_auth_session(site: LiveSite, ada: User) -> None:
    """``logout()`` revokes it, and the browser deletes the cookie."""
    browser = django_log_in(site)
    thief = browser.copy()
    answer = browser.submit("/plain/logout/")
    assert answer.status_code == 204
    assert is_cleared(answer.cookies[SESSION_COOKIE])
    assert sessions_of(ada) == ()
    assert body(thief.get("/plain/whoami/"))["id"] is None


def test_djangos_logout_revokes_logins_of_the_endpoint(site: LiveSite, ada: User, device: Device) -> None:
    """``logout()`` in a plain view revokes an auth session of either mode and transport."""
    thief = device.copy()
    assert device.post("/django/leave/").status_code == 200
    assert sessions_of(ada) == ()
    assert not thief.logged_in()
    assert not set(CREDENTIAL_COOKIES) & set(device.cookies)


@by_cookie
def test_log_in_makes_a_new_key(site: LiveSite, ada: User) -> None:
    """A key that was planted before the login opens nothing after it; its data is kept."""
    browser = site.device()
    browser.who()
    browser.post("/django/cart/", "apple")
    planted = browser.copy()
    assert SESSION_COOKIE in planted.cookies
    assert browser.submit("/plain/login/", username="ada", password=PASSWORD).status_code == 204
    assert browser.cookies[SESSION_COOKIE] != planted.cookies[SESSION_COOKIE]
    assert body(planted.get("/django/cart/")) == {"cart": [], "id": None}
    assert body(browser.get("/django/cart/")) == {"cart": ["apple"], "id": ada.pk}


@by_cookie
@in_session_mode
def test_our_log_in_makes_a_new_key_too(site: LiveSite, ada: User) -> None:
    """The same holds for the login endpoint."""
    browser = site.device()
    browser.post("/django/cart/", "apple")
    planted = browser.copy()
    browser.log_in()
    assert browser.cookies[SESSION_COOKIE] != planted.cookies[SESSION_COOKIE]
    assert body(planted.get("/django/cart/")) == {"cart": [], "id": None}
    assert body(browser.get("/django/cart/")) == {"cart": ["apple"], "id": ada.pk}


@by_cookie
@in_session_mode
def test_data_of_one_user_is_not_another_ones(site: LiveSite, ada: User, bob: User) -> None:
    """After another user logs in on the same browser, by either way, the first one's data is gone."""
    ways: list[Callable[[Device], HttpResponse]] = [
        lambda browser: browser.log_in("bob"),
        lambda browser: browser.submit("/plain/login/", username="bob", password=PASSWORD),
    ]
    for log_in in ways:
        browser = site.logged_in("ada")
        browser.post("/django/cart/", "apple")
        assert log_in(browser).status_code in {200, 204}
        assert body(browser.get("/django/cart/")) == {"cart": [], "id": bob.pk}
        assert sessions_of(ada) == ()


@by_cookie
@in_session_mode
@pytest.mark.parametrize("view", ["switch", "switch-async"])
def test_log_in_of_the_same_user_re_keys(site: LiveSite, ada: User, view: str) -> None:
    """``login()`` for the user who is logged in keeps the auth session and its data, with a new key."""
    browser = site.logged_in()
    browser.post("/django/cart/", "apple")
    old, sid = browser.copy(), site.sid(browser)
    assert browser.post(f"/django/{view}/ada/").status_code == 200
    assert browser.cookies[SESSION_COOKIE] != old.cookies[SESSION_COOKIE]
    assert site.sids(ada) == [sid]
    assert site.sid(browser) == sid
    assert body(browser.get("/django/cart/"))["cart"] == ["apple"]
    assert code(old.call()) == (401, "session_ended")


@by_cookie
@pytest.mark.parametrize("view", ["switch", "switch-async"])
def test_log_in_of_another_user_revokes(site: LiveSite, ada: User, bob: User, view: str) -> None:
    """``login()`` for another user revokes the existing auth session."""
    browser = site.logged_in("ada")
    thief = browser.copy()
    assert browser.post(f"/django/{view}/bob/").status_code == 200
    assert len(sessions_of(bob)) == 1
    assert sessions_of(ada) == ()
    assert not thief.logged_in()
    assert body(browser.get("/plain/whoami/"))["id"] == bob.pk


@by_cookie
def test_responses_that_change_the_cookie_are_not_cached(site: LiveSite, ada: User) -> None:
    """A response that sets or clears the session cookie is ``no-store`` and varies, whatever the view."""
    browser = site.device()
    for path in ("/django/cart/", "/django/switch/ada/", "/django/leave/"):
        answer = browser.post(path, "apple")
        assert credential_cookies(answer), path
        assert answer.headers["Cache-Control"] == "no-store", path
        assert {"Cookie", "Authorization"} <= set(answer.headers["Vary"].split(", ")), path


@by_cookie
def test_what_a_view_says_of_caches_stays_if_it_is_enough(site: LiveSite) -> None:
    """The ``Cache-Control`` of a ``never_cache`` view is kept where a session cookie is set or cleared."""
    site.add_user("chief", is_staff=True, is_superuser=True)
    browser = site.device()
    browser.get("/admin/login/")
    for path, form in (("login", {"username": "chief", "password": PASSWORD}), ("logout", {})):
        answer = browser.submit(f"/admin/{path}/", **form)
        assert credential_cookies(answer), path
        assert {"max-age=0", "no-store", "private"} <= set(answer.headers["Cache-Control"].split(", ")), path


@by_cookie
def test_log_in_and_out_in_one_request(site: LiveSite, ada: User) -> None:
    """An auth session that began during a request is revoked by ``logout()`` in it."""
    browser = site.device()
    assert body(browser.post("/django/there-and-back/ada/"))["id"] is None
    assert sessions_of(ada) == ()
    assert body(browser.get("/plain/whoami/"))["id"] is None


@by_cookie
@in_session_mode
@pytest.mark.parametrize("view", ["cycle", "cycle-async"])
def test_cycle_key_re_keys(site: LiveSite, ada: User, view: str) -> None:
    """``cycle_key()`` is a new key with the same data, for users and for anonymous sessions."""
    for browser in (site.logged_in(), site.device()):
        browser.post("/django/cart/", "apple")
        before, old = site.sids(ada), browser.copy()
        browser.post(f"/django/{view}/")
        assert browser.cookies[SESSION_COOKIE] != old.cookies[SESSION_COOKIE]
        assert site.sids(ada) == before
        assert body(browser.get("/django/cart/"))["cart"] == ["apple"]
        assert body(old.get("/django/cart/")) == {"cart": [], "id": None}


@by_cookie
@in_session_mode
@pytest.mark.parametrize("view", ["flush", "flush-async"])
def test_flush_revokes_the_auth_session(site: LiveSite, ada: User, view: str) -> None:
    """``flush()`` deletes key and data, and revokes the auth session."""
    browser = site.logged_in()
    browser.post("/django/cart/", "apple")
    old = browser.copy()
    browser.post(f"/django/{view}/")
    assert sessions_of(ada) == ()
    assert not old.logged_in()
    assert SESSION_COOKIE not in browser.cookies


@by_cookie
@in_session_mode
def test_async_log_in_and_out(site: LiveSite, ada: User) -> None:
    """``alogin()`` and ``alogout()`` do what ``login()`` and ``logout()`` do."""
    browser = site.device()
    assert body(browser.post("/django/switch-async/ada/"))["id"] == ada.pk
    assert browser.logged_in()
    assert body(browser.post("/django/leave-async/"))["id"] is None
    assert sessions_of(ada) == ()
    assert SESSION_COOKIE not in browser.cookies


@by_cookie
def test_the_admins_login_and_logout(site: LiveSite) -> None:
    """The admin's own login works in both modes, and is listed."""
    chief = site.add_user("chief", is_staff=True, is_superuser=True)
    browser = site.device()
    browser.get("/admin/login/")
    assert browser.get("/admin/").status_code == 302
    answer = browser.submit("/admin/login/?next=/admin/", username="chief", password=PASSWORD)
    assert answer.status_code == 302, answer.content
    assert browser.get("/admin/").status_code == 200
    assert len(sessions_of(chief)) == 1
    assert browser.submit("/admin/logout/").status_code == 200
    assert browser.get("/admin/").status_code == 302
    assert sessions_of(chief) == ()


@by_cookie
def test_the_admin_accepts_a_login_of_the_endpoint(site: LiveSite) -> None:
    """A login by our endpoint opens the admin, too."""
    site.add_user("chief", is_staff=True, is_superuser=True)
    assert site.logged_in("chief").get("/admin/").status_code == 200


@by_cookie
@in_session_mode
def test_messages_reach_the_next_page(site: LiveSite, ada: User) -> None:
    """Django's messages work for anonymous and for other users."""
    for browser in (site.device(), site.logged_in()):
        browser.post("/django/remark/")
        assert body(browser.get("/django/remark/")) == {"messages": ["noted"]}
        assert body(browser.get("/django/remark/")) == {"messages": []}


@in_session_mode
def test_session_data_are_kept(site: LiveSite, ada: User, device: Device) -> None:
    """``request.session`` keeps its data over requests and refreshes, by cookie and by bearer."""
    device.post("/django/cart/", "apple")
    device.refresh()
    device.post("/django/cart/", "pear")
    assert body(device.get("/django/cart/")) == {"cart": ["apple", "pear"], "id": ada.pk}
    assert body(site.logged_in().get("/django/cart/"))["cart"] == []


@by_header
@in_session_mode
def test_a_bearer_never_gets_a_cookie(site: LiveSite, ada: User, device: Device) -> None:
    """Whatever a view does with the session of a bearer, no session cookie is set or cleared."""
    for path, content in (
        ("/django/cart/", "apple"),
        ("/django/expiry/", 600),
        ("/plain/visits/", None),
        ("/django/remark/", None),
        ("/django/switch/ada/", None),
    ):
        answer = device.post(path, content)
        assert not credential_cookies(answer), path
    assert not credential_cookies(site.logged_in().post("/django/leave/"))


@in_session_mode
def test_a_cookie_is_not_sent_again(site: LiveSite, device: Device) -> None:
    """While the key does not change, no response sets the cookie."""
    for _ in range(2):
        assert not credential_cookies(device.post("/django/cart/", "apple"))
        assert not credential_cookies(device.get("/plain/whoami/"))
        assert not credential_cookies(device.call())
    site.advance(minutes=5)
    assert not credential_cookies(device.call())


@by_cookie
@in_session_mode
def test_a_superseded_key_changes_no_cookie(site: LiveSite, ada: User, device: Device) -> None:
    """A response to the old key neither deletes nor overwrites the new cookie."""
    old = device.copy()
    device.post("/django/switch/ada/")
    for answer in (
        old.get("/plain/whoami/"),
        old.get("/plain/visits/"),
        old.post("/django/cart/", "apple"),
        old.post("/django/remark/"),
        old.call(),
        old.who(),
    ):
        assert not credential_cookies(answer)
    assert device.logged_in()
    assert body(device.get("/django/cart/"))["cart"] == []


@in_session_mode
def test_a_session_revoked_during_a_request_is_401(site: LiveSite, ada: User, device: Device) -> None:
    """A logout during a request that then writes its session: 401 ``session_ended``, and it stays revoked."""
    other = device.copy()
    with once(midway, other.log_out):
        answer = device.post("/django/cart/", "apple")
    assert code(answer) == (401, "session_ended")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert not credential_cookies(answer)
    assert sessions_of(ada) == ()
    assert not device.logged_in()


@in_session_mode
@by_cookie
def test_a_key_superseded_during_a_request_is_not_written(site: LiveSite, ada: User, device: Device) -> None:
    """A response to the old key does not write it, and does not change the cookie."""
    other = device.copy()
    with once(midway, lambda: other.post("/django/switch/ada/")):
        answer = device.post("/django/cart/", "apple")
    assert not credential_cookies(answer)
    assert other.logged_in()
    assert not device.logged_in()


@in_session_mode
def test_racing_writes_lose_no_security_field(site: LiveSite, ada: User, device: Device) -> None:
    """A write that races a password change does not restore the old hash."""
    other = device.copy()
    with once(midway, lambda: other.post("/django/new-password/", "new secret")):
        device.post("/django/cart/", "apple")
    ada.refresh_from_db()
    for session in sessions_of(ada):
        assert session.auth_hash == ada.get_session_auth_hash()


@in_session_mode
def test_set_expiry_shortens(site: LiveSite, device: Device) -> None:
    """``set_expiry()`` can shorten the idle timeout of its session; activity extends it by as much."""
    device.post("/django/expiry/", 600)
    for _ in range(3):
        site.advance(minutes=9)
        assert device.logged_in()
    site.advance(minutes=11)
    assert not device.logged_in()


@in_session_mode
def test_set_expiry_never_passes_the_absolute_end(site: LiveSite, device: Device) -> None:
    """``set_expiry()`` can lengthen neither the idle timeout nor the absolute lifetime."""
    device.post("/django/expiry/", 10 * 365 * 86400)
    for _ in range(8):
        site.advance(days=11)
        assert device.logged_in()
    site.advance(days=3)
    assert not device.logged_in()


@in_session_mode
def test_saving_on_every_request_does_not_affect_auth_sessions(site: LiveSite, device: Device) -> None:
    """``SESSION_SAVE_EVERY_REQUEST`` has no cost and sends no cookie for an auth session."""
    site.settings.SESSION_SAVE_EVERY_REQUEST = True
    device.get("/django/cart/")
    before = site.snapshot()
    with site.counted() as trips:
        answer = device.get("/plain/whoami/")
    assert not credential_cookies(answer)
    assert len(trips.commands) + len(trips.queries) == (2 if site.on_redis else 1), trips
    assert site.snapshot() == before


@by_cookie
def test_saving_on_every_request_extends_an_anonymous_session(site: LiveSite) -> None:
    """With ``SESSION_SAVE_EVERY_REQUEST`` each request sends the cookie again and extends the session."""
    site.settings.SESSION_COOKIE_AGE = 600
    anonymous = site.device()
    anonymous.post("/django/cart/", "apple")
    key = anonymous.cookies[SESSION_COOKIE]
    assert not credential_cookies(anonymous.get("/django/cart/"))
    site.settings.SESSION_SAVE_EVERY_REQUEST = True
    for path in ("/plain/whoami/", "/django/cart/", "/api/whoami/"):
        site.advance(minutes=9)
        cookie = anonymous.get(path).cookies[SESSION_COOKIE]
        assert (cookie.value, cookie["max-age"]) == (key, 600)
    assert body(anonymous.get("/django/cart/"))["cart"] == ["apple"]


@by_cookie
def test_saving_on_every_request_revives_no_anonymous_session(site: LiveSite) -> None:
    """An expired session, or one that another request deletes meanwhile, is not created again."""
    site.settings.SESSION_SAVE_EVERY_REQUEST = True
    anonymous = site.device()
    anonymous.post("/django/cart/", "apple")
    thief = anonymous.copy()
    with once(midway, lambda: anonymous.post("/django/leave/")):
        answer = thief.get("/django/cart/")
    assert body(answer)["cart"] == ["apple"]
    assert SESSION_COOKIE not in answer.cookies
    assert SESSION_COOKIE not in thief.get("/plain/whoami/").cookies
    assert body(thief.get("/django/cart/"))["cart"] == []


@by_cookie
def test_djangos_test_client_can_force_a_log_in(site: LiveSite, ada: User) -> None:
    """``Client.force_login()`` and ``Client.login()`` work as in any project."""
    ways: list[Callable[[Client], object]] = [
        lambda client: client.force_login(ada),
        lambda client: client.login(username="ada", password=PASSWORD),
    ]
    for log_in in ways:
        client = Client()
        log_in(client)
        assert client.get("/plain/whoami/", secure=True).json() == {"id": ada.pk}
        if not site.is_jwt:
            assert client.get("/api/whoami/", secure=True).status_code == 200
        client.logout()
        assert sessions_of(ada) == ()


@by_cookie
@in_session_mode
def test_djangos_log_in_signal_has_the_request(site: LiveSite, ada: User) -> None:
    """Receivers of ``user_logged_in`` find the user on the request, for each way to log in."""
    seen: list[Any] = []

    def receive(request: HttpRequest, user: User, **kwargs: Any) -> None:
        seen.append((request.user.pk, user.pk))

    user_logged_in.connect(receive)
    django_log_in(site)
    site.logged_in()
    user_logged_in.disconnect(receive)
    assert seen == [(ada.pk, ada.pk)] * 2


@by_cookie
@in_session_mode
def test_an_anonymous_session_is_not_an_auth_session(site: LiveSite, ada: User) -> None:
    """An anonymous session authenticates nothing by cookie or bearer and is in nobody's list."""
    anonymous = site.device()
    anonymous.post("/django/cart/", "apple")
    key = anonymous.cookies[SESSION_COOKIE]
    assert anonymous.call().status_code == 401
    assert (
        site.device(Transport.HEADER).get("/api/whoami/", {"Authorization": f"Bearer {key}"}).status_code
        == 401
    )
    assert body(anonymous.get("/django/cart/")) == {"cart": ["apple"], "id": None}
    assert len(anonymous.cookies[SESSION_COOKIE]) == 40


@by_cookie
@in_session_mode
def test_browser_sessions_keep_their_length(site: LiveSite, ada: User) -> None:
    """``SESSION_EXPIRE_AT_BROWSER_CLOSE`` decides whether Django's logins are remembered."""
    for at_close in (True, False):
        site.settings.SESSION_EXPIRE_AT_BROWSER_CLOSE = at_close
        browser = site.device()
        answer = browser.post("/django/switch/ada/")
        assert bool(answer.cookies[SESSION_COOKIE]["expires"]) is not at_close
