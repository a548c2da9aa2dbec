"""
Packages that work on ``request.user``, the session or logins, each from a real installation of it.

They need settings of their own, so ``tests/integrations`` runs in a process of its own.
"""

import os

import pytest

from support.own_settings import run_folder


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_integrations() -> None:
    """All tests of the folder pass, and at least the expected number ran."""
    run_folder("integrations", least=200 if "AUTHKIT_TEST_HALF" in os.environ else 300)
