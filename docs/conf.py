"""
The documentation site, built by Sphinx from the same Markdown pages that are read on GitHub.

``index.md`` is the only table of contents: each of its lists of links is a part of the navigation.
"""

import os
import re
from importlib.metadata import version as version_of
from pathlib import Path

import django
from django.conf import settings
from sphinx.application import Sphinx

# The API reference imports the modules that it describes.
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework", "django_authkit"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    SECRET_KEY="of the documentation, which signs nothing",  # noqa: S106
    SILENCED_SYSTEM_CHECKS=["authkit"],
)
django.setup()

REPOSITORY = "https://github.com/django-authkit/django-authkit"

project = "django-authkit"
author = "django-authkit contributors"
copyright = f"2026, {author}"  # noqa: A001 - Sphinx's name
release = version = version_of("django-authkit")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
root_doc = "index"
nitpicky = True

myst_heading_anchors = 4
copybutton_exclude = ".linenos, .gp, .go"

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_default_options = {"members": True, "show-inheritance": True}
# Of other packages, which have sites of their own.
nitpick_ignore_regex = [("py:.*", r"(?!django_authkit).*")]
# Documented under the name that a project imports, and type variables.
nitpick_ignore = [
    ("py:class", "django_authkit.http.request_state.Authentication"),
    ("py:class", "django_authkit.decorators.V"),
    ("py:class", "django_authkit.http.grant._Response"),
    ("py:class", "django_authkit.service.running.OnTheLoop"),
]

html_theme = "furo"
html_title = f"django-authkit {release}"
html_baseurl = os.environ.get("READTHEDOCS_CANONICAL_URL", "")
html_extra_path = ["how-to/compare-report.html"]
html_theme_options = {
    "source_repository": f"{REPOSITORY}/",
    "source_branch": "main",
    "source_directory": "docs/",
}

_PART = re.compile(r"^### (?P<caption>.+)\n\n(?P<links>(?:\* .*\n)+)", re.MULTILINE)
_LINKED = re.compile(r"^\* \[[^\]]+\]\((?P<page>[^)#]+)\.(?:md|rst)\)", re.MULTILINE)
_UPWARDS = re.compile(r"\]\((?P<path>(?:\.\./)+[^)#]+)(?P<anchor>#[^)]*)?\)")


def _with_navigation(app: Sphinx, name: str, source: list[str]) -> None:
    """Give the index its navigation, and lead links to files outside of docs/ to the repository."""
    folder = (Path(app.srcdir) / name).parent
    root = Path(app.srcdir).parent

    def outside(link: re.Match[str]) -> str:
        target = (folder / link["path"]).resolve()
        if target.is_relative_to(app.srcdir):
            return link[0]
        return f"]({REPOSITORY}/blob/main/{target.relative_to(root)}{link['anchor'] or ''})"

    source[0] = _UPWARDS.sub(outside, source[0])
    if name == root_doc:
        source[0] += "".join(
            f"\n```{{toctree}}\n:hidden:\n:caption: {part['caption']}\n\n"
            + "\n".join(_LINKED.findall(part["links"]))
            + "\n```\n"
            for part in _PART.finditer(source[0])
        )


def setup(app: Sphinx) -> None:
    """Connect the events."""
    app.connect("source-read", _with_navigation)
