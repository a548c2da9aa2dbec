"""DPoP: a header client binds its login to its key, and a copy of its credentials is worth nothing."""

import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from django_authkit import sessions_of, signals
from django_authkit.compat.simplejwt.authentication import JWTAuthentication
from django_authkit.types import Mode
from support.access_policies import Policy
from support.client import Device, body, code
from support.client_keys import new_key
from support.dpop_client import ProvingDevice, thumbprint_of
from support.live_site import LiveSite, by_header, in_jwt_mode, in_session_mode
from support.signals import heard

pytestmark = by_header
ALGORITHMS = 'algs="ES256 Ed25519 EdDSA RS256"'
VIEWS = ["/api/whoami/", "/plain/whoami/", "/plain/whoami-async/", "/auth/session/", "/auth/sessions/"]


@pytest.fixture
def app(site: LiveSite, ada: User) -> ProvingDevice:
    """Return an app that has logged in."""
    app = ProvingDevice(site.mode)
    answer = app.log_in()
    assert answer.status_code == 200, answer.content
    return app


def plain_copy(app: ProvingDevice, site: LiveSite) -> Device:
    """Return a device that has a copy of the credentials, and no key."""
    thief = site.device()
    thief.access, thief.refresh_token = app.access, app.refresh_token
    return thief


def payload(token: str) -> Any:
    """Return the payload of a token."""
    part = token.split(".")[1]
    return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_a_login_with_a_proof_is_bound(site: LiveSite, ada: User, algorithm: str) -> None:
    """It is asked for a nonce once; then it gets credentials of the type DPoP, which open every view."""
    app = ProvingDevice(site.mode)
    app.key = new_key(algorithm)
    answer = app.log_in()
    assert body(answer)["token_type"] == "DPoP"
    assert app.challenged == 1
    (session,) = sessions_of(ada)
    assert session.is_bound
    assert session.is_dpop_bound
    if site.is_jwt:
        assert (
            payload(app.access)["cnf"] == payload(app.refresh_token)["cnf"] == {"jkt": thumbprint_of(app.key)}
        )
    assert [app.get(path).status_code for path in VIEWS] == [200] * len(VIEWS)
    assert app.challenged == 1


def test_a_login_without_a_proof_is_not_bound(site: LiveSite, ada: User, device: Device) -> None:
    """A client that knows nothing of proofs gets a bearer credential, as ever."""
    assert device.call().status_code == 200
    assert not sessions_of(ada)[0].device_key
    answer = device.call()
    assert not answer.has_header("DPoP-Nonce")


@pytest.mark.parametrize("path", VIEWS)
def test_a_bound_credential_as_bearer(site: LiveSite, app: ProvingDevice, path: str) -> None:
    """It is refused everywhere, and the owner goes on."""
    thief = plain_copy(app, site)
    answer = thief.get(path)
    assert code(answer) == (401, "device_mismatch")
    assert answer["WWW-Authenticate"].startswith('Bearer realm="api", error="invalid_token"')
    assert app.call().status_code == 200


@pytest.mark.parametrize("path", VIEWS)
def test_a_proof_by_another_key(site: LiveSite, app: ProvingDevice, path: str) -> None:
    """A thief with a key of their own is refused; a receiver hears of it once, and nothing is revoked."""
    thief = app.copy()
    thief.address = "203.0.113.9"
    with heard(signals.device_binding_failed) as calls:
        answer = thief.get(path)
        thief.get(path)
    assert code(answer) == (401, "device_mismatch")
    assert answer["WWW-Authenticate"].startswith(f'DPoP realm="api", {ALGORITHMS}, error="invalid_token"')
    (call,) = calls
    assert (call["session"].sid, call["address"]) == (site.sid(app), "203.0.113.9")


def test_an_unbound_credential_with_the_scheme(site: LiveSite, device: Device) -> None:
    """A credential that is bound to no key is refused with the scheme DPoP, with a proof and without."""
    app = ProvingDevice(site.mode)
    app.access, app.nonce = device.access, ProvingDevice(site.mode).nonce
    assert code(app.call()) == (401, "device_mismatch")
    answer = device.send("GET", "/api/whoami/", headers={"Authorization": f"DPoP {device.access}"})
    assert code(answer) == (401, "dpop_proof_invalid")
    assert f'{ALGORITHMS}, error="invalid_dpop_proof"' in answer["WWW-Authenticate"]
    assert device.call().status_code == 200


