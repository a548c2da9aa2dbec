"""``DEVICE_BOUND``: a browser binds its login to its device, and a copy of its cookies is worth nothing."""

from base64 import urlsafe_b64decode

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.http import HttpResponse

from django_authkit import sessions_of, signals
from django_authkit.session_engine import SessionStore
from support.bound_browser import BOUND, bind, challenge_of, offered, proof, register, renew
from support.client import ACCESS_COOKIE, SESSION_COOKIE, Device, body, code
from support.client_keys import new_key
from support.live_site import LiveSite, by_cookie, in_session_mode
from support.signals import heard

pytestmark = [in_session_mode, by_cookie]


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


def sid_of(user: User) -> str:
    """Return the sid of the user's one auth session."""
    (session,) = sessions_of(user)
    return session.sid


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_browser_binds_its_login(ada: User, device: Device, login: HttpResponse, algorithm: str) -> None:
    """The login offers it; the registration is told what to keep, and sets the bound cookie."""
    answer = register(device, new_key(algorithm), offered(login)["challenge"])
    assert answer.status_code == 200, answer.content
    assert body(answer) == {
        "session_identifier": sid_of(ada),
        "refresh_url": "/auth/bound/refresh/",
        "scope": {
            "include_site": False,
            "scope_specification": [{"type": "exclude", "domain": "*", "path": "/static/"}],
        },
        "credentials": [
            {"type": "cookie", "name": BOUND, "attributes": "Path=/; Secure; HttpOnly; SameSite=Lax"}
        ],
    }
    morsel = answer.cookies[BOUND]
    assert (morsel["max-age"], morsel["path"], morsel["samesite"]) == (600, "/", "Lax")
    assert morsel["secure"]
    assert morsel["httponly"]
    assert not morsel["domain"]
    assert device.call().status_code == 200
    assert "kty" in sessions_of(ada)[0].device_key


def test_the_device_renews_the_cookie_with_its_key(
    site: LiveSite, ada: User, device: Device, login: HttpResponse
) -> None:
    """With the challenge that came last, or after a 403 with a fresh one, as after a restart."""
    key, registered = bind(device, login)
    site.advance(seconds=605)
    device.cookies.pop(BOUND)
    assert code(device.call()) == (401, "device_mismatch")
    first = renew(device, sid_of(ada), proof(key, challenge_of(registered)))
    assert first.status_code == 200
    assert device.call().status_code == 200
    site.advance(hours=2)
    device.cookies.pop(BOUND)
    stale = renew(device, sid_of(ada), proof(key, challenge_of(first)))
    assert stale.status_code == 403
    assert BOUND not in stale.cookies
    unproved = renew(device, sid_of(ada))
    assert unproved.status_code == 403
    assert renew(device, sid_of(ada), f'"{proof(key, challenge_of(unproved))}"').status_code == 200
    assert device.call().status_code == 200


def test_the_key_alone_opens_no_session_of_a_bound_login(
    site: LiveSite, ada: User, device: Device, login: HttpResponse
) -> None:
    """Code that opens a session by its key, without the request, gets an empty one."""
    key = device.cookies[SESSION_COOKIE]
    assert SessionStore(key).get(SESSION_KEY) == str(ada.pk)
    bind(device, login)
    assert device.call().status_code == 200
    site.advance(seconds=15)
    assert SessionStore(key).get(SESSION_KEY) is None
    assert device.call().status_code == 200


def test_the_list_of_devices_says_what_is_bound(site: LiveSite, device: Device, login: HttpResponse) -> None:
    """In the API and on the device page; another login of the user is not bound."""
    bind(device, login)
    site.logged_in()
    rows = body(device.get("/auth/sessions/"))["results"]
    assert [(row["current"], row["bound"]) for row in sorted(rows, key=lambda row: row["current"])] == [
        (False, False),
        (True, True),
    ]
    assert device.get("/account/devices/").content.count(b"bound to its device") == 1


