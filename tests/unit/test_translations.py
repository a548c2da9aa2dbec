"""The catalogs of translations: every text that a person can see, in each language."""

import gettext
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import django_authkit

PACKAGE = Path(django_authkit.__file__).parent
LANGUAGES = ["de", "es", "fr", "ja", "ko", "pt_BR", "zh_Hans"]
FORMS = {"ja": 1, "ko": 1, "zh_Hans": 1}
"""How many plural forms a language has, if not two."""

_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")
_MARKUP = re.compile(r"<[^>]+>")

needs_gettext = pytest.mark.skipif(shutil.which("xgettext") is None, reason="GNU gettext is not installed")


def catalog(mo: Path) -> dict[str | tuple[str, int], str]:
    """Return the texts of a compiled catalog; those with plurals have the number of the form in their key."""
    with mo.open("rb") as file:
        texts: dict[str | tuple[str, int], str] = vars(gettext.GNUTranslations(file))["_catalog"]
    return {key: text for key, text in texts.items() if key != ""}


def compiled(language: str) -> dict[str | tuple[str, int], str]:
    """Return the catalog that the package contains."""
    return catalog(PACKAGE / "locale" / language / "LC_MESSAGES" / "django.mo")


def original(key: str | tuple[str, int]) -> str:
    """Return the English text."""
    return key if isinstance(key, str) else key[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_and_markup_are_those_of_the_original(language: str) -> None:
    """A translation has the same placeholders and tags as the English text, in any order."""
    texts = compiled(language)
    assert len(texts) > 90
    for key, text in texts.items():
        for kind in (_PLACEHOLDER, _MARKUP):
            assert sorted(kind.findall(text)) == sorted(kind.findall(original(key))), original(key)


@pytest.mark.parametrize("language", LANGUAGES)
def test_plural_forms_are_complete(language: str) -> None:
    """Each text with a number has all plural forms of the language."""
    plurals = [key for key in compiled(language) if not isinstance(key, str)]
    texts = {text for text, _ in plurals}
    assert texts
    assert sorted(plurals) == sorted((text, form) for text in texts for form in range(FORMS.get(language, 2)))


@needs_gettext
def test_every_marked_text_is_translated(tmp_path: Path) -> None:
    """What ``makemessages`` finds in the code and the templates is in each catalog, and nothing else is."""
    sources = tmp_path / "django_authkit"
    shutil.copytree(PACKAGE, sources, ignore=shutil.ignore_patterns("locale", "__pycache__"))
    (sources / "locale").mkdir()
    command = [
        sys.executable,
        "-P",
        "-m",
        "django",
        "makemessages",
        "--locale=ko",
        "--settings=django.conf.global_settings",
    ]
    subprocess.run(command, cwd=sources, check=True, capture_output=True)
    found = sources / "locale" / "ko" / "LC_MESSAGES" / "django.po"
    # Without translations, so that msgfmt lists what has none.
    listed = subprocess.run(
        ["msgattrib", "--untranslated", "--no-obsolete", found], check=True, capture_output=True, text=True
    ).stdout
    marked = set(re.findall(r'^msgid (".*"(?:\n".*")*)', listed, re.MULTILINE))
    for language in LANGUAGES:
        ours = (PACKAGE / "locale" / language / "LC_MESSAGES" / "django.po").read_text("utf-8")
        translated = set(re.findall(r'^msgid (".*"(?:\n".*")*)', ours, re.MULTILINE))
        assert _texts(translated) == _texts(marked)
        assert "fuzzy" not in ours
        assert len(compiled(language)) >= len(_texts(translated))


def _texts(quoted: set[str]) -> set[str]:
    """Join the lines of each text; without the empty one of the header."""
    return {"".join(re.findall(r'"(.*)"', text)) for text in quoted} - {""}


@needs_gettext
@pytest.mark.parametrize("language", LANGUAGES)
def test_compiled_catalogs_are_up_to_date(language: str, tmp_path: Path) -> None:
    """The compiled catalog is what ``compilemessages`` makes of the readable one."""
    po = PACKAGE / "locale" / language / "LC_MESSAGES" / "django.po"
    subprocess.run(["msgfmt", "--check-format", "-o", tmp_path / "django.mo", po], check=True)
    assert catalog(tmp_path / "django.mo") == compiled(language)
