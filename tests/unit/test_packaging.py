"""What is installed is what was built."""

import os
import sysconfig
from importlib import metadata, resources
from pathlib import Path

import django_authkit


def test_the_version_is_that_of_the_distribution() -> None:
    """The package and its metadata name the same version."""
    assert metadata.version("django-authkit") == django_authkit.__version__


def test_under_tox_the_wheel_is_what_is_tested() -> None:
    """Under tox the package comes from site-packages, so the suite has tested the wheel."""
    installed = Path(sysconfig.get_path("purelib"))
    assert Path(django_authkit.__file__).is_relative_to(installed) is ("TOX_ENV_NAME" in os.environ)


def test_the_scripts_and_the_type_marker_are_installed() -> None:
    """The Lua scripts, the first migration and ``py.typed`` come with the package."""
    package = resources.files("django_authkit")
    assert (package / "py.typed").is_file()
    assert [entry for entry in (package / "migrations").iterdir() if entry.name.startswith("0001")]
    scripts = package / "stores" / "redis" / "lua"
    assert [entry for entry in scripts.iterdir() if entry.name.endswith(".lua")]
