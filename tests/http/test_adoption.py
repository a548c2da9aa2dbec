"""
Logins of other packages, each from a real installation of it.

They need settings of their own, so ``tests/adoption`` runs in processes of its own: once with simplejwt's
blacklist app, and what concerns that once without.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
IN_SHORT = "goes_on or (simplejwt and again_later) or test_codes or without_its or two_ways"
RUNS = [
    pytest.param("yes", "", 200, id="everything", marks=pytest.mark.slow),
    pytest.param("no", IN_SHORT, 30, id="in short and without the blacklist"),
]
"""Whether simplejwt's blacklist app is installed, the tests that are run, and their minimum number."""


@pytest.mark.parametrize(("blacklist", "chosen", "least"), RUNS)
@pytest.mark.timeout(600)
def test_adoption(blacklist: str, chosen: str, least: int) -> None:
    """All tests of the folder pass, and at least the expected number ran."""
    program = Path(sys.executable).with_name("pytest")
    # Each change of a setting makes a new store; the old one's connections go with it, when that may be.
    options = [
        "-q",
        "--tb=short",
        "--ds=projects.adoption",
        "-W",
        "ignore:unclosed:ResourceWarning",
        "-k",
        chosen,
    ]
    done = subprocess.run(
        [program, *options, "tests/adoption"],
        cwd=TESTS.parent,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
            "DJANGO_SETTINGS_MODULE": "projects.adoption",
            "AUTHKIT_TEST_BLACKLIST": blacklist,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= least
