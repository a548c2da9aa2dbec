"""Browsers with a session of Django's own: the response to their first request, whatever it is."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.signed_cookies import SessionStore as SignedCookies
from django.contrib.sessions.models import Session
from django.core.signals import got_request_exception
from django.test import Client

from adoption.migrating_site import Browser, Changeover
from django_authkit import revoke, sessions_of
from django_authkit.http.transports import EXPIRES_IN_HEADER
from django_authkit.types import RevocationReason, Transport
from django_authkit.wiring import get_store
from support.bound_browser import bind, challenge_of, proof, renew
from support.client import (
    CREDENTIAL_COOKIES,
    FIREFOX,
    PASSWORD,
    REFRESH_COOKIE,
    Device,
    body,
    code,
    is_cleared,
)

SESSIONS = Browser("db")


@pytest.fixture
def browser(site: Changeover, ada: User) -> Device:
    """Return ada's browser, which logged in and filled its cart before the migration."""
    site.before()
    client = Client(headers={"User-Agent": FIREFOX})
    client.post("/plain/login/", {"username": "ada", "password": PASSWORD}, secure=True)
    client.post("/django/cart/", '"pear"', content_type="application/json", secure=True)
    site.after(SESSIONS.entry)
    browser = Device(site.live.mode, Transport.COOKIE)
    browser.user_agent = FIREFOX
    browser.cookies["sessionid"] = client.cookies["sessionid"].value
    return browser


def with_csrf(site: Changeover, browser: Device) -> Device:
    """Give the browser the CSRF cookie that it had from the old site."""
    stranger = site.live.device(Transport.COOKIE)
    stranger.who()
    browser.cookies["csrftoken"] = stranger.cookies["csrftoken"]
    return browser


PAGES = ["/plain/whoami/", "/plain/whoami-async/", "/api/whoami/", "/auth/session/", "/django/cart/"]


@pytest.mark.parametrize("path", PAGES)
def test_any_first_request(site: Changeover, browser: Device, ada: User, path: str) -> None:
    """The response is the usual one. It sets our cookies and deletes the old one."""
    answer = browser.get(path)
    assert answer.status_code == 200
    assert f'"id":{ada.pk}' in answer.content.decode().replace(" ", "")
    names = set(CREDENTIAL_COOKIES[:1] if site.live.mode == "session" else CREDENTIAL_COOKIES[1:])
    assert names <= answer.cookies.keys()
    assert all(answer.cookies[name]["secure"] and answer.cookies[name]["httponly"] for name in names)
    assert all(answer.cookies[name]["expires"] for name in names)
    assert is_cleared(answer.cookies["sessionid"])
    assert answer["Cache-Control"] == "no-store"
    assert browser.logged_in()
    assert [each.label for each in sessions_of(ada)] == ["Firefox on Linux"]


def test_calling_session_first(site: Changeover, browser: Device) -> None:
    """A front end that starts with this call learns when to refresh its new tokens."""
    answer = browser.get("/auth/session/")
    if site.live.is_jwt:
        assert 290 <= int(answer[EXPIRES_IN_HEADER]) <= 300
    else:
        assert EXPIRES_IN_HEADER not in answer


@pytest.mark.parametrize("is_valid", [True, False])
def test_an_unbound_login_beside_it(site: Changeover, browser: Device, *, is_valid: bool) -> None:
    """A login that ``DEVICE_BOUND`` refuses counts: the old cookie is dropped, and both ways out are open."""
    site.after(SESSIONS.entry, DEVICE_BOUND="testapp.policies.of_all_users")
    old = browser.cookies.pop("sessionid")
    assert browser.log_in().status_code == 200
    site.live.advance(seconds=36)
    browser.cookies["sessionid"] = planted = old if is_valid else "junk"
    answer = browser.call()
    assert code(answer) == (403, "device_binding_required")
    assert is_cleared(answer.cookies["sessionid"])
    browser.cookies["sessionid"] = planted
    assert browser.log_in().status_code == 200
    site.live.advance(seconds=36)
    browser.cookies["sessionid"] = planted
    assert browser.log_out().status_code == 204
    browser.cookies["sessionid"] = planted
    assert not browser.logged_in()