def test_a_refresh_needs_the_key(site: LiveSite, ada: User, app: ProvingDevice) -> None:
    """A copy of the refresh credential renews nothing, and is not used up by the attempt."""
    for thief in (plain_copy(app, site), app.copy()):
        assert code(thief.refresh()) == (401, "device_mismatch")
    answer = app.refresh()
    assert body(answer)["token_type"] == "DPoP"
    assert app.call().status_code == 200
    assert len(sessions_of(ada)) == 1


def test_a_refresh_without_a_fresh_nonce(site: LiveSite, app: ProvingDevice) -> None:
    """It is a 400 with the nonce and the code that OAuth clients know; again with the nonce, it works."""
    app.nonce = ""
    answer = Device.send(
        app,
        "POST",
        "/auth/refresh/",
        json.dumps({"refresh": app.refresh_token or app.access}).encode(),
        headers={"DPoP": app.prove("POST", "/auth/refresh/")},
    )
    assert code(answer) == (400, "use_dpop_nonce")
    assert body(answer)["error"] == "use_dpop_nonce"
    assert answer["DPoP-Nonce"]
    assert app.refresh().status_code == 200
    assert app.challenged == 2


def test_a_view_challenges_for_a_nonce(site: LiveSite, app: ProvingDevice) -> None:
    """Without a fresh nonce a view is a 401 that has one; while it grows old the response brings the next."""
    site.advance(minutes=5)
    app.refresh()
    challenged = app.challenged
    headers = {
        "Authorization": f"DPoP {app.access}",
        "DPoP": app.prove("GET", "/api/whoami/", app.access, nonce=None),
    }
    answer = Device.send(app, "GET", "/api/whoami/", headers=headers)
    assert code(answer) == (401, "use_dpop_nonce")
    assert f'{ALGORITHMS}, error="use_dpop_nonce"' in answer["WWW-Authenticate"]
    assert app.call().status_code == 200
    for _ in range(6):  # more than the life of a nonce, in steps shorter than that
        site.advance(seconds=50)
        assert app.get("/auth/session/").status_code in {200, 401}
    assert app.challenged == challenged


def test_the_credential_of_a_proof(app: ProvingDevice) -> None:
    """A proof for another credential, or for none, is refused."""
    for other in (None, "x" * 43):
        proof = app.prove("GET", "/api/whoami/", app.access, ath=other)
        headers = {"Authorization": f"DPoP {app.access}", "DPoP": proof}
        assert code(Device.send(app, "GET", "/api/whoami/", headers=headers)) == (401, "dpop_proof_invalid")


def test_reauthentication_keeps_the_key(site: LiveSite, app: ProvingDevice) -> None:
    """A user who proves the password again goes on with the same key."""
    answer = app.reauthenticate()
    assert body(answer)["token_type"] == "DPoP"
    assert app.call().status_code == 200


def test_logout(site: LiveSite, ada: User, app: ProvingDevice) -> None:
    """An app logs out as ever."""
    assert app.log_out().status_code == 204
    assert not sessions_of(ada)


def test_introspection_names_the_key(site: LiveSite, app: ProvingDevice) -> None:
    """A service that introspects the credential learns which key has to be proved (RFC 9449 §6.2)."""
    found = site.device().verify(app.access)
    assert (found["active"], found["token_type"]) == (True, "DPoP")
    assert found["cnf"] == {"jkt": thumbprint_of(app.key)}


def test_a_view_that_requires_a_bound_login(site: LiveSite, app: ProvingDevice, device: Device) -> None:
    """``DeviceBound`` lets an app in that has proved its key, and no bearer."""
    assert app.get("/api/bound/").status_code == 200
    assert code(device.get("/api/bound/")) == (403, "device_binding_required")