def test_a_copy_of_the_cookies_dies_with_the_bound_cookie(
    site: LiveSite, ada: User, device: Device, login: HttpResponse
) -> None:
    """A thief uses both while they live; then each use is refused and told, and the owner goes on."""
    key, registered = bind(device, login)
    thief = device.copy()
    thief.address = "203.0.113.9"
    assert thief.call().status_code == 200
    site.advance(seconds=606)
    renew(device, sid_of(ada), proof(key, challenge_of(registered)))
    with heard(signals.device_binding_failed) as sent:
        assert code(thief.call()) == (401, "device_mismatch")
        assert code(thief.refresh()) == (401, "device_mismatch")
        bearer = {"Authorization": f"Bearer {thief.cookies[SESSION_COOKIE]}"}
        assert code(thief.send("GET", "/api/whoami/", headers=bearer)) == (401, "device_mismatch")
        assert thief.verify(thief.cookies[SESSION_COOKIE]) == {"active": False}
        assert thief.get("/plain/whoami/").content != device.get("/plain/whoami/").content
    assert [(each["session"].sid, each["address"]) for each in sent] == [(sid_of(ada), "203.0.113.9")]
    assert SESSION_COOKIE in thief.cookies
    assert device.call().status_code == 200


def test_a_session_key_alone_is_refused_from_the_first_use_of_the_binding(
    site: LiveSite, device: Device, login: HttpResponse
) -> None:
    """Requests that were on their way have ten seconds; a copy from before the registration has no more."""
    thief = device.copy()
    register(device, new_key(), offered(login)["challenge"])
    site.advance(minutes=5)
    assert thief.call().status_code == 200  # the answer to the registration may be lost
    assert device.call().status_code == 200
    site.advance(seconds=8)
    assert thief.call().status_code == 200
    site.advance(seconds=3)
    assert code(thief.call()) == (401, "device_mismatch")
    assert device.call().status_code == 200


def test_after_a_lost_answer_the_browser_registers_another_key(
    ada: User, device: Device, login: HttpResponse
) -> None:
    """Until a binding is used, the next registration replaces it; afterwards none does."""
    challenge = offered(login)["challenge"]
    other = device.copy()
    register(other, new_key(), challenge)
    key, _ = bind(device, login)
    assert code(register(other, new_key(), challenge)) == (401, "session_ended")
    unproved = renew(device, sid_of(ada))
    assert renew(device, sid_of(ada), proof(key, challenge_of(unproved))).status_code == 200


def test_a_thief_is_offered_no_binding(
    site: LiveSite, ada: User, device: Device, login: HttpResponse
) -> None:
    """Whoever has a copy of the session cookie gets it again from a refresh, and no offer to bind it."""
    thief = device.copy()
    for answer in (thief.refresh(), thief.call(), thief.get("/account/devices/")):
        assert answer.status_code == 200
        assert "Secure-Session-Registration" not in answer
    site.settings.AUTHKIT_MODE = "jwt"
    site.configure(ACCEPT=["session", "jwt"])
    switched = thief.call()
    assert ACCESS_COOKIE in switched.cookies
    assert "Secure-Session-Registration" not in switched


def test_a_proof_counts_once(ada: User, device: Device, login: HttpResponse) -> None:
    """Presented again, it is answered with another challenge, and sets no cookie."""
    key, registered = bind(device, login)
    text = proof(key, challenge_of(registered))
    assert renew(device, sid_of(ada), text).status_code == 200
    again = renew(device, sid_of(ada), text)
    assert again.status_code == 403
    assert BOUND not in again.cookies
    assert challenge_of(again) != challenge_of(registered)


def test_too_many_forged_proofs_are_answered_like_an_outage(
    site: LiveSite, ada: User, device: Device, login: HttpResponse
) -> None:
    """It is 503, since after a 429 a browser forgets its key; a good proof still counts."""
    key, registered = bind(device, login)
    site.configure(RATES={"REFRESH": "2/min"})
    forged = proof(new_key(), challenge_of(registered))
    assert [renew(device, sid_of(ada), forged).status_code for _ in range(3)] == [400, 400, 503]
    assert renew(device, sid_of(ada), proof(key, challenge_of(registered))).status_code == 200


