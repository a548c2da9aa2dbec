"""``authkit.js`` works with a project's collected static files."""

from pathlib import Path

from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from pytest_django import Settings

import django_authkit

SOURCE = Path(django_authkit.__file__).parent / "static" / "django_authkit"


def test_is_collected_under_a_hashed_name(settings: Settings, tmp_path: Path) -> None:
    """Django's manifest storage accepts it, and ``{% static %}`` finds the copy with the hash."""
    backend = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": backend}}
    settings.STATIC_ROOT = str(tmp_path)
    call_command("collectstatic", interactive=False, verbosity=0)
    url = staticfiles_storage.url("django_authkit/authkit.js")
    name = Path(url).name
    assert name != "authkit.js"
    assert (tmp_path / "django_authkit" / name).read_bytes() == (SOURCE / "authkit.js").read_bytes()
    assert (tmp_path / "django_authkit" / "authkit.d.ts").exists()
