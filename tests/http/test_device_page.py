"""The device page: the list of devices, logging them out, and re-authentication."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from pytest_django import Settings

from django_authkit import revoke, sessions_of
from django_authkit.types import Mode, Transport
from django_authkit.wiring import get_store
from support.client import (
    ACCESS_COOKIE,
    CREDENTIAL_COOKIES,
    PASSWORD,
    REFRESH_COOKIE,
    SESSION_COOKIE,
    Device,
    credential_cookies,
)
from support.live_site import LiveSite, by_cookie, in_jwt_mode, in_session_mode
from support.replica_followers import proposal

PAGE = "/account/devices/"
PROOF = f"{PAGE}reauthenticate/"

pytestmark = by_cookie


def shown(answer: HttpResponse) -> str:
    """Return the text of a page."""
    assert answer.status_code == 200, answer.content
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


def offered(answer: HttpResponse) -> list[str]:
    """Return the values of the buttons on a page, in order."""
    return re.findall(r'<button name="revoke" value="([^"]*)"', answer.content.decode())


def target(answer: HttpResponse) -> tuple[str, dict[str, list[str]]]:
    """Return path and query of a redirect."""
    assert answer.status_code == 302, answer.content
    where = urlsplit(answer.headers["Location"])
    return where.path, parse_qs(where.query)


def sids_of(user: User) -> set[str]:
    """Return the sids of the user's auth sessions."""
    return {session.sid for session in sessions_of(user)}


def end(device: Device, what: str) -> HttpResponse:
    """Press the button that logs *what* out."""
    return device.submit(PAGE, revoke=what)


@pytest.fixture
def asking(site: LiveSite) -> None:
    """Require recent authentication before others are logged out."""
    site.configure(RECENT_AUTH={"TO_REVOKE": True, "MAX_AGE": timedelta(minutes=3)}, RATES={"LOGIN": "3/min"})


class TestList:
    """What the page shows, and to whom."""

    def test_an_anonymous_user_is_redirected_to_the_login(self, site: LiveSite) -> None:
        """Anonymous users see no devices; after the login they are redirected back here."""
        path, query = target(site.device().get(PAGE))
        assert (path, query) == ("/accounts/login/", {"next": [PAGE]})
        assert target(site.device().get(PROOF))[0] == "/accounts/login/"

    def test_a_header_counts_as_anonymous(self, site: LiveSite, ada: User) -> None:
        """A bearer credential, which CSRF checks skip, opens no page and logs nobody out."""
        app = site.device(Transport.HEADER)
        app.log_in()
        assert target(app.get(PAGE))[0] == "/accounts/login/"
        assert target(app.submit(PAGE, revoke="others"))[0] == "/accounts/login/"
        assert len(sessions_of(ada)) == 1

    def test_lists_the_user_s_own_devices(self, site: LiveSite, device: Device, bob: User) -> None:
        """This device is first, then the others of the user; bob's is not listed."""
        other, bobs = site.logged_in("ada"), site.logged_in("bob")
        answer = device.get(PAGE)
        assert offered(answer) == [site.sid(device), site.sid(other), "others"]
        assert site.sid(bobs) not in answer.content.decode()
        text = shown(answer)
        assert "This device" in text
        assert device.address in text
        assert "in use now" in text
        assert "last seen just now" in text
        site.advance(minutes=3)
        assert "last seen 3 minutes ago" in shown(device.get(PAGE))

    def test_shows_the_project_s_time_without_time_zones(self, site: LiveSite, device: Device) -> None:
        """With ``USE_TZ`` off the page shows dates of ``TIME_ZONE``."""
        site.settings.USE_TZ, site.settings.TIME_ZONE = False, "Pacific/Kiritimati"
        (session,) = sessions_of(User.objects.get())
        here = session.created_at.astimezone(ZoneInfo("Pacific/Kiritimati"))
        page = device.get(PAGE)
        assert "in use now" in shown(page)
        assert f'datetime="{here.isoformat()}' in page.content.decode()

    def test_without_other_devices_there_is_no_button_for_them(self, site: LiveSite, device: Device) -> None:
        """Without other devices there is no button for them."""
        answer = device.get(PAGE)
        assert offered(answer) == [site.sid(device)]
        assert "You are not logged in anywhere else." in shown(answer)

    def test_holds_no_credential(self, site: LiveSite, device: Device) -> None:
        """Neither key nor token is in the page."""
        page = device.get(PAGE).content.decode()
        for name in CREDENTIAL_COOKIES:
            assert device.cookies.get(name, "no such cookie") not in page

    def test_is_in_no_cache_and_in_no_frame(self, device: Device) -> None:
        """The page may not be cached, and other sites cannot frame it."""
        for path in (PAGE, PROOF):
            answer = device.get(path)
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Frame-Options"] == "DENY"

    def test_user_agents_cannot_write_html(self, site: LiveSite, ada: User, device: Device) -> None:
        """The user agent is escaped."""
        other = site.device()
        agent = {"User-Agent": "<script>alert(1)</script>", "X-Authkit-Transport": "cookie"}
        other.who()
        login = {"username": "ada", "password": PASSWORD}
        other.post("/auth/login/", login, headers={**agent, **other.csrf()}, anonymous=True)
        assert "<script>" not in device.get(PAGE).content.decode()
        assert "<script>alert(1)</script>" in shown(device.get(PAGE))

    def test_works_where_views_need_a_log_in_by_default(
        self, site: LiveSite, device: Device, settings: Settings
    ) -> None:
        """It works with Django's ``LoginRequiredMiddleware``."""
        settings.MIDDLEWARE = [
            *settings.MIDDLEWARE,
            "django.contrib.auth.middleware.LoginRequiredMiddleware",
        ]
        assert offered(device.get(PAGE)) == [site.sid(device)]
        assert target(site.device().get(PAGE))[0] == "/accounts/login/"

    @in_jwt_mode
    def test_serves_who_logged_in_by_djangos_form(self, site: LiveSite, ada: User) -> None:
        """In JWT mode, the page works for logins of Django's own (the admin's), too."""
        browser = site.device()
        browser.who()
        browser.submit("/plain/login/", username="ada", password=PASSWORD)
        (session,) = sessions_of(ada)
        assert session.mode is Mode.SESSION
        assert offered(browser.get(PAGE)) == [session.sid]


