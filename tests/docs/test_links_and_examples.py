"""Links in the documentation resolve, and examples are valid."""

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/**/*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ELSEWHERE = re.compile(r"[a-z]+:")
# README is also shown on PyPI, where relative links lead nowhere.
_OURS = re.compile(
    r"https://(?:github\.com/django-authkit/django-authkit/(?:blob|tree)"
    r"|raw\.githubusercontent\.com/django-authkit/django-authkit)/main/"
)


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
    """Return the anchors of the headings: lower case, hyphens for spaces, no punctuation."""
    headings = re.findall(r"^#+ (.+)$", _prose(str(page.relative_to(ROOT))), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _resolves(name: str, link: str) -> bool:
    """Tell whether *link*, on the page *name*, resolves to an existing file, heading or another site."""
    ours = _OURS.match(link)
    if _ELSEWHERE.match(link) and not ours:
        return True
    path, _, anchor = link[ours.end() if ours else 0 :].partition("#")
    target = ROOT if ours else (ROOT / name).parent
    target = target / path if path else ROOT / name
    return target.exists() and (not anchor or anchor in _anchors(target.resolve()))


@pytest.mark.parametrize("name", NAMES)
def test_links_resolve(name: str) -> None:
    """Each link to another page or heading of the repository finds it."""
    assert [link for link in _LINK.findall(_prose(name)) if not _resolves(name, link)] == []


def test_readme_links_are_absolute() -> None:
    """README has no relative links, which PyPI would not resolve, and links to pages of the repository."""
    links = _LINK.findall(_prose("README.md"))
    assert [link for link in links if not _ELSEWHERE.match(link)] == []
    assert any(map(_OURS.match, links))


@pytest.mark.parametrize(
    "link",
    [
        "docs/none.md",
        "https://github.com/django-authkit/django-authkit/blob/main/docs/none.md",
        "https://github.com/django-authkit/django-authkit/blob/main/README.md#none",
        "https://raw.githubusercontent.com/django-authkit/django-authkit/main/docs/none.png",
    ],
)
def test_broken_links_are_found(link: str) -> None:
    """A missing file, picture or heading is detected, for relative and for absolute links."""
    assert not _resolves("README.md", link)


def test_every_page_is_listed() -> None:
    """The index leads to each page."""
    index = ROOT / "docs" / "index.md"
    listed = {(index.parent / link).resolve() for link in _LINK.findall(index.read_text("utf-8"))}
    assert {page for page in PAGES if index.parent in page.parents} - {index} <= listed


@pytest.mark.parametrize("name", NAMES)
def test_examples_are_marked(name: str) -> None:
    """Each fence is closed, and names its language."""
    text = _text(name)
    fences = _FENCE.findall(text)
    assert len(re.findall(r"^```", text, re.MULTILINE)) == 2 * len(fences)
    assert all(language for language, _ in fences)


def test_parts_of_the_index_are_short() -> None:
    """Each part of the index that lists guides has at most seven of them."""
    parts = _text("docs/index.md").split("\n### ")[1:]
    guides = [part.count("(how-to/") + part.count("(tutorial/") for part in parts]
    assert sum(guides) > 20
    assert max(guides) <= 7


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
    """In running prose, each sentence starts on a line of its own."""
    prose = [line for line in _prose(name).splitlines() if not line.startswith(("|", "*", "#", " ", "-"))]
    bold_or_definition = re.compile(r"\*\*.+?\*\*")
    crowded = [
        line for line in prose if not bold_or_definition.match(line) and re.search(r"[a-z`)]\. [A-Z]", line)
    ]
    assert crowded == []
