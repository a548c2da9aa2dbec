"""What an attacker without the key of a device can present to renew, or to take over, a bound login."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.http import HttpResponse

from django_authkit import sessions_of
from django_authkit.session_engine import SessionStore
from support.bound_browser import (
    BOUND,
    SAME_ORIGIN,
    bind,
    by_public_key,
    challenge_of,
    offered,
    proof,
    raw,
    register,
    renew,
)
from support.client import SESSION_COOKIE, Device, body, code
from support.client_keys import PrivateKey, jwk_of, new_key
from support.live_site import LiveSite, by_cookie, in_session_mode

pytestmark = by_cookie


@pytest.fixture
def site(live: LiveSite) -> LiveSite:
    """Return the site, empty."""
    return live


@pytest.fixture
def ada(site: LiveSite) -> User:
    """Return a user."""
    return site.add_user("ada")


@pytest.fixture
def bob(site: LiveSite) -> User:
    """Return another user."""
    return site.add_user("bob")


@pytest.fixture
def device(site: LiveSite, ada: User) -> Device:
    """Return a browser, and the site that offers to bind its login."""
    site.configure(DEVICE_BOUND="offer")
    return site.device()


@pytest.fixture
def login(device: Device) -> HttpResponse:
    """Return the answer to its login."""
    return device.log_in()


def sid_of(user: User) -> str:
    """Return the sid of the user's one auth session."""
    (session,) = sessions_of(user)
    return session.sid


def swapped(text: str, challenge: str) -> str:
    """Return a proof whose claims were replaced, with the old signature."""
    header, _, signature = text.split(".")
    claims = urlsafe_b64encode(json.dumps({"jti": challenge}).encode()).decode().rstrip("=")
    return f"{header}.{claims}.{signature}"


