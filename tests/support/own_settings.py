"""Runs a folder of tests in a process of its own, with settings of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]


def run_folder(folder: str, *options: str, least: int, **environment: str) -> None:
    """Run the tests of *folder* with the settings ``projects.<folder>``; all pass, at least *least*."""
    program, settings = Path(sys.executable).with_name("pytest"), f"projects.{folder}"
    # Each change of a setting makes a new store; the old one's connections are closed at some time.
    unclosed = ("-W", "ignore:unclosed:ResourceWarning")
    done = subprocess.run(
        [program, "-q", "--tb=short", f"--ds={settings}", *unclosed, *options, f"tests/{folder}"],
        cwd=TESTS.parent,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
            "DJANGO_SETTINGS_MODULE": settings,
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= least
