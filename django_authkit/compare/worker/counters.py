"""
Counts the round trips to Redis and the SQL statements of a request.

The counters belong to the request's context, so a background thread (the one that follows the
blacklist) is counted separately. A transaction's begin and end are not counted. Counting costs about a
microsecond for each, in every variant alike.
"""

import os
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.db.backends.signals import connection_created

from django_authkit.compare.redis_server import on_each_round_trip

_TRANSACTION = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET CONSTRAINTS", "START TRANSACTION")


@dataclass(slots=True)
class Tally:
    """What was counted."""

    trips: int = 0
    queries: int = 0

    def line(self) -> str:
        """Return it as it travels: process, its CPU time (ns), trips, queries, trips of the background."""
        spent = time.process_time_ns()
        return f"{os.getpid()},{spent},{self.trips},{self.queries},{background.trips}"


background = Tally()
_current: ContextVar[Tally] = ContextVar("tally", default=background)


def begin() -> Tally:
    """Count for a new request from here on, in this context; return its tally."""
    tally = Tally()
    _current.set(tally)
    return tally


def install() -> None:
    """Count in this process."""
    on_each_round_trip(_count_trip)
    connection_created.connect(_watch, dispatch_uid="django_authkit.compare")


def _count_trip() -> None:
    _current.get().trips += 1


def _watch(connection: Any, **_: object) -> None:
    if _count_query not in connection.execute_wrappers:
        connection.execute_wrappers.append(_count_query)


def _count_query(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    if not str(sql).lstrip().upper().startswith(_TRANSACTION):
        _current.get().queries += 1
    return execute(sql, params, many, context)
