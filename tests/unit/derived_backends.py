"""A project's own session engine and cache, derived from those that the checks ask for."""

from django_redis.cache import RedisCache

from django_authkit.session_engine import SessionStore as AuthKitSessionStore


class SessionStore(AuthKitSessionStore):
    """As ours."""


class DerivedCache(RedisCache):  # type: ignore[misc]  # django-redis has no types
    """As that of django-redis."""
