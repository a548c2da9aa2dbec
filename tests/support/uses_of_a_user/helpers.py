"""What the uses of a user have in common."""

from collections.abc import Callable
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.template import Context, Template

from support.signals import heard


def log(user: Any, **fields: Any) -> LogEntry:
    """Create a row of the user's."""
    kind = ContentType.objects.get_for_model(User)
    return LogEntry.objects.create(
        user=user, content_type=kind, object_id="1", object_repr="x", action_flag=CHANGE, **fields
    )


def after(_: Any, result: Any) -> Any:
    """Return *result*, for which something was done first."""
    return result


def pks(rows: Any) -> list[Any]:
    """Return the primary keys of rows."""
    return [row.pk for row in rows]


def readers() -> Any:
    """Return a group."""
    return Group.objects.get_or_create(name="Readers")[0]


def shown(source: str, **values: Any) -> str:
    """Render a template."""
    return Template(source).render(Context(values))


def told(signal: Any, act: Callable[[], Any], name: str) -> Any:
    """Return what receivers of *signal* got by *name* while *act* ran."""
    with heard(signal) as calls:
        act()
    return [(type(call[name]).__name__ if isinstance(call[name], Model) else call[name]) for call in calls]
