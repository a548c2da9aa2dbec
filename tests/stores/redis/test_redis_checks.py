"""What the system checks ask of a Redis server."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from django_authkit.errors import StoreUnavailable
from django_authkit.stores.redis import RedisStore
from django_authkit.stores.redis.inspection import eviction_policies
from stores.redis.valkey_server import Server
from support.replica_followers import client_of, proposal


@pytest.fixture(autouse=True)
def site(settings: Settings, server: Server) -> None:
    """Keep auth sessions on that server."""
    settings.AUTHKIT = {"STORE": "redis"}
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache_table"},
        "authkit": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": f"{server.url}/0"},
    }


@contextmanager
def policy(server: Server, name: str) -> Iterator[None]:
    """Change the server's ``maxmemory-policy`` for a while."""
    server.direct.config_set("maxmemory-policy", name)
    try:
        yield
    finally:
        server.direct.config_set("maxmemory-policy", "noeviction")


def told() -> dict[str, str]:
    """Return our messages of ``check --deploy`` by id."""
    found = run_checks(tags=["security"], include_deployment_checks=True)
    return {str(message.id): message.msg for message in found if str(message.id).startswith("authkit.")}


@pytest.mark.parametrize("name", ["allkeys-lru", "volatile-ttl"])
def test_an_evicting_server_is_reported(server: Server, name: str) -> None:
    """Every policy except ``noeviction`` is W046."""
    assert told() == {}
    with policy(server, name):
        assert set(told()) == {"authkit.W046"}
        assert name in told()["authkit.W046"]


def test_a_server_that_hangs_is_reported(server: Server) -> None:
    """A server that does not reply is W047, not an error."""
    with server.hung():
        assert set(told()) == {"authkit.W047"}


def test_a_server_that_forbids_info_is_reported(server: Server, settings: Settings) -> None:
    """A user without permission for INFO gets W047."""
    server.direct.acl_setuser(
        "mute", enabled=True, passwords=["+secret"], commands=["+@all", "-info"], keys=["*"]
    )
    try:
        settings.CACHES = {
            **settings.CACHES,
            "authkit": {
                "BACKEND": "django_redis.cache.RedisCache",
                "LOCATION": f"redis://mute:secret@127.0.0.1:{server.port}/0",
            },
        }
        assert set(told()) == {"authkit.W047"}
        with pytest.raises(StoreUnavailable):
            eviction_policies("authkit")
    finally:
        server.direct.acl_deluser("mute")


def test_a_different_number_of_buckets_is_reported(server: Server, settings: Settings) -> None:
    """The store records the number at the first login; a different one is E049, larger or smaller."""
    for first, other in ((1, 4), (4, 1)):
        server.direct.flushall()
        assert told() == {}  # nothing is recorded before a login
        with closing(client_of(server.url)) as client:
            for number in range(32):  # of users in every bucket
                RedisStore(client, buckets=first).create(proposal(str(number), buckets=first))
            assert "authkit.E049" not in told_with(settings, first)
            assert f"made with {first}" in told_with(settings, other)["authkit.E049"]
            # A login with the other number does not correct it.
            RedisStore(client, buckets=other).create(proposal("1", buckets=other))
        assert "authkit.E049" in told_with(settings, other)
    server.direct.flushall()


def told_with(settings: Settings, buckets: int) -> dict[str, str]:
    """Return our messages with that number of buckets."""
    settings.AUTHKIT = {"STORE": "redis", "REDIS": {"BUCKETS": buckets}}
    try:
        return told()
    finally:
        settings.AUTHKIT = {"STORE": "redis"}
