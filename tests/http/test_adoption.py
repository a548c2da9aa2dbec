"""
Logins of other packages, each from a real installation of it.

They need settings of their own, so ``tests/adoption`` runs in processes of its own: once with simplejwt's
blacklist app, and what concerns that once without.
"""

import pytest

from support.own_settings import run_folder

IN_SHORT = "login_is_kept or (simplejwt and again_later) or test_codes or without_its or two_ways"
RUNS = [
    pytest.param("yes", "", 200, id="everything", marks=pytest.mark.slow),
    pytest.param("no", IN_SHORT, 30, id="in short and without the blacklist"),
]
"""Whether simplejwt's blacklist app is installed, the tests that are run, and their minimum number."""


@pytest.mark.parametrize(("blacklist", "chosen", "least"), RUNS)
@pytest.mark.timeout(600)
def test_adoption(blacklist: str, chosen: str, least: int) -> None:
    """All tests of the folder pass, and at least the expected number ran."""
    run_folder("adoption", "-k", chosen, least=least, AUTHKIT_TEST_BLACKLIST=blacklist)
