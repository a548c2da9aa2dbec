"""
What a Django cache raises when its server does not respond.

A project may keep its cache in Redis and its auth sessions in the database, or vice versa. The
classes of redis-py are known only where it is loaded: an error of a module that is not loaded cannot occur.
"""

import sys


def cache_errors() -> tuple[type[Exception], ...]:
    """Return the errors of caches in Redis, for an ``except``; empty where redis-py is not loaded."""
    if "redis" not in sys.modules:
        return ()
    from django_authkit.stores.redis import CACHE_ERRORS

    return CACHE_ERRORS
