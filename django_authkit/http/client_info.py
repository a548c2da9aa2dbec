"""The device that a request comes from: client address and user agent."""

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final
from unicodedata import category

from django.http import HttpRequest
from ua_parser import parse_os, parse_user_agent

from django_authkit.conf import get_settings
from django_authkit.types import AuthSession

MAX_LABEL: Final = 60
_BLANK: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and a symbol that are drawn as nothing: fillers of Hangul, and Braille without a dot."""
_MAX_USER_AGENT = 256
_REMEMBERED: Final = 1024
"""How many user agents are parsed once; an unknown one takes milliseconds."""
_VERSIONS: Final = re.compile(r"[\d._]+")
_MARK_LENGTH: Final = 6
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
        user_agent: The ``User-Agent`` header, cut to 256 characters; empty if none. It is not stored.
    """

    address: str = ""
    user_agent: str = ""

    @property
    def label(self) -> str:
        """A name that a person recognizes; see ``label_of``."""
        return label_of(self.user_agent)

    @property
    def browser_mark(self) -> str:
        """What the user agent is recognized by; see ``browser_mark_of``."""
        return browser_mark_of(self.user_agent)


def device_of(request: HttpRequest) -> Device:
    """Return the device that *request* comes from."""
    return Device(
        address=_printable(_address(request))[:_MAX_ADDRESS],
        user_agent=_printable(request.META.get("HTTP_USER_AGENT", ""))[:_MAX_USER_AGENT],
    )


def label_of(user_agent: str) -> str:
    """
    Return a name for the device that a person recognizes, such as "Firefox on Linux".

    For an unknown agent it is the beginning of the agent itself. At most ``MAX_LABEL`` characters.
    """
    return (known_label_of(user_agent) or user_agent)[:MAX_LABEL]


def as_label(text: str) -> str:
    """
    Return the name that a person gave a device as it is kept: on one line, and not too long.

    It is empty if nothing of it can be seen.
    """
    label = on_one_line(text).strip()[:MAX_LABEL]
    return label if any(map(_is_visible, label)) else ""


def on_one_line(text: str) -> str:
    """
    Return *text* as it can be shown anywhere, also in a terminal: white space of each kind is a space.

    Control characters, those that change the direction, and what no font has are left out.
    """
    spaced = (" " if character.isspace() else character for character in text)
    return "".join(filter(str.isprintable, spaced))


def _is_visible(character: str) -> bool:
    """Tell whether a font draws *character*, and not only moves or changes others."""
    return category(character)[0] not in "CMZ" and character not in _BLANK


def label_at(session: AuthSession, device: Device) -> str:
    """Return the name of *session*'s device: in the same browser the one it has, which may be its user's."""
    return session.label if session.label and session.browser_mark == device.browser_mark else device.label


@lru_cache(maxsize=_REMEMBERED)
def known_label_of(user_agent: str) -> str:
    """Return the name of a known browser or system; else empty, never text from the client."""
    # Not `parse`, which looks for the model of the device too: it takes longer, and fails for some texts.
    found = [_family(each, user_agent) for each in (parse_user_agent, parse_os)]
    return " on ".join(filter(None, found))


def _family(parse: Callable[[str], Any], user_agent: str) -> str:
    try:
        parsed = parse(user_agent)
    except Exception:  # noqa: BLE001 - the client chose the text, which one of thousands of patterns may not expect
        return ""
    return parsed.family if parsed else ""


@lru_cache(maxsize=_REMEMBERED)
def browser_mark_of(user_agent: str) -> str:
    """
    Return a digest (6 characters) of *user_agent* without its version numbers.

    Updates of a browser change only these. The digest is short because it only has to tell the browsers of
    one user apart: whoever wants to pass for another copies its user agent.
    """
    browser = _VERSIONS.sub("", user_agent)
    return urlsafe_b64encode(sha256(browser.encode(errors="replace")).digest())[:_MARK_LENGTH].decode()


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
