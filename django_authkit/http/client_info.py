"""The device that a request comes from: client address and user agent."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from django.http import HttpRequest

from django_authkit.conf import get_settings

try:
    from ua_parser import parse as _ua_parse
except ImportError:  # the extra "devices" is not installed
    _parse: Callable[[str], Any] | None = None
else:
    _parse = lru_cache(maxsize=1024)(_ua_parse)  # an unknown user agent takes milliseconds

MAX_LABEL: Final = 64
_MAX_USER_AGENT = 256
_WITH_PORT: Final = re.compile(r"\[(?P<bracketed>[^\]]+)\](:\d+)?|(?P<plain>[^:\[]+):\d+", re.ASCII)
"""How some proxies write an address; a bare IPv6 address has more than one colon."""
_MAX_ADDRESS = 45
"""The longest written form of an IPv6 address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """
    The device that a request comes from, as far as it is known.

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


def label_of(user_agent: str) -> str:
    """
    Return a name for the device that a person recognizes, such as "Firefox on Linux".

    The extra ``devices`` installs the parser of user agents. Without it, or for an unknown agent, it is the
    beginning of the agent itself (``MAX_LABEL`` characters).
    """
    return known_label_of(user_agent) or user_agent[:MAX_LABEL]


def known_label_of(user_agent: str) -> str:
    """Return the name of a known browser or system; else empty, never text from the client."""
    parsed = _parse(user_agent[:_MAX_USER_AGENT]) if _parse is not None else None
    browser = parsed.user_agent.family if parsed and parsed.user_agent else ""
    system = parsed.os.family if parsed and parsed.os else ""
    if browser and system:
        return f"{browser} on {system}"
    return browser or system


def _address(request: HttpRequest) -> str:
    """
    Return the peer's address, or the address that the outermost of the project's proxies received from.

    Each proxy appends one entry to ``X-Forwarded-For``. The entries before those were sent by the client,
    and may be anything.
    """
    hops = get_settings().trusted_proxies
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if hops and len(forwarded) >= hops and forwarded[-hops].strip():
        return _without_port(forwarded[-hops].strip())
    return str(request.META.get("REMOTE_ADDR") or "")


def _without_port(entry: str) -> str:
    """Return the address of ``192.0.2.1:4711``, ``[2001:db8::1]:4711`` or ``[2001:db8::1]``."""
    written = _WITH_PORT.fullmatch(entry)
    return written["bracketed"] or written["plain"] if written else entry


def _printable(text: str) -> str:
    """Return *text* without control characters and without lone surrogates."""
    if text.isascii() and text.isprintable():  # a shortcut for nearly every request
        return text
    kept = "".join(character for character in text if character.isprintable())
    return kept.encode("utf-8", "ignore").decode()