def test_the_same_name(site: Changeover, browser: Device, ada: User) -> None:
    """If our session cookie has the old name, it is replaced in session mode and left alone in JWT mode."""
    site.after(SESSIONS.entry, cookie_name="sessionid")
    old = browser.cookies["sessionid"]
    assert body(browser.get("/plain/whoami/"))["id"] == ada.pk
    assert body(browser.get("/plain/whoami/"))["id"] == ada.pk
    if site.live.mode == "session":
        assert len(browser.cookies["sessionid"]) == 40
    assert browser.cookies.get("sessionid") != old
    with site.live.counted() as trips:
        browser.get("/plain/whoami/")
    assert len(trips.queries) == 1, trips
    browser.who()
    assert browser.log_out().status_code == 204
    assert body(browser.get("/plain/whoami/"))["id"] is None
    assert sessions_of(ada) == ()


@pytest.mark.parametrize("cookie_name", ["sessionid", "__Host-sessionid"])
def test_the_session_data_is_kept(site: Changeover, browser: Device, ada: User, cookie_name: str) -> None:
    """The cart and all other session data are kept, in the first request and in later ones."""
    site.after(SESSIONS.entry, cookie_name=cookie_name)
    for _ in range(3):
        assert body(browser.get("/django/cart/")) == {"cart": ["pear"], "id": ada.pk}
    answer = browser.send("POST", "/django/cart/", b'"plum"', headers=browser.csrf())
    assert body(answer)["cart"] == ["pear", "plum"]
    assert body(browser.get("/django/cart/"))["cart"] == ["pear", "plum"]


def test_two_tabs(site: Changeover, browser: Device, ada: User) -> None:
    """A second concurrent request sees the same cart and gets the same cookies."""
    tab = browser.copy()
    browser.get("/django/cart/")
    assert body(tab.get("/django/cart/")) == {
        "cart": ["pear"] if site.live.mode == "session" else [],
        "id": ada.pk,
    }
    assert tab.django_session == browser.django_session


def test_a_bound_login_is_not_adopted_again(site: Changeover, browser: Device, ada: User) -> None:
    """Once the browser uses its bound cookie, a copy of the old cookie opens nothing, the grace or not."""
    site.live.configure(DEVICE_BOUND="offer")
    thief = browser.copy()
    key, registered = bind(browser, browser.get("/api/whoami/"))
    if site.live.is_jwt:  # the first renewal is what binds
        assert (
            renew(browser, sessions_of(ada)[0].sid, proof(key, challenge_of(registered))).status_code == 200
        )
    site.live.advance(seconds=15)
    assert not thief.logged_in()
    assert browser.logged_in()


def test_an_unsafe_first_request(site: Changeover, browser: Device, ada: User) -> None:
    """A form from our own front end works, and the response sets our cookies."""
    with_csrf(site, browser)
    answer = browser.post("/api/notes/", {"text": "hello"})
    assert answer.status_code == 201, answer.content
    assert body(answer)["owner"] == ada.pk
    assert browser.logged_in()


