"""Checks of the cache alias of the Redis store, and of its server."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings

from django_authkit.conf import AuthKitSettings
from django_authkit.conf.groups import Redis
from django_authkit.errors import StoreUnavailable
from django_authkit.outages import nothing_logged
from django_authkit.problems import Problem
from django_authkit.stores.redis import RedisStore, connect, inspection, permissions

_LONGEST = 2 * inspection.TIMEOUT
"""Seconds for the first attempt and one retry, at the store's default timeouts."""

NO_ALIAS = Problem.kind("authkit.E040", 'Add the alias to CACHES, or name an existing one in REDIS["ALIAS"].')
NOT_DJANGO_REDIS = Problem.kind("authkit.E041", 'Give the alias the BACKEND "django_redis.cache.RedisCache".')
IGNORES_OUTAGES = Problem.kind(
    "authkit.E042",
    'Set "IGNORE_EXCEPTIONS": False in the OPTIONS of this alias; other caches may keep theirs.',
)
SHARED = Problem.kind(
    "authkit.E043", "Give the auth sessions an alias and a numbered database of their own: redis://host/1."
)
SLOW = Problem.kind(
    "authkit.W044",
    f"Set SOCKET_TIMEOUT and SOCKET_CONNECT_TIMEOUT of the alias to {inspection.TIMEOUT:g} or less, or leave "
    "them out of OPTIONS, CONNECTION_POOL_KWARGS and LOCATION. For a blocking pool lower its timeout, too.",
)
BUCKETS = Problem.kind(
    "authkit.W045",
    "Use 1 on a single server or with Sentinel, and more (256, say) on a cluster. Choose before the first "
    "login: afterwards nobody's sessions would be found.",
)
EVICTS = Problem.kind("authkit.W046", "Set maxmemory-policy noeviction on that server.")
UNKNOWN_EVICTION = Problem.kind(
    "authkit.W047",
    "Run this where the server can be reached, with a user that may call INFO; or check it by hand.",
)
FORBIDDEN = Problem.kind(
    "authkit.E059",
    "Let the user run these commands on keys that begin with the prefix of the store: "
    "https://github.com/django-authkit/django-authkit/blob/main/docs/how-to/redis.md"
    "#a-server-user-with-limited-permissions",
)
OTHER_BUCKETS = Problem.kind(
    "authkit.E049",
    'Set REDIS["BUCKETS"] back. To change it, empty the database of the store first: everybody then '
    "logs in again.",
)
NOT_APART = Problem.kind(
    "authkit.W107",
    'Set REDIS["PREFIX"] to a name of this project\'s own. Everybody then logs in again, so do it before the '
    "first login.",
)
WAITS_TOO_LONG = Problem.kind(
    "authkit.W057", 'Give the replicas less time in REDIS["WAIT"], or raise SOCKET_TIMEOUT of the alias.'
)
NO_SERVER = Problem.kind("authkit.E048", 'Set the LOCATION of the alias to a URL: "redis://host:6379/1".')


