"""The live switch: credentials of both modes are accepted, and each client gets one of the new mode."""

import json

import pytest
from django.contrib.auth.models import User

from django_authkit import revoke, sessions_of
from django_authkit.types import Mode, Transport
from support.client import (
    ACCESS_COOKIE,
    CREDENTIAL_COOKIES,
    DEVICE_COOKIE,
    REFRESH_COOKIE,
    SESSION_COOKIE,
    Device,
)
from support.live_site import LiveSite, by_cookie, by_header, in_jwt_mode, in_session_mode
from support.waiting import until

BOTH = ["session", "jwt"]
OTHER = {Mode.SESSION: Mode.JWT, Mode.JWT: Mode.SESSION}


def switch(site: LiveSite, mode: Mode, accept: list[str] | None = None) -> None:
    """Deploy the site with another mode."""
    site.mode = mode
    site.settings.AUTHKIT_MODE = str(mode)
    site.configure(ACCEPT=accept or BOTH)


@pytest.fixture
def moved(site: LiveSite, ada: User) -> Device:
    """Return a device that logged in before the site was switched to the other mode."""
    site.configure(ACCEPT=BOTH)
    device = site.logged_in("ada", remember=True)
    switch(site, OTHER[site.mode])
    return device


def issued(device: Device) -> set[str]:
    """Return the names of the browser's credential cookies."""
    return {name for name in CREDENTIAL_COOKIES if device.cookies.get(name)}


@by_cookie
@pytest.mark.parametrize("path", ["/api/whoami/", "/plain/whoami/", "/plain/whoami-async/", "/auth/session/"])
def test_a_browser_gets_the_other_form(site: LiveSite, ada: User, moved: Device, path: str) -> None:
    """In an uncached response to any request, for the same auth session, and only once."""
    (before,) = sessions_of(ada)
    answer = moved.get(path)
    assert answer.status_code == 200
    assert issued(moved) == set(CREDENTIAL_COOKIES)
    assert "no-store" in answer["Cache-Control"]
    for name in answer.cookies:
        if name in CREDENTIAL_COOKIES:
            assert answer.cookies[name]["expires"]
            assert answer.cookies[name]["httponly"]
    assert not set(moved.get(path).cookies) & set(CREDENTIAL_COOKIES)
    (after,) = sessions_of(ada)
    assert (after.sid, after.mode) == (before.sid, site.mode)
    assert (after.expires_ms, after.created_ms, after.auth_time_ms) == (
        before.expires_ms,
        before.created_ms,
        before.auth_time_ms,
    )
    for name in CREDENTIAL_COOKIES[:2]:  # either form works, and by itself
        alone = moved.copy()
        alone.cookies = {name: moved.cookies[name]}
        assert alone.logged_in()


@by_cookie
def test_a_browser_that_lost_the_response(site: LiveSite, ada: User, moved: Device) -> None:
    """It gets the same credential again, as often as needed, so the family never forks."""
    tabs = [moved.copy() for _ in range(3)]
    for tab in tabs:
        assert tab.logged_in()
        site.advance(seconds=20)
    name = SESSION_COOKIE if site.mode is Mode.SESSION else REFRESH_COOKIE
    assert len({tab.cookies[name] for tab in tabs}) == 1
    tabs[1].mode = site.mode
    assert tabs[1].refresh().status_code == 200
    assert all(tab.logged_in() for tab in tabs)
    assert len(site.sids(ada)) == 1


@by_cookie
@in_session_mode
def test_a_browser_that_stores_nothing_new(site: LiveSite, ada: User, moved: Device) -> None:
    """It keeps using its session key, as long as its auth session lasts."""
    for _ in range(4):
        assert moved.copy().logged_in()
        site.advance(minutes=30)
    stored = moved.copy()
    assert stored.logged_in()
    stored.mode = Mode.JWT
    assert stored.refresh().status_code == 200
    assert moved.copy().logged_in()
    switch(site, Mode.JWT, ["jwt"])
    assert not moved.copy().logged_in()
    assert stored.logged_in()


@by_cookie
@in_session_mode
def test_an_expired_access_token_is_renewed_by_the_session_key(
    site: LiveSite, ada: User, moved: Device
) -> None:
    """A browser with both needs no refresh; its refresh token stays valid."""
    assert moved.logged_in()
    before = dict(moved.cookies)
    site.advance(minutes=6)
    assert moved.logged_in()
    assert moved.cookies[REFRESH_COOKIE] == before[REFRESH_COOKIE]
    assert moved.cookies[ACCESS_COOKIE] != before[ACCESS_COOKIE]
    moved.mode = Mode.JWT
    assert moved.refresh().status_code == 200


