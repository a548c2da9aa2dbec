"""DPoP: what a thief without the key tries. The sections are those of RFC 9449's security considerations."""

import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from warnings import catch_warnings

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth.models import User
from django.http import HttpResponse
from jwt.warnings import InsecureKeyLengthWarning

from django_authkit import sessions_of
from support.bound_browser import raw
from support.client import Device, code
from support.client_keys import jwk_of, new_key
from support.dpop_client import ProvingDevice, claims_of, hash_of, signed
from support.live_site import LiveSite, by_header, in_session_mode

pytestmark = by_header
VIEW = "/api/whoami/"
INVALID = (401, "dpop_proof_invalid")


@pytest.fixture
def site(live: LiveSite) -> LiveSite:
    """Return the site, empty."""
    return live


@pytest.fixture
def ada(site: LiveSite) -> User:
    """Return a user."""
    return site.add_user("ada")


@pytest.fixture
def app(site: LiveSite, ada: User) -> ProvingDevice:
    """Return an app that has logged in and whose nonce is fresh."""
    app = ProvingDevice(site.mode)
    assert app.log_in().status_code == 200
    assert app.call().status_code == 200
    return app


def send(app: Device, proof: str, *, method: str = "GET", path: str = VIEW, access: str = "") -> HttpResponse:
    """Send the app's credential with a proof that somebody else has made."""
    headers = {"Authorization": f"DPoP {access or app.access}", "DPoP": proof}
    return Device.send(app, method, path, headers=headers)


def said(app: ProvingDevice, **changes: Any) -> dict[str, Any]:
    """Return what a good proof for the view says, with changes."""
    return claims_of("GET", VIEW, app.access, **{"nonce": app.nonce, **changes})


def by_no_algorithm(app: ProvingDevice) -> str:
    """Return a proof without a signature."""
    return raw({"alg": "none", "typ": "dpop+jwt", "jwk": jwk_of(app.key)}, said(app))


def by_hmac(app: ProvingDevice) -> str:
    """Return a proof that the public key signs, as the secret of an HMAC."""
    header = {"alg": "HS256", "typ": "dpop+jwt", "jwk": jwk_of(app.key)}
    public, claims = json.dumps(jwk_of(app.key), separators=(",", ":"), sort_keys=True), said(app)
    text = raw(header, claims).rpartition(".")[0]
    return raw(header, claims, hmac.digest(public.encode(), text.encode(), "sha256"))


def by_shown_secret(app: ProvingDevice) -> str:
    """Return a proof by a secret that it shows."""
    secret = {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}
    return jwt.encode(
        said(app), "secret" * 6, "HS256", headers={"typ": "dpop+jwt", "jwk": secret, "alg": "HS256"}
    )


def by_another_key(app: ProvingDevice) -> str:
    """Return a proof that shows the app's key and is signed with another."""
    return signed(new_key(), said(app), jwk=jwk_of(app.key))


def with_the_private_key(app: ProvingDevice) -> str:
    """Return a proof that shows the whole key."""
    return signed(app.key, said(app), jwk=jwk_of(app.key, private=True))


def without_a_key(app: ProvingDevice) -> str:
    """Return a proof that shows no key."""
    return signed(app.key, said(app), jwk=None)


def by_a_weak_key(app: ProvingDevice) -> str:
    """Return a proof by an RSA key that is too short."""
    with catch_warnings(category=InsecureKeyLengthWarning, action="ignore"):
        return signed(rsa.generate_private_key(65537, 1024), said(app))  # noqa: S505


def by_pss(app: ProvingDevice) -> str:
    """Return a proof by an algorithm that is not offered."""
    key = rsa.generate_private_key(65537, 2048)
    return jwt.encode(said(app), key, "PS256", headers={"typ": "dpop+jwt", "jwk": jwk_of(key)})


def of_another_type(app: ProvingDevice) -> str:
    """Return a JWT of the app's key that is no proof (11.5)."""
    return signed(app.key, said(app), typ="JWT")


def of_a_browser(app: ProvingDevice) -> str:
    """Return a proof of Device Bound Session Credentials (11.5)."""
    return signed(app.key, said(app), typ="dbsc+jwt")


