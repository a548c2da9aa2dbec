"""The page of ``authkit_compare``, made from made-up results, in a real browser without a network."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

import pytest

from browser.test_accessibility import AXE, serious
from compare.made_up import JWT, PATH, SESSIONS, UNCHECKED, result
from django_authkit.compare.analysis.situation import Situation
from django_authkit.compare.analysis.what_if import Size, slopes
from django_authkit.compare.measure.timings import Pace
from django_authkit.compare.measurements import Requests, Samples
from django_authkit.compare.processes import Workers
from django_authkit.compare.report import html_page, model
from django_authkit.compare.run import Measured, Wanted
from django_authkit.compare.variants import BASELINE, Variant
from django_authkit.compare.words import number, size

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


BUSY = "The machine was busy."


def samples() -> tuple[Samples, ...]:
    """Return results of four variants; one without a login."""
    bare = result(Variant(kind=BASELINE), 1.0, credential_bytes=0, memory=[], behavior={})
    found = (bare, result(SESSIONS, 2.0), result(JWT, 3.0), result(UNCHECKED, 1.4))
    for each in found:
        kept: Requests = each.paths[PATH]
        kept.trips, kept.queries = [1], [2]
    return found


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page."""
    pace = Pace(duration=10, rounds=12, concurrency=4)
    wanted = Wanted(
        variants=tuple(each.variant for each in samples()),
        paths=(PATH,),
        user=None,
        fixtures=(),
        pace=pace,
        workers=Workers(),
        port=0,
        sessions=1000,
        transport="cookie",
        situation=Situation(store="redis"),
    )
    measured = Measured(samples=samples(), paths=(PATH,), notes=("A note.",), versions={}, disturbed=BUSY)
    page = tmp_path_factory.mktemp("page") / "report.html"
    page.write_text(html_page.render(model.make(wanted, measured, monotonic())), "utf-8")
    return page


@contextmanager
def opened(browser: "Browser", file: Path, width: int = 1280, **options: Any) -> Iterator["Page"]:
    """Open the page without a network; it must ask for nothing and log nothing."""
    said: list[str] = []
    with browser.new_context(viewport={"width": width, "height": 800}, offline=True, **options) as context:
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url))
        page.goto(file.as_uri())
        yield page
    assert said == [file.as_uri()]


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (768, "light"), (1280, "light")])
def test_the_page_fits_and_is_accessible(
    browser: "Browser", file: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    """It needs no horizontal scrolling, the verdict is on the first screen, and axe finds nothing serious."""
    with opened(browser, file, width, color_scheme=scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == width
        box = page.locator(".verdict .choice").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < 800
        assert page.locator("header").get_by_text(BUSY).is_visible()
        for summary in page.locator("summary").all():
            summary.click()
        assert page.evaluate("document.documentElement.scrollWidth") == width
        if AXE.is_file():
            assert serious(page) == []


def test_what_if_follows_the_formulas(browser: "Browser", file: Path) -> None:
    """Moving a slider computes each cost anew, as the formulas say."""
    with opened(browser, file) as page:
        page.locator("[name=requests]").fill("7")
        page.locator("[name=users]").fill("6")
        page.locator("[name=sessions]").fill("3")
        page.locator("[name=distance]").fill("2")
        measured = slopes(samples()[2], PATH)
        assert measured
        row = page.locator(f".costs tr[data-variant={JWT.key}] td")
        costs = measured.costs(Size(requests=1e7, users=1e6, sessions=3, distance=2))
        told = [
            size(value or 0) if key in {"wire", "memory"} else number(value or 0)
            for key, value in costs.items()
        ]
        assert row.all_inner_texts() == told
        assert page.locator("output").all_inner_texts() == ["10,000,000", "1,000,000", "3", "2"]


def test_without_a_script_the_page_is_complete(browser: "Browser", file: Path) -> None:
    """Every figure is there, and no control that would do nothing."""
    with opened(browser, file, java_script_enabled=False) as page:
        (measured,) = [slopes(each, PATH) for each in samples() if each.variant == JWT]
        assert measured
        cells = page.locator(f".costs tr[data-variant={JWT.key}] td").all_inner_texts()
        assert cells[2] == size(measured.costs(Size())["wire"] or 0)
        assert not page.locator("input:visible").count()


def test_variants_are_sorted_and_hidden(browser: "Browser", file: Path) -> None:
    """A heading sorts its table, both ways, and says so; a box hides a variant in every table."""
    with opened(browser, file) as page:
        heading = page.locator(".matrix thead th").nth(1)
        names = page.locator(".matrix tbody th")
        order = []
        for direction in ("ascending", "descending"):
            heading.get_by_role("button").click()
            assert heading.get_attribute("aria-sort") == direction
            order.append([each.split("\n")[0] for each in names.all_inner_texts()])
        assert order[1][:2] == ["JWT, checked in Redis", "Sessions in Redis"]
        assert order[0] == order[1][::-1]
        page.locator("summary").first.click()
        page.get_by_label("JWT, checked in Redis").uncheck()
        assert not page.locator(f"tr[data-variant={JWT.key}]:visible").count()


def test_a_link_opens_what_is_folded(browser: "Browser", file: Path) -> None:
    """The part that a link leads to is unfolded, and printing unfolds all."""
    with opened(browser, file) as page:
        assert not page.locator("#statements").is_visible()
        page.get_by_role("link", name="statements").click()
        page.locator("#statements").wait_for(state="visible")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("#made").is_visible()
