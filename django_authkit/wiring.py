"""
Creates the objects that the settings describe, on first use and never at import.

Each getter is cached; ``setting_changed`` clears the caches, so ``override_settings`` works.
"""

from collections.abc import Callable
from functools import cache
from math import isinf
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings as django_settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from django_authkit.adoption import Adapter, Place
from django_authkit.adoption.registry import adapter_of
from django_authkit.blacklist.replica import BlacklistReplica
from django_authkit.conf import InvalidSettings, get_settings, milliseconds
from django_authkit.conf.installed import require_app
from django_authkit.http.tenants import OfTenant
from django_authkit.stores.observation import Observer, observed
from django_authkit.stores.protocol import Store
from django_authkit.strategies.access_checks import AccessCheck, NoCheck, ReplicaCheck, StoreCheck
from django_authkit.strategies.jwt import JwtStrategy
from django_authkit.strategies.protocol import Strategy
from django_authkit.strategies.remembered_lookups import RememberedLookups
from django_authkit.strategies.session import SessionStrategy
from django_authkit.tokens.challenges import Challenges
from django_authkit.tokens.codec import Codec
from django_authkit.tokens.derivation import CredentialDerivation
from django_authkit.tokens.dpop import Nonces
from django_authkit.tokens.keys.entries import ring_from_entries
from django_authkit.tokens.keys.faults import KeyRefused
from django_authkit.tokens.keys.ring import KeyRing, ring_from_secrets
from django_authkit.tokens.verified_cache import CLAIMS_CACHE_SIZE
from django_authkit.types import Mode

if TYPE_CHECKING:
    from django_authkit.stores.redis import RedisStore

_kept: dict[str, BlacklistReplica] = {}
_observers: list[Observer] = []


@cache
def get_store() -> Store:
    """Return the store that the setting ``STORE`` names."""
    require_app()
    if get_settings().tenant is None:
        return observed(_new_store(), _observers)
    # A tenant's keys are apart from those of the others, so nothing of one is found for another one; but all
    # use the same connections.
    shared = _new_redis_store()
    return cast("Store", OfTenant(lambda tenant: observed(shared.part(tenant), _observers)))


def _new_store() -> Store:
    settings = get_settings()
    if settings.store == "redis":
        return _new_redis_store()
    from django_authkit.stores.database import DatabaseStore

    return DatabaseStore(settings.database_alias)


def _new_redis_store() -> "RedisStore":
    from django_authkit.stores.redis import RedisStore, connect  # imported only where it is used

    redis = get_settings().redis
    return RedisStore(connect(redis.alias), prefix=redis.prefix, buckets=redis.buckets, wait=redis.wait)


@cache
def is_store_awaitable() -> bool:
    """
    Tell whether the store waits on the event loop within a bridge: see ``bridge``.

    Not with ``TENANT``, which is asked at each use of the store, in the thread in which Django's ORM runs.
    """
    return get_settings().tenant is None and get_store().is_awaitable


@cache
def get_codec() -> Codec:
    """
    Return what signs and verifies tokens; refresh tokens always with keys derived from ``SECRET_KEY``.

    Each tenant has an issuer of its own, so no token of one is accepted for another one.
    """
    if get_settings().tenant is None:
        return _new_codec()
    return cast("Codec", OfTenant(lambda tenant: _new_codec(f"/{tenant}")))


def _new_codec(apart: str = "") -> Codec:
    settings = get_settings()
    return Codec(
        access_ring=get_key_ring(),
        refresh_ring=ring_from_secrets(_secrets(), "refresh"),
        issuer=settings.issuer + apart,
        audience=settings.audience,
        leeway=milliseconds(settings.leeway) // 1000,
        cache_size=CLAIMS_CACHE_SIZE,
        retired_ring=ring_from_secrets(_secrets(), "access") if settings.signing_keys else None,
    )


@cache
def get_key_ring() -> KeyRing:
    """
    Return the keys of access tokens: those of ``SIGNING_KEYS``, or else those derived from ``SECRET_KEY``.

    Raises:
        InvalidSettings: A key of ``SIGNING_KEYS`` cannot be used.
    """
    entries = get_settings().signing_keys
    if not entries:
        return ring_from_secrets(_secrets(), "access")
    try:
        return ring_from_entries(entries)
    except KeyRefused as refused:
        raise InvalidSettings(refused.problem) from None


def _secrets() -> list[str]:
    secrets = (django_settings.SECRET_KEY, *django_settings.SECRET_KEY_FALLBACKS)
    return [s.decode("latin-1") if isinstance(s, bytes) else s for s in secrets]


