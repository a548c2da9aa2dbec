"""
The user's row, read as the stock Django auth backend reads it, at a quarter of the cost.

It is read where users are written: whether somebody is logged in is decided by the password and ``is_active``
of now, which a replica that lags does not have.
"""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connections, router
from django.db.models import Manager

from django_authkit.users.compiled_query import PreparedQuery, cached_on


def has_stock_manager() -> bool:
    """
    Tell whether the user model's default manager, which the stock backend uses, filters out no users.

    A manager with a queryset of its own may filter differently each time.
    """
    return type(get_user_model()._default_manager).get_queryset is Manager.get_queryset


def joins_users(alias: str) -> bool:
    """
    Tell whether a join on *alias* finds the user that the stock Django auth backend would find.

    Users must be written there.
    """
    return has_stock_manager() and users_alias() == alias


def users_alias() -> str:
    """Return the alias of the database where users are written."""
    return router.db_for_write(get_user_model())


def read_user(key: Any) -> AbstractBaseUser | None:
    """Return the user with the primary key *key*, as ``ModelBackend.get_user`` finds them. One query."""
    model = get_user_model()
    connection = connections[router.db_for_write(model)]
    if not has_stock_manager():
        return model._default_manager.using(connection.alias).filter(pk=key).first()
    query: PreparedQuery[AbstractBaseUser] = cached_on(
        connection,
        model,
        lambda: PreparedQuery(model._default_manager.using(connection.alias), connection, key),
    )
    return query.first(key)