FORGED: dict[str, Callable[[PrivateKey, str], str]] = {
    "another key": lambda _, challenge: proof(new_key(), challenge),
    "another type": lambda key, challenge: proof(key, challenge, typ="JWT"),
    "the type of DPoP": lambda key, challenge: proof(key, challenge, typ="dpop+jwt"),
    "no type": lambda key, challenge: proof(key, challenge, typ=None),
    "no algorithm": lambda _, challenge: raw({"alg": "none", "typ": "dbsc+jwt"}, {"jti": challenge}),
    "no signature": lambda key, challenge: proof(key, challenge).rpartition(".")[0] + ".",
    "an RSA key": lambda _, challenge: proof(new_key("RS256"), challenge),
    "the public key as a secret": by_public_key,
    "critical extensions": lambda key, challenge: proof(key, challenge, crit=["exp"]),
    "an address of a key": lambda _, challenge: proof(new_key(), challenge, jku="https://evil.test/jwks"),
    "its own key": lambda _, challenge: proof(new_key(), challenge, shows_key=True),
    "other claims": lambda key, challenge: swapped(proof(key, "x"), challenge),
    "no challenge": lambda key, _: jwt.encode({}, key, "ES256", headers={"typ": "dbsc+jwt"}),
    "no JWT": lambda *_: "x.y.z",
    "too long": lambda key, challenge: proof(key, challenge * 60),
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_proof_renews_nothing(ada: User, device: Device, login: HttpResponse, forged: str) -> None:
    """It is 400 with a code, without a cookie; the auth session goes on, and so does its device."""
    key, registered = bind(device, login)
    challenge = challenge_of(registered)
    before = sessions_of(ada)
    answer = renew(device, sid_of(ada), FORGED[forged](key, challenge))
    assert code(answer) == (400, "device_proof_invalid")
    assert not answer.cookies
    assert [each.device_nonce for each in sessions_of(ada)] == [each.device_nonce for each in before]
    assert renew(device, sid_of(ada), proof(key, challenge)).status_code == 200


def test_a_stale_or_replayed_proof_renews_nothing(
    site: LiveSite, ada: User, device: Device, login: HttpResponse
) -> None:
    """It was used already, or signed an hour in advance: 403 with another challenge, and no cookie."""
    key, registered = bind(device, login)
    used, kept = proof(key, challenge_of(registered)), device.copy()
    first = renew(device, sid_of(ada), used)
    assert first.status_code == 200
    in_advance = proof(key, challenge_of(first))
    site.advance(minutes=61)
    for text in (used, in_advance):
        answer = renew(kept, sid_of(ada), text)
        assert answer.status_code == 403
        assert not answer.cookies


def test_a_proof_is_for_one_auth_session_of_one_browser(
    site: LiveSite, ada: User, bob: User, device: Device, login: HttpResponse
) -> None:
    """Neither Bob's challenge, nor Bob's key, nor Bob's cookies renew Ada's login."""
    key, registered = bind(device, login)
    other = site.device()
    key_of_bob, of_bob = bind(other, other.log_in("bob"))
    sid, challenge = sid_of(ada), challenge_of(registered)
    assert renew(device, sid, proof(key, challenge_of(of_bob))).status_code == 403
    assert code(renew(device, sid, proof(key_of_bob, challenge))) == (400, "device_proof_invalid")
    elsewhere = renew(other, sid, proof(key, challenge))
    assert (body(elsewhere)["continue"], len(elsewhere.cookies)) == (False, 0)
    assert renew(device, sid, proof(key, challenge)).status_code == 200


@in_session_mode
def test_keeping_an_abandoned_login_alive(site: LiveSite, ada: User, device: Device) -> None:
    """Requests with a copied session key, all refused, do not put off the idle timeout."""
    site.configure(LIFETIMES={"IDLE": timedelta(hours=1)})
    bind(device, device.log_in())
    (before,) = sessions_of(ada)
    thief, key = device.copy(), device.cookies[SESSION_COOKIE]
    thief.cookies.pop(BOUND)
    for _ in range(3):
        site.advance(minutes=15)
        assert code(thief.call()) == code(thief.refresh()) == (401, "device_mismatch")
        assert code(thief.get("/api/whoami/", {"Authorization": f"Bearer {key}"}))[0] == 401
        assert SessionStore(key).get(SESSION_KEY) is None
    assert sessions_of(ada) == (before,)
    site.advance(minutes=16)
    assert sessions_of(ada) == ()


@pytest.mark.parametrize("source", ["cross-site", "same-site"])
def test_another_origin_renews_and_registers_nothing(
    ada: User, device: Device, login: HttpResponse, source: str
) -> None:
    """Not even with a good proof, which a page of another origin might have been sent."""
    key = new_key()
    shown = proof(key, offered(login)["challenge"], shows_key=True)
    headers = {"Sec-Fetch-Site": source, "Origin": "https://evil.test", "Secure-Session-Response": shown}
    registered = device.send("POST", "/auth/bound/register/", headers=headers, content_type="")
    assert code(registered) == (403, "csrf_failed")
    assert sessions_of(ada)[0].device_key == ""
    key, good = bind(device, login)
    text = proof(key, challenge_of(good))
    evil = {"Sec-Fetch-Site": source, "Origin": "https://evil.test"}
    assert code(renew(device, sid_of(ada), text, **evil)) == (403, "csrf_failed")


def test_another_origin_learns_nothing_from_a_renewal(
    site: LiveSite, device: Device, login: HttpResponse
) -> None:
    """Logged in or not, its page gets the same answer, after the same work: nothing was looked up for it."""
    bind(device, login)
    evil = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test"}  # no page sets a Sec- header
    for scope in ({}, {"INITIATORS": ["mail.test"]}):
        site.configure(BOUND_SCOPE=scope)
        browsers = (device, site.device())
        with site.counted() as trips:
            one, other = (
                each.send("POST", "/auth/bound/refresh/", headers=evil, content_type="") for each in browsers
            )
        assert not trips.commands + trips.queries
        assert (one.status_code, body(one)) == (other.status_code, body(other))
        assert not [name for name in one.headers if name.startswith("Access-Control-")]
        assert not one.cookies


def test_any_challenge_since_the_last_proof_counts(ada: User, device: Device, login: HttpResponse) -> None:
    """A proof and a newer challenge may cross each other on the way; after the proof neither counts again."""
    key, registered = bind(device, login)
    sid = sid_of(ada)
    older, newer = challenge_of(registered), challenge_of(renew(device, sid))
    assert renew(device, sid, proof(key, older)).status_code == 200
    for used in (older, newer):
        assert renew(device, sid, proof(key, used)).status_code == 403


def small_key() -> PrivateKey:
    """Return an RSA key that is too short."""
    return rsa.generate_private_key(65537, 1024)  # noqa: S505


REGISTRATIONS: dict[str, Callable[[str], str]] = {
    "no key": lambda challenge: proof(new_key(), challenge),
    "the key of somebody else": lambda challenge: proof(new_key(), challenge, jwk=jwk_of(new_key())),
    "a private key": lambda challenge: proof(new_key(), challenge, jwk={**jwk_of(new_key()), "d": "x"}),
    "a secret": lambda challenge: proof(new_key(), challenge, jwk={"kty": "oct", "k": "c2VjcmV0"}),
    "a short key": lambda challenge: proof(small_key(), challenge, shows_key=True),
    "no algorithm": lambda challenge: raw(
        {"alg": "none", "typ": "dbsc+jwt", "jwk": jwk_of(new_key())}, {"jti": challenge}
    ),
    "another challenge": lambda challenge: proof(new_key(), challenge + "x", shows_key=True),
    "another type": lambda challenge: proof(new_key(), challenge, shows_key=True, typ="JWT"),
}


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits")
@pytest.mark.parametrize("forged", REGISTRATIONS)
def test_a_forged_registration_binds_nothing(
    ada: User, device: Device, login: HttpResponse, forged: str
) -> None:
    """It is 400 with a code, and the browser can still register its own key."""
    challenge = offered(login)["challenge"]
    headers = {**SAME_ORIGIN, "Secure-Session-Response": REGISTRATIONS[forged](challenge)}
    answer = device.send("POST", "/auth/bound/register/", headers=headers, content_type="")
    assert code(answer) == (400, "device_proof_invalid")
    assert not answer.cookies
    assert sessions_of(ada)[0].device_key == ""
    assert register(device, new_key(), challenge).status_code == 200


def test_an_unknown_session_is_not_told_from_one_that_ended(device: Device, login: HttpResponse) -> None:
    """Whoever tries identifiers learns nothing: the answer says to forget it, and asks for no proof."""
    bind(device, login)
    somebody = Device(device.mode, device.transport, "203.0.113.9")
    for sid in ("AAAAAAAAAAAAAAAA", "not a sid", ""):
        answer = renew(somebody, sid)
        assert (answer.status_code, body(answer)["continue"]) == (200, False)
        assert "Secure-Session-Challenge" not in answer
