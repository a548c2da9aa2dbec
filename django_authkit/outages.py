"""
Logs why a server did not do what it was asked, and makes the error that clients see, which does not say why.

The record goes to the logger ``django_authkit.store`` with the exception, so that error trackers show it, at
most once a minute for each cause: during an outage every request fails.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

from django.contrib.auth import get_user_model
from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    Error,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connections,
    router,
)

from django_authkit.errors import StoreUnavailable
from django_authkit.tracebacks import clear_locals

logger = logging.getLogger("django_authkit.store")

_EVERY = 60.0
"""Seconds for which a cause is not logged again."""
_logged_at: dict[str, float] = {}
_silent = ContextVar("silent", default=False)

_NOT_MIGRATED = re.compile(
    r"no such (table|column)|(relation|column|table) .* (does not|doesn't) exist|unknown column",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"authentication failed|access denied|permission denied|no password supplied|role .* does not exist"
    r"|invalid username-password|NOAUTH|NOPERM|WRONGPASS|called without any password",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d+")

_MISSING = {"42P01", "42703"}
"""Undefined table and column: SQLSTATEs of PostgreSQL."""
_PERMISSION_DENIED = "42501"
_INTERNAL = {None, "25006", "25P03", "25P04", "XX000", "XX001", "XX002"}
"""Read only; a transaction that took too long; damaged data. MySQL gives no SQLSTATE."""


def unavailable(error: Exception, server: str) -> StoreUnavailable:
    """
    Log why *server* failed, and return the error to raise from *error*.

    Args:
        server: What it is, where, and under which alias; without a password.
    """
    cause = f"{server}: {_text(error)}"
    if not _silent.get() and _is_due(cause):
        clear_locals(error)
        logger.error("%s", cause, exc_info=error, extra={"event": "store_unavailable", "server": server})
    return StoreUnavailable(cause=cause)


def database_unavailable(error: Exception, alias: str) -> StoreUnavailable:
    """Do the same for the database *alias*."""
    return unavailable(error, database_name(alias))


def users_database_unavailable(error: Exception) -> StoreUnavailable:
    """Do the same for the database of the users."""
    return unavailable(error, _users_database_name())


def _users_database_name() -> str:
    return database_name(router.db_for_write(get_user_model()) or DEFAULT_DB_ALIAS)


def database_name(alias: str) -> str:
    """Return what a database is, where, and under which alias; without a password."""
    connection = connections[alias]
    configured = connection.settings_dict
    host, port = configured.get("HOST"), configured.get("PORT")
    name = str(configured.get("NAME") or configured.get("OPTIONS", {}).get("service", ""))
    place = f"{host}{f':{port}' if port else ''}/{name}" if host else name
    return f"{connection.display_name} at {place} (DATABASES[{alias!r}])"


@contextmanager
def database_has_to_work(name: Callable[[], str]) -> Iterator[None]:
    """
    Raise ``StoreUnavailable`` if a database cannot work within the block.

    Args:
        name: Returns what it is, for the log.
    """
    try:
        yield
    except Error as error:
        if not is_outage(error):
            raise
        raise unavailable(error, name()) from error


def users_database_has_to_work() -> AbstractContextManager[None]:
    """Do the same for the database of the users."""
    return database_has_to_work(_users_database_name)


def is_outage(error: Error) -> bool:
    """
    Return whether *error* says that a database cannot work now, as opposed to a mistake in a statement.

    Drivers do not agree on the class: a read-only PostgreSQL is an ``InternalError``, and a damaged SQLite
    file a plain ``DatabaseError``.
    """
    if isinstance(error, ProgrammingError):
        return is_not_migrated(error) or is_refused(error)
    if isinstance(error, InternalError):
        return _sqlstate(error) in _INTERNAL
    return isinstance(error, (OperationalError, InterfaceError)) or type(error) is DatabaseError


@contextmanager
def activity_is_optional() -> Iterator[None]:
    """Do without what the block records if the server cannot write it now: the request only reads."""
    try:
        yield
    except StoreUnavailable as error:
        log_lost_activity(error)


def log_lost_activity(error: StoreUnavailable) -> None:
    """Log that activity was not recorded, because of *error*."""
    message = f"Requests are answered, but the activity of auth sessions is not recorded. {error.cause}"
    if _is_due(message):
        logger.warning("%s", message, extra={"event": "activity_lost"})


def log_full_blacklist() -> None:
    """Log that the blacklist had no room for all revocations."""
    message = (
        "The blacklist is full: its older half was removed, and processes that start now ask the store about "
        'older access tokens. Raise REPLICA["SIZE"].'
    )
    if _is_due(message):
        logger.warning("%s", message, extra={"event": "blacklist_full"})


def log_lost_revocations(server: str, count: int) -> None:
    """Log that *server* had forgotten revocations that this process saw, which are repeated now."""
    message = (
        f"{server}: the server was started from an older state, or took over without the latest writes. "
        f"{count} revocations that this process saw were lost; it has repeated them. If others may be lost, "
        "log everybody out: manage.py authkit_revoke --all."
    )
    logger.critical("%s", message, extra={"event": "revocations_lost", "server": server})


@contextmanager
def nothing_logged() -> Iterator[None]:
    """Log nothing within the block: a command prints the cause by itself."""
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)


def is_not_migrated(error: BaseException | None) -> bool:
    """Return whether a database said that a table or column does not exist."""
    return _sqlstate(error) in _MISSING or _NOT_MIGRATED.search(str(error)) is not None


def is_refused(error: BaseException | None) -> bool:
    """Return whether a server refused the credentials or what they permit."""
    return _sqlstate(error) == _PERMISSION_DENIED or _REFUSED.search(str(error)) is not None


def _sqlstate(error: BaseException | None) -> str | None:
    """Return the SQLSTATE of what the driver raised, if it says one."""
    return getattr(getattr(error, "__cause__", None), "sqlstate", None)


def _text(error: Exception) -> str:
    """Return the first line of what the server or its driver said, and what to do if that is known."""
    said = next(iter(str(error).strip().splitlines()), "").rstrip(".")
    advice = " Run manage.py migrate." if is_not_migrated(error) else ""
    return f"{type(error).__name__}: {said}.{advice}"


def _is_due(cause: str) -> bool:
    """Return whether *cause* was not logged within the last minute, and remember that it is now."""
    now = time.monotonic()
    for known in [known for known, then in list(_logged_at.items()) if now - then >= _EVERY]:
        _logged_at.pop(known, None)
    kind = _DIGITS.sub("#", cause)
    if kind in _logged_at:
        return False
    _logged_at[kind] = now
    return True