def check_alias(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that the store has its own server, with timeouts that keep requests short."""
    problems = list(unusable(chosen.redis.alias))
    yield from problems
    if not problems:
        yield from _ignored_outages(chosen.redis.alias)
        yield from _shared(chosen.redis.alias)
        yield from _slow(chosen.redis.alias)
        yield from _waits_too_long(chosen)
        yield from _buckets(chosen)
        yield from _not_apart(chosen)


def check_eviction(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that the server does not evict records when its memory is full."""
    alias = chosen.redis.alias
    if any(unusable(alias)):
        return
    try:
        with nothing_logged():
            policies = inspection.eviction_policies(alias)
    except StoreUnavailable as error:
        yield UNKNOWN_EVICTION(f"The server of {alias!r} did not report its maxmemory-policy. {error.cause}")
        return
    for policy in sorted(policies - {"noeviction"}):
        yield EVICTS(
            f"The server of {alias!r} has maxmemory-policy {policy}: when its memory is full it logs users "
            "out and drops revocations."
        )


def check_permissions(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that the user of the server may run what requests need."""
    alias = chosen.redis.alias
    if any(unusable(alias)):
        return
    try:
        with nothing_logged():
            missing = permissions.missing_commands(alias, chosen.redis.prefix)
    except StoreUnavailable as error:  # of another cause, it is reported by check_eviction
        if permissions.is_forbidden(error.__cause__):
            yield FORBIDDEN(error.cause)
        return
    if missing:
        yield FORBIDDEN(
            f"The user of the cache {alias!r} may not run {', '.join(missing)} on the keys of the store: "
            "requests that need it get 503."
        )


def check_recorded_buckets(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Compare ``REDIS["BUCKETS"]`` with the value that the store recorded at the first login."""
    if any(unusable(chosen.redis.alias)):
        return
    try:
        with nothing_logged():
            recorded = _recorded_buckets(chosen)
    except StoreUnavailable:  # reported by check_eviction
        return
    for other in sorted(recorded - {chosen.redis.buckets}):
        yield OTHER_BUCKETS(
            f'REDIS["BUCKETS"] is {chosen.redis.buckets}, but logins were made with {other}: those are not '
            "listed, not limited, and not revoked with their user."
        )


def _recorded_buckets(chosen: AuthKitSettings) -> frozenset[int]:
    client = connect(chosen.redis.alias)
    try:
        store = RedisStore(client, prefix=chosen.redis.prefix, buckets=chosen.redis.buckets)
        return store.recorded_buckets()
    finally:
        client.close()


def unusable(alias: str) -> Iterator[Problem]:
    """Yield why the store cannot use the cache *alias* at all."""
    configured: dict[str, Any] | None = settings.CACHES.get(alias)
    if configured is None:
        yield NO_ALIAS(f'REDIS["ALIAS"] is {alias!r}, which CACHES does not have.')
    elif not inspection.is_of_django_redis(configured):
        yield NOT_DJANGO_REDIS(
            f"The cache {alias!r} has the BACKEND {configured.get('BACKEND')!r}: it has no Redis that the "
            "store can use."
        )
    elif not inspection.redis_databases(configured):
        yield NO_SERVER(f"The cache {alias!r} has no URL of its server.")


def _ignored_outages(alias: str) -> Iterator[Problem]:
    everywhere = getattr(settings, "DJANGO_REDIS_IGNORE_EXCEPTIONS", False)
    if settings.CACHES[alias].get("OPTIONS", {}).get("IGNORE_EXCEPTIONS", everywhere):
        yield IGNORES_OUTAGES(
            f"The cache {alias!r} ignores outages (IGNORE_EXCEPTIONS): if the server is down, reads "
            "through it return nothing instead of an error."
        )


def _not_apart(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Yield a problem if the alias keeps projects apart by what only caches heed."""
    alias = settings.CACHES[chosen.redis.alias]
    apart = [name for name, usual in (("KEY_PREFIX", ""), ("VERSION", 1)) if alias.get(name, usual) != usual]
    if apart and chosen.redis.prefix == Redis().prefix:
        yield NOT_APART(
            f"{' and '.join(apart)} of {chosen.redis.alias!r} say nothing to the store: with another project "
            f'on that database it shares all auth sessions, because REDIS["PREFIX"] is the default.'
        )


def _shared(alias: str) -> Iterator[Problem]:
    ours = inspection.redis_databases(settings.CACHES[alias])
    others = [other for other in settings.CACHES if other != alias]
    sharing = [other for other in others if ours & inspection.redis_databases(settings.CACHES[other])]
    if alias == "default":
        sharing.append(alias)
    for other in sharing:
        yield SHARED(
            f"The auth sessions are in the database of the cache {other!r}: cache.clear() there logs "
            "everybody out and deletes the blacklist."
        )


def _slow(alias: str) -> Iterator[Problem]:
    seconds = inspection.longest_wait(settings.CACHES[alias])
    if seconds is None:
        yield SLOW(f"The cache {alias!r} disables a timeout: a server that hangs may block requests forever.")
    elif seconds > _LONGEST:
        yield SLOW(
            f"The timeouts of the cache {alias!r} let a server that hangs block each request for {seconds:g} "
            "seconds, including the one repetition."
        )


def _waits_too_long(chosen: AuthKitSettings) -> Iterator[Problem]:
    patience = inspection.shortest_patience(settings.CACHES[chosen.redis.alias])
    if chosen.redis.wait and chosen.redis.wait[1] >= patience * 1000:
        yield WAITS_TOO_LONG(
            f'REDIS["WAIT"] gives the replicas {chosen.redis.wait[1]} ms, but the store waits only '
            f"{patience:g} seconds for a reply: while a replica is down, it takes the server for down."
        )


def _buckets(chosen: AuthKitSettings) -> Iterator[Problem]:
    cluster = inspection.is_cluster(settings.CACHES[chosen.redis.alias])
    if cluster and chosen.redis.buckets == 1:
        yield BUCKETS('REDIS["BUCKETS"] is 1 on a cluster: all auth sessions would be on one node.')
    if not cluster and chosen.redis.buckets > 1:
        yield BUCKETS(
            f'REDIS["BUCKETS"] is {chosen.redis.buckets}, but there is no cluster: revoking everything '
            "only needs more round trips."
        )
