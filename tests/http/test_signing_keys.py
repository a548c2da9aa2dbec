"""Signing keys of the project's own are invisible to clients."""

import pytest
from django.contrib.auth.models import User

from django_authkit.types import Mode, Transport
from support.client import body
from support.live_site import LiveSite
from support.signing_keys import jwk

pytestmark = pytest.mark.parametrize("mode", [Mode.JWT], ids=str, indirect=True)

OLD, NEW = jwk("ES256"), jwk("ES256", 5)


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "RS256", "HS256"])
def test_clients_work_the_same_under_every_algorithm(site: LiveSite, ada: User, algorithm: str) -> None:
    """Login, a call, a refresh and logout work as with the key derived from SECRET_KEY."""
    site.configure(SIGNING_KEYS=[jwk(algorithm)])
    device = site.logged_in("ada")
    assert device.logged_in()
    assert device.refresh().status_code == 200
    assert device.logged_in()
    assert device.log_out().status_code == 204
    assert not device.logged_in()


def test_a_rotation_is_not_noticed(site: LiveSite, ada: User) -> None:
    """Logins stay valid from step to step, without a refresh, until the old key is retired."""
    site.configure(SIGNING_KEYS=[OLD])
    devices = [site.logged_in("ada")]
    for keys in ([OLD, NEW], [NEW, OLD]):
        site.configure(SIGNING_KEYS=keys)
        assert all(device.logged_in() for device in devices)
        devices.append(site.logged_in("ada"))
        assert devices[-1].logged_in()
    site.configure(SIGNING_KEYS=[NEW])
    assert [device.logged_in() for device in devices] == [False, False, True]
    assert [device.refresh().status_code for device in devices] == [200, 200, 200]
    assert all(device.logged_in() for device in devices)


@pytest.mark.parametrize("transport", [Transport.HEADER], ids=str, indirect=True)
def test_verify_follows_the_keys(site: LiveSite, ada: User) -> None:
    """``verify/`` returns inactive for a token of a retired key, even if it has just verified it."""
    site.configure(SIGNING_KEYS=[OLD, NEW])
    device = site.device()
    token = body(device.log_in())["access"]
    assert device.verify(token)["active"]
    site.configure(SIGNING_KEYS=[NEW, OLD])
    assert device.verify(token)["active"]
    site.configure(SIGNING_KEYS=[NEW])
    assert device.verify(token) == {"active": False}
