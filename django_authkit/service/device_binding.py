"""
Device binding: whether an auth session is used from the same browser and network as before.

Browsers are compared without their versions, which change with updates, and addresses by network, since
phones and IPv6 hosts change the rest often. The last known device is in the record, never in the data of
a Django session, which two racing requests would overwrite.
"""

import time
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from django.http import HttpRequest

from django_authkit import signals
from django_authkit.conf import get_settings
from django_authkit.errors import BindingMismatch
from django_authkit.http.client_info import Device, device_of, label_at
from django_authkit.http.request_state import state_of
from django_authkit.outages import activity_is_optional
from django_authkit.service.revocation import announce_revocation
from django_authkit.types import AuthSession, RevocationReason
from django_authkit.wiring import get_store

_MOST_RECORDED: Final = 10_000
_MOST_OF_ONE: Final = 10
"""Uses of one auth session that are recorded in an interval: whoever holds it chooses what they look like."""
_recorded: dict[str, dict[tuple[str, ...], float]] = {}
"""When this process recorded what, such as address and browser mark, by sid."""


def check_binding(request: HttpRequest, session: AuthSession) -> None:
    """
    Compare the request's device with the record's, and apply ``BIND`` if they differ.

    ``binding_mismatch`` is sent once for a difference: the record then holds the new device. If devices or
    addresses alternate, each is recorded, and the signal sent, once in ``TOUCH_INTERVAL``, ten times at most.
    A record without a device, such as one of ``force_login`` in a test, takes the first it is used from.

    Raises:
        BindingMismatch: The policy is "revoke"; the auth session was revoked.
    """
    device = device_of(request)
    if (device.address, device.browser_mark) == (session.address, session.browser_mark):
        return
    policy, store = get_settings().bind, get_store()
    has_device = bool(session.address or session.label)
    what = _mismatches(device, session) if has_device else ()
    revoked = any(getattr(policy, name) == "revoke" for name in what)
    ended = store.revoke(session.sid, RevocationReason.BINDING) if revoked else None
    if not revoked:
        label = label_at(session, device)  # before the use counts as recorded
        if not is_due(session.sid, device.address, device.browser_mark):
            return
        with activity_is_optional():
            store.note_device(session.sid, device.address, label, device.browser_mark)
    if ended or (what and not revoked):
        signals.binding_mismatch.send(
            sender=AuthSession, session=session, request=request, what=what, address=device.address
        )
    if ended:
        announce_revocation(ended, RevocationReason.BINDING)
    if revoked:
        state_of(request).mismatched_sid = session.sid
        raise BindingMismatch


def is_due(sid: str, *use: str) -> bool:
    """Tell whether *use* is to be recorded: it was not, nor were ten others, in ``TOUCH_INTERVAL``."""
    now, interval = time.time(), get_settings().lifetimes.touch_interval.total_seconds()
    recent = {each: at for each, at in _recorded.get(sid, {}).items() if now - at < interval}
    if use in recent or len(recent) >= _MOST_OF_ONE:
        return False
    if len(_recorded) >= _MOST_RECORDED:
        _recorded.clear()
    _recorded[sid] = {**recent, use: now}
    return True


def announce_elsewhere(request: HttpRequest, sid: str, find_session: Callable[[], AuthSession]) -> None:
    """
    Send ``device_binding_failed``: a login that is bound to a device is used from another.

    It is sent once in ``TOUCH_INTERVAL`` for each place that it is used from.
    """
    device = device_of(request)
    if is_due(sid, "device key", device.address, device.browser_mark):
        signals.device_binding_failed.send(
            sender=AuthSession, session=find_session(), request=request, address=device.address
        )


def revoke_mismatched_again(request: HttpRequest) -> None:
    """Revoke again what a mismatch revoked: the view's transaction may have rolled that back."""
    sid = state_of(request).mismatched_sid
    if sid is not None:
        get_store().revoke(sid, RevocationReason.BINDING)


def _mismatches(device: Device, session: AuthSession) -> tuple[str, ...]:
    """Return what differs, of what ``BIND`` compares."""
    policy = get_settings().bind
    same = {
        "user_agent": policy.user_agent == "off" or session.browser_mark in {"", device.browser_mark},
        "address": policy.address == "off" or same_network(device.address, session.address),
    }
    return tuple(name for name, is_same in same.items() if not is_same)


def browser_mark(request: HttpRequest) -> str:
    """Return the mark of the browser; empty if ``BIND`` does not compare it."""
    return "" if get_settings().bind.user_agent == "off" else device_of(request).browser_mark


def same_network(one: str, other: str) -> bool:
    """Tell whether two addresses are in one network by the prefixes of ``BIND``, or are equal."""
    first, second = _parsed(one), _parsed(other)
    if first is None or second is None:
        return one == other
    bind = get_settings().bind
    host_bits = first.max_prefixlen - (bind.ipv4_prefix if first.version == 4 else bind.ipv6_prefix)
    return first.version == second.version and int(first) >> host_bits == int(second) >> host_bits


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address; an IPv4 address that was written as IPv6 is IPv4."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
