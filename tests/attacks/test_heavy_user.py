"""One user with very many auth sessions tries to keep the store from everybody else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from redis import Redis

from django_authkit.session_keys import new_handle
from django_authkit.stores.outcomes import Created
from django_authkit.types import OnLimit, RevocationReason
from support.profile import rounds
from support.stores import DAY, RedisSite, Rig

pytestmark = pytest.mark.slow

HEAVY = rounds(60_000)
MOST_KEYS = 350
"""Keys that a script may name: a hundred records, and a few for each of the twenty that it revokes."""
SLOW = 5_000
"""Microseconds."""


@pytest.fixture
def heavy(rig: Rig) -> Rig:
    """Return a rig on Redis or Valkey whose user was given ``HEAVY`` live auth sessions."""
    if not isinstance(rig.site, RedisSite) or rig.site.resp == 2:
        pytest.skip("A database answers others meanwhile; the protocol makes no difference.")
    plant(rig.site, rig.start().sid, HEAVY - 1)
    return rig


def plant(site: RedisSite, sid: str, count: int) -> None:
    """Copy the record of *sid*, which does not contain it."""
    with Redis.from_url(site.url, protocol=site.resp) as client:
        (record,), (index,) = client.keys(f"*:s:{sid}"), client.keys("*:u:*")
        packed, base = client.get(record), record.removesuffix(sid.encode()).decode()
        ends = int(client.zscore(index, sid))
        for start in range(0, count, 2_000):
            sids = {new_handle(0): ends - n for n in range(start, min(start + 2_000, count))}
            pipeline = client.pipeline(transaction=False)
            for copy in sids:
                pipeline.set(f"{base}{copy}", packed, px=DAY)
            pipeline.zadd(index, sids)
            pipeline.execute()


class Scripts:
    """What the scripts of a Redis store did: for each the number of keys that it named, and the slow ones."""

    def __init__(self) -> None:
        self.keys: list[int] = []
        self.slow: list[int] = []


def _keys_of(command: str) -> int:
    name, *arguments = command.split()
    return len(arguments) if name.upper() in {"MGET", "UNLINK"} else 1


@contextmanager
def watched(rig: Rig, capsys: pytest.CaptureFixture[str]) -> Iterator[Scripts]:
    """Assert that no script that runs meanwhile names more than ``MOST_KEYS`` keys; print the slow."""
    scripts = Scripts()
    assert isinstance(rig.site, RedisSite)
    with Redis.from_url(rig.site.url) as client, Redis.from_url(rig.site.url) as observer:
        before = client.config_get("slowlog-log-slower-than")["slowlog-log-slower-than"]
        client.config_set("slowlog-log-slower-than", SLOW)
        client.slowlog_reset()
        with observer.monitor() as monitor:
            yield scripts
            client.echo("the end")
            for entry in monitor.listen():
                if entry["command"] == "ECHO the end":
                    break
                if entry["client_type"] == "lua":
                    scripts.keys[-1] += _keys_of(entry["command"])
                else:
                    scripts.keys.append(0)
        logged = [each for each in client.slowlog_get(1000) if each["command"].upper().startswith(b"EVAL")]
        scripts.slow = [each["duration"] for each in logged]
        client.config_set("slowlog-log-slower-than", before)
    with capsys.disabled():
        print(  # noqa: T201 - the figures are the point
            f"\n{len(scripts.keys)} scripts, at most {max(scripts.keys)} keys in one; "
            f"{len(scripts.slow)} above {SLOW} µs, the slowest {max(scripts.slow, default=0)} µs"
        )
    assert max(scripts.keys) <= MOST_KEYS


def lists_a_page(rig: Rig) -> None:
    """The newest page, and one from the middle."""
    for skipped in (0, HEAVY // 2):
        page = rig.store.page_of_user(rig.user, skipped, 100)
        assert (len(page.sessions), page.there_are) == (100, HEAVY)


def lists_all(rig: Rig) -> None:
    """Everything, for an operator."""
    assert len(rig.sids()) == HEAVY


def logs_in(rig: Rig) -> None:
    """A login that has one too many, and one that is refused."""
    for policy in (OnLimit.EVICT, OnLimit.REFUSE):
        rig.store.create(rig.proposal(max_sessions=HEAVY, on_limit=policy))


def is_limited(rig: Rig) -> None:
    """The first login after the limit was introduced."""
    created = rig.store.create(rig.proposal(max_sessions=100))
    assert isinstance(created, Created)
    assert len(created.revoked) == HEAVY - 99
    assert rig.store.page_of_user(rig.user, 0, 1).there_are == 100


def has_a_new_hash(rig: Rig) -> None:
    """The hash of the password is upgraded."""
    assert rig.store.restamp_user(rig.user, "a" * 64, "b" * 64) == HEAVY


def is_revoked(rig: Rig) -> None:
    """A password change, or "log out everywhere else"."""
    kept = rig.start()
    assert len(rig.store.revoke_user(rig.user, RevocationReason.REVOKED, keep=kept.sid)) == HEAVY
    assert rig.sids() == [kept.sid]


@pytest.mark.parametrize("act", [lists_a_page, lists_all, logs_in, is_limited, has_a_new_hash, is_revoked])
def test_scripts_that_hold_the_store_up(
    heavy: Rig, act: Callable[[Rig], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever a user with very many auth sessions does, no script reads more than a hundred of them."""
    with watched(heavy, capsys):
        act(heavy)


def test_an_index_that_grows(rig: Rig) -> None:
    """Dead members leave a user's index at each login: it does not grow with the logins of the past."""
    if not isinstance(rig.site, RedisSite):
        pytest.skip("There is no index beside the table.")
    for _ in range(rounds(2_000)):
        rig.start(max_sessions=100, idle_ms=1_000)
        rig.wait(1_000)
    with Redis.from_url(rig.site.url) as client:
        (index,) = client.keys("*:u:*")
        assert client.zcard(index) <= 1
