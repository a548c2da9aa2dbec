"""What a request tells about the device it comes from: address and user agent."""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any, Final

from django.http import HttpRequest

from django_authkit.conf import get_settings

try:
    from ua_parser import parse as _ua_parse
except ImportError:  # the extra "devices" is not installed
    _parse: Callable[[str], Any] | None = None
else:
    _parse = _ua_parse

MAX_LABEL: Final = 64
_MAX_USER_AGENT = 256
_MAX_ADDRESS = 45
"""The longest written form of an IPv6 address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """
    Where a request comes from, as far as it can be known.

    Attributes:
        address: Address of the client, at most 45 characters; empty if unknown.
        user_agent: The ``User-Agent`` header, cut to 256 characters; empty if none.
    """

    address: str = ""
    user_agent: str = ""


def device_of(request: HttpRequest) -> Device:
    """Return the device that *request* comes from."""
    return Device(
        address=_printable(_address(request))[:_MAX_ADDRESS],
        user_agent=_printable(request.META.get("HTTP_USER_AGENT", ""))[:_MAX_USER_AGENT],
    )


def source_of(request: HttpRequest) -> str:
    """
    Return what stands for one sender where requests are counted.

    The address; of IPv6 the /64, since one host has all of it to send from. Neighbours in an IPv4
    network are strangers, and are counted apart.
    """
    address = device_of(request).address
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped else str(ip_network((int(parsed), 64), strict=False))


def label_of(user_agent: str) -> str:
    """
    Return a name for the device that a person knows it by, such as "Firefox on Linux".

    The extra ``devices`` brings what reads user agents; without it, or for an agent that it does not
    know, the beginning of the agent itself (``MAX_LABEL`` characters).
    """
    return known_label_of(user_agent) or user_agent[:MAX_LABEL]


def known_label_of(user_agent: str) -> str:
    """Return the name of a browser or system that is known; else nothing, and nothing that a client wrote."""
    parsed = _parse(user_agent) if _parse is not None else None
    browser = parsed.user_agent.family if parsed and parsed.user_agent else ""
    system = parsed.os.family if parsed and parsed.os else ""
    if browser and system:
        return f"{browser} on {system}"
    return browser or system


def _address(request: HttpRequest) -> str:
    """
    Return the peer's address, or what the outermost of the project's own proxies saw as its peer.

    Of ``X-Forwarded-For`` only the last entries are the proxies' own, one each; what stands before
    them was sent by the client and may be anything.
    """
    hops = get_settings().trusted_proxies
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if hops and len(forwarded) >= hops and forwarded[-hops].strip():
        return str(forwarded[-hops].strip())
    return str(request.META.get("REMOTE_ADDR") or "")


def _printable(text: str) -> str:
    """Return *text* without control characters and without what UTF-8 cannot write."""
    if text.isascii() and text.isprintable():  # nearly every one is, and this is asked on each request
        return text
    kept = "".join(character for character in text if character.isprintable())
    return kept.encode("utf-8", "ignore").decode()
