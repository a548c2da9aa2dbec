"""
Creates the scratch database and its user, and drops the database; runs as its own process.

So the command's process never has connections that point anywhere but to the project's own data, which
it reads and does not write.
"""

import json
import sys
import time
from typing import Any

import django
from django.contrib.auth import get_user_model
from django.core import serializers
from django.core.management import call_command
from django.db import DatabaseError, connections

from django_authkit.compare.worker.config import WorkerConfig
from django_authkit.compare.worker.parent_process import read_input

_ATTEMPTS = 10


def create(*, aliases: list[str], fixtures: list[str], user: str | None, password: str) -> dict[str, Any]:
    """
    Migrate the databases of *aliases*, creating those that are not files, and create the user.

    Args:
        fixtures: What to load, by Django's ``loaddata``.
        user: The user's row as Django serializes it, or ``None`` for a new user.
        password: What the user logs in with from then on.
    """
    for alias in aliases:
        creation = connections[alias].creation
        if connections[alias].vendor == "sqlite":
            call_command("migrate", database=alias, run_syncdb=True, verbosity=0, interactive=False)
        else:
            creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    if fixtures:
        call_command("loaddata", *fixtures, verbosity=0)
    _end_log_ins()
    made = _existing(user) if user else _new(WorkerConfig.from_environment().username)
    made.set_password(password)
    made.save()
    return {"user": str(made.pk), "versions": _versions(aliases)}


def _existing(row: str) -> Any:
    (told,) = serializers.deserialize("json", row)
    manager = type(told.object)._base_manager
    known = manager.filter(pk=told.object.pk).first()
    if known is None:
        told.save()
        known = manager.get(pk=told.object.pk)
    return known


def _new(name: str) -> Any:
    model = get_user_model()
    made: Any = model(**{model.USERNAME_FIELD: name})
    for required in model.REQUIRED_FIELDS:
        field = model._meta.get_field(required)
        if not getattr(made, required, None) and field.get_internal_type() in {"CharField", "EmailField"}:
            setattr(made, required, f"{name}@localhost" if "mail" in required else name)
    return made


def _end_log_ins() -> None:
    """Delete the auth sessions in a copied database: they belong to real users."""
    from django_authkit.models import AuthSessionRow

    AuthSessionRow._base_manager.all().delete()


def _versions(aliases: list[str]) -> dict[str, str]:
    found = {}
    for alias in aliases:
        numbers = connections[alias].get_database_version()
        found[connections[alias].display_name] = ".".join(map(str, numbers))
    return found


def destroy(*, aliases: list[str]) -> list[str]:
    """Drop the databases of *aliases*; return those of them that existed."""
    return [alias for alias in aliases if _drop(connections[alias].creation)]


def _drop(creation: Any) -> bool:
    """Drop a database, retrying until the server notices that the workers are gone."""
    for attempt in range(_ATTEMPTS):
        try:
            creation.destroy_test_db(verbosity=0)
        except DatabaseError as error:
            if "exist" in str(error):  # it was never created
                return False
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(0.3)
        else:
            break
    return True


if __name__ == "__main__":
    told = read_input()
    django.setup()
    json.dump(create(**told) if sys.argv[1] == "create" else destroy(**told), sys.stdout)
