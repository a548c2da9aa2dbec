"""``DEVICE_BOUND`` in JWT mode: the browser renews the access cookie, and nothing else does."""

from datetime import timedelta

import jwt
import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse

from django_authkit import sessions_of, signals
from support.bound_browser import bind, challenge_of, offered, proof, register, renew
from support.client import ACCESS_COOKIE, PASSWORD, REFRESH_COOKIE, SESSION_COOKIE, Device, body, code
from support.client_keys import PrivateKey, new_key
from support.live_site import LiveSite, by_cookie, in_jwt_mode
from support.signals import heard

pytestmark = [in_jwt_mode, by_cookie]
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
TIMER = "X-Authkit-Expires-In"


@pytest.fixture
def device(site: LiveSite, ada: User) -> Device:
    """Return a browser, and the site that offers to bind its login."""
    site.configure(DEVICE_BOUND="offer")
    return site.device()


@pytest.fixture
def login(device: Device) -> HttpResponse:
    """Return the answer to its login."""
    answer = device.log_in()
    assert answer.status_code == 200
    return answer


@pytest.fixture
def key(site: LiveSite, device: Device, login: HttpResponse) -> PrivateKey:
    """Return the key of the device, which uses the binding since longer than the grace."""
    key, registered = bind(device, login)
    renewed = renew(device, sid_of(device), proof(key, challenge_of(registered)))
    assert renewed.status_code == 200, renewed.content
    site.advance(seconds=11)
    return key


def sid_of(device: Device) -> str:
    """Return the auth session of its access token."""
    claims = jwt.decode(device.cookies[ACCESS_COOKIE], options={"verify_signature": False})
    return str(claims["sid"])


def prove(device: Device, key: PrivateKey, sid: str) -> HttpResponse:
    """Renew as a browser does that has kept no challenge."""
    return renew(device, sid, proof(key, challenge_of(renew(device, sid))))


def test_a_registration_names_the_access_cookie(device: Device, login: HttpResponse) -> None:
    """That cookie now ends within two minutes, so that the browser soon proves its key."""
    answer = register(device, new_key(), offered(login)["challenge"])
    assert answer.status_code == 200, answer.content
    assert body(answer)["credentials"] == [
        {"type": "cookie", "name": ACCESS_COOKIE, "attributes": "Path=/; Secure; HttpOnly; SameSite=Lax"}
    ]
    assert answer.cookies[ACCESS_COOKIE].value == login.cookies[ACCESS_COOKIE].value
    assert answer.cookies[ACCESS_COOKIE]["max-age"] == 120
    assert REFRESH_COOKIE not in answer.cookies
    assert device.call().status_code == 200


