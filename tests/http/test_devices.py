"""``sessions/``: users view and revoke their own auth sessions, and nobody else's."""

import re
from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

from django_authkit import sessions_of, signals
from django_authkit.http import client_info
from django_authkit.session_keys import new_handle
from django_authkit.types import RevocationReason
from support.client import DEVICE_COOKIE, FIREFOX, SAFARI, Device, body, code
from support.live_site import LiveSite, by_cookie, by_header, in_jwt_mode, in_session_mode
from support.signals import heard

MEMBERS = {
    "sid",
    "mode",
    "created_at",
    "expires_at",
    "current",
    "label",
    "address",
    "place",
    "last_seen_at",
    "bound",
}
JUNK = ["x", "%00", "AA%0A", "..", "A" * 16 + "%20", "%F0%9F%94%91", "A" * 5000, "AA" + "B" * 14 + ".secret"]


def listed(device: Device, query: str = "") -> list[dict[str, object]]:
    """Return what the list of *device* says."""
    answer = device.get(f"/auth/sessions/{query}")
    assert answer.status_code == 200, answer.content
    results: list[dict[str, object]] = body(answer)["results"]
    return results


def path(sid: str) -> str:
    """Return the URL that revokes the auth session *sid*."""
    return f"/auth/sessions/{sid}/"


def test_a_device_as_its_owner_sees_it(site: LiveSite, ada: User) -> None:
    """Each row has the device's name, address, times and mode, and nothing secret."""
    device = site.logged_in(user_agent=FIREFOX)
    answer = device.get("/auth/sessions/")
    (row,) = body(answer)["results"]
    assert set(row) == MEMBERS
    assert (row["sid"], row["mode"], row["current"]) == (site.sid(device), str(site.mode), True)
    assert row["label"] == "Firefox on Linux"
    assert FIREFOX not in answer.content.decode()
    assert (row["address"], row["place"]) == ("198.51.100.7", "")
    times = [datetime.fromisoformat(row[name]) for name in ("created_at", "last_seen_at", "expires_at")]
    assert times == sorted(times)
    assert times[-1] > times[0]
    assert body(answer)["count"] == 1
    assert answer.headers["Cache-Control"] == "no-store"
    assert {"Cookie", "Authorization"} <= set(re.split(r",\s*", answer.headers["Vary"]))
    for secret in (device.credential, device.django_session, sessions_of(ada)[0].auth_hash):
        assert secret not in answer.content.decode()


def test_the_list_is_most_recent_first_and_marks_the_current_one(site: LiveSite, ada: User) -> None:
    """The last seen device is first; ``current`` marks the one that sent the request."""
    phone = site.logged_in(user_agent=SAFARI)
    site.advance(minutes=2)
    laptop = site.logged_in(user_agent=FIREFOX)
    site.advance(minutes=2)
    phone.refresh()
    rows = listed(phone)
    assert [row["sid"] for row in rows] == [site.sid(phone), site.sid(laptop)]
    assert [row["current"] for row in rows] == [True, False]
    assert {row["sid"] for row in listed(laptop) if row["current"]} == {site.sid(laptop)}


def test_the_list_is_the_users_own(site: LiveSite, device: Device, bob: User) -> None:
    """No other user's logins are in it."""
    other = site.logged_in("bob")
    assert {row["sid"] for row in listed(device)} == {site.sid(device)}
    assert {row["sid"] for row in listed(other)} == {site.sid(other)}


def test_the_list_comes_in_pages(site: LiveSite, device: Device) -> None:
    """``page`` and ``page_size`` paginate; all pages together are the list, each row once."""
    for _ in range(4):
        site.logged_in()
    first = body(device.get("/auth/sessions/?page_size=2"))
    assert (first["count"], first["previous"], len(first["results"])) == (5, None, 2)
    assert "page=2" in first["next"]
    pages = [listed(device, f"?page_size=2&page={page}") for page in (1, 2, 3)]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert len({row["sid"] for page in pages for row in page}) == 5
    for beyond in ("4", "0", "-1", "x", "9" * 40):
        assert code(device.get(f"/auth/sessions/?page_size=2&page={beyond}")) == (404, "not_found")
    for odd in ("0", "-1", "x", "100000000"):
        assert len(listed(device, f"?page_size={odd}")) == 5