def test_a_challenge_does_not_show_when_the_owner_is_active(
    site: LiveSite, ada: User, device: Device, login: HttpResponse
) -> None:
    """Whoever knows a sid gets challenges that tell nothing of the renewals in between."""
    key, registered = bind(device, login)
    anybody, sid = site.device(), sid_of(ada)
    before, again = (challenge_of(renew(anybody, sid)) for _ in range(2))
    assert renew(device, sid, proof(key, challenge_of(registered))).status_code == 200
    after = challenge_of(renew(anybody, sid))
    assert len({before, again, after}) == 3
    content = urlsafe_b64decode(before) + urlsafe_b64decode(after)
    session = sessions_of(ada)[0]
    assert session.device_nonce
    for secret in (session.device_nonce, session.device_key):
        assert secret.encode() not in content


def test_a_challenge_is_for_one_auth_session(
    site: LiveSite, ada: User, bob: User, device: Device, login: HttpResponse
) -> None:
    """A proof for another one, and one of a registration, renew nothing; nor does a renewal register."""
    other = site.device()
    key, _ = bind(other, other.log_in("bob"))
    of_bob = challenge_of(renew(other, sid_of(bob)))
    assert code(register(device, new_key(), of_bob)) == (400, "device_proof_invalid")
    assert sessions_of(ada)[0].device_key == ""
    key_of_ada, registered = bind(device, login)
    of_ada = challenge_of(registered)
    for challenge in (offered(login)["challenge"], of_ada, of_bob[1:]):
        assert renew(other, sid_of(bob), proof(key, challenge)).status_code == 403
    assert code(renew(other, sid_of(bob), proof(key_of_ada, of_ada))) == (400, "device_proof_invalid")


@pytest.mark.parametrize("how", ["logout", "revoked", "another login"])
def test_a_browser_forgets_the_key_with_the_login(
    site: LiveSite, ada: User, bob: User, device: Device, login: HttpResponse, how: str
) -> None:
    """After a logout, a revocation or another login its next renewal is told to stop."""
    key, registered = bind(device, login)
    sid, text = sid_of(ada), proof(key, challenge_of(registered))
    if how == "logout":
        assert device.log_out().status_code == 204
        assert BOUND not in device.cookies
    elif how == "revoked":
        site.logged_in().delete(f"/auth/sessions/{sid}/")
    else:
        offered(device.log_in("bob"))
    answer = renew(device, sid, text)
    assert (answer.status_code, body(answer)) == (200, {"session_identifier": sid, "continue": False})
    assert BOUND not in answer.cookies


def test_re_authentication_keeps_the_binding(
    site: LiveSite, ada: User, device: Device, login: HttpResponse
) -> None:
    """The new key needs the bound cookie, and is offered no other registration."""
    key, registered = bind(device, login)
    answer = device.reauthenticate()
    assert answer.status_code == 200
    assert "Secure-Session-Registration" not in answer
    thief = device.copy()
    del thief.cookies[BOUND]
    site.advance(seconds=11)
    assert code(thief.call()) == (401, "device_mismatch")
    assert renew(device, sid_of(ada), proof(key, challenge_of(registered))).status_code == 200


def test_only_the_own_origin_registers_and_renews(ada: User, device: Device, login: HttpResponse) -> None:
    """Any other source is a 403 without a challenge, whatever it presents."""
    key, registered = bind(device, login)
    text = proof(key, challenge_of(registered))
    evil = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test"}
    for source in (evil, {"Sec-Fetch-Site": "same-site"}):
        answer = renew(device, sid_of(ada), text, **source)
        assert code(answer) == (403, "csrf_failed")
        assert "Secure-Session-Challenge" not in answer
    assert renew(device, sid_of(ada), text).status_code == 200