def test_an_unsafe_first_request_without_a_token(site: Changeover, browser: Device, ada: User) -> None:
    """With Fetch Metadata, no CSRF token is needed, in a plain view afterwards neither."""
    site.after(SESSIONS.entry, CSRF="fetch-metadata")
    answer = browser.send("POST", "/plain/notes/", b'"x"', headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 201, answer.content
    assert body(answer)["owner"] == ada.pk
    assert browser.logged_in()


@pytest.mark.parametrize("cookie_name", ["sessionid", "__Host-sessionid"])
@pytest.mark.parametrize("path", ["/api/notes/", "/plain/notes/", "/django/cart/", "/auth/logout/"])
def test_a_forged_first_request(
    site: Changeover, browser: Device, ada: User, path: str, cookie_name: str
) -> None:
    """A form of another site sets no cookie, adopts nothing and revokes nothing; the old login stays."""
    site.after(SESSIONS.entry, cookie_name=cookie_name)
    old = browser.cookies["sessionid"]
    answer = browser.send("POST", path, b'"x"', headers={"Origin": "https://evil.example"})
    assert not answer.cookies
    assert browser.cookies["sessionid"] == old
    assert sessions_of(ada) == ()
    assert body(browser.get("/plain/whoami/"))["id"] == ada.pk


def test_a_page_that_fails(site: Changeover, browser: Device, ada: User) -> None:
    """A server error sets the cookies, too, because the old session has been replaced."""

    def fail(**event: Any) -> None:
        raise RuntimeError("a bug of the project's")

    from testapp.django_views import midway

    midway.connect(fail)
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = browser.cookies["sessionid"]
    got_request_exception.disconnect(client.store_exc_info)
    try:
        assert client.get("/django/cart/", secure=True).status_code == 500
    finally:
        midway.disconnect(fail)
    browser.cookies = {name: morsel.value for name, morsel in client.cookies.items() if morsel.value}
    assert "sessionid" not in browser.cookies
    site.live.advance(seconds=100)
    assert browser.logged_in()


def test_logging_out_first(site: Changeover, browser: Device, ada: User) -> None:
    """If the first request is a logout, the user is logged out and stays logged out."""
    with_csrf(site, browser)
    answer = browser.log_out()
    assert answer.status_code == 204
    assert sessions_of(ada) == ()
    assert Session.objects.count() == 0
    assert not any(browser.cookies.get(name) for name in CREDENTIAL_COOKIES)
    assert body(browser.get("/plain/whoami/"))["id"] is None


def test_logging_out_first_by_djangos_own_view(site: Changeover, browser: Device, ada: User) -> None:
    """The same holds for Django's ``logout``."""
    with_csrf(site, browser)
    assert browser.submit("/plain/logout/").status_code == 204
    assert sessions_of(ada) == ()
    assert body(browser.get("/plain/whoami/"))["id"] is None


def test_logging_in_first(site: Changeover, browser: Device, ada: User) -> None:
    """A login revokes the session of the old cookie and the auth session it became."""
    site.live.add_user("bob")
    with_csrf(site, browser)
    assert browser.log_in("bob").status_code == 200
    assert body(browser.who())["user"]["username"] == "bob"
    assert sessions_of(ada) == ()
    assert Session.objects.count() == 0


def test_refreshing_first(site: Changeover, browser: Device, ada: User) -> None:
    """A front end that starts with a refresh gets its new cookies."""
    with_csrf(site, browser)
    answer = browser.refresh()
    assert answer.status_code == 200, answer.content
    assert browser.logged_in()
    assert len(sessions_of(ada)) == 1


def test_reauthenticating_first(site: Changeover, browser: Device, ada: User) -> None:
    """A first request that re-authenticates works, and counts as recent authentication."""
    with_csrf(site, browser)
    assert browser.reauthenticate().status_code == 200
    assert browser.get("/api/vault/").status_code == 200
    assert len(sessions_of(ada)) == 1


def test_with_a_valid_credential_of_ours(site: Changeover, browser: Device, ada: User) -> None:
    """Only our credential counts. The old session is revoked, so that a logout cannot bring it back."""
    site.live.add_user("bob")
    other = site.live.device(Transport.COOKIE)
    other.who()
    other.log_in("bob")
    other.cookies["sessionid"] = browser.cookies["sessionid"]
    assert body(other.get("/plain/whoami/"))["id"] != ada.pk
    assert sessions_of(ada) == ()
    assert Session.objects.count() == 0
    assert "sessionid" not in other.cookies


def test_with_a_bearer_credential(site: Changeover, browser: Device, ada: User) -> None:
    """Only the header counts, valid or not, and no cookie is set."""
    bob = site.live.add_user("bob")
    app = site.live.logged_in("bob")
    for credential, owner in ((app.access, bob.pk), ("junk", None)):
        answer = browser.get("/api/whoami/", {"Authorization": f"Bearer {credential}"})
        assert (body(answer).get("id")) == owner
        assert not answer.cookies
    assert sessions_of(ada) == ()
    assert Session.objects.count() == 1


def test_with_an_invalid_cookie_of_ours(site: Changeover, browser: Device, ada: User) -> None:
    """With an invalid cookie of ours, the old login counts."""
    other = site.live.device(Transport.COOKIE)
    other.who()
    other.log_in()
    sid = site.live.sid(other)
    from django_authkit import revoke

    revoke(sid)
    for name in CREDENTIAL_COOKIES[:2]:
        if name in other.cookies:
            browser.cookies[name] = other.cookies[name]
    assert body(browser.get("/plain/whoami/"))["id"] == ada.pk
    assert browser.logged_in()


def test_an_anonymous_session(site: Changeover, ada: User) -> None:
    """An anonymous session is not a login, and its data is not taken over."""
    site.before()
    client = Client()
    client.post("/django/cart/", '"pear"', content_type="application/json", secure=True)
    site.after(SESSIONS.entry)
    browser = Device(site.live.mode, Transport.COOKIE)
    browser.cookies["sessionid"] = client.cookies["sessionid"].value
    assert browser.get("/api/whoami/").status_code == 401
    assert "sessionid" not in browser.cookies


def test_a_new_password(site: Changeover, browser: Device, ada: User) -> None:
    """A session from before a password change is refused, as in Django."""
    User.objects.filter(pk=ada.pk).update(password="md5$x$0123456789abcdef0123456789abcdef")
    assert body(browser.get("/plain/whoami/"))["id"] is None
    assert sessions_of(ada) == ()


def test_a_rotated_secret_key(site: Changeover, browser: Device, ada: User) -> None:
    """After a rotation of ``SECRET_KEY``, ``SECRET_KEY_FALLBACKS`` validates old sessions, as in Django."""
    settings = site.live.settings
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key, and long enough to sign with, as the first one was"
    site.live.keep_time()
    assert body(browser.get("/plain/whoami/"))["id"] == ada.pk
    assert browser.logged_in()


def test_a_session_of_the_browser_s_length(site: Changeover, ada: User) -> None:
    """A session that expires with the browser gets cookies that do so, too."""
    site.live.settings.SESSION_EXPIRE_AT_BROWSER_CLOSE = True
    site.before()
    credential = SESSIONS.log_in(site)
    site.after(SESSIONS.entry)
    answer, _ = SESSIONS.present(site, credential)
    assert not any(answer.cookies[name]["expires"] for name in CREDENTIAL_COOKIES if name in answer.cookies)
    assert [each.remember for each in sessions_of(ada)] == [False]


def test_sessions_that_every_request_saved(site: Changeover, browser: Device, ada: User) -> None:
    """If each request extended the Django session, only our absolute lifetime limits the adopted one."""
    site.live.settings.SESSION_SAVE_EVERY_REQUEST = True
    browser.get("/plain/whoami/")
    (session,) = sessions_of(ada)
    assert (session.expires_ms - session.created_ms) // 86_400_000 == 90


def test_an_old_cache_that_is_down(site: Changeover, ada: User) -> None:
    """Django treats an unavailable cache as an empty session. We return 503, and nobody is logged out."""
    settings = site.live.settings
    old = Browser("cache")
    site.before("cache")
    credential = old.log_in(site)
    site.after(old.entry)
    settings.SESSION_CACHE_ALIAS = "gone"
    answer, browser = old.present(site, credential)
    assert answer.status_code == 503
    assert answer["Retry-After"]
    assert not answer.cookies
    settings.SESSION_CACHE_ALIAS = "default"
    assert body(browser.get("/plain/whoami/"))["id"] == ada.pk


def test_a_planted_login_does_not_replace_a_valid_one(site: Changeover, browser: Device, ada: User) -> None:
    """Even if its access token has expired and its refresh cookie has a path that this request is not on."""
    if not site.live.is_jwt:
        pytest.skip("session keys have one cookie, and no second life")
    bob = site.live.add_user("bob")
    site.before()
    client = Client()
    client.post("/plain/login/", {"username": "bob", "password": PASSWORD}, secure=True)
    site.after(SESSIONS.entry)
    assert browser.get("/plain/whoami/").status_code == 200
    (mine,) = sessions_of(ada)
    site.live.advance(minutes=6)
    victim = browser.copy()
    del victim.cookies[REFRESH_COOKIE]
    victim.cookies["sessionid"] = client.cookies["sessionid"].value
    answer = victim.get("/plain/whoami/")
    assert body(answer)["id"] is None
    assert not answer.cookies.keys() & set(CREDENTIAL_COOKIES)
    assert sessions_of(bob) == ()
    assert revoke(mine.sid)
    assert body(victim.get("/plain/whoami/"))["id"] == bob.pk


def test_a_signed_cookie_of_its_own_age(site: Changeover, ada: User) -> None:
    """``set_expiry`` does not limit it, so its adoption is remembered as long as it is valid."""
    package = Browser("signed_cookies")
    site.before("signed_cookies")
    signed = SignedCookies(session_key=package.log_in(site))
    signed.set_expiry(300)
    signed.save()
    credential = str(signed.session_key)
    site.after(package.entry)
    assert package.present(site, credential)[0].status_code == 200
    get_store().revoke_user(str(ada.pk), RevocationReason.REVOKED)
    for minutes in (2, 120):
        site.live.advance(minutes=minutes)
        assert package.present(site, credential)[0].status_code == 401
    assert sessions_of(ada) == ()
