"""Many concurrent logins of one user over HTTP: the limit holds, and every response is true."""

from collections import Counter
from functools import partial

import pytest

from django_authkit import signals
from django_authkit.types import Mode
from support.client import Device, code
from support.live_site import LiveSite, by_header
from support.parallel import parallel_threads
from support.signals import heard

pytestmark = pytest.mark.slow

LOGINS = 50


def log_in(device: Device) -> int:
    """Log in; return the status."""
    return device.log_in().status_code


def at_once(live: LiveSite) -> tuple[list[Device], Counter[int]]:
    """Log ada in on 50 devices at once; return those that succeeded, and the count of each status."""
    devices = [live.device() for _ in range(LOGINS)]
    with parallel_threads(LOGINS) as threads:
        statuses = threads.at_once([partial(log_in, device) for device in devices])
    let_in = [device for device, status in zip(devices, statuses, strict=True) if status == 200]
    return let_in, Counter(statuses)


@by_header
@pytest.mark.parametrize("mode", [Mode.SESSION, Mode.JWT], ids=str, indirect=True)
@pytest.mark.parametrize(
    ("policy", "limit", "granted"), [("evict", 3, LOGINS), ("refuse", 3, 3), ("revoke_others", 1, LOGINS)]
)
def test_the_limit_holds(live: LiveSite, policy: str, limit: int, granted: int) -> None:
    """Of 50 exactly the limit stay; "refuse" refuses 47, the others accept all and revoke 47 or 49."""
    live.configure(MAX_SESSIONS=limit, ON_LIMIT=policy)
    ada = live.add_user("ada")
    with heard(signals.limit_reached) as reached, heard(signals.session_revoked) as revoked:
        let_in, statuses = at_once(live)
    assert statuses == Counter({200: granted, 403: LOGINS - granted})
    alive = [device for device in let_in if device.logged_in()]
    assert len(alive) == limit
    assert {live.sid(device) for device in alive} == set(live.sids(ada))
    assert {code(device.call()) for device in let_in if device not in alive} <= {(401, "session_ended")}
    gone = [each["session"].sid for each in revoked]
    assert len(gone) == len(set(gone)) == granted - limit
    assert sum(each["refused"] for each in reached) == LOGINS - granted
    assert sorted(session.sid for each in reached for session in each["revoked"]) == sorted(gone)
