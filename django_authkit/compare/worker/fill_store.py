"""
Fills a store with live sessions through its own API, and measures it; runs as its own process.

Each user has two logins. Rows it created in a database are deleted; the command deletes the Redis keys,
by their prefix.
"""

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from secrets import token_bytes, token_hex
from typing import Any

import django
from django.apps import apps
from django.contrib.auth import SESSION_KEY, get_user_model
from django.db import DatabaseError, connections, transaction

from django_authkit.compare import redis_server
from django_authkit.compare.variants import ALLAUTH, AUTHKIT, DJANGO, KNOX, SIMPLEJWT
from django_authkit.compare.worker.config import WorkerConfig
from django_authkit.compare.worker.parent_process import read_input

Begin = Callable[[Any], None]

_BATCH = 500
_A_USER = 2
# Tables come before those that they reference, so that they can be emptied in this order.
_TABLES = {
    AUTHKIT: [("django_authkit", "AuthSessionRow")],
    DJANGO: [("sessions", "Session")],
    SIMPLEJWT: [("token_blacklist", "BlacklistedToken"), ("token_blacklist", "OutstandingToken")],
    KNOX: [("knox", "AuthToken")],
    ALLAUTH: [("sessions", "Session")],
}


def fill(*, sizes: list[int], seconds: float) -> list[dict[str, Any]]:
    """Return what the store takes when empty, and at the first of *sizes*, and those reached in *seconds*."""
    config = WorkerConfig.from_environment()
    size_of = _redis_size(config) if config.variant.store == "redis" else _table_size(config)
    begin = _beginner(config)
    found = [{"sessions": 0, "bytes": size_of(), "seconds": 0.0}]
    started, made = time.monotonic(), 0
    for size in sizes:
        while made < size and (size == sizes[0] or time.monotonic() - started < seconds):
            made += _batch(config, begin, made, min(_BATCH, size - made))
        if made < size:
            break
        found.append({"sessions": made, "bytes": size_of(), "seconds": time.monotonic() - started})
    if config.variant.store == "database":
        _empty(config)
    return found