class TestEnding:
    """The buttons."""

    def test_one(self, site: LiveSite, device: Device) -> None:
        """The other device is logged out at its next request, and the page says so."""
        other, third = site.logged_in(), site.logged_in()
        assert target(end(device, site.sid(other)))[0] == PAGE
        assert not other.logged_in()
        assert third.logged_in()
        answer = device.get(PAGE)
        assert "was logged out." in shown(answer)
        assert offered(answer) == [site.sid(device), site.sid(third), "others"]
        assert "was logged out." not in shown(device.get(PAGE))

    def test_all_others(self, site: LiveSite, device: Device) -> None:
        """All except this device are logged out, and no other user's."""
        site.add_user("bob")
        others, bobs = [site.logged_in(), site.logged_in()], site.logged_in("bob")
        assert target(end(device, "others"))[0] == PAGE
        assert "2 other devices were logged out." in shown(device.get(PAGE))
        assert not any(other.logged_in() for other in others)
        assert bobs.logged_in()

    def test_this_one(self, site: LiveSite, ada: User, device: Device) -> None:
        """It is a logout: the browser deletes its cookies, and no re-authentication is needed."""
        site.configure(RECENT_AUTH={"TO_REVOKE": True})
        site.advance(minutes=1)
        copy = device.copy()
        path, _ = target(end(device, site.sid(device)))
        assert path == "/accounts/login/"
        assert not set(CREDENTIAL_COOKIES) & device.cookies.keys()
        assert not copy.logged_in()
        assert sessions_of(ada) == ()

    @pytest.mark.parametrize("guess", ["bob's", "A" * 16, "", "x", "other", "\N{SNOWMAN}" * 16])
    def test_nobody_elses(self, site: LiveSite, device: Device, bob: User, guess: str) -> None:
        """Another user's sid, an unknown one and junk get the same response, and revoke nothing."""
        bobs = site.logged_in("bob")
        what = site.sid(bobs) if guess == "bob's" else guess
        assert target(end(device, what))[0] == PAGE
        assert "That device was logged out already." in shown(device.get(PAGE))
        assert bobs.logged_in()
        assert device.logged_in()

    def test_needs_the_csrf_token(self, site: LiveSite, device: Device) -> None:
        """A form on another site's page logs nobody out."""
        other = site.logged_in()
        form = "application/x-www-form-urlencoded"
        for path, fields in (
            (PAGE, b"revoke=others"),
            (PROOF, b"revoke=others&password=" + PASSWORD.encode()),
        ):
            assert device.send("POST", path, fields, content_type=form).status_code == 403
        assert other.logged_in()

    def test_needs_it_without_djangos_middleware_too(
        self, site: LiveSite, device: Device, settings: Settings
    ) -> None:
        """The pages check CSRF even in a project that checks it view by view."""
        other = site.logged_in()
        settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "csrf" not in name]
        form = "application/x-www-form-urlencoded"
        assert device.send("POST", PAGE, b"revoke=others", content_type=form).status_code == 403
        assert other.logged_in()
        assert target(end(device, "others"))[0] == PAGE
        assert not other.logged_in()

    def test_a_get_revokes_nothing(self, site: LiveSite, device: Device) -> None:
        """No URL that can be linked to logs anybody out."""
        other = site.logged_in()
        for path in (f"{PAGE}?revoke=others", f"{PROOF}?revoke=others"):
            assert device.get(path).status_code == 200
        assert other.logged_in()