def test_a_proof_is_exchanged_for_new_tokens(
    site: LiveSite, ada: User, device: Device, login: HttpResponse
) -> None:
    """The access cookie ends with its token; no script is told to refresh, and nothing is offered again."""
    site.configure(LIFETIMES={"ACCESS": timedelta(minutes=30)})
    key, registered = bind(device, login)
    before = dict(device.cookies)
    with heard(signals.session_refreshed) as sent:
        answer = renew(device, sid_of(device), proof(key, challenge_of(registered)))
    assert answer.status_code == 200, answer.content
    assert [each["session"].sid for each in sent] == [sid_of(device)]
    assert device.cookies[ACCESS_COOKIE] != before[ACCESS_COOKIE]
    assert device.cookies[REFRESH_COOKIE] != before[REFRESH_COOKIE]
    claims = jwt.decode(device.cookies[ACCESS_COOKIE], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == answer.cookies[ACCESS_COOKIE]["max-age"] == 600
    assert TIMER not in answer
    assert "Secure-Session-Registration" not in answer
    who = device.who()
    assert TIMER not in who
    assert body(who)["session"]["bound"] is True
    assert sessions_of(ada)[0].is_bound


@pytest.mark.parametrize("check", ["store", "replica", "none"])
def test_a_copy_of_all_cookies_dies_with_the_access_token(
    site: LiveSite, device: Device, key: PrivateKey, check: str
) -> None:
    """The thief cannot refresh, in whichever way; nothing is revoked, it is told, and the owner goes on."""
    if check == "replica" and not site.on_redis:
        pytest.skip("Only Redis has a list to follow.")
    site.configure(ACCESS_CHECK=check)
    thief, sid = device.copy(), sid_of(device)
    thief.address = "203.0.113.9"
    assert thief.call().status_code == 200
    assert thief.refresh().status_code == 200
    assert thief.cookies == device.cookies, "a refresh before the end renews nothing"
    site.advance(seconds=306)
    with heard(signals.device_binding_failed) as sent:
        assert code(thief.refresh()) == (401, "device_mismatch")
        in_body = thief.post("/auth/refresh/", {"refresh": thief.cookies[REFRESH_COOKIE]}, anonymous=True)
        assert code(in_body) == (401, "device_mismatch")
        assert not body(thief.get("/plain/whoami/", NAVIGATION))["id"]
    assert {(each["session"].sid, each["address"]) for each in sent} == {(sid, "203.0.113.9")}
    assert thief.cookies[REFRESH_COOKIE] == device.cookies[REFRESH_COOKIE], "they were not deleted"
    assert prove(device, key, sid).status_code == 200
    assert device.call().status_code == 200


def test_a_superseded_refresh_token_revokes_nothing(site: LiveSite, device: Device, key: PrivateKey) -> None:
    """Without the key it is worth nothing, so it is no sign that the owner has lost anything."""
    thief, sid = device.copy(), sid_of(device)
    for _ in range(3):
        site.advance(minutes=5)
        assert prove(device, key, sid).status_code == 200
    with heard(signals.refresh_reused) as sent:
        assert code(thief.refresh()) == (401, "device_mismatch")
    assert not sent
    assert device.call().status_code == 200


def test_lost_answers_log_nobody_out(site: LiveSite, device: Device, key: PrivateKey) -> None:
    """A browser that never got its new cookies proves its key again, with its old ones, an hour later."""
    held, sid = dict(device.cookies), sid_of(device)
    for _ in range(3):
        site.advance(hours=1)
        device.cookies = dict(held)
        assert prove(device, key, sid).status_code == 200
    assert device.call().status_code == 200


def test_a_proof_counts_once(device: Device, key: PrivateKey) -> None:
    """Presented again, it is answered with another challenge, and sets no cookie."""
    sid = sid_of(device)
    text = proof(key, challenge_of(renew(device, sid)))
    assert renew(device, sid, text).status_code == 200
    again = renew(device, sid, text)
    assert again.status_code == 403
    assert not again.cookies
    assert code(renew(device, sid, proof(new_key(), challenge_of(again)))) == (400, "device_proof_invalid")


def test_a_page_waits_for_the_browser(site: LiveSite, ada: User, device: Device, key: PrivateKey) -> None:
    """A link from another site gets a page that opens itself again, and the refresh cookie renews nothing."""
    sid, before = sid_of(device), device.cookies[REFRESH_COOKIE]
    site.advance(minutes=6)
    del device.cookies[ACCESS_COOKIE]
    link = device.get("/plain/whoami/", {**NAVIGATION, "Sec-Fetch-Site": "cross-site"})
    assert b'http-equiv="refresh"' in link.content
    assert device.cookies[REFRESH_COOKIE] == before
    assert prove(device, key, sid).status_code == 200
    page = device.get("/plain/whoami/", {**NAVIGATION, "Sec-Fetch-Site": "same-origin"})
    assert body(page)["id"] == ada.pk


def test_without_its_refresh_cookie_a_browser_forgets_the_key(device: Device, key: PrivateKey) -> None:
    """It was closed, and the login was not to be remembered; or the cookie is that of another login."""
    sid, other = sid_of(device), device.copy()
    other.log_in()
    for cookies in ({}, dict(other.cookies)):
        device.cookies = cookies
        answer = renew(device, sid)
        assert (answer.status_code, body(answer)) == (200, {"session_identifier": sid, "continue": False})


@pytest.mark.parametrize("how", ["logout", "revoked", "deactivated"])
def test_a_browser_forgets_the_key_with_the_login(
    site: LiveSite, ada: User, device: Device, key: PrivateKey, how: str
) -> None:
    """Its next renewal is told to stop, whatever it can prove."""
    sid, cookies = sid_of(device), dict(device.cookies)
    text = proof(key, challenge_of(renew(device, sid)))
    if how == "logout":
        assert device.log_out().status_code == 204
    elif how == "revoked":
        site.logged_in().delete(f"/auth/sessions/{sid}/")
    else:
        User.objects.filter(pk=ada.pk).update(is_active=False)
    device.cookies = cookies
    answer = renew(device, sid, text)
    assert (answer.status_code, body(answer)) == (200, {"session_identifier": sid, "continue": False})
    assert not answer.cookies


def test_re_authentication_needs_the_access_cookie(site: LiveSite, device: Device, key: PrivateKey) -> None:
    """The browser that has it gets new tokens, bound as before; with a bearer it is refused."""
    thief, sid = device.copy(), sid_of(device)
    bearer = {"Authorization": f"Bearer {thief.cookies[ACCESS_COOKIE]}"}
    shown = {"password": PASSWORD, "refresh": thief.cookies.pop(REFRESH_COOKIE)}
    assert code(thief.post("/auth/reauthenticate/", shown, headers=bearer)) == (401, "device_mismatch")
    answer = device.reauthenticate()
    assert answer.status_code == 200, answer.content
    assert answer.cookies[ACCESS_COOKIE]["max-age"] == 300
    assert "Secure-Session-Registration" not in answer
    site.advance(minutes=6)
    assert prove(device, key, sid).status_code == 200


def test_an_unused_registration_changes_nothing(site: LiveSite, device: Device, login: HttpResponse) -> None:
    """If its answer is lost, the page refreshes as before, until the browser is offered the binding again."""
    lost = device.copy()
    register(lost, new_key(), offered(login)["challenge"])
    site.advance(minutes=6)
    answer = device.refresh()
    assert answer.status_code == 200
    assert answer[TIMER] == "300"
    again = register(device, new_key(), offered(device.reauthenticate())["challenge"])
    assert again.status_code == 200


def test_a_login_to_be_remembered_is_bound_too(site: LiveSite, ada: User) -> None:
    """Its cookies outlive the browser, and the offer comes with them."""
    site.configure(DEVICE_BOUND="offer")
    device = site.device()
    bind(device, device.log_in(remember=True))


@pytest.mark.parametrize("path", ["refresh/", "session/"])
def test_a_thief_is_offered_no_binding(
    site: LiveSite, device: Device, login: HttpResponse, path: str
) -> None:
    """A copy of the cookies gets new tokens at most, which do not lock the owner out unnoticed."""
    thief = device.copy()
    site.advance(minutes=6)
    answer = thief.refresh() if path == "refresh/" else thief.get(f"/auth/{path}")
    assert "Secure-Session-Registration" not in answer


def test_after_a_switch_the_browser_renews_what_it_has(
    site: LiveSite, device: Device, key: PrivateKey
) -> None:
    """To session keys and back: each renewal says which cookie it is now, and no copy outlives it."""
    sid = sid_of(device)
    site.settings.AUTHKIT_MODE = "session"
    site.configure(ACCEPT=["session", "jwt"])
    assert device.call().status_code == 200
    assert SESSION_COOKIE in device.cookies
    renewed = prove(device, key, sid)
    assert body(renewed)["credentials"][0]["name"] == "__Host-authkit_bound"
    site.advance(minutes=6)
    thief = device.copy()
    for name in ("__Host-authkit_bound", ACCESS_COOKIE):  # which have ended
        del thief.cookies[name]
    assert code(thief.call()) == (401, "device_mismatch")
    assert device.call().status_code == 200
    site.settings.AUTHKIT_MODE = "jwt"
    site.configure()
    assert device.call().status_code == 200
    renewed = prove(device, key, sid)
    assert body(renewed)["credentials"][0]["name"] == ACCESS_COOKIE
    site.advance(minutes=6)
    assert code(thief.refresh()) == (401, "device_mismatch")


@pytest.mark.parametrize("where", ["valkey", "sqlite"], indirect=True)
@pytest.mark.parametrize("policy", ["offer", "require"])
def test_a_switch_to_session_keys_exchanges_nothing_without_the_device(
    site: LiveSite, ada: User, device: Device, key: PrivateKey, policy: str
) -> None:
    """A stolen refresh token opens no page and gets no key, nor keeps the login alive; the owner goes on."""
    sid, path = sid_of(device), "/account/devices/"
    thief = device.copy()
    thief.address = "203.0.113.9"
    del thief.cookies[ACCESS_COOKIE]
    site.settings.AUTHKIT_MODE = "session"
    site.configure(ACCEPT=["session", "jwt"], DEVICE_BOUND=policy)
    before = sessions_of(ada)
    with heard(signals.device_binding_failed) as sent:
        assert code(thief.refresh()) == (401, "device_mismatch")
        in_body = thief.post("/auth/refresh/", {"refresh": thief.cookies[REFRESH_COOKIE]}, anonymous=True)
        assert code(in_body) == (401, "device_mismatch")
        for navigation in ({}, NAVIGATION):
            page = thief.get(path, navigation)
            assert (page.status_code, SESSION_COOKIE in page.cookies) == (302, False)
    assert [each["session"].sid for each in sent] == [sid]
    assert sessions_of(ada) == before
    assert device.refresh().status_code == 200
    assert SESSION_COOKIE in device.cookies
    site.advance(minutes=6)
    assert code(thief.refresh()) == (401, "device_mismatch"), "also when the owner has a key"
    assert prove(device, key, sid).status_code == 200
    assert device.get(path).status_code == 200


def test_turned_off_refresh_tokens_work_as_before(site: LiveSite, device: Device, key: PrivateKey) -> None:
    """Bound sessions go on without proofs, and their browsers are told to forget the key."""
    sid = sid_of(device)
    site.configure(DEVICE_BOUND="off")
    site.advance(minutes=6)
    answer = device.refresh()
    assert answer.status_code == 200
    assert answer[TIMER] == "300"
    assert not answer.cookies[ACCESS_COOKIE]["max-age"]
    assert body(renew(device, sid))["continue"] is False


def test_a_renewal_costs_what_a_refresh_does(site: LiveSite, device: Device, key: PrivateKey) -> None:
    """One round trip, which exchanges the refresh token and the challenge; and the user."""
    sid = sid_of(device)
    text = proof(key, challenge_of(renew(device, sid)))
    with site.counted() as trips:
        assert renew(device, sid, text).status_code == 200
    assert len(trips.commands) == (1 if site.on_redis else 0), trips
    assert len(trips.queries) <= (1 if site.on_redis else 4), trips


def test_links_of_other_hosts_renew_no_tokens(site: LiveSite, device: Device, key: PrivateKey) -> None:
    """Without the refresh cookie there is nothing to exchange, so browsers are not told of such hosts."""
    site.configure(BOUND_SCOPE={"INITIATORS": ["mail.test"]})
    assert "allowed_refresh_initiators" not in body(prove(device, key, sid_of(device)))