def test_a_link_from_another_site_logs_nobody_out(
    site: LiveSite, device: Device, login: HttpResponse
) -> None:
    """The page opens itself again, now from this origin, for which the browser proves its device."""
    bind(device, login)
    site.advance(seconds=606)
    device.cookies.pop(BOUND)
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    answer = device.get("/plain/whoami/", link)
    assert b'http-equiv="refresh"' in answer.content
    assert answer["Cache-Control"] == "no-store"
    answer = device.get("/plain/whoami/", {**link, "Sec-Fetch-Site": "same-origin"})
    assert b'http-equiv="refresh"' not in answer.content
    assert SESSION_COOKIE in device.cookies


def test_a_browser_without_the_feature_goes_on_as_before(
    site: LiveSite, device: Device, login: HttpResponse
) -> None:
    """It ignores the offer, and without the setting there is none."""
    site.advance(hours=1)
    assert device.call().status_code == 200
    site.configure(DEVICE_BOUND="off")
    assert "Secure-Session-Registration" not in device.log_in()


def test_a_bound_session_costs_no_round_trip_more(
    site: LiveSite, device: Device, login: HttpResponse
) -> None:
    """The bound cookie is checked by its signature."""
    with site.counted() as unbound:
        device.call()
    bind(device, login)
    with site.counted() as bound:
        device.call()
    assert len(bound.commands + bound.queries) == len(unbound.commands + unbound.queries)


def test_a_renewal_takes_one_round_trip(
    site: LiveSite, ada: User, device: Device, login: HttpResponse
) -> None:
    """The challenge says which key has to have signed it, so the record is not read first."""
    key, registered = bind(device, login)
    sid = sid_of(ada)
    text = proof(key, challenge_of(renew(device, sid, proof(key, challenge_of(registered)))))
    with site.counted() as trips:
        assert renew(device, sid, text).status_code == 200
    assert len(trips.commands) == (1 if site.on_redis else 0), trips
    assert len(trips.queries) <= (0 if site.on_redis else 2), trips


def test_turned_off_nobody_needs_the_bound_cookie(
    site: LiveSite, ada: User, device: Device, login: HttpResponse
) -> None:
    """Bound sessions go on without it, and their browsers are told to forget the key."""
    bind(device, login)
    site.configure(DEVICE_BOUND="off")
    site.advance(seconds=606)
    del device.cookies[BOUND]
    assert device.call().status_code == 200
    assert body(renew(device, sid_of(ada)))["continue"] is False


@pytest.mark.parametrize("path", ["/api/bound/", "/plain/bound/"])
def test_a_view_may_require_the_binding(device: Device, login: HttpResponse, path: str) -> None:
    """``DeviceBound`` and ``device_bound_required``: 403 without it, 401 without a login."""
    assert device.get(path, {"Accept": "application/json"}).status_code == 403
    assert code(device.get(path, {"Accept": "application/json"})) == (403, "device_binding_required")
    bind(device, login)
    assert device.get(path).status_code == 200
    device.cookies.clear()
    assert device.get(path).status_code == 401


def test_a_project_says_for_which_requests_the_cookie_is_renewed(
    site: LiveSite, ada: User, device: Device, login: HttpResponse
) -> None:
    """Paths and hosts of its own are in the registration; a renewal for such a link has no cookies."""
    site.configure(BOUND_SCOPE={"EXCLUDE": ["/media/"], "INITIATORS": ["mail.test"]})
    key, registered = bind(device, login)
    rules = body(registered)["scope"]["scope_specification"]
    assert [rule["path"] for rule in rules] == ["/static/", "/media/"]
    assert body(registered)["allowed_refresh_initiators"] == ["mail.test"]
    link = Device(device.mode, device.transport, device.address)
    from_mail = {"Sec-Fetch-Site": "cross-site", "Origin": "https://mail.test"}
    answer = renew(link, sid_of(ada), proof(key, challenge_of(registered)), **from_mail)
    assert answer.status_code == 200
    assert set(answer.cookies) == {BOUND}