def with_critical_headers(app: ProvingDevice) -> str:
    """Return a proof with an extension that has to be understood."""
    return signed(app.key, said(app), crit=["b64"], b64=True)


def in_two_headers(app: ProvingDevice) -> str:
    """Return what a server makes of two headers."""
    proof = signed(app.key, said(app))
    return f"{proof},{proof}"


FORGED = [
    by_no_algorithm,
    by_hmac,
    by_shown_secret,
    by_another_key,
    with_the_private_key,
    without_a_key,
    by_a_weak_key,
    by_pss,
    of_another_type,
    of_a_browser,
    with_critical_headers,
    in_two_headers,
]


@pytest.mark.parametrize("forge", FORGED, ids=lambda each: each.__name__)
def test_a_forged_proof(app: ProvingDevice, forge: Callable[[ProvingDevice], str]) -> None:
    """It opens nothing, and the owner goes on (11.5, 11.6)."""
    assert code(send(app, forge(app))) == INVALID
    assert app.call().status_code == 200


@pytest.mark.parametrize("forge", FORGED, ids=lambda each: each.__name__)
def test_a_login_with_a_forged_proof(
    site: LiveSite, ada: User, forge: Callable[[ProvingDevice], str]
) -> None:
    """It is a 400, and starts nothing."""
    app = ProvingDevice(site.mode)
    body = json.dumps({"username": "ada", "password": "correct horse battery staple"}).encode()
    headers = {"X-Authkit-Transport": "header", "DPoP": forge(app)}
    answer = Device.send(app, "POST", "/auth/login/", body, headers=headers)
    assert code(answer) == (400, "dpop_proof_invalid")
    assert not sessions_of(ada)


@pytest.mark.parametrize(
    "changes",
    [
        {"htm": "POST"},
        {"htm": "get"},
        {"htu": "https://testserver/api/notes/"},
        {"htu": "https://testserver/auth/session/"},
        {"htu": "https://evil.example/api/whoami/"},
        {"htu": "http://testserver/api/whoami/"},
        {"htu": "https://testserver:8443/api/whoami/"},
        {"htu": "https://testserver/api/whoami"},
        {"htu": "/api/whoami/"},
        {"ath": None},
        {"ath": hash_of("another credential")},
    ],
    ids=str,
)
def test_a_proof_for_another_request(app: ProvingDevice, changes: dict[str, Any]) -> None:
    """A proof for another method, origin, path or credential is refused (11.1, 11.7)."""
    assert code(send(app, signed(app.key, said(app, **changes)))) == INVALID


def test_a_proof_covers_no_body(site: LiveSite, ada: User, app: ProvingDevice) -> None:
    """Who reads a request on its way can send it with another body, unless a proof works once (11.7)."""
    path = f"/auth/sessions/{site.sid(app)}/"
    for single_use, statuses, left in ((False, [200, 200], "stolen"), (True, [200, 401], "mine")):
        site.configure(DPOP={"SINGLE_USE": single_use})
        headers = {"Authorization": f"DPoP {app.access}", "DPoP": app.prove("PATCH", path, app.access)}
        answers = [
            Device.send(app, "PATCH", path, json.dumps({"label": label}).encode(), headers=headers)
            for label in ("mine", "stolen")
        ]
        assert [each.status_code for each in answers] == statuses
        assert sessions_of(ada)[0].label == left


def test_a_proof_of_another_login_of_the_same_key(site: LiveSite, ada: User, app: ProvingDevice) -> None:
    """A proof goes with one credential, although another is bound to the same key (11.8)."""
    other = ProvingDevice(site.mode)
    other.key = app.key
    other.log_in()
    proof = signed(app.key, said(app))
    assert code(send(app, proof, access=other.access)) == INVALID
    assert send(app, proof).status_code == 200


def test_a_replayed_proof_dies_with_its_nonce(site: LiveSite, app: ProvingDevice) -> None:
    """A request that was read on its way can be repeated for two minutes at most (11.1)."""
    site.configure(LIFETIMES={"ACCESS": timedelta(minutes=10)})
    app.refresh()
    proof = signed(app.key, said(app))
    assert send(app, proof).status_code == 200
    site.advance(seconds=121)
    assert code(send(app, proof)) == (401, "use_dpop_nonce")


