"""A slot of a cluster is migrated key by key: 503 while it lasts, and afterwards everything is as it was."""

import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from pytest_django import DjangoDbBlocker, Settings
from redis.cluster import RedisCluster
from redis.crc import key_slot

from django_authkit import outages, revoke_all
from django_authkit.types import Mode, Transport
from django_authkit.wiring import get_replica
from faults.conftest import BACKEND, MEMORY
from support.access_policies import BOUND
from support.client import Device, code
from support.clock import Clock
from support.cluster import BINARIES, Cluster, Migration
from support.live_site import LiveSite, by_header, in_jwt_mode
from support.profile import rounds
from support.traffic import Traffic
from support.waiting import until

pytestmark = by_header

SLOT = key_slot(b"authkit:{AA}:m")


@pytest.fixture(scope="module", params=BINARIES)
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a cluster of three nodes, of Redis and of Valkey."""
    with Cluster.running(BINARIES[request.param], tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


class ClusterSite(LiveSite):
    """A site whose auth sessions are in a cluster."""

    def _redis(self) -> Any:
        return RedisCluster.from_url(self.settings.CACHES["authkit"]["LOCATION"])


@pytest.fixture
def live(
    cluster: Cluster,
    settings: Settings,
    clock: Clock,
    mode: Mode,
    transport: Transport,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[LiveSite]:
    """Return a site on that cluster, with a user."""
    options = {"REDIS_CLIENT_CLASS": "redis.cluster.RedisCluster"}
    authkit = {"BACKEND": BACKEND, "LOCATION": cluster.url, "OPTIONS": options}
    settings.CACHES = {**MEMORY, "authkit": authkit}
    with django_db_blocker.unblock():
        cluster.flush()
        site = ClusterSite(settings, clock, store="valkey", mode=mode, transport=transport)
        site.configure(RATES={"LOGIN": None, "REFRESH": None})
        site.clear()
        site.add_user()
        yield site
        site.clear()


@pytest.fixture
def migration(cluster: Cluster) -> Iterator[Migration]:
    """Return a migration of the slot of all records, which is over at the end of the test."""
    migration = cluster.migration(SLOT)
    yield migration
    migration.end()


ASKED: dict[str, Callable[[Device], HttpResponse]] = {
    "call": Device.call,
    "refresh": Device.refresh,
    "log out": Device.log_out,
}


def test_nobody_is_refused_and_nothing_is_done_by_halves(live: LiveSite, migration: Migration) -> None:
    """At each stage every answer is 503; afterwards all are logged in, and what is revoked stays revoked."""
    devices = {name: live.logged_in() for name in ASKED}
    migration.begin()
    for stage in (1, 1, 1_000_000):  # nothing has moved yet, then one key, then all
        for name, ask in ASKED.items():
            assert (name, *code(ask(devices[name]))) == (name, 503, "store_unavailable")
        assert live.device().log_in().status_code == 503
        migration.move(stage)
    with pytest.raises(CommandError, match="slot is being migrated"):
        call_command("authkit_revoke", "ada")
    migration.end()
    assert all(device.logged_in() for device in devices.values())
    assert all(device.refresh().status_code == 200 for device in devices.values())
    assert devices["log out"].log_out().status_code == 204
    assert not devices["log out"].logged_in()
    revoke_all()
    assert not any(device.logged_in() for device in devices.values())


@in_jwt_mode
def test_the_log_says_that_a_slot_is_migrated(
    live: LiveSite, migration: Migration, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Operators read the cause, not that a limit of the client's was reached."""
    monkeypatch.setattr(outages, "_logged_at", {})
    device = live.logged_in()
    migration.begin()
    assert device.call().status_code == 503
    (cause,) = [each.getMessage() for each in caplog.records if each.name == outages.logger.name]
    assert "A slot is being migrated" in cause


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "check"),
    [(Mode.SESSION, "store"), (Mode.JWT, "store"), (Mode.JWT, "replica")],
    ids=["session", "jwt", "jwt-replica"],
    indirect=["mode"],
)
def test_migrations_under_traffic(live: LiveSite, cluster: Cluster, check: str) -> None:
    """Slow and fast migrations: only 503, nobody is logged out, and whoever logged out stays logged out."""
    live.configure(ACCESS_CHECK=check)
    with Traffic.on(live) as traffic:
        for number in range(rounds(20)):
            time.sleep(0.3)
            migration, pause = cluster.migration(SLOT), (1.2, 0.1, 0)[number % 3]
            migration.begin()
            time.sleep(pause)
            migration.move(random.randint(1, 100))
            time.sleep(pause)
            migration.end()
    assert traffic.unanswered
    traffic.assert_nothing_lost(accepted_for=BOUND if check == "replica" else 0)
    if check == "replica":
        until(lambda: get_replica().age < BOUND)


@pytest.mark.parametrize("cluster", ["valkey"], indirect=True)
def test_an_atomic_migration_under_traffic(live: LiveSite, cluster: Cluster) -> None:
    """Requests go on where the server moves a slot by itself."""
    with Traffic.on(live) as traffic:
        for _ in range(2):
            time.sleep(0.2)
            cluster.migrate_atomically(SLOT)
    assert not traffic.unanswered
    traffic.assert_nothing_lost(accepted_for=0)