@pytest.mark.parametrize("path", ["/django/new-password/", "/django/new-password-by-django/"])
def test_a_password_change_keeps_the_key(site: LiveSite, app: ProvingDevice, path: str) -> None:
    """The credentials of the response are bound to the same key, and a copy is worth nothing."""
    before = app.access
    assert app.post(path, "another horse battery").status_code == 200
    assert app.access != before
    assert app.call().status_code == 200
    assert code(plain_copy(app, site).call()) == (401, "device_mismatch")


def test_a_login_in_steps_takes_the_key_at_the_last(site: LiveSite, ada: User) -> None:
    """Each request of the login has a proof, and the handle of a step is not used up for want of a nonce."""
    site.configure(LOGIN={"STEPS": ("testapp.login_steps.Code",)})
    app = ProvingDevice(site.mode)
    answer = app.log_in()
    assert code(answer) == (401, "step_required")
    app.nonce = ""
    answer = app.log_in_step({"handle": body(answer)["handle"], "code": "1234567"})
    assert body(answer)["token_type"] == "DPoP", answer.content
    assert app.challenged == 2
    assert app.call().status_code == 200


def test_the_key_outlives_a_switch_of_the_mode(site: LiveSite, ada: User) -> None:
    """The credential of the other form that a refresh returns is bound to the same key."""
    site.configure(ACCEPT=["session", "jwt"])
    app = ProvingDevice(site.mode)
    app.log_in()
    other = Mode.SESSION if site.is_jwt else Mode.JWT
    site.mode, site.settings.AUTHKIT_MODE = other, str(other)
    site.keep_time()
    assert code(plain_copy(app, site).refresh()) == (401, "device_mismatch")
    answer = app.refresh()
    assert (body(answer)["session"]["mode"], body(answer)["token_type"]) == (str(other), "DPoP")
    assert app.call().status_code == 200
    assert code(plain_copy(app, site).call()) == (401, "device_mismatch")


def test_views_with_the_errors_of_simplejwt(app: ProvingDevice) -> None:
    """A client with proofs learns there too that it needs a nonce, with what OAuth clients look at."""
    proof = app.prove("GET", "/", app.access, htu="http://testserver/", nonce=None)
    headers = {"Authorization": f"DPoP {app.access}", "DPoP": proof}
    request = Request(APIRequestFactory().get("/", headers=headers))
    with pytest.raises(APIException) as raised:
        JWTAuthentication().authenticate(request)
    assert raised.value.detail["error"] == "use_dpop_nonce"  # type: ignore[call-overload, index]
    assert 'error="use_dpop_nonce"' in JWTAuthentication().authenticate_header(request)


def test_the_address_behind_a_proxy(site: LiveSite, app: ProvingDevice) -> None:
    """A proof names the address that the client called, which Django has to be told of."""
    site.settings.ALLOWED_HOSTS = ["testserver", "api.example.org"]
    proof = app.prove("GET", "/api/whoami/", app.access, htu="https://API.example.org:443/api/whoami/")
    headers = {
        "Authorization": f"DPoP {app.access}",
        "DPoP": proof,
        "X-Forwarded-Host": "api.example.org",
    }
    assert code(Device.send(app, "GET", "/api/whoami/", headers=headers)) == (401, "dpop_proof_invalid")
    site.settings.USE_X_FORWARDED_HOST = True
    assert Device.send(app, "GET", "/api/whoami/?page=2", headers=headers).status_code == 200


# -- settings ---------------------------------------------------------------------------------------


def test_required(site: LiveSite, ada: User, device: Device) -> None:
    """With "require" no header client logs in without a proof, and earlier logins without one have ended."""
    site.configure(DPOP={"MODE": "require"})
    answer = device.call()
    assert code(answer) == (401, "device_mismatch")
    assert answer["WWW-Authenticate"].startswith(f'DPoP realm="api", {ALGORITHMS}')
    assert code(device.refresh()) == (401, "device_mismatch")
    assert code(site.device().log_in()) == (400, "dpop_proof_invalid")
    app = ProvingDevice(site.mode)
    assert app.log_in().status_code == 200
    assert app.call().status_code == 200