@by_header
@in_session_mode
def test_a_user_agent_is_parsed_once(site: LiveSite, device: Device) -> None:
    """However often a list names it, the parser sees a user agent once, and never more than we keep of it."""
    parsed: Any = client_info.known_label_of
    parsed.cache_clear()
    odd = "Unheard-of/1.0 " + "x" * 5000
    for _ in range(3):
        site.logged_in(user_agent=odd)
        listed(device)
    assert parsed.cache_info().misses == 2  # that of the first device too
    assert parsed.cache_info().maxsize == 1024


def test_revoking_another_device(site: LiveSite, ada: User, device: Device) -> None:
    """The other device is refused at its next request and refresh; the current one stays logged in."""
    other = site.logged_in()
    sid = site.sid(other)
    with heard(signals.session_revoked) as revoked:
        answer = device.delete(path(sid))
    assert (answer.status_code, answer.content) == (204, b"")
    assert [(each["session"].sid, each["reason"]) for each in revoked] == [(sid, RevocationReason.REVOKED)]
    assert code(other.call()) == (401, "session_ended")
    assert code(other.refresh()) == (401, "session_ended")
    assert device.logged_in()
    assert site.sids(ada) == [site.sid(device)] == [row["sid"] for row in listed(device)]


def test_revoking_a_device_twice(site: LiveSite, device: Device) -> None:
    """The second time it is a 404."""
    sid = site.sid(site.logged_in())
    assert device.delete(path(sid)).status_code == 204
    assert code(device.delete(path(sid))) == (404, "not_found")


def test_revoking_the_current_device_is_a_logout(site: LiveSite, ada: User, device: Device) -> None:
    """It is 204, clears the cookies, and has the reason ``logout``; a copy is refused, too."""
    thief, sid = device.copy(), site.sid(device)
    with heard(signals.session_revoked) as revoked:
        answer = device.delete(path(sid))
    assert answer.status_code == 204
    assert [(each["session"].sid, each["reason"]) for each in revoked] == [(sid, RevocationReason.LOGOUT)]
    assert not thief.logged_in()
    assert site.sids(ada) == []
    if device.is_browser:
        assert set(device.cookies) - {DEVICE_COOKIE} == {"csrftoken"}


def test_another_users_device_is_not_there(site: LiveSite, device: Device, bob: User) -> None:
    """Another user's sid gets the same response as an unknown one, and is not revoked."""
    stranger = site.logged_in("bob")
    theirs = device.delete(path(site.sid(stranger)))
    nobodys = device.delete(path(new_handle(0)))
    assert code(theirs) == code(nobodys) == (404, "not_found")
    assert theirs.content == nobodys.content
    assert stranger.logged_in()


@pytest.mark.parametrize("junk", JUNK)
def test_junk_is_not_there_either(site: LiveSite, device: Device, junk: str) -> None:
    """Any junk as a sid is a 404."""
    assert device.delete(path(junk)).status_code == 404
    assert device.logged_in()


def test_variations_of_a_sid_are_not_found(site: LiveSite, device: Device, bob: User) -> None:
    """No variation of a live sid revokes it."""
    stranger = site.logged_in("bob")
    sid = site.sid(stranger)
    for guess in (sid.lower(), sid.upper(), sid[:-1], sid + "A", sid[::-1], f"{sid}.{'A' * 23}"):
        if guess != sid:
            assert device.delete(path(guess)).status_code == 404
    assert stranger.logged_in()


def test_revoking_all_others(site: LiveSite, ada: User, device: Device, bob: User) -> None:
    """All of the user's except the current one are refused at their next request; no other user's is."""
    others = [site.logged_in() for _ in range(3)]
    stranger = site.logged_in("bob")
    answer = device.delete("/auth/sessions/")
    assert (answer.status_code, body(answer)) == (200, {"revoked": 3})
    assert not any(other.logged_in() for other in others)
    assert [code(other.refresh()) for other in others] == [(401, "session_ended")] * 3
    assert device.logged_in()
    assert stranger.logged_in()
    assert site.sids(ada) == [site.sid(device)]
    assert body(device.delete("/auth/sessions/")) == {"revoked": 0}


def test_anonymous_users_get_a_401(site: LiveSite, device: Device) -> None:
    """Without a login there is no list and nothing to revoke; a revoked one gets 401."""
    sid = site.sid(device)
    stranger, revoked = site.device(), device.copy()
    device.log_out()
    for method, where in (("GET", "/auth/sessions/"), ("DELETE", "/auth/sessions/"), ("DELETE", path(sid))):
        answer = stranger.send(method, where)
        assert code(answer) == (401, "not_authenticated")
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'
        answer = revoked.get(where) if method == "GET" else revoked.delete(where)
        assert code(answer) == (401, "session_ended")