@pytest.mark.usefixtures("asking")
class TestProof:
    """``RECENT_AUTH["TO_REVOKE"]`` requires recent authentication."""

    def test_a_fresh_log_in_is_one(self, site: LiveSite, device: Device) -> None:
        """After a login no re-authentication is required."""
        other = site.logged_in()
        assert target(end(device, "others"))[0] == PAGE
        assert not other.logged_in()

    @pytest.mark.parametrize("all_others", [False, True])
    def test_the_password_completes_the_action(
        self, site: LiveSite, device: Device, all_others: bool
    ) -> None:
        """An old login has to enter the password; then the action is done at once."""
        other = site.logged_in()
        site.advance(minutes=4)
        what = "others" if all_others else site.sid(other)
        path, query = target(end(device, what))
        assert (path, query) == (PROOF, {"revoke": [what]})
        assert other.logged_in()
        assert "Enter your password to log out" in shown(device.get(f"{PROOF}?revoke={what}"))
        answer = device.submit(PROOF, revoke=what, password=PASSWORD)
        assert target(answer)[0] == PAGE
        assert not other.logged_in()
        assert device.logged_in()
        assert "logged out." in shown(device.get(PAGE))

    def test_the_credential_is_a_new_one(self, site: LiveSite, device: Device) -> None:
        """The browser gets the new credential; in session mode a copied key is invalid."""
        before, copy = dict(device.cookies), device.copy()
        site.advance(minutes=4)
        answer = device.submit(PROOF, revoke="", password=PASSWORD)
        wanted = {SESSION_COOKIE} if site.mode is Mode.SESSION else {ACCESS_COOKIE, REFRESH_COOKIE}
        assert credential_cookies(answer) == wanted
        assert all(device.cookies[name] != before[name] for name in wanted)
        assert device.logged_in()
        if site.mode is Mode.SESSION:
            assert not copy.logged_in()

    def test_reauthentication_and_logout_in_one(self, site: LiveSite, ada: User, device: Device) -> None:
        """Logging out this device through re-authentication leaves nothing of the new credential."""
        sid, before = site.sid(device), dict(device.cookies)
        answer = device.submit(PROOF, revoke=sid, password=PASSWORD)
        assert target(answer)[0] == "/accounts/login/"
        assert all(
            before[name] == value for name, value in device.cookies.items() if name in CREDENTIAL_COOKIES
        )
        assert not device.logged_in()
        assert sessions_of(ada) == ()

    def test_a_wrong_password_revokes_nothing(self, site: LiveSite, device: Device) -> None:
        """The error is shown at the field, and the action is kept."""
        other = site.logged_in()
        site.advance(minutes=4)
        answer = device.submit(PROOF, revoke=site.sid(other), password="wrong")
        assert "That is not your password." in shown(answer)
        page = answer.content.decode()
        assert f'name="revoke" value="{site.sid(other)}"' in page
        assert 'aria-describedby="authkit-error"' in page
        assert "wrong" not in page
        assert other.logged_in()

    def test_guessing_is_throttled_together_with_the_endpoint(self, site: LiveSite, device: Device) -> None:
        """Page and endpoint share one allowance; beyond it the right password is refused, too."""
        other = site.logged_in()
        site.advance(minutes=4)
        device.reauthenticate("wrong")
        for _ in range(2):
            assert device.submit(PROOF, revoke="others", password="wrong").status_code == 200
        answer = device.submit(PROOF, revoke="others", password=PASSWORD)
        assert answer.status_code == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 61
        assert b"Too many attempts" in answer.content
        assert other.logged_in()

    def test_another_user_s_sid_is_not_revealed(self, site: LiveSite, device: Device, bob: User) -> None:
        """The form shows nothing of another user's device, which re-authentication does not revoke."""
        bobs = site.logged_in("bob")
        site.advance(minutes=4)
        assert "to continue" in shown(device.get(f"{PROOF}?revoke={site.sid(bobs)}"))
        device.submit(PROOF, revoke=site.sid(bobs), password=PASSWORD)
        assert bobs.logged_in()

    @in_session_mode
    def test_the_projects_own_proof(self, site: LiveSite, device: Device) -> None:
        """``REAUTHENTICATOR`` is called instead of the password check, with the fields of the form."""
        site.configure(REAUTHENTICATOR="testapp.proofs.knows_the_word")
        other = site.logged_in()
        site.advance(minutes=4)
        assert device.submit(PROOF, revoke="others", password=PASSWORD).status_code == 200
        assert other.logged_in()
        assert target(device.submit(PROOF, revoke="others", word="swordfish"))[0] == PAGE
        assert not other.logged_in()


