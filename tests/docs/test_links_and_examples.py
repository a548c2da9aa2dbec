"""The pages can be relied on: links lead somewhere, examples are what they claim to be."""

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ELSEWHERE = re.compile(r"[a-z]+:")


def _text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def _prose(name: str) -> str:
    """Return the page without its examples."""
    return _FENCE.sub("", _text(name))


def _examples(language: str) -> list[tuple[str, str]]:
    """Return the page and the text of each example in *language*."""
    return [
        (name, text) for name in NAMES for found, text in _FENCE.findall(_text(name)) if found == language
    ]


def _anchors(page: Path) -> set[str]:
    """Return what a forge makes of the headings: small letters, hyphens for blanks, no punctuation."""
    headings = re.findall(r"^#+ (.+)$", _prose(str(page.relative_to(ROOT))), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", NAMES)
def test_relative_links_resolve(name: str) -> None:
    """Each link to another page or heading of the repository finds it."""
    broken = []
    for link in _LINK.findall(_prose(name)):
        if _ELSEWHERE.match(link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        if not target.exists() or (anchor and anchor not in _anchors(target.resolve())):
            broken.append(link)
    assert broken == []


def test_every_page_is_listed() -> None:
    """The index leads to each page."""
    index = ROOT / "docs" / "index.md"
    listed = {(index.parent / link).resolve() for link in _LINK.findall(index.read_text("utf-8"))}
    assert {page for page in PAGES if index.parent in page.parents} - {index} <= listed


@pytest.mark.parametrize("name", NAMES)
def test_examples_are_marked(name: str) -> None:
    """Each fence is closed, and says what language is in it."""
    text = _text(name)
    fences = _FENCE.findall(text)
    assert len(re.findall(r"^```", text, re.MULTILINE)) == 2 * len(fences)
    assert all(language for language, _ in fences)


def test_python_examples_compile() -> None:
    """Each Python example is Python."""
    examples = _examples("python")
    assert len(examples) > 20
    for name, text in examples:
        ast.parse(text, filename=name)


def test_json_examples_parse() -> None:
    """Each JSON example is JSON."""
    examples = _examples("json")
    assert len(examples) > 10
    for _, text in examples:
        json.loads(text)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("docs/")])
def test_one_sentence_per_line(name: str) -> None:
    """In running prose no second sentence begins on a line."""
    prose = [line for line in _prose(name).splitlines() if not line.startswith(("|", "*", "#", " ", "-"))]
    bold_or_definition = re.compile(r"\*\*.+?\*\*")
    crowded = [
        line for line in prose if not bold_or_definition.match(line) and re.search(r"[a-z`)]\. [A-Z]", line)
    ]
    assert crowded == []
