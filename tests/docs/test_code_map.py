"""The code map has a line for each module and script, and for nothing else."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "django_authkit"
PAGE = (ROOT / "docs" / "explanation" / "code-map.md").read_text("utf-8")
_ROW = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)
_RULE = re.compile(r"^\| [^`|]*(?:`[^`]+`[^`|]*)*\| (`[^|]+) \| (`[^|]+) \|$", re.MULTILINE)


def test_every_module_has_a_line() -> None:
    """Each module and each script of the package has one line, and each line is about one of them."""
    modules = {
        str(path.relative_to(PACKAGE))
        for path in (*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.lua"))
        if "migrations" not in path.parts and path.read_text("utf-8").strip()
    }
    lines = _ROW.findall(PAGE)
    assert sorted(lines) == sorted(modules)


def test_rules_name_modules_and_tests_that_exist() -> None:
    """Each of at least thirty rules refers to existing files."""
    rules = _RULE.findall(PAGE)
    assert len(rules) >= 30
    for modules, tests in rules:
        for folder, names in ((PACKAGE, modules), (ROOT / "tests", tests)):
            paths = re.findall(r"`([\w/]+\.(?:py|lua)|[\w/]+/)`", names)
            assert paths
            assert all((folder / path).exists() for path in paths), names
