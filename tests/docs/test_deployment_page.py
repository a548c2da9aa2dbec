"""A new project with the settings that the pages on installation and deployment print."""

import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from support.servers import Addresses

ROOT = Path(__file__).parents[2]


def printed(page: str) -> list[str]:
    """Return the Python examples of a guide."""
    text = (ROOT / "docs/how-to" / page).read_text("utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project that Django made, with what the pages say."""
    call_command("startproject", "project", str(tmp_path))
    package, installed = tmp_path / "project", printed("installation.md")
    apps, middleware, mode, framework, urls = installed[:5]
    relaxed = next(example for example in installed if "PLAIN_HTTP" in example)
    with (package / "settings.py").open("a", encoding="utf-8") as settings:
        settings.write("\n".join(["", apps, middleware, mode, framework, relaxed]))
    (package / "urls.py").write_text(urls, "utf-8")
    production = printed("deployment.md")[0].replace("/srv/app/static", str(tmp_path / "static"))
    (package / "production.py").write_text(production, "utf-8")
    return tmp_path


def managed(project: Path, addresses: Addresses, *arguments: str) -> str:
    """Run ``manage.py`` with the environment that the page prints; return its output."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "project.production",
        "DJANGO_SECRET_KEY": secrets.token_urlsafe(64),
        "AUTHKIT_REDIS_URL": f"{addresses.valkey}/0",
    }
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_nothing_is_left_to_correct(project: Path, addresses: Addresses) -> None:
    """The checks for deployment find nothing, and the static files of the app are collected."""
    found = managed(project, addresses, "check", "--deploy", "--fail-level", "WARNING")
    assert "no issues" in found
    assert "WARNINGS" not in found
    managed(project, addresses, "collectstatic", "--noinput")
    assert (project / "static/django_authkit/authkit.js").stat().st_size > 0
