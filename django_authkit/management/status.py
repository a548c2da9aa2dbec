"""The data of ``authkit_status``, as values that JSON can represent."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.checks import CheckMessage, run_checks

from django_authkit.checks import TAG
from django_authkit.conf import AuthKitSettings, get_settings
from django_authkit.stores.outcomes import Remaining
from django_authkit.types import Mode, instant
from django_authkit.wiring import get_key_ring, get_replica, get_store

PATIENCE = 2.0
"""Seconds to wait for the copy of the blacklist to become fresh."""


def find_out(*, count: bool, every: bool) -> dict[str, Any]:
    """
    Return the state of the project's auth sessions, as this process sees it.

    Args:
        count, every: Whether to count records, and each of them; see the store's ``statistics``.

    Raises:
        StoreUnavailable: The store did not respond.
        InvalidSettings: The settings are invalid.
    """
    chosen = get_settings()
    statistics = get_store().statistics(count=count, every=every)
    live = statistics.live
    return {
        "store": chosen.store,
        "mode": str(chosen.mode),
        "accept": [str(mode) for mode in chosen.accept],
        "live": None if live is None else {str(mode): live[mode].live for mode in Mode},
        "device_bound": statistics.device_bound,
        "dpop_bound": statistics.dpop_bound,
        "estimated": statistics.estimated,
        "old_form": None if live is None else _old_form(chosen, live, estimated=statistics.estimated),
        "records": statistics.records,
        "record_bytes": statistics.record_bytes,
        "server_bytes": statistics.server_bytes,
        "blacklist": statistics.revoked,
        "attempts": _attempts() if count else None,
        "access_check": chosen.access_check,
        "replica": _replica(chosen),
        "keys": list(_keys()),
        "checks": [_finding(message) for message in _messages()],
    }


def _attempts() -> dict[str, int]:
    """Return how many counters of attempts there are, and how many refuse the next one."""
    found = get_store().attempt_statistics()
    return {"counters": found.counters, "exhausted": found.exhausted}


def _old_form(
    chosen: AuthKitSettings, live: Mapping[Mode, Remaining], *, estimated: bool
) -> dict[str, Any] | None:
    """Return the remaining auth sessions of the other mode; ``None`` if only one mode is accepted."""
    if len(chosen.accept) < 2:
        return None
    old = next(mode for mode in Mode if mode is not chosen.mode)
    left = live[old]
    return {
        "mode": str(old),
        "live": left.live,
        "estimated": estimated,
        "can_be_dropped": not left.live and not estimated and chosen.switch_share >= 100,
        "share": chosen.switch_share,
        "unless_used": left.idle_expires_ms and instant(left.idle_expires_ms).isoformat(timespec="seconds"),
        "at_the_latest": left.expires_ms and instant(left.expires_ms).isoformat(timespec="seconds"),
    }


def _replica(chosen: AuthKitSettings) -> dict[str, Any] | None:
    """Return the state of the blacklist copy in this process; ``None`` if the project uses none."""
    if chosen.access_check != "replica":
        return None
    replica = get_replica()
    try:
        fresh = replica.wait_until_fresh(PATIENCE)
        return {
            "fresh": fresh,
            "age": round(replica.age, 3) if fresh else None,
            "max_staleness": chosen.replica.max_staleness.total_seconds(),
            "revoked": len(replica),
        }
    finally:
        replica.stop()


def _keys() -> Iterator[dict[str, Any]]:
    ring = get_key_ring()
    for key in ring.keys:
        yield {"kid": key.kid, "algorithm": key.algorithm, "signs": key is ring.signing}


def _messages() -> list[CheckMessage]:
    """Return the messages of our checks, including deployment checks, that are not silenced."""
    found = run_checks(tags=[TAG], include_deployment_checks=True)
    return [each for each in found if not each.is_silenced()]


def _finding(message: CheckMessage) -> dict[str, Any]:
    level = "error" if message.is_serious() else "warning"
    return {"id": message.id, "level": level, "message": str(message.msg), "hint": message.hint}
