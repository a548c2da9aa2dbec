"""``log_in(claims=…)``: claims that stay with a login, in both modes."""

from typing import Any

import jwt
import pytest
from django.contrib.auth.models import User
from django.test import RequestFactory

from django_authkit import authenticate, log_in, revoke, sessions_of
from django_authkit.errors import SessionEnded
from django_authkit.http.request_state import Authentication
from django_authkit.tokens.claims import RESERVED
from django_authkit.types import Mode, Transport
from support.client import Device
from support.live_site import LiveSite, by_header, in_jwt_mode

CLAIMS = {"org": "Łódź", "roles": ["auditor"], "nested": {"level": 3, "since": None}}


def logged_in(site: LiveSite, user: User, claims: dict[str, Any]) -> Device:
    """Return an app whose login has *claims*."""
    device = site.device()
    grant = log_in(RequestFactory().get("/"), user, transport=Transport.HEADER, claims=claims)
    device.access, device.refresh_token = grant.access, grant.refresh or ""
    return device


def known(device: Device) -> Authentication:
    """Return who the device's requests are from."""
    found = authenticate(RequestFactory().get("/", headers={"Authorization": f"Bearer {device.access}"}))
    assert found is not None
    return found


def payload(device: Device) -> dict[str, Any]:
    """Return the payload of the access token."""
    read: dict[str, Any] = jwt.decode(device.access, options={"verify_signature": False})
    return read


@by_header
def test_claims_survive_refreshes(site: LiveSite, ada: User) -> None:
    """They are those of the login after each refresh, in the access token too; other logins have none."""
    device, other = logged_in(site, ada, CLAIMS), logged_in(site, ada, {})
    for _ in range(3):
        assert known(device).claims == known(device).session.claims == CLAIMS
        assert known(other).claims == {}
        if site.is_jwt:
            assert payload(device).items() >= CLAIMS.items()
            assert not payload(other).keys() & CLAIMS.keys()
        site.advance(minutes=4)
        assert device.refresh().status_code == other.refresh().status_code == 200
    assert sorted(len(each.claims) for each in sessions_of(ada)) == [0, 3]


@by_header
def test_claims_survive_a_switch_of_the_mode(site: LiveSite, ada: User) -> None:
    """After a refresh in the other mode, the credential of the other form has them."""
    device = logged_in(site, ada, CLAIMS)
    site.mode = Mode.SESSION if site.is_jwt else Mode.JWT
    site.settings.AUTHKIT_MODE = str(site.mode)
    site.configure(ACCEPT=["session", "jwt"])
    before = device.access
    assert device.refresh().status_code == 200
    assert device.access != before
    assert known(device).mode is site.mode
    assert known(device).claims == CLAIMS


@in_jwt_mode
@by_header
def test_claims_are_read_from_a_token_that_was_accepted_without_its_record(site: LiveSite, ada: User) -> None:
    """So they need no store, and no auth session that is still live; ``EXTRA_CLAIMS`` are not among them."""
    site.configure(ACCESS_CHECK="none")
    device = logged_in(site, ada, CLAIMS)
    sid = known(device).sid
    site.settings.PADDING = 4
    site.configure(ACCESS_CHECK="none", EXTRA_CLAIMS="testapp.claims.padding")
    padded = logged_in(site, ada, CLAIMS)
    assert payload(padded).keys() - payload(device).keys() == {"padding"}
    assert known(padded).claims == CLAIMS
    revoke(known(padded).sid)
    with pytest.raises(SessionEnded):
        _ = known(padded).claims
    site.configure(EXTRA_CLAIMS=None)
    revoke(sid)
    assert known(device).claims == CLAIMS


@in_jwt_mode
@by_header
def test_a_claim_of_the_login_replaces_one_of_the_project(site: LiveSite, ada: User) -> None:
    """``EXTRA_CLAIMS`` cannot say something else than ``request.auth.claims`` under the same name."""
    site.settings.PADDING = 4
    site.configure(EXTRA_CLAIMS="testapp.claims.padding")
    device = logged_in(site, ada, {"padding": "mine"})
    assert payload(device)["padding"] == known(device).claims["padding"] == "mine"


@pytest.mark.parametrize("name", sorted(RESERVED))
@by_header
def test_reserved_names_are_refused(site: LiveSite, ada: User, name: str) -> None:
    """In both modes, and the login that the request presents is kept."""
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        log_in(RequestFactory().get("/"), ada, claims={name: 1})
    assert sessions_of(ada) == ()


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({1: "a"}, "names of claims"),
        ({"": "a"}, "names of claims"),
        ({"when": object()}, "are JSON"),
        ({"rate": float("nan")}, "JSON"),
        ({"text": "x" * 1014}, "1025 characters"),
        ({"text": "é" * 169}, "1025 characters"),
    ],
)
@by_header
def test_claims_that_cannot_be_kept_are_refused(site: LiveSite, ada: User, claims: Any, why: str) -> None:
    """Values that are not JSON, and more than 1,024 characters, are errors that say so."""
    with pytest.raises(ValueError, match=why):
        log_in(RequestFactory().get("/"), ada, claims=claims)
    device = logged_in(site, ada, {"text": "x" * 1013})
    assert known(device).claims == {"text": "x" * 1013}
