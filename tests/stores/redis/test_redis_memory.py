"""How few bytes a record takes, and that each address comes back from them as it was written."""

from secrets import token_bytes
from statistics import mean

import pytest

from django_authkit.stores.outcomes import Created, Found
from django_authkit.types import Mode
from stores.redis.valkey_server import Server
from support.stores import MINUTE, Rig

ADDRESS = "2001:db8:85a3:8d3:1319:8a2e:370:7348"
DIGEST = token_bytes(16)
USUAL = {
    Mode.SESSION: {"key_digest": DIGEST, "jti_digest": None, "access_ms": 0},
    Mode.JWT: {"key_digest": None, "jti_digest": DIGEST, "access_ms": 5 * MINUTE},
}
BYTES = {Mode.SESSION: 144, Mode.JWT: 155}
WITH_INDEX = {Mode.SESSION: 350, Mode.JWT: 400}


def _created(rig: Rig, mode: Mode, number: int) -> str:
    """Create the usual auth session of a user's: one login with a password, over IPv6; return its sid."""
    usual = {"mode": mode, "remember": True, "address": ADDRESS, "label": "Chrome Mobile on Android"}
    new = rig.proposal(user_id=str(10**6 + number), browser_mark="Ch1aB-", **usual, **USUAL[mode])
    assert isinstance(rig.store.create(new), Created)
    return new.sid


@pytest.mark.parametrize("mode", Mode)
def test_the_bytes_of_a_usual_record(rig: Rig, server: Server, mode: Mode) -> None:
    """With its index, a record takes at most 350 bytes in session mode, and 400 in JWT mode."""
    used = []
    for number in range(50):
        sid = _created(rig, mode, number)
        record, index = (f"authkit::{{AA}}:{key}" for key in (f"s:{sid}", f"u:{10**6 + number}"))
        assert server.direct.strlen(record) == BYTES[mode]
        used.append(sum(server.direct.memory_usage(key, samples=0) or 0 for key in (record, index)))
    assert mean(used) <= WITH_INDEX[mode]


@pytest.mark.parametrize(
    "address",
    ["", "203.0.113.7", "::1", "2001:db8::1", "::ffff:203.0.113.7", "0:1:2:3:4:5:6:7", "2001:DB8:1:2:3:4:5:6",
     "2001:0db8:1:2:3:4:5:6", "1:2:3:4:5:6:7:18000", ADDRESS],
)  # fmt: skip
def test_an_address_comes_back_as_it_was_written(rig: Rig, address: str) -> None:
    """Packing an IPv6 address changes nothing about it, in whatever form it was."""
    created = rig.store.create(rig.proposal(address=address))
    assert isinstance(created, Created)
    found = rig.store.load(created.session.sid)
    assert isinstance(found, Found)
    assert found.session.address == created.session.address == address
