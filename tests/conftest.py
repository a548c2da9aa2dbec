"""Starts the servers before all tests, and gives each test its clock."""

import os
import signal
from collections.abc import Generator, Iterator
from dataclasses import asdict
from pathlib import Path
from shutil import which
from typing import Any

import hypothesis
import pytest
from coverage import Coverage
from django.conf import settings
from django.db import connections
from django.test.utils import setup_databases, teardown_databases
from pytest_django import DjangoDbBlocker

from django_authkit.stores.protocol import Store
from support.clock import Clock
from support.mariadb import has_mariadb
from support.profile import in_other_half, is_second_half, test_of
from support.servers import Addresses, Servers
from support.stores import DatabaseSite, RedisSite, Rig, Site, rigged

# On a shared machine, the time of an example has no meaning.
hypothesis.settings.register_profile("authkit", deadline=None)
hypothesis.settings.load_profile("authkit")

# tests/http/test_adoption.py and test_integrations.py run these, in processes of their own.
_OWN_SETTINGS = {"adoption": "projects.adoption", "integrations": "projects.integrations"}
_HERE = os.environ.get("DJANGO_SETTINGS_MODULE")
collect_ignore = [folder for folder, module in _OWN_SETTINGS.items() if module != _HERE]

SERVERS = pytest.StashKey[Servers]()
ADDRESSES = pytest.StashKey[Addresses]()


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers and configure the settings; an xdist worker gets the addresses instead."""
    if config.option.collectonly:
        return
    told: dict[str, Any] | None = getattr(config, "workerinput", None)
    if told is None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # or the servers would outlive this process
        config.stash[SERVERS] = Servers()
        config.stash[ADDRESSES] = config.stash[SERVERS].addresses
    else:
        config.stash[ADDRESSES] = Addresses(**told["addresses"])
    _point_settings(config.stash[ADDRESSES], _worker_number(config))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of xdist the addresses of the servers."""
    node.workerinput["addresses"] = asdict(node.config.stash[ADDRESSES])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers."""
    if SERVERS in config.stash:
        config.stash[SERVERS].stop()


def _worker_number(config: pytest.Config) -> int:
    """Return 0 without xdist, and 1, 2, ... for its workers."""
    worker: str | None = getattr(config, "workerinput", {}).get("workerid")
    return 0 if worker is None else int(worker.removeprefix("gw")) + 1


def _point_settings(addresses: Addresses, worker: int) -> None:
    settings.DATABASES["default"]["TEST"]["NAME"] = str(Path(addresses.directory) / "test.sqlite3")
    settings.DATABASES["postgres"]["HOST"] = addresses.postgres_host
    settings.DATABASES["postgres"]["PORT"] = str(addresses.postgres_port)
    if addresses.mariadb:
        settings.DATABASES["mariadb"]["HOST"] = addresses.mariadb
    settings.CACHES["authkit"]["LOCATION"] = f"{addresses.valkey}/{worker}"


@pytest.fixture(scope="session")
def addresses(pytestconfig: pytest.Config) -> Addresses:
    """The addresses of the servers."""
    return pytestconfig.stash[ADDRESSES]


@pytest.fixture(scope="session")
def redis_database(pytestconfig: pytest.Config) -> int:
    """Return the numbered database of this process on each Redis or Valkey server."""
    return _worker_number(pytestconfig)


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Create both test databases, whichever a test uses; ``site`` uses them without a mark."""
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False, aliases=settings.DATABASES)
    yield
    with django_db_blocker.unblock():
        teardown_databases(made, verbosity=0)


@pytest.fixture
def clock() -> Iterator[Clock]:
    """Return a clock that starts at the present."""
    with Clock.running() as clock:
        yield clock


@pytest.fixture(scope="session")
def sites(addresses: Addresses, redis_database: int, django_db_setup: None) -> dict[str, Site]:
    """Return every location of a store, by name."""
    sites: dict[str, Site] = {
        "valkey-resp2": RedisSite(f"{addresses.valkey}/{redis_database}", 2),
        "valkey-resp3": RedisSite(f"{addresses.valkey}/{redis_database}", 3),
    }
    if addresses.redis:
        sites["redis"] = RedisSite(f"{addresses.redis}/{redis_database}", 3)
    for name, alias in DATABASES.items():
        at = connections[alias].settings_dict
        sites[name] = DatabaseSite(alias, str(at["NAME"]), at["HOST"], str(at["PORT"]))
    return sites


DATABASES = {"sqlite": "default", "postgresql": "postgres"}
if has_mariadb():
    DATABASES["mariadb"] = "mariadb"
STORES = ["valkey-resp2", "valkey-resp3", *DATABASES]
if which("redis-server"):
    STORES.append("redis")


@pytest.fixture(params=STORES)
def site(
    request: pytest.FixtureRequest, sites: dict[str, Site], django_db_blocker: DjangoDbBlocker
) -> Iterator[Site]:
    """Return each location in turn, and let the test use the databases."""
    with django_db_blocker.unblock():
        yield sites[request.param]


@pytest.fixture
def rig(site: Site) -> Iterator[Rig]:
    """Return a rig for each store in turn, empty."""
    with rigged(site) as rig:
        yield rig


@pytest.fixture
def store(rig: Rig) -> Store:
    """Return the rig's store."""
    return rig.store


# A rule that holds on every store is measured on two of them, and in the first half of the suite if that is
# divided, since to measure takes as long as the test.
_UNMEASURED = ("postgresql", "mariadb", "valkey-resp2")
_ON_EVERY_STORE = {"attacks", "commands", "contract", "http", "races"}
_MEASURED = pytest.StashKey[set[str]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the other half of the tests out; note which tests run on a store on which they are measured."""
    left = in_other_half(items)
    if left:
        config.hook.pytest_deselected(items=list(left))
        items[:] = [item for item in items if item not in left]
    config.stash[_MEASURED] = {test_of(item) for item in items if not _is_on_another_store(item)}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Suspend the coverage measurement, if there is one, for a test that is measured otherwise."""
    measurement = Coverage.current()
    if measurement is None or not _is_measured_otherwise(item):
        return (yield)
    measurement.stop()
    try:
        return (yield)
    finally:
        measurement.start()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Save what was measured now: on a busy machine xdist kills a worker that takes long to end."""
    measurement = Coverage.current()
    if measurement is not None:
        measurement.stop()
        measurement.save()


def _is_measured_otherwise(item: pytest.Item) -> bool:
    if is_second_half():
        return _is_on_every_store(item)
    return _is_on_another_store(item) and test_of(item) in item.config.stash[_MEASURED]


def _is_on_another_store(item: pytest.Item) -> bool:
    return _is_on_every_store(item) and any(name in item.name for name in _UNMEASURED)


def _is_on_every_store(item: pytest.Item) -> bool:
    return item.path.relative_to(Path(__file__).parent).parts[0] in _ON_EVERY_STORE
