"""The commands as a shell runs them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRANSLATE = ["authkit_switch", "from-simplejwt"]


def run(*arguments: str, out: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """Run a command without ``DJANGO_SETTINGS_MODULE``."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    command = [sys.executable, "-m", "django", *arguments]
    return subprocess.run(
        command, env=environment, stdout=out, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("command", [TRANSLATE, ["authkit_keys", "list"]])
def test_settings_after_the_subcommand(command: list[str]) -> None:
    """``--settings`` stands where other commands have it, or before the subcommand."""
    name, subcommand = command
    after = run(name, subcommand, "--settings", "projects.site")
    before = run(name, "--settings", "projects.site", subcommand)
    assert (after.returncode, after.stderr) == (0, "")
    assert after.stdout == before.stdout != ""


def test_a_reader_that_goes_away() -> None:
    """Output into ``head`` ends without a traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run(*TRANSLATE, "--settings", "projects.site", out=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
