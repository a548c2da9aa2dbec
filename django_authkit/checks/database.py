"""Checks of the database store's connection: timeouts, isolation level, and a pool under ASGI."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.conf import settings

from django_authkit.conf import AuthKitSettings
from django_authkit.problems import Problem

_POSTGRESQL: Final = ("connect_timeout", "tcp_user_timeout", "statement_timeout")
_MYSQL: Final = ("connect_timeout", "read_timeout", "write_timeout")
_LIMITS: Final[Mapping[str, tuple[str, ...]]] = {
    "postgresql": _POSTGRESQL,
    "postgis": _POSTGRESQL,
    "mysql": _MYSQL,
}
"""The timeout options, by the last part of the engine's name. SQLite has its own timeout."""

_READ_COMMITTED: Final = (1, 2)
"""As psycopg numbers it, and READ UNCOMMITTED, which PostgreSQL takes for the same."""

UNBOUNDED = Problem.kind(
    "authkit.W051",
    "Set them in the OPTIONS of the alias, as the documentation's page on installation shows. Silence this "
    "if the role or the server sets them.",
)
ISOLATION = Problem.kind(
    "authkit.W055", 'Leave "isolation_level" out of the OPTIONS of the alias; the default is READ COMMITTED.'
)

NO_POOL = Problem.kind(
    "authkit.W098",
    'Set OPTIONS["pool"] of the alias, as the documentation\'s page on installation shows. Silence this if '
    "the site is served by WSGI, or a pooler such as PgBouncer is in between.",
)


def check_isolation(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that a transaction sees what others have committed, such as a revocation."""
    configured = settings.DATABASES.get(chosen.database_alias)
    if chosen.store != "database" or configured is None:
        return
    options = configured.get("OPTIONS") or {}
    level = options.get("isolation_level", "read committed")
    engine = str(configured.get("ENGINE", "")).rpartition(".")[2]
    if engine == "mysql":
        fits = level is not None and str(level).lower() == "read committed"
    else:
        fits = engine not in _LIMITS or level in (None, "read committed", *_READ_COMMITTED)
    if not fits:
        yield ISOLATION(
            f"The database {chosen.database_alias!r} may not run at READ COMMITTED: within a transaction, a "
            "view would not see that an auth session was revoked or refreshed since it began."
        )


def check_time_outs(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that the database connection has timeouts: the drivers have none by default."""
    configured = settings.DATABASES.get(chosen.database_alias)
    if chosen.store != "database" or configured is None:
        return
    engine = str(configured.get("ENGINE", "")).rpartition(".")[2]
    options = configured.get("OPTIONS") or {}
    if "service" in options or "read_default_file" in options:  # a file that may set it
        return
    missing = [limit for limit in _LIMITS.get(engine, ()) if not _is_set(limit, options)]
    if missing:
        yield UNBOUNDED(
            f"The database {chosen.database_alias!r} has no {', '.join(missing)}: a server or a network that "
            "hangs may block every authenticated request forever."
        )


def check_pool(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that PostgreSQL has a pool under ASGI, where each request opens a connection of its own."""
    configured = settings.DATABASES.get(chosen.database_alias)
    is_asgi = bool(getattr(settings, "ASGI_APPLICATION", None))
    if chosen.store != "database" or configured is None or not is_asgi:
        return
    engine = str(configured.get("ENGINE", "")).rpartition(".")[2]
    if _LIMITS.get(engine) is _POSTGRESQL and not (configured.get("OPTIONS") or {}).get("pool"):
        yield NO_POOL(
            f"The site is served by ASGI, and the database {chosen.database_alias!r} has no connection pool: "
            "requests beyond the server's max_connections are answered with 503."
        )


def _is_set(limit: str, options: Mapping[str, Any]) -> bool:
    """Return whether OPTIONS sets the limit, or passes it to the server as PostgreSQL's ``-c limit=…``."""
    return bool(options.get(limit)) or limit in str(options.get("options", ""))
