"""The page about other projects' tests matches the list beside the script."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "peers.md").read_text("utf-8")
KINDS = {"deviation": "on purpose", "internals": "internals", "timing": "timing"}


def test_every_reason_of_the_list_is_on_the_page() -> None:
    """The page has one row for each entry of the list: its kind and its reason."""
    text = (ROOT / "tests" / "peers" / "deviations.toml").read_text("utf-8")
    listed = [f"| {KINDS[each['kind']]} | {each['reason']} |" for each in tomllib.loads(text)["deviation"]]
    start = PAGE.index("| Kind | Reason |")
    assert PAGE[start:].split("\n\n")[0].splitlines()[2:] == listed
