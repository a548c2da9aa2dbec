"""What is installed is what was built."""

import os
import sysconfig
from importlib import metadata, resources
from pathlib import Path

import pytest

import django_authkit


def test_the_version_is_that_of_the_distribution() -> None:
    """The package and its metadata name the same version."""
    assert metadata.version("django-authkit") == django_authkit.__version__


@pytest.mark.skipif("AUTHKIT_TEST_THE_WHEEL" not in os.environ, reason="only where tox installs the wheel")
def test_the_wheel_is_what_is_tested() -> None:
    """Where tox installs the wheel, the tests import it and not the checkout."""
    installed = Path(sysconfig.get_path("purelib"))
    assert Path(django_authkit.__file__).is_relative_to(installed)


def test_the_scripts_and_the_type_marker_are_installed() -> None:
    """The Lua scripts, the first migration and ``py.typed`` come with the package."""
    package = resources.files("django_authkit")
    assert (package / "py.typed").is_file()
    assert [entry for entry in (package / "migrations").iterdir() if entry.name.startswith("0001")]
    scripts = package / "stores" / "redis" / "lua"
    assert [entry for entry in scripts.iterdir() if entry.name.endswith(".lua")]
