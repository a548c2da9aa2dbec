"""
Counts logins, re-authentications, refreshes and tickets, in the store.

A login is counted

* by name and address: somebody at another address uses up their own allowance, not the owner's;
* by address alone, so that one sender can neither try many names nor keep the cores busy with hashing.
  Of IPv6 that is the /64, since one host can use all of it, and four times as much for the /56;
* by name alone from everywhere that has not logged in to it before, so that guessing from many addresses
  is slowed down.

A browser that has logged in to the account before has a cookie (``device_cookie``), and is counted by
itself. An account is the name with all that a login presents beside the password, a tenant for example.
The limits are by name, so varying the rest allows no more attempts. Only what reaches the check of a
password is counted: a request without one, or one that fails the CSRF check, uses up nobody's allowance.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import salted_hmac

from django_authkit import signals
from django_authkit.conf import get_settings
from django_authkit.errors import Throttled
from django_authkit.http.client_info import device_of
from django_authkit.http.tenants import current_tenant
from django_authkit.stores.outcomes import Counter
from django_authkit.throttling.device_cookie import device_id_of, set_device_cookie
from django_authkit.throttling.names import account, folded
from django_authkit.throttling.rates import counter, login_rate, refresh_rate
from django_authkit.types import AuthSession
from django_authkit.users.loading import user_id_of, username_of
from django_authkit.wiring import get_store

logger = logging.getLogger("django_authkit.throttling")

_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
_KNOWN_FOR: Final = 90 * 24 * 60 * 60 * 1000
"""How long an address counts as one that an account has logged in from; milliseconds."""


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """
    A login that was counted, and its password may be checked now.

    Attributes:
        owner: Stands for the exact account; ``None`` if logins are not counted, or it cannot be told apart.
        source: Stands for the client address; ``None`` if that is not known.
        known: Its browser has logged in to that account before.
        known_source: Its address has.
    """

    owner: str | None = None
    source: str | None = None
    known: bool = False
    known_source: bool = False

    def succeeded(self, response: HttpResponseBase | None) -> None:
        """
        Note that its browser, or else its address, belongs to somebody who is known.

        Args:
            response: Gets the cookie of a browser; ``None`` for a client that keeps no cookies.

        Round trips:
            One to the store, if *response* is ``None`` and the address is a new one.
        """
        if self.owner is None or self.known:
            return
        if response is not None:
            set_device_cookie(response, self.owner)
        elif self.source is not None and not self.known_source:
            get_store().mark(_place(self.owner, self.source), _KNOWN_FOR)


def count_login(
    request: HttpRequest, name: str, *, name_field: str | None = None, more: Mapping[str, Any] | None = None
) -> LoginAttempt:
    """
    Count a login with the username *name*, before its password is checked.

    Args:
        request: The request.
        name: Who logs in.
        name_field: The argument of ``authenticate()`` that *name* is; by default the ``USERNAME_FIELD``.
        more: Its further arguments. A login exempts only what has the same name and the same of them.

    Raises:
        Throttled: There were too many; this one was not counted.

    Round trips:
        One to the store. On MySQL and MariaDB also one or two queries, see ``names``.
    """
    rate = login_rate()
    if rate is None:
        return LoginAttempt()
    presented, sources = account(name, name_field, more), sources_of(request)
    owner = None if presented is None else _digest(presented)
    device = None if owner is None else device_id_of(request, owner)
    if device is not None:
        _count("login", counter(rate, f"d:{device}"))
        return LoginAttempt(owner, known=True)
    is_known = _count("login", _login_counters(rate, digest_of_name(name), owner, sources))
    return LoginAttempt(owner, sources[0] if sources else None, known_source=is_known)


def count_reauthentication(sid: str) -> None:
    """
    Count an attempt to authenticate again, by auth session: limits guessing at an unattended device.

    Raises:
        Throttled: There were too many.
    """
    _count("reauthentication", counter(login_rate(), f"r:{sid}"))


def count_login_step(user: AbstractBaseUser) -> None:
    """
    Count an attempt at a login step by the user: limits guessing of a code by whoever has the password.

    The user is known by then, so another user with a similar name uses up their own allowance.

    Raises:
        Throttled: There were too many.
    """
    _count("login_step", counter(get_settings().rates.login_step, f"s:{_part_of_user(user)}"))


def count_login_question(user: AbstractBaseUser) -> None:
    """
    Count a login that asks for a step, by the user: limits the codes that are sent to a user.

    Raises:
        Throttled: There were too many.
    """
    _count("login_step", counter(get_settings().rates.login_step, f"q:{_part_of_user(user)}"))


def _part_of_user(user: AbstractBaseUser) -> str:
    """Return the part of a counter's key that stands for one user; its first half is for authkit_unblock."""
    return f"{digest_of_name(username_of(user))}:{_digest(user_id_of(user))}"


