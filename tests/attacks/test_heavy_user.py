"""One user with very many auth sessions tries to keep the store from everybody else."""

import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import chain
from threading import Event

import pytest
from django.conf import settings
from redis import Redis

from django_authkit.session_keys import new_handle
from django_authkit.stores.outcomes import Created
from django_authkit.types import OnLimit, RevocationReason
from support.client import Device, body, code
from support.live_site import LiveSite, by_header, in_session_mode
from support.parallel import parallel_threads
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
    with Redis.from_url(rig.site.url) as client:
        plant(client, rig.start().sid, HEAVY - 1)
    return rig


def plant(client: Redis, sid: str, count: int) -> None:
    """Give its user *count* copies of the record of *sid*, which does not contain the sid."""
    (record,) = client.keys(f"*:s:{sid}")
    (index,) = (key for key in client.keys("*:u:*") if client.zscore(key, sid) is not None)
    assert isinstance(record, bytes)
    packed, base = client.get(record), record.decode().removesuffix(sid)
    assert packed is not None
    ends = int(client.zscore(index, sid) or 0)
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


def logs_in_alone(rig: Rig) -> None:
    """A login that revokes all others."""
    created = rig.store.create(rig.proposal(max_sessions=1, on_limit=OnLimit.REVOKE_OTHERS))
    assert isinstance(created, Created)
    assert len(created.revoked) == HEAVY
    assert rig.sids() == [created.session.sid]


def has_a_new_hash(rig: Rig) -> None:
    """The hash of the password is upgraded."""
    assert rig.store.restamp_user(rig.user, "a" * 64, "b" * 64) == HEAVY


def is_revoked(rig: Rig) -> None:
    """A password change, or "log out everywhere else"."""
    kept = rig.start()
    assert len(rig.store.revoke_user(rig.user, RevocationReason.REVOKED, keep=kept.sid)) == HEAVY
    assert rig.sids() == [kept.sid]


@pytest.mark.parametrize(
    "act", [lists_a_page, lists_all, logs_in, is_limited, logs_in_alone, has_a_new_hash, is_revoked]
)
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


def p99(devices: list[Device], seconds: float) -> float:
    """Let each of *devices* call for a while, which succeeds; return the 99th percentile in milliseconds."""

    def call(device: Device) -> list[float]:
        took, ends = [], time.monotonic() + seconds
        while time.monotonic() < ends:
            begun = time.monotonic()
            assert device.call().status_code == 200
            took.append((time.monotonic() - begun) * 1000)
        return took

    with parallel_threads(len(devices)) as threads:
        times = threads.at_once([partial(call, device) for device in devices])
    return statistics.quantiles(chain.from_iterable(times), n=100)[98]


@by_header
@in_session_mode
@pytest.mark.parametrize("where", ["valkey"], indirect=True)
def test_others_are_served_meanwhile(live: LiveSite, capsys: pytest.CaptureFixture[str]) -> None:
    """While one user lists and revokes very many auth sessions on four connections, nobody gets a 503."""
    for name in ("ada", "bob"):
        live.add_user(name)
    heavy, others = live.logged_in("ada"), [live.logged_in("bob") for _ in range(rounds(50))]
    seconds, done = rounds(50) / 5, Event()
    alone = p99(others, seconds)

    def list_all() -> None:
        while not done.is_set():
            assert heavy.get("/auth/sessions/?page_size=100").status_code == 200

    def revoke_all() -> int:
        revoked = 0
        with Redis.from_url(settings.CACHES["authkit"]["LOCATION"]) as client:
            while not done.is_set():
                plant(client, live.sid(heavy), HEAVY // 2)
                answer = heavy.delete("/auth/sessions/")
                assert answer.status_code == 200
                revoked += body(answer)["revoked"]
        return revoked

    with parallel_threads(4) as threads, ThreadPoolExecutor(1) as watching:
        beside = watching.submit(p99, others, seconds)
        beside.add_done_callback(lambda _: done.set())
        *_, revoked = threads.at_once([list_all, list_all, list_all, revoke_all])
    with capsys.disabled():
        print(  # noqa: T201 - the figures are the point
            f"\np99 of others: {alone:.0f} ms alone, {beside.result():.0f} ms beside a user "
            f"of whom {revoked} auth sessions were revoked"
        )


@in_session_mode
def test_a_login_whose_response_is_lost(live: LiveSite) -> None:
    """With one auth session a user and REFUSE, one that nobody got locks its user out for minutes."""
    live.configure(MAX_SESSIONS=1, ON_LIMIT="refuse")
    live.add_user()
    live.logged_in()  # and the response is lost
    assert code(live.device().log_in()) == (403, "session_limit")
    live.advance(minutes=10)
    device = live.logged_in()
    live.advance(minutes=2)
    assert device.logged_in()
    live.advance(minutes=30)
    assert code(live.device().log_in()) == (403, "session_limit")
