"""A project's own session engine and cache, derived from those that the checks require."""

from django_redis.cache import RedisCache

from django_authkit.session_engine import SessionStore as AuthKitSessionStore


class SessionStore(AuthKitSessionStore):
    """Like ours."""


class DerivedCache(RedisCache):  # type: ignore[misc]  # django-redis has no types
    """Like that of django-redis."""
