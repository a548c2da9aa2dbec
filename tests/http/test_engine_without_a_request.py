"""Django's session engine used directly, as scripts and management commands use it."""

import pytest

from django_authkit.session_engine import SessionStore

pytestmark = pytest.mark.usefixtures("site")


def test_a_created_session_exists_until_it_is_deleted() -> None:
    """``create()`` stores an anonymous session, ``exists()`` sees it, and ``delete()`` removes it."""
    session = SessionStore()
    session.create()
    key = session.session_key
    assert key is not None
    assert SessionStore().exists(key)
    SessionStore(key).delete()
    assert not SessionStore().exists(key)


@pytest.mark.parametrize("key", ["", "junk", "x" * 400])
def test_an_invalid_key_does_not_exist(key: str) -> None:
    """``exists()`` is False for a string that is not a session key."""
    assert not SessionStore().exists(key)


def test_clear_expired_keeps_what_has_not_expired() -> None:
    """``clear_expired()``, which ``clearsessions`` calls, runs on every store and keeps valid sessions."""
    session = SessionStore()
    session.create()
    SessionStore.clear_expired()
    assert session.session_key is not None
    assert SessionStore().exists(session.session_key)