@by_cookie
def test_revoking_needs_a_csrf_token(site: LiveSite, ada: User, device: Device) -> None:
    """Another site cannot make a browser revoke anything: 403, and all stay live."""
    other = site.logged_in()
    for where in ("/auth/sessions/", path(site.sid(other)), path(site.sid(device))):
        assert code(device.send("DELETE", where)) == (403, "csrf_failed")
        forged = {**device.csrf(), "Referer": "https://evil.example/"}
        assert code(device.send("DELETE", where, headers=forged)) == (403, "csrf_failed")
    assert len(site.sids(ada)) == 2


@by_header
def test_revoking_by_header_needs_none(site: LiveSite, device: Device) -> None:
    """A request with a header needs no other proof."""
    assert device.delete("/auth/sessions/").status_code == 200


def test_revoking_may_need_recent_authentication(site: LiveSite, ada: User, device: Device) -> None:
    """With ``RECENT_AUTH["TO_REVOKE"]`` an old login has to re-authenticate first."""
    site.configure(RECENT_AUTH={"TO_REVOKE": True})
    other = site.logged_in()
    sid = site.sid(other)
    site.advance(minutes=11)
    device.refresh()
    other.refresh()
    for where in ("/auth/sessions/", path(sid), path(new_handle(0))):
        answer = device.delete(where)
        assert code(answer) == (401, "reauthentication_required")
        challenge = 'Bearer realm="api", error="insufficient_user_authentication", max_age="600"'
        assert answer.headers["WWW-Authenticate"] == challenge
    assert other.logged_in()
    assert device.reauthenticate().status_code == 200
    assert device.delete(path(sid)).status_code == 204
    assert device.delete("/auth/sessions/").status_code == 200
    assert not other.logged_in()


def test_revoking_the_current_device_needs_none(site: LiveSite, device: Device) -> None:
    """A logout never needs it, whatever ``RECENT_AUTH["TO_REVOKE"]`` says; neither does the list."""
    site.configure(RECENT_AUTH={"TO_REVOKE": True})
    site.advance(minutes=11)
    device.refresh()
    assert listed(device)
    assert device.delete(path(site.sid(device))).status_code == 204
    assert not device.logged_in()


@in_jwt_mode
def test_a_revoked_token_that_still_opens_views_revokes_nobody(site: LiveSite, device: Device) -> None:
    """These endpoints read the record even if ``ACCESS_CHECK`` does not."""
    site.configure(ACCESS_CHECK="none")
    thief, other = device.copy(), site.logged_in()
    assert device.log_out().status_code == 204
    assert thief.logged_in()
    assert code(thief.get("/auth/sessions/")) == (401, "session_ended")
    assert code(thief.delete("/auth/sessions/")) == (401, "session_ended")
    assert code(thief.delete(path(site.sid(other)))) == (401, "session_ended")
    assert other.refresh().status_code == 200


def test_expired_devices_are_not_listed(site: LiveSite, ada: User) -> None:
    """An expired auth session is not in the list, and cannot be revoked."""
    old = site.logged_in()
    sid = site.sid(old)
    site.advance(days=13)
    new = site.logged_in()
    site.advance(days=2)
    new.refresh()
    assert [row["sid"] for row in listed(new)] == [site.sid(new)]
    assert code(new.delete(path(sid))) == (404, "not_found")


def test_the_list_survives_a_change_of_keys(site: LiveSite, device: Device) -> None:
    """After a rotation of ``SECRET_KEY`` with a fallback, both logins are listed and can be revoked."""
    other = site.logged_in()
    old = site.settings.SECRET_KEY
    site.settings.SECRET_KEY = "another key that is long enough for all that is done with it here"
    site.settings.SECRET_KEY_FALLBACKS = [old]
    site.keep_time()
    sids = {site.sid(device), site.sid(other)}
    assert {row["sid"] for row in listed(device)} == sids
    assert device.delete(path(site.sid(other))).status_code == 204
    assert not other.logged_in()


def test_a_deleted_user_has_no_list(site: LiveSite, ada: User, device: Device) -> None:
    """After the user was deleted, no device gets a list."""
    other = site.logged_in()
    was = User.objects.get(pk=ada.pk)
    ada.delete()
    assert code(device.get("/auth/sessions/")) == (401, "session_ended")
    assert code(other.delete("/auth/sessions/")) == (401, "session_ended")
    assert site.sids(was) == []


