"""Names for devices, and the marks that browsers are recognized by."""

import re

import pytest

from django_authkit.http import client_info
from support.client import FIREFOX, SAFARI

CHROME_ON_WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/129.0.0.0 Safari/537.36"
)
ROBOT = "shop-sync/2.1 (" + "x" * 300 + ")"


@pytest.mark.parametrize(
    ("user_agent", "label"),
    [
        (FIREFOX, "Firefox on Linux"),
        (SAFARI, "Mobile Safari on iOS"),
        (CHROME_ON_WINDOWS, "Chrome on Windows"),
        (ROBOT, ROBOT[: client_info.MAX_LABEL]),
        ("", ""),
    ],
)
def test_a_readable_name(user_agent: str, label: str) -> None:
    """Browser and system; for others the beginning of the user agent."""
    assert client_info.label_of(user_agent) == label


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (FIREFOX, FIREFOX.replace("130", "131"), True),
        (SAFARI, SAFARI.replace("17_5", "18_0").replace("17.5", "18.0"), True),
        (FIREFOX, SAFARI, False),
        (FIREFOX, FIREFOX.replace("X11; Linux x86_64", "Windows NT 10.0; Win64; x64"), False),
        (FIREFOX, "", False),
    ],
)
def test_browsers_are_recognized_by_their_mark(one: str, other: str, same: bool) -> None:
    """Versions do not count; another browser or system, or none, does."""
    assert (client_info.browser_mark_of(one) == client_info.browser_mark_of(other)) is same


@pytest.mark.parametrize("user_agent", [FIREFOX, ROBOT, "", "\ud800", "日本語"])
def test_a_mark_is_short_and_shows_nothing(user_agent: str) -> None:
    """It has 6 characters, whatever the user agent is."""
    mark = client_info.browser_mark_of(user_agent)
    assert re.fullmatch(r"[A-Za-z0-9_-]{6}", mark)
    assert mark not in user_agent


@pytest.mark.parametrize(
    ("given", "label"),
    [
        ("x\u00a0y\n", "x y"),
        ("\u202ex\x1b[2J\ud800", "x[2J"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("日本語", "日本語"),
        *((blank, "") for blank in ("\u3164", "\u115f\u1160", "\uffa0 ", "\u2800", "\u034f\ufe0f", "\u200b")),
    ],
)
def test_a_name_given_by_a_person_can_be_seen(given: str, label: str) -> None:
    """White space becomes a space, and a name of which nothing can be seen is none."""
    assert client_info.as_label(given) == label