def count_ticket(sid: str) -> None:
    """
    Count a ticket, by auth session: the store keeps each of them for a while.

    Raises:
        Throttled: There were too many.
    """
    _count("ticket", counter(get_settings().rates.ticket, f"t:{sid}"))


def count_failed_refresh(request: HttpRequest) -> None:
    """
    Count a refresh whose credential is not valid, by address. A valid one is never counted or refused.

    Raises:
        Throttled: There were too many.
    """
    sources = sources_of(request)[:1]
    _count("refresh", [each for source in sources for each in counter(refresh_rate(), f"f:{source}")])


def digest_of_name(name: str) -> str:
    """Return the part of a counter's key that stands for a username: 32 hexadecimal digits."""
    return _digest(folded(name))


def sources_of(request: HttpRequest) -> list[str]:
    """
    Return the parts of counters' keys that stand for the sender, the narrowest first.

    An IPv4 address is one; an IPv6 address is its /64 and its /56. Empty if the address is not known: then
    everybody would be one sender.
    """
    address = device_of(request).address
    if not address:
        _warn("No client address is known, so attempts are counted by name only. Set TRUSTED_PROXIES.")
    elif not get_settings().trusted_proxies and "HTTP_X_FORWARDED_FOR" in request.META:
        _warn(
            "A request has X-Forwarded-For, and TRUSTED_PROXIES is 0: if a proxy of yours sets it, "
            "all clients behind it are counted as one."
        )
    return digests_of_address(address)


@cache
def _warn(message: str) -> None:
    """Log a warning once in this process."""
    logger.warning(message)


def digests_of_address(address: str) -> list[str]:
    """Return the parts of counters' keys that stand for *address*, the narrowest first."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return [_digest(address)] if address else []
    if isinstance(parsed, IPv6Address):
        parsed = parsed.ipv4_mapped or _translated(parsed) or parsed
    if isinstance(parsed, IPv4Address):
        return [_digest(str(parsed))]
    return [_digest(str(ip_network((int(parsed), prefix), strict=False))) for prefix in (64, 56)]


def _translated(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that a translator has put into *address* (RFC 6052)."""
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _TRANSLATED else None


def _login_counters(rate: str, who: str, owner: str | None, sources: list[str]) -> list[Counter]:
    rates = get_settings().rates
    counters: list[Counter] = []
    for times, source in zip((1, 4), sources, strict=False):
        counters += counter(rates.login_address, f"a:{source}", times=times)
    known = None
    if sources:
        known = None if owner is None else _place(owner, sources[0])
        counters += counter(rate, f"l:{_place(who, sources[0])}")
    return counters + counter(rates.login_account, f"n:{who}", unless=known)


def _place(who: str, source: str) -> str:
    return f"{who}:{source}"


def _count(scope: str, counters: list[Counter]) -> bool:
    """Count an attempt; return whether a mark exempted it from a counter."""
    if not counters:
        return False
    hit = get_store().hit(counters)
    if hit.wait_ms:
        wait = -(-hit.wait_ms // 1000)
        signals.attempt_refused.send(sender=AuthSession, scope=scope, wait=timedelta(seconds=wait))
        raise Throttled(wait)
    return hit.exempt


def _digest(text: str) -> str:
    """
    Return what stands for *text*, keyed, so that a copy of the store tells no names or addresses.

    A name is another one for each tenant: the cookie of a browser that has logged in is bound to it.
    """
    if get_settings().tenant is not None:
        text = f"{current_tenant()}\0{text}"
    octets = text.encode("utf-8", "surrogatepass")
    return salted_hmac("django_authkit.throttling", octets, algorithm="sha256").hexdigest()[:32]