@in_session_mode
@by_cookie
def test_djangos_own_logins_are_listed(site: LiveSite, ada: User, device: Device) -> None:
    """A login by Django's ``login``, by the admin for example, is listed and can be revoked."""
    browser = site.device()
    browser.user_agent = SAFARI
    assert browser.get("/django/switch/ada/").status_code == 200
    (row,) = [row for row in listed(device) if not row["current"]]
    assert row["label"] == "Mobile Safari on iOS"
    assert device.delete(path(str(row["sid"]))).status_code == 204
    assert body(browser.get("/plain/whoami/"))["id"] is None


def test_of_an_unknown_agent_the_beginning_is_shown(site: LiveSite, ada: User) -> None:
    """A program that ua-parser does not know is labeled by what it says of itself: at most 60 characters."""
    device = site.logged_in(user_agent="shop-sync/2.1 " + "x" * 300)
    assert [row["label"] for row in listed(device)] == ["shop-sync/2.1 " + "x" * 46]


@pytest.mark.parametrize(
    ("user_agent", "label"),
    [("; Android 9;       )", "Android on Android"), ("Mozilla/5.0 (\x00; \ud800)", "Mozilla/5.0 (; )")],
)
def test_an_agent_that_a_parser_cannot_read(site: LiveSite, ada: User, user_agent: str, label: str) -> None:
    """A user agent is text from outside: no login fails because of it, and it has a label."""
    device = site.logged_in(user_agent=user_agent)
    assert [row["label"] for row in listed(device)] == [label]


@in_jwt_mode
@pytest.mark.parametrize("check", ["store", "none"])
def test_a_user_deactivated_without_a_signal_revokes_nothing(
    site: LiveSite, ada: User, device: Device, check: str
) -> None:
    """The row is read before anything is revoked, even with a lazy user."""
    site.configure(ACCESS_CHECK=check, USER_LOADING="lazy")
    elsewhere = site.logged_in()
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert device.delete("/auth/sessions/").status_code == 401
    assert code(device.get("/auth/sessions/"))[0] == 401
    User.objects.filter(pk=ada.pk).update(is_active=True)
    assert elsewhere.logged_in()


def renamed(device: Device, sid: str, label: object) -> Any:
    """Return the response to a new name."""
    return device.patch(f"/auth/sessions/{sid}/", {"label": label})


def test_a_user_names_their_devices(site: LiveSite, ada: User, device: Device) -> None:
    """This one and another; the name stays at a refresh, also from another address."""
    other = site.logged_in("ada", user_agent=SAFARI)
    with heard(signals.device_renamed) as said:
        for sid, name in ((site.sid(device), "Work"), (site.sid(other), "  Ada's \u202ephone ")):
            assert renamed(device, sid, name).status_code == 200
    names = {site.sid(device): "Work", site.sid(other): "Ada's phone"}
    assert {call["session"].sid: call["session"].label for call in said} == names
    other.address = "203.0.113.80"
    for each in (device, other):
        assert each.refresh().status_code == 200
        assert {entry["sid"]: entry["label"] for entry in listed(each)} == names


def test_nobody_names_the_device_of_another_user(site: LiveSite, device: Device, bob: User) -> None:
    """The response is that of a sid that does not exist, and nothing changes."""
    others = site.logged_in("bob")
    sid = site.sid(others)
    assert code(renamed(device, sid, "mine")) == (404, "not_found")
    assert code(renamed(device, new_handle(0), "mine")) == (404, "not_found")
    assert [each.label for each in sessions_of(bob)] != ["mine"]


@by_header
@in_session_mode
@pytest.mark.parametrize("label", ["", "  ", "\u202e", "a" * 61, 7, None, ["x"]])
def test_a_name_that_cannot_be_shown_is_refused(site: LiveSite, device: Device, label: object) -> None:
    """Empty, invisible, too long, or no text."""
    assert code(renamed(device, site.sid(device), label)) == (400, "invalid_request")


@by_cookie
def test_renaming_needs_the_csrf_proof(site: LiveSite, device: Device) -> None:
    """Another site cannot name the device of its reader."""
    sid = site.sid(device)
    assert code(device.send("PATCH", f"/auth/sessions/{sid}/", b'{"label": "x"}')) == (403, "csrf_failed")
