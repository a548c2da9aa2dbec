"""Anonymous Django sessions."""

from functools import partial
from secrets import token_bytes

import pytest

from django_authkit.session_keys import new_handle
from django_authkit.stores.outcomes import Absent
from django_authkit.stores.protocol import Store
from support.parallel import parallel_threads
from support.stores import HOUR, MINUTE, Rig

HANDLE = new_handle(0)
KEY = bytes(range(32))


def test_data_comes_back(store: Store) -> None:
    """The handle and the key give access to the data."""
    assert store.create_anonymous(HANDLE, KEY, "data 🦊", HOUR) is True
    assert store.load_anonymous(HANDLE, KEY) == "data 🦊"


def test_empty_data_is_not_absent(store: Store) -> None:
    """Empty data is distinguished from no data."""
    store.create_anonymous(HANDLE, KEY, "", HOUR)
    assert store.load_anonymous(HANDLE, KEY) == ""


def test_the_same_create_again(store: Store) -> None:
    """A repeated call returns the record of the first."""
    assert store.create_anonymous(HANDLE, KEY, "data", HOUR) is True
    assert store.create_anonymous(HANDLE, KEY, "data", HOUR) is True


def test_of_many_calls_one_gets_a_handle(store: Store) -> None:
    """Of calls with different keys at once exactly one succeeds: what is used up so works once."""
    calls = [partial(store.create_anonymous, HANDLE, token_bytes(32), "", HOUR) for _ in range(6)]
    with parallel_threads(6) as threads:
        assert sorted(threads.at_once(calls)) == [False] * 5 + [True]


def test_a_taken_handle(store: Store) -> None:
    """A handle with another key is refused and not changed."""
    store.create_anonymous(HANDLE, KEY, "mine", HOUR)
    assert store.create_anonymous(HANDLE, token_bytes(32), "theirs", HOUR) is False
    assert store.load_anonymous(HANDLE, KEY) == "mine"


def test_an_expired_handle_is_free(rig: Rig, store: Store) -> None:
    """Expired means absent, for the next ``create`` too."""
    store.create_anonymous(HANDLE, KEY, "old", MINUTE)
    rig.wait(MINUTE)
    assert store.create_anonymous(HANDLE, token_bytes(32), "new", HOUR) is True
    assert store.load_anonymous(HANDLE, KEY) is None


@pytest.mark.parametrize("digest", [token_bytes(32), b"\0" * 32], ids=["random", "zeros"])
def test_another_key_opens_nothing(store: Store, digest: bytes) -> None:
    """The handle alone is not enough to read, write or delete."""
    store.create_anonymous(HANDLE, KEY, "mine", HOUR)
    assert store.load_anonymous(HANDLE, digest) is None
    assert store.save_anonymous(HANDLE, digest, "theirs", HOUR) is False
    store.delete_anonymous(HANDLE, digest)
    assert store.load_anonymous(HANDLE, KEY) == "mine"


def test_it_expires(rig: Rig, store: Store) -> None:
    """After its lifetime it is absent, and a save does not revive it."""
    store.create_anonymous(HANDLE, KEY, "data", HOUR)
    rig.wait(59 * MINUTE)
    assert store.load_anonymous(HANDLE, KEY) == "data"
    rig.wait(MINUTE)
    assert store.load_anonymous(HANDLE, KEY) is None
    assert store.save_anonymous(HANDLE, KEY, "new", HOUR) is False
    assert store.load_anonymous(HANDLE, KEY) is None


@pytest.mark.parametrize(("lifetime", "alive"), [(2 * HOUR, True), (MINUTE, False)])
def test_save_replaces_data_and_expiry(rig: Rig, store: Store, lifetime: int, alive: bool) -> None:
    """The lifetime counts from the save, and may become longer or shorter."""
    store.create_anonymous(HANDLE, KEY, "old", 65 * MINUTE)
    rig.wait(MINUTE)
    assert store.save_anonymous(HANDLE, KEY, "new", lifetime) is True
    assert store.load_anonymous(HANDLE, KEY) == "new"
    rig.wait(HOUR + 10 * MINUTE if alive else MINUTE)
    assert store.load_anonymous(HANDLE, KEY) == ("new" if alive else None)


def test_save_creates_nothing(store: Store) -> None:
    """A deleted or unknown session is not written."""
    assert store.save_anonymous(HANDLE, KEY, "data", HOUR) is False
    assert store.load_anonymous(HANDLE, KEY) is None


def test_delete_is_idempotent(store: Store) -> None:
    """A deleted session is absent; deleting it again is not an error."""
    store.create_anonymous(HANDLE, KEY, "data", HOUR)
    for _ in range(2):
        store.delete_anonymous(HANDLE, KEY)
        assert store.load_anonymous(HANDLE, KEY) is None
        assert store.save_anonymous(HANDLE, KEY, "data", HOUR) is False


def test_it_is_no_auth_session(store: Store) -> None:
    """An anonymous session never counts as a login."""
    store.create_anonymous(HANDLE, KEY, "data", HOUR)
    assert store.load(HANDLE) is Absent.GONE
    assert store.touch(HANDLE, KEY, idle=HOUR, interval=0) is Absent.GONE
    assert store.rekey(HANDLE, KEY, token_bytes(32)) is Absent.GONE
    assert store.save_data(HANDLE, KEY, "data", idle_limit=None) is False


def test_an_auth_session_is_not_anonymous(rig: Rig, store: Store) -> None:
    """The key of a login opens no anonymous session, and deletes no login."""
    started = rig.start(data="data")
    assert store.load_anonymous(started.sid, started.key) is None
    assert store.save_anonymous(started.sid, started.key, "new", HOUR) is False
    store.delete_anonymous(started.sid, started.key)
    assert rig.sids() == [started.sid]


def test_several_at_once(rig: Rig, store: Store) -> None:
    """Those of one bucket are read together, each as if by itself."""
    gone, there = new_handle(0), new_handle(0)
    store.create_anonymous(gone, KEY, "old", MINUTE)
    rig.wait(MINUTE)
    store.create_anonymous(HANDLE, KEY, "first", HOUR)
    store.create_anonymous(there, KEY, "", HOUR)
    places = [(gone, KEY), (there, KEY), (HANDLE, token_bytes(32)), (new_handle(0), KEY)]
    assert store.load_anonymous_together(places) == [None, "", None, None]
    assert store.load_anonymous_together([(HANDLE, KEY), *places]) == ["first", None, "", None, None]