def _batch(config: WorkerConfig, begin: Begin, made: int, count: int) -> int:
    """Create sessions of new users; in a database in one transaction, as disk writes are not measured."""
    if config.variant.store == "redis":
        for number in range(made, made + count):
            begin(get_user_model()(pk=number // _A_USER + 1))
        return count
    with transaction.atomic():
        users = _users(count)
        for number in range(count):
            begin(users[number // _A_USER % len(users)])
    return count


def _users(count: int) -> list[Any]:
    """Return new users, or the existing user if the model prevents creating them."""
    model = get_user_model()
    template = model._default_manager.get_by_natural_key(WorkerConfig.from_environment().username)
    made = [_twin(template) for _ in range((count + 1) // _A_USER)]
    with suppress(DatabaseError), transaction.atomic():
        return list(model._base_manager.bulk_create(made))
    return [template]


def _twin(template: Any) -> Any:
    """Return an unsaved copy of *template* with new values for unique fields."""
    values = {}
    for field in template._meta.concrete_fields:
        if field.primary_key and field.get_internal_type().endswith("AutoField"):
            continue
        value = getattr(template, field.attname)
        if field.primary_key:
            value = field.get_default()
        elif field.unique and isinstance(value, str):
            value = f"{token_hex(8)}@localhost" if "@" in value else token_hex(8)
        values[field.attname] = value
    return type(template)(**values)


def _beginner(config: WorkerConfig) -> Begin:
    beginners = {AUTHKIT: _ours, SIMPLEJWT: _simplejwts, KNOX: _knoxes}
    return beginners.get(config.variant.kind, _djangos)()


def _ours() -> Begin:
    """Return what ``log_in`` asks of the store."""
    from django_authkit.conf import get_settings, milliseconds
    from django_authkit.session_keys import SessionKey, bucket_of, new_handle
    from django_authkit.stores.outcomes import NewSession
    from django_authkit.types import Mode, OnLimit
    from django_authkit.users.loading import auth_hash_of, user_id_of
    from django_authkit.wiring import get_store

    store, chosen = get_store(), get_settings()
    template = get_user_model()._default_manager.get_by_natural_key(WorkerConfig.from_environment().username)
    is_session = chosen.mode is Mode.SESSION
    proposal = NewSession(
        sid="",
        user_id="",
        backend="django.contrib.auth.backends.ModelBackend",
        auth_hash=auth_hash_of(template),
        mode=chosen.mode,
        remember=False,
        amr=("pwd",),
        address="203.0.113.7",
        label="Firefox on Linux",
        browser_mark="abcdef",
        key_digest=None,
        jti_digest=None,
        data="",
        idle_ms=milliseconds(chosen.lifetimes.idle),
        absolute_ms=milliseconds(chosen.lifetimes.absolute),
        access_ms=0 if is_session else milliseconds(chosen.lifetimes.access),
        max_sessions=None,
        on_limit=OnLimit.EVICT,
    )

    def begin(user: Any) -> None:
        user_id = user_id_of(user)
        key = SessionKey.new(new_handle(bucket_of(user_id, store.buckets)))
        digests: dict[str, Any] = (
            {"key_digest": key.digest} if is_session else {"jti_digest": token_bytes(32)}
        )
        store.create(replace(proposal, sid=key.handle, user_id=user_id, **digests))

    return begin


def _djangos() -> Begin:
    from importlib import import_module

    from django.conf import settings

    engine: Any = import_module(settings.SESSION_ENGINE)

    def begin(user: Any) -> None:
        session = engine.SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
        session["_auth_user_hash"] = "a" * 64
        session.create()

    return begin


def _simplejwts() -> Begin:
    from rest_framework_simplejwt.tokens import RefreshToken

    return lambda user: RefreshToken.for_user(user) and None


def _knoxes() -> Begin:
    from knox.models import get_token_model

    return lambda user: get_token_model().objects.create(user) and None


def _redis_size(config: WorkerConfig) -> Callable[[], int]:
    client = redis_server.client_of(config.redis_alias, config.redis_urls.get(config.redis_alias))
    return lambda: redis_server.memory_of(client, config.prefix)


def _table_size(config: WorkerConfig) -> Callable[[], int]:
    """Return a function that measures the bytes of the tables and indexes."""
    connection: Any = connections["default"]
    names = [apps.get_model(*model)._meta.db_table for model in _TABLES[config.variant.kind]]
    if connection.vendor == "postgresql":
        sql = "SELECT SUM(pg_total_relation_size(quote_ident(t)::regclass)) FROM unnest(%s::text[]) AS t"
        arguments: list[Any] = [names]
    elif connection.vendor == "mysql":
        sql = (
            "SELECT SUM(data_length + index_length) FROM information_schema.tables "
            "WHERE table_schema = DATABASE() AND table_name IN %s"
        )
        arguments = [tuple(names)]
    else:
        sql = (
            "SELECT SUM(pgsize) FROM dbstat WHERE name IN (SELECT name FROM sqlite_master "
            "WHERE tbl_name IN (SELECT value FROM json_each(%s)))"
        )
        arguments = [json.dumps(names)]

    def size() -> int:
        with connection.cursor() as cursor:
            try:
                cursor.execute(sql, arguments)
            except DatabaseError:  # an SQLite without dbstat: the whole file
                cursor.execute("SELECT (SELECT * FROM pragma_page_count) * (SELECT * FROM pragma_page_size)")
            return int(cursor.fetchone()[0] or 0)

    return size


def _empty(config: WorkerConfig) -> None:
    for model in _TABLES[config.variant.kind]:
        manager = apps.get_model(*model)._base_manager
        manager.all()._raw_delete("default")  # noqa: SLF001 - no collecting


if __name__ == "__main__":
    told = read_input()
    django.setup()
    json.dump(fill(**told), sys.stdout)