def test_a_replayed_proof_that_works_once(site: LiveSite, app: ProvingDevice) -> None:
    """With ``SINGLE_USE`` it cannot be repeated at all, and nobody else can use up an id (11.1)."""
    site.configure(DPOP={"SINGLE_USE": True})
    claims = said(app)
    attacker = ProvingDevice(site.mode)
    assert code(send(app, signed(attacker.key, claims))) == (401, "device_mismatch")
    proof = signed(app.key, claims)
    assert [send(app, proof).status_code for _ in range(3)] == [200, 401, 401]
    assert app.call().status_code == 200


def test_a_proof_that_was_made_in_advance(site: LiveSite, app: ProvingDevice) -> None:
    """Whoever had the key for a moment has no nonce of tomorrow (11.2)."""
    site.configure(LIFETIMES={"ACCESS": timedelta(minutes=10)})
    app.refresh()
    later = said(app)["iat"] + 300
    site.advance(minutes=5)
    for nonce in (app.nonce, "0" * 32, None):
        assert code(send(app, signed(app.key, said(app, iat=later, nonce=nonce)))) == (401, "use_dpop_nonce")


def test_a_proof_without_the_nonce(app: ProvingDevice) -> None:
    """The nonce cannot be left out, for a client that knows one or not (11.3)."""
    assert code(send(app, signed(app.key, said(app, nonce=None)))) == (401, "use_dpop_nonce")


def test_credentials_as_proofs(site: LiveSite, app: ProvingDevice) -> None:
    """A token of ours is no proof, and a proof is no token (11.5)."""
    for text in filter(None, (app.access, app.refresh_token)):
        assert code(send(app, text)) == INVALID
    proof = signed(app.key, said(app))
    assert send(app, proof, access=proof).status_code == 401


@in_session_mode
def test_keeping_an_abandoned_login_alive(site: LiveSite, ada: User, app: ProvingDevice) -> None:
    """Requests with a copied session key, all refused, do not put off the idle timeout; the app's own do."""
    site.configure(LIFETIMES={"IDLE": timedelta(hours=1)})
    for _ in range(2):
        site.advance(minutes=50)
        assert app.call().status_code == 200
    (before,) = sessions_of(ada)
    assert before.last_seen_ms > before.created_ms
    for _ in range(3):
        site.advance(minutes=15)
        for scheme, headers in (
            ("Bearer", {}),
            ("DPoP", {}),
            ("DPoP", {"DPoP": signed(new_key(), said(app))}),
            ("DPoP", {"DPoP": signed(app.key, said(app, ath=hash_of("another")))}),
        ):
            sent = {"Authorization": f"{scheme} {app.access}", **headers}
            assert Device.send(app, "GET", VIEW, headers=sent).status_code == 401
        assert code(Device.send(app, "POST", "/auth/refresh/", headers={}))[0] in {400, 401}
    assert sessions_of(ada) == (before,)
    site.advance(minutes=16)
    assert sessions_of(ada) == ()


def test_a_bound_credential_in_a_cookie(site: LiveSite, app: ProvingDevice) -> None:
    """No transport lets a bound credential in without its proof."""
    names = ["__Host-sessionid", "__Host-authkit_access", "__Host-authkit_refresh"]
    browser = site.device()
    for text in filter(None, (app.access, app.refresh_token)):
        browser.cookies = dict.fromkeys(names, text)
        for path in (VIEW, "/auth/session/"):
            for proof in ({}, {"DPoP": app.prove("GET", path, text)}, {"DPoP": signed(new_key(), said(app))}):
                assert Device.send(browser, "GET", path, headers=proof).status_code == 401
        page = Device.send(browser, "GET", "/plain/whoami/", headers={"Sec-Fetch-Mode": "navigate"})
        assert b"ada" not in page.content
    assert app.call().status_code == 200
    assert app.refresh().status_code == 200
