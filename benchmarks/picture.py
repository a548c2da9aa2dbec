"""
Takes the picture of a comparison that the README shows: the first screen of a report, in Chromium.

It needs the extra ``browser`` and a Chromium on PATH::

    python example_project/manage.py authkit_compare --duration 2 --html report.html
    python benchmarks/picture.py report.html docs/comparison.png
"""

import argparse
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
WIDTH = 1160
"""Pixels: so wide that the table of the variants is one, and so narrow that a README shows it readably."""
LAST = "table.matrix"
"""What the picture ends with."""


def main() -> None:
    """Take the picture."""
    parser = argparse.ArgumentParser(description="Takes a picture of the first screen of a report.")
    parser.add_argument("report", type=Path)
    parser.add_argument("picture", type=Path)
    given = parser.parse_args()
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None:
        sys.exit(f"Chromium is not installed: none of {', '.join(NAMES)} is on PATH.")
    take(given.report, given.picture, executable)


def take(report: Path, picture: Path, executable: str) -> None:
    """Write the first screen of *report* to *picture*, light and without what can only be used."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable)
        page = browser.new_page(viewport={"width": WIDTH, "height": 800}, color_scheme="light")
        page.goto(report.resolve().as_uri())
        page.evaluate("document.querySelector('.choose').hidden = true")
        box = page.locator(LAST).bounding_box()
        assert box is not None
        height = box["y"] + box["height"] + 12
        page.screenshot(path=picture, full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
        browser.close()


if __name__ == "__main__":
    main()
