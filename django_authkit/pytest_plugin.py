"""The fixtures of pytest; nothing of Django is imported before a test asks for one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from django_authkit.testing import AuthKitClient


@pytest.fixture
def authkit_client() -> "AuthKitClient":
    """Return a test client whose ``force_login`` works in both modes."""
    from django_authkit.testing import AuthKitClient

    return AuthKitClient()


@pytest.fixture
def authkit_travel() -> Iterator[Callable[..., None]]:
    """Return a function that lets time pass until the end of the test: ``authkit_travel(days=15)``."""
    from django_authkit.testing import travel

    with ExitStack() as travels:
        yield lambda **span: travels.enter_context(travel(**span))
