"""The examples that the guides print, run as they are printed."""

import re
from pathlib import Path
from typing import Any

GUIDES = Path(__file__).parents[2] / "docs/how-to"


def example(page: str, language: str, part: str) -> str:
    """Return the last example of *page* in *language* that contains *part*."""
    text = (GUIDES / page).read_text("utf-8")
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [each for each in found if part in each][-1]


def printed(page: str, name: str) -> dict[str, Any]:
    """Return the names of the last Python example of *page* that defines the function or class *name*."""
    names: dict[str, Any] = {"__name__": __name__}
    exec(example(page, "python", f" {name}("), names)  # noqa: S102 - our own page
    return names