@by_header
def test_an_app_gets_the_other_form_at_its_refresh(site: LiveSite, ada: User, moved: Device) -> None:
    """Not before; a retry gets the same; the old credential stays valid."""
    sid = site.sid(moved)
    old, again = moved.copy(), moved.copy()
    assert moved.call().status_code == 200
    body = json.loads(moved.refresh().content)
    assert body["session"]["mode"] == site.mode
    assert body["session"]["sid"] == sid
    assert ("refresh" in body) is (site.mode is Mode.JWT)
    site.advance(minutes=1)
    retried = json.loads(again.refresh().content)
    kept = "refresh" if site.mode is Mode.JWT else "access"
    assert retried[kept] == body[kept]
    assert moved.logged_in()
    assert old.logged_in()
    assert site.sids(ada) == [sid]


@by_cookie
def test_there_and_back_several_times(site: LiveSite, ada: User, device: Device) -> None:
    """The cart and the login are kept: one auth session, whose absolute expiry never moves."""
    sid, ends = site.sid(device), sessions_of(ada)[0].expires_ms
    if site.mode is Mode.JWT:
        switch(site, Mode.SESSION)
        assert device.logged_in()
    device.send("POST", "/django/cart/", b'"shoe"')
    for _ in range(3):
        for mode in (Mode.JWT, Mode.SESSION):
            switch(site, mode)
            assert json.loads(device.get("/django/cart/").content) == {"cart": ["shoe"], "id": ada.pk}
            site.advance(minutes=7)
            assert device.logged_in()
            assert device.refresh().status_code == 200
            assert site.sid(device) == sid
    assert sessions_of(ada)[0].expires_ms == ends


@by_header
def test_an_app_there_and_back(site: LiveSite, ada: User, device: Device) -> None:
    """An app refreshes with its last credential, of either form."""
    sid, mode = site.sid(device), site.mode
    for _ in range(5):
        mode = OTHER[mode]
        switch(site, mode)
        device.refresh_token = device.refresh_token if mode is Mode.SESSION else ""
        assert device.refresh().status_code == 200
        if mode is Mode.SESSION:
            device.refresh_token = ""
        assert device.logged_in()
        site.advance(minutes=4)
    assert site.sids(ada) == [sid]


@by_cookie
@in_jwt_mode
def test_request_session_is_that_of_the_auth_session(site: LiveSite, ada: User, device: Device) -> None:
    """From the request that switches it; anonymous session data is taken over."""
    device.send("POST", "/django/cart/", b'"shoe"')
    switch(site, Mode.SESSION)
    assert json.loads(device.send("POST", "/django/cart/", b'"hat"').content)["cart"] == ["shoe", "hat"]
    assert device.cookies[SESSION_COOKIE].startswith(site.sids(ada)[0])
    assert json.loads(device.get("/django/cart/").content) == {"cart": ["shoe", "hat"], "id": ada.pk}


@by_cookie
@pytest.mark.parametrize("form", ["both", "old", "new"])
def test_logout_revokes_both_forms(site: LiveSite, ada: User, moved: Device, form: str) -> None:
    """With either of them; a browser deletes both."""
    old = moved.copy()
    assert moved.logged_in()
    new = moved.copy()
    new.cookies = {k: v for k, v in moved.cookies.items() if k not in old.cookies or k == "csrftoken"}
    leaving = {"both": moved, "old": old, "new": new}[form]
    had = issued(leaving)
    answer = leaving.log_out()
    assert answer.status_code == 204
    assert {name for name in had if answer.cookies[name]["max-age"] == 0} == had
    assert not any(device.logged_in() for device in (old, new, moved))
    assert site.sids(ada) == []


@by_cookie
def test_logout_by_django_issues_nothing(site: LiveSite, ada: User, moved: Device) -> None:
    """A request that revokes its own auth session gets no new credential."""
    answer = moved.send("POST", "/django/leave/", headers=moved.csrf())
    assert answer.status_code == 200
    assert not [name for name in CREDENTIAL_COOKIES if name in answer.cookies and answer.cookies[name].value]
    assert site.sids(ada) == []


@pytest.mark.parametrize("check", ["store", "replica", "none"])
def test_a_revoked_sid_is_dead_in_both_forms(site: LiveSite, ada: User, moved: Device, check: str) -> None:
    """At once, within the bound of the copy, or when the access token expires."""
    if check == "replica" and not site.on_redis:  # only Redis has a list to follow
        check = "store"
    site.configure(ACCESS_CHECK=check)
    old = moved.copy()
    assert moved.logged_in()
    if not moved.is_browser:
        new = json.loads(moved.refresh().content)
        assert new["session"]["mode"] == site.mode
    assert old.logged_in()
    (sid,) = site.sids(ada)
    assert revoke(sid)
    if check == "none":
        site.advance(minutes=6)
    for device in (old, moved):
        until(lambda device=device: not device.logged_in())  # type: ignore[misc]
        assert device.refresh().status_code == 401
    assert site.sids(ada) == []


