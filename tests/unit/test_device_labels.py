"""Names for devices, with and without the extra that parses user agents."""

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


@pytest.mark.parametrize("user_agent", [FIREFOX, ROBOT, "short", ""])
def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, user_agent: str) -> None:
    """The label is the user agent, truncated."""
    monkeypatch.setattr(client_info, "_parse", None)
    assert client_info.label_of(user_agent) == user_agent[: client_info.MAX_LABEL]
    assert len(client_info.label_of(user_agent)) <= client_info.MAX_LABEL