@in_jwt_mode
class TestExpiredAccessTokens:
    """A page without scripts cannot refresh, so the server does."""

    def test_the_page_renews_the_login(self, site: LiveSite, device: Device) -> None:
        """An hour later the list is shown and the browser has new tokens of the same auth session."""
        sid, before = site.sid(device), dict(device.cookies)
        site.advance(hours=1)
        answer = device.get(PAGE)
        assert offered(answer) == [sid]
        assert credential_cookies(answer) == {ACCESS_COOKIE, REFRESH_COOKIE}
        assert device.cookies[REFRESH_COOKIE] != before[REFRESH_COOKIE]
        assert site.sid(device) == sid

    def test_a_button_works_as_well(self, site: LiveSite, device: Device) -> None:
        """Even if the page was open for a long time."""
        other = site.logged_in()
        sid = site.sid(other)
        device.get(PAGE)
        site.advance(hours=1)
        assert target(end(device, sid))[0] == PAGE
        assert device.logged_in()
        assert other.refresh().status_code == 401

    def test_with_a_button_of_another_site_nothing_is_refreshed(self, site: LiveSite, device: Device) -> None:
        """The CSRF check comes first."""
        site.advance(hours=1)
        before = site.snapshot()
        answer = device.send("POST", PAGE, b"revoke=others", content_type="application/x-www-form-urlencoded")
        assert answer.status_code == 403
        assert site.snapshot() == before

    def test_a_log_out_is_not_undone(self, site: LiveSite, device: Device) -> None:
        """If this device's auth session is revoked during the request, the browser keeps no new tokens."""
        sid = site.sid(device)
        device.get(PAGE)
        site.advance(hours=1)
        end(device, sid)
        assert not set(CREDENTIAL_COOKIES) & device.cookies.keys()
        assert not device.logged_in()

    def test_a_dead_refresh_token_leads_to_the_log_in(self, site: LiveSite, device: Device) -> None:
        """After a revocation nothing is renewed, and the browser deletes the cookies."""
        copy = device.copy()
        device.log_out()
        site.advance(hours=1)
        assert target(copy.get(PAGE))[0] == "/accounts/login/"
        assert not {ACCESS_COOKIE, REFRESH_COOKIE} & copy.cookies.keys()


@in_jwt_mode
def test_a_revoked_token_logs_no_devices_out(site: LiveSite, ada: User, device: Device) -> None:
    """Even where access tokens are accepted until they expire."""
    site.configure(ACCESS_CHECK="none")
    thief = site.logged_in()
    revoke(site.sid(thief))
    answer = thief.submit("/account/devices/", revoke="others")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")
    assert device.logged_in()


@in_session_mode
def test_more_devices_than_a_page_holds(site: LiveSite, ada: User) -> None:
    """A hundred are shown at a time, the current one on each page; any of them can be logged out."""
    site.configure(MAX_SESSIONS=None)
    device = site.logged_in()
    store = get_store()
    proposals = [proposal(str(ada.pk)) for _ in range(104)]
    for each in proposals:
        store.create(each)
    sids = {each.sid for each in proposals}
    own = sids_of(ada) - sids
    first, second = offered(device.get(PAGE)), offered(device.get(f"{PAGE}?page=2"))
    assert set(first) | set(second) == {*sids, *own, "others"}
    assert len(set(first) | {*own, "others"}) in {101, 102}
    assert own < set(second)
    assert "page=2" in device.get(PAGE).content.decode()
    end(device, next(iter(set(second) - set(first))))
    assert len(sids_of(ada)) == 104