@by_cookie
def test_a_mode_that_was_dropped_is_ignored(site: LiveSite, ada: User, moved: Device) -> None:
    """Its cookies authenticate nothing, and block nothing."""
    old = moved.copy()
    assert moved.logged_in()
    switch(site, site.mode, [str(site.mode)])
    assert moved.logged_in()
    assert not old.logged_in()
    assert moved.logged_in()


@by_cookie
def test_an_invalid_cookie_of_the_issued_mode_is_ignored(site: LiveSite, ada: User, moved: Device) -> None:
    """An invalid cookie next to a valid one of the other mode is ignored, and replaced."""
    if site.mode is Mode.SESSION:
        moved.cookies[SESSION_COOKIE] = "A" * 16 + "." + "B" * 23
    else:
        moved.cookies[ACCESS_COOKIE] = moved.cookies[REFRESH_COOKIE] = "a.b.c"
    assert moved.logged_in()
    old = {k: v for k, v in moved.cookies.items() if k not in CREDENTIAL_COOKIES}
    assert issued(moved) == set(CREDENTIAL_COOKIES)
    assert set(old) - {DEVICE_COOKIE} == {"csrftoken"}
    assert len(site.sids(ada)) == 1


@by_cookie
def test_what_a_switch_costs(site: LiveSite, ada: User, moved: Device) -> None:
    """One more round trip on Redis, at most three statements in a database; and nothing afterwards."""
    site.logged_in("ada").call()  # the server has the scripts
    with site.counted() as trips:
        moved.call()
    scripts = [
        command for command in trips.commands if command.startswith("EVALSHA")
    ]  # and SELECT, to connect
    assert len(scripts) == (2 if site.on_redis else 0), trips
    assert len(trips.queries) <= (1 if site.on_redis else 4), trips
    moved.call()
    with site.counted() as trips:
        moved.call()
    assert len(trips.commands) == (1 if site.on_redis else 0), trips
    assert len(trips.queries) == 1, trips


@by_cookie
@pytest.mark.parametrize("change", ["/django/new-password/", "/django/cycle/"])
def test_a_password_change_in_between(site: LiveSite, ada: User, moved: Device, change: str) -> None:
    """The browser stays logged in, whichever form it sends."""
    for _ in range(2):
        answer = moved.send("POST", change, json.dumps("a new password 1"), headers=moved.csrf())  # type: ignore[arg-type]
        assert answer.status_code == 200
        assert moved.logged_in()
        assert moved.refresh().status_code == 200
        assert moved.logged_in()
    assert len(site.sids(ada)) == 1


@by_cookie
def test_reauthentication_while_both_are_accepted(site: LiveSite, ada: User, moved: Device) -> None:
    """The presented credential is renewed, and the browser can use either form."""
    site.advance(minutes=1)
    before = sessions_of(ada)[0].auth_time_ms
    assert moved.reauthenticate().status_code == 200
    assert moved.logged_in()
    assert moved.refresh().status_code == 200
    assert moved.logged_in()
    (after,) = sessions_of(ada)
    assert after.auth_time_ms >= before + 60_000


@pytest.mark.parametrize("share", [0, 100])
def test_the_share_says_who_is_moved(site: LiveSite, ada: User, moved: Device, share: int) -> None:
    """Nobody at 0, everybody at 100; new logins follow the same rule, in both directions."""
    for now in (share, 100 - share):
        site.configure(SWITCH_SHARE=now)
        mode = site.mode if now else OTHER[site.mode]
        device = site.device()
        device.mode = mode
        device.log_in()
        assert site.sid(device) in site.sids(ada)
        assert json.loads(device.who().content)["session"]["mode"] == mode


def test_the_share_is_a_share(site: LiveSite) -> None:
    """The share is about right, and a larger share includes the smaller one."""
    from django_authkit.conf import get_settings
    from django_authkit.session_keys import new_handle

    if site.transport is not Transport.COOKIE or site.store != "sqlite":
        return
    sids: list[str] = [new_handle(0) for _ in range(4000)]
    moved: set[str] = set()
    for share in (0, 1, 25, 60, 100):
        site.configure(ACCEPT=BOTH, SWITCH_SHARE=share)
        chosen = {sid for sid in sids if get_settings().issued_mode(sid) is site.mode}
        assert moved <= chosen
        assert abs(len(chosen) - 40 * share) <= 130
        moved = chosen
