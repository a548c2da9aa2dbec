"""Auth sessions in Redis or Valkey: alone, behind Sentinel, or as a cluster."""

from django_redis.exceptions import ConnectionInterrupted
from redis.exceptions import RedisError

from django_authkit.stores.redis.connection import connect
from django_authkit.stores.redis.primary import EVERY
from django_authkit.stores.redis.store import RedisStore

CACHE_ERRORS = (ConnectionInterrupted, RedisError)
"""What a cache of django-redis raises when its server does not answer."""

__all__ = ["CACHE_ERRORS", "EVERY", "RedisStore", "connect"]