@cache
def get_session_strategy() -> SessionStrategy:
    """Return the strategy of opaque session keys."""
    settings, store, lookups = get_settings(), get_store(), None
    if settings.access_check == "replica":
        lookups = RememberedLookups(get_replica(), store, milliseconds(settings.lifetimes.touch_interval))
    return SessionStrategy(store, settings, get_derivation(), lookups)


@cache
def get_jwt_strategy() -> JwtStrategy:
    """Return the strategy of access and refresh tokens."""
    settings = get_settings()
    hook = cast(
        "Callable[..., dict[str, Any]] | None",
        import_string(settings.extra_claims) if settings.extra_claims else None,
    )
    return JwtStrategy(get_store(), get_codec(), get_access_check(), settings, get_derivation(), hook)


@cache
def get_strategy(mode: Mode) -> Strategy:
    """Return the strategy whose form of credential *mode* is."""
    return get_session_strategy() if mode is Mode.SESSION else get_jwt_strategy()


@cache
def get_accepted_strategies() -> tuple[Strategy, ...]:
    """Return the strategies that ``ACCEPT`` names, starting with that whose credentials are issued."""
    return tuple(map(get_strategy, get_settings().modes_by_precedence))


@cache
def get_nonces() -> Nonces:
    """Return the nonces of the proofs of header clients."""
    settings = get_settings()
    step, leeway = settings.dpop.max_age.total_seconds(), settings.leeway.total_seconds()
    return Nonces(_secrets(), step, leeway)


@cache
def get_challenges() -> Challenges:
    """Return the challenges of browsers that prove their device."""
    return Challenges(_secrets())


@cache
def get_derivation() -> CredentialDerivation:
    """Return what derives the other form of a credential, at a switch of the mode."""
    return CredentialDerivation(_secrets()[0])


@cache
def get_access_check() -> AccessCheck:
    """Return the policy that the setting ``ACCESS_CHECK`` names."""
    settings = get_settings()
    asking = StoreCheck(get_store())
    if settings.access_check == "none":
        return NoCheck()
    return ReplicaCheck(get_replica(), asking) if settings.access_check == "replica" else asking


def get_replica() -> BlacklistReplica:
    """
    Return this process's copy of the blacklist; its thread starts on first use.

    Of two first requests at once, both get the same one: another would have a thread that nobody stops.
    """
    replica = _kept.get("replica")
    return _kept.setdefault("replica", _new_replica()) if replica is None else replica


def _new_replica() -> BlacklistReplica:
    from django_authkit.stores.redis import EVERY, RedisStore, connect
    from django_authkit.stores.redis.feed import list_size

    settings, store = get_settings(), get_store()
    if not isinstance(store, RedisStore):
        raise TypeError("Only the Redis store has a blacklist to follow.")  # the settings are rejected first
    max_staleness = settings.replica.max_staleness.total_seconds()
    client = connect(settings.redis.alias, confirm_every=min(EVERY, max_staleness / 4))
    size = settings.replica.size or list_size(settings.lifetimes.access.total_seconds())
    return BlacklistReplica(store.feed(client, size), max_staleness, settings.replica.sessions)


def replica_age() -> float | None:
    """Return how old this process's copy of the blacklist is, in seconds; ``None`` if it has none."""
    replica = _kept.get("replica")
    return None if replica is None or isinf(replica.age) else replica.age


def observe_store(observer: Observer) -> Callable[[], None]:
    """Have *observer* surround each call of the store from now on; return what ends that."""
    _observers.append(observer)
    _forget_objects()

    def end() -> None:
        _observers.remove(observer)
        _forget_objects()

    return end


@cache
def get_adapters(place: Place) -> tuple[Adapter, ...]:
    """
    Return the adapters of the setting ``ADOPT`` whose credentials are presented at *place*, in order.

    Raises:
        InvalidSettings: An entry names no adapter.
    """
    return tuple(each for each in map(adapter_of, get_settings().adopt) if each.place is place)


_GETTERS = (
    get_adapters,
    get_store,
    is_store_awaitable,
    get_key_ring,
    get_codec,
    get_session_strategy,
    get_jwt_strategy,
    get_strategy,
    get_accepted_strategies,
    get_derivation,
    get_nonces,
    get_challenges,
    get_access_check,
)
_INGREDIENTS = {"AUTHKIT", "AUTHKIT_MODE", "CACHES", "SECRET_KEY", "SECRET_KEY_FALLBACKS", "DATABASES"}


def _forget(*, setting: str, **_: object) -> None:
    if setting in _INGREDIENTS:
        _forget_objects()


def _forget_objects() -> None:
    if (replica := _kept.pop("replica", None)) is not None:
        replica.stop()
    for getter in _GETTERS:
        getter.cache_clear()


setting_changed.connect(_forget, dispatch_uid="django_authkit.wiring")