def test_off(site: LiveSite, ada: User, app: ProvingDevice) -> None:
    """With "off" proofs are ignored, and what was bound opens nothing."""
    site.configure(DPOP={"MODE": "off"})
    assert code(app.who()) == (401, "not_authenticated")
    assert code(plain_copy(app, site).call()) == (401, "device_mismatch")
    assert code(app.refresh()) == (401, "device_mismatch")
    other = ProvingDevice(site.mode)
    assert body(other.log_in())["token_type"] == "Bearer"


def test_proofs_by_the_clock(site: LiveSite, ada: User) -> None:
    """Without nonces a proof is good for a minute of the client's clock, and once."""
    site.configure(DPOP={"NONCE": False, "SINGLE_USE": True})
    app = ProvingDevice(site.mode)
    assert app.log_in().status_code == 200
    assert app.challenged == 0
    proof = app.prove("GET", "/api/whoami/", app.access)
    headers = {"Authorization": f"DPoP {app.access}", "DPoP": proof}
    assert Device.send(app, "GET", "/api/whoami/", headers=headers).status_code == 200
    assert code(Device.send(app, "GET", "/api/whoami/", headers=headers)) == (401, "dpop_proof_invalid")
    late = app.prove("GET", "/api/whoami/", app.access)
    site.advance(seconds=61)
    headers = {"Authorization": f"DPoP {app.access}", "DPoP": late}
    assert code(Device.send(app, "GET", "/api/whoami/", headers=headers)) == (401, "dpop_proof_invalid")
    assert app.call().status_code == 200


def test_a_wrong_clock_does_not_matter_with_nonces(app: ProvingDevice) -> None:
    """A client whose clock is a day late proves its key all the same: the nonce tells the time."""
    proof = app.prove("GET", "/api/whoami/", app.access, iat=1_000_000)
    headers = {"Authorization": f"DPoP {app.access}", "DPoP": proof}
    assert Device.send(app, "GET", "/api/whoami/", headers=headers).status_code == 200


# -- costs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("single_use", [False, True])
def test_round_trips_of_a_request(site: LiveSite, ada: User, single_use: bool) -> None:
    """A request costs what a bearer's costs; a proof that works once is noted by the lookup itself."""
    site.configure(DPOP={"SINGLE_USE": single_use})
    app = ProvingDevice(site.mode)
    app.log_in()
    app.call()
    with site.counted() as trips:
        assert app.call().status_code == 200
    assert len(trips.commands) == (1 if site.on_redis else 0), trips
    assert len(trips.queries) == (2 if single_use and not site.on_redis else 1), trips


def app_beside_a_replica(site: LiveSite) -> ProvingDevice:
    """Return an app whose login the process knows without asking the store."""
    if not site.on_redis:
        pytest.skip("the replica needs Redis")
    policy = Policy("valkey", site.mode, "replica", "lazy")
    policy.set_up(site)
    site.settings.ROOT_URLCONF = "testapp.user_views"
    app = ProvingDevice(site.mode)
    app.log_in()
    policy.warm(app)
    return app


@in_jwt_mode
def test_no_round_trip_with_the_replica(site: LiveSite, ada: User) -> None:
    """With ``ACCESS_CHECK = "replica"`` and nonces, a token and its proof are checked in memory."""
    app = app_beside_a_replica(site)
    with site.counted() as trips:
        assert app.get("/drf/primary-key/").status_code == 200
    site.configure(ACCESS_CHECK="store")  # ends the thread
    assert not [each for each in trips.commands if each.startswith("EVALSHA ")], trips
    assert not trips.queries


@in_session_mode
def test_remembered_session_keys_need_a_proof(site: LiveSite, ada: User) -> None:
    """A session key that the process remembers is worth nothing without a proof."""
    app = app_beside_a_replica(site)
    thief, other = plain_copy(app, site), app.copy()
    answers = [each.get("/drf/primary-key/").status_code for each in (thief, other, app)]
    site.configure(ACCESS_CHECK="store")  # ends the thread
    assert answers == [401, 401, 200]
