"""The reference pages match the code."""

import ast
import re
from collections.abc import Iterator
from dataclasses import MISSING, asdict, fields, is_dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from django.dispatch import Signal

import django_authkit
from django_authkit import errors, signals
from django_authkit.conf import AuthKitSettings
from django_authkit.http import error_responses
from django_authkit.management.commands import authkit_status
from django_authkit.types import ReuseClass, RevocationReason

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
GUIDE = "../how-to/administration.md"
EXAMPLE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _rows(page: str, columns: tuple[str, ...]) -> list[list[str]]:
    """Return the cells of the table on *page* that has these *columns*."""
    lines = (REFERENCE / page).read_text("utf-8").splitlines()
    start = lines.index(f"| {' | '.join(columns)} |") + 2
    end = next((i for i, line in enumerate(lines[start:], start) if not line.startswith("|")), len(lines))
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[start:end]]


def _code(cell: str) -> str:
    """Return the first piece of code in *cell*, or the cell."""
    match = re.match(r"`(.+?)`", cell)
    return match[1] if match else cell


def _value(text: str) -> Any:
    """Return the value that *text* writes: a literal, or a ``timedelta`` of one unit."""
    duration = re.fullmatch(r"timedelta\((\w+)=(\d+)\)", text)
    return timedelta(**{duration[1]: int(duration[2])}) if duration else ast.literal_eval(text)


def _plain(value: Any) -> Any:
    """Return *value* as a project may write it: enumerations as strings, records as dicts."""
    if isinstance(value, StrEnum):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return tuple(map(_plain, value)) if isinstance(value, tuple) else value


def _settings() -> Iterator[tuple[str, Any]]:
    """Yield each setting and its default; a key of a group is written ``LIFETIMES["IDLE"]``."""
    for field in fields(AuthKitSettings):
        yield from _in_group(field.name.upper(), field.default)


def _in_group(name: str, default: Any) -> Iterator[tuple[str, Any]]:
    if not is_dataclass(default) or isinstance(default, type):
        yield name, default
        return
    for each in fields(default):
        yield from _in_group(f'{name}["{each.name.upper()}"]', getattr(default, each.name))


def test_settings_have_a_row_each_with_their_default() -> None:
    """The settings page has one row for each field, in order, with the default of the code."""
    rows = _rows("settings.md", ("name", "type", "default", "meaning"))
    told = [(_code(name), _code(default)) for name, _, default, _ in rows]
    known = dict(_settings())
    assert told.pop(0) == ("AUTHKIT_MODE", "required")
    assert known.pop("MODE") is MISSING
    assert [name for name, _ in told] == list(known)
    assert {name: _value(text) for name, text in told} == {name: _plain(v) for name, v in known.items()}


def test_settings_are_described() -> None:
    """Each row has a type and a meaning."""
    for name, kind, _, meaning in _rows("settings.md", ("name", "type", "default", "meaning")):
        assert kind, name
        assert meaning.endswith("."), name


def _leaves(kind: type[errors.AuthKitError]) -> Iterator[type[errors.AuthKitError]]:
    """Yield the classes of ``errors.py`` without subclasses there."""
    below = [k for k in kind.__subclasses__() if k.__module__ == errors.__name__]
    if not below:
        yield kind
    for each in below:
        yield from _leaves(each)


def test_errors_have_a_row_each_with_their_status() -> None:
    """The errors page lists exactly the codes of the tree, with their statuses."""
    rows = _rows("errors.md", ("code", "status", "when", "what the client does"))
    told = [(_code(code), int(status)) for code, status, _, _ in rows]
    kinds = list(_leaves(errors.AuthKitError))
    known = [(kind.code, error_responses.status_of(kind.__new__(kind))) for kind in kinds]
    assert sorted(told) == sorted(known)


def test_each_line_of_the_status_is_explained() -> None:
    """The guide's table has the lines that ``authkit_status`` prints."""
    source = Path(authkit_status.__file__).read_text("utf-8")
    printed = {*re.findall(r'yield "([a-z ]+)",', source), "error", "warning"}
    explained = {
        name for line, _ in _rows(GUIDE, ("line", "shows")) for name in re.findall(r"`([^`]+)`", line)
    }
    assert printed - explained == {"checks"}  # in the row of what they find


def test_the_tree_of_errors_is_the_code_s() -> None:
    """The Python page shows the same tree as the module's docstring."""
    drawn = [line.strip() for line in (errors.__doc__ or "").splitlines() if "──" in line]
    page = (REFERENCE / "python-api.md").read_text("utf-8")
    assert [line.strip() for line in page.splitlines() if "──" in line] == drawn


def test_signals_have_a_row_each() -> None:
    """The signals page lists exactly those of the module, and each reason of a revocation."""
    rows = _rows("signals.md", ("signal", "arguments", "when"))
    assert {_code(name) for name, _, _ in rows} == {
        name for name, value in vars(signals).items() if isinstance(value, Signal)
    }
    page = (REFERENCE / "signals.md").read_text("utf-8")
    assert {_code(name) for name, _ in _rows("signals.md", ("reason", "why"))} == set(RevocationReason)
    assert all(f"`{kind}`" in page for kind in ReuseClass)


def test_the_python_page_names_what_is_exported() -> None:
    """Every name that the package exports is in the page's import."""
    page = (REFERENCE / "python-api.md").read_text("utf-8")
    block = re.search(r"from django_authkit import \((.*?)\)", page, re.DOTALL)
    assert block is not None
    assert sorted(re.findall(r"\w+", block[1])) == sorted(django_authkit.__all__)


def _used(language: str, example: str) -> Iterator[tuple[str, str]]:
    """Yield the module and the name of each import and dotted path of ours in an example of a guide."""
    paths = re.findall(r"\bdjango_authkit(?:\.\w+)+", example)
    if language == "python":
        nodes = list(ast.walk(ast.parse(example)))
        imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
        modules = [(node.module or "", node) for node in imports]
        yield from ((name, each.name) for name, node in modules for each in node.names)
        paths = [
            node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
    for dotted in paths:
        module, _, name = dotted.rpartition(".")
        yield module, name


def _is_listed(module: str, name: str, page: str) -> bool:
    """Tell whether the page has the module as a whole, or the name on a line with the module."""
    whole = (f"| `{module}` |", f"`{module}`:")
    on_one_line = re.compile(rf"\b{re.escape(module)}\b.*\b{name}\b")
    return any(line.startswith(whole) or on_one_line.search(line) for line in page.splitlines())


def test_the_python_page_lists_what_the_guides_use() -> None:
    """Each import and dotted path of ours in an example of the guides and the tutorial is on the page."""
    page = (REFERENCE / "python-api.md").read_text("utf-8")
    guides = [*REFERENCE.parent.glob("how-to/*.md"), *REFERENCE.parent.glob("tutorial/*.md")]
    examples = [found for guide in guides for found in EXAMPLE.findall(guide.read_text("utf-8"))]
    used = {each for found in examples for each in _used(*found) if each[0].startswith("django_authkit")}
    exported = {("django_authkit", name) for name in django_authkit.__all__}
    assert len(used) > 30
    assert sorted(each for each in used - exported if not _is_listed(*each, page)) == []
