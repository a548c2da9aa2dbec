"""What the ORM does with a user: relations, queries, the row, signals."""

from collections.abc import Callable
from typing import Any, Final

from asgiref.sync import async_to_sync
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import NestedObjects
from django.contrib.auth.models import User
from django.db.models import Case, Count, Exists, F, OuterRef, Q, Value, When, prefetch_related_objects
from django.db.models.functions import Concat
from django.db.models.signals import m2m_changed, post_save, pre_delete

from support.uses_of_a_user.helpers import after, log, pks, readers, told


def _member(user: Any) -> Any:
    group = readers()
    group.user_set.add(user)
    return group


def _removed(user: Any) -> Any:
    group = _member(user)
    group.user_set.remove(user)
    return pks(group.user_set.all())


def _saved(user: Any, **options: Any) -> Any:
    user.first_name = "Augusta"
    user.last_name = "King"
    user.save(**options)
    fresh = User.objects.get(pk=user.pk)
    return fresh.first_name, fresh.last_name


def _validated(user: Any) -> Any:
    user.email = "no address"
    user.full_clean()


def _assigned(user: Any) -> Any:
    entry = LogEntry()
    entry.user = user
    return entry.user_id, entry.user == user, entry.user.username


def _renamed(user: Any) -> Any:
    user.username = "countess"
    user.refresh_from_db(fields=["username"])
    return user.username


def _refreshed(user: Any) -> Any:
    User.objects.filter(pk=user.pk).update(first_name="Augusta")
    user.refresh_from_db()
    return user.first_name


def _marked(user: Any) -> Any:
    user.cart = 1
    was = user.cart
    del user.cart
    return was, hasattr(user, "cart")


def _prefetched(user: Any) -> Any:
    _member(user)
    prefetch_related_objects([user], "groups")
    readers().delete()
    return [group.name for group in user.groups.all()]  # what was fetched before


def _deleted(user: Any) -> Any:
    log(user)
    count, by_model = user.delete()
    return count, sorted(by_model), user.pk, LogEntry.objects.count()


def _collected(user: Any) -> Any:
    log(user)
    collector = NestedObjects("default")
    collector.collect([user])
    return [str(each) for each in collector.nested()[:1]]


def _copied_row(user: Any) -> Any:
    user.pk = None
    user._state.adding = True
    user.username = "clone"
    user.save()
    return (
        User.objects.filter(username__in=["ada", "clone"]).count(),
        user.username,
        user == User.objects.last(),
    )


IN_THE_DATABASE: Final[dict[str, Callable[[Any], Any]]] = {
    # relations
    "m2m add": lambda u: pks(_member(u).user_set.all()),
    "m2m add by pk": lambda u: (readers().user_set.add(u.pk), pks(readers().user_set.all())),
    "m2m remove": _removed,
    "m2m set": lambda u: (readers().user_set.set([u]), pks(readers().user_set.all())),
    "m2m clear": lambda u: (u.groups.clear(), u.groups.count()),
    "m2m of the user, add": lambda u: (u.groups.add(readers()), pks(u.groups.all()) == [readers().pk]),
    "m2m of the user, set": lambda u: (u.groups.set([readers()]), u.groups.count()),
    "m2m contains": lambda u: _member(u).user_set.contains(u),
    "through row": lambda u: str(User.groups.through.objects.create(user=u, group=readers()).user),
    "reverse create": lambda u: after(
        u.logentry_set.create(action_flag=1, object_repr="x"),
        u.logentry_set.count(),
    ),
    "reverse filter": lambda u: after(log(u), u.logentry_set.filter(action_flag=CHANGE).count()),
    "foreign key": lambda u: log(u).user.username,
    "foreign key assigned": _assigned,
    "foreign key by attname": lambda u: LogEntry(user_id=u).user_id == u,
    "bulk_create": lambda u: [
        each.user_id
        for each in LogEntry.objects.bulk_create([LogEntry(user=u, action_flag=1, object_repr="x")])
    ],
    "get_or_create": lambda u: LogEntry.objects.get_or_create(
        user=u, action_flag=1, defaults={"object_repr": "x"}
    )[1],
    "update_or_create": lambda u: LogEntry.objects.update_or_create(
        user=u, defaults={"action_flag": 1, "object_repr": "y"}
    )[1],
    "update": lambda u: after(log(u), LogEntry.objects.filter(user=u).update(user=u)),
    # queries
    "filter": lambda u: after(log(u), LogEntry.objects.filter(user=u).count()),
    "filter by pk": lambda u: pks(User.objects.filter(pk=u)),
    "filter id": lambda u: pks(User.objects.filter(id=u.id)),
    "exact": lambda u: after(log(u), LogEntry.objects.filter(user__exact=u).count()),
    "in": lambda u: after(log(u), LogEntry.objects.filter(user__in=[u]).count()),
    "pk in": lambda u: pks(User.objects.filter(pk__in=[u])),
    "in set": lambda u: after(log(u), LogEntry.objects.filter(user__in={u}).count()),
    "exclude": lambda u: after(log(u), LogEntry.objects.exclude(user=u).count()),
    "Q": lambda u: after(log(u), LogEntry.objects.filter(Q(user=u) | Q(user__isnull=True)).count()),
    "not Q": lambda u: after(log(u), LogEntry.objects.filter(~Q(user=u)).count()),
    "Q of two": lambda u: (Q(user=u) == Q(user=u), hash(Q(user=u)) == hash(Q(user=u))),
    "F": lambda u: after(log(u), LogEntry.objects.filter(user=u, user__username=F("user__username")).count()),
    "Value": lambda u: User.objects.annotate(me=Value(u.pk)).filter(me=F("pk")).count(),
    "When": lambda u: list(
        User.objects.order_by("pk").values_list(
            Case(When(pk=u.pk, then=Value(1)), default=Value(0)), flat=True
        )
    ),
    "When with the user": lambda u: after(
        log(u),
        list(LogEntry.objects.values_list(Case(When(user=u, then=Value(1)), default=Value(0)), flat=True)),
    ),
    "Exists": lambda u: after(
        log(u),
        pks(User.objects.filter(Exists(LogEntry.objects.filter(user=OuterRef("pk")).filter(user=u)))),
    ),
    "aggregate": lambda u: after(
        log(u), User.objects.filter(logentry__user=u).aggregate(n=Count("logentry"))
    ),
    "annotate a text": lambda u: User.objects.annotate(name=Concat("username", Value("!"))).get(pk=u.pk).name,
    "in_bulk": lambda u: (
        list(User.objects.in_bulk([u.pk])) == [u.pk] and u in User.objects.in_bulk().values()
    ),
    "get": lambda u: User.objects.get(pk=u.pk) == u,
    "get the user": lambda u: User.objects.get(pk=u) == u,
    "contains": lambda u: User.objects.all().contains(u),
    "select_related": lambda u: after(log(u), LogEntry.objects.select_related("user").get(user=u).user == u),
    "select_for_update": lambda u: User.objects.select_for_update().get(pk=u.pk).username,
    "dates and values": lambda u: after(
        log(u), list(LogEntry.objects.filter(user=u).values("user", "user__email"))
    ),
    "get_by_natural_key": lambda u: User.objects.get_by_natural_key(u.get_username()) == u,
    "earlier users": lambda u: pks(User.objects.filter(pk__lt=u.pk)),
    "bulk_update": lambda u: User.objects.bulk_update([u], ["first_name"]),
    # the row
    "save": _saved,
    "save update_fields": lambda u: _saved(u, update_fields=["first_name"]),
    "force_update": lambda u: _saved(u, force_update=True),
    "save_base": lambda u: (u.save_base(), u.pk == User.objects.get(pk=u.pk).pk),
    "asave": lambda u: async_to_sync(u.asave)(),
    "refresh_from_db": _refreshed,
    "refresh_from_db fields": _renamed,
    "delete": _deleted,
    "copied as a new row": _copied_row,
    "full_clean": _validated,
    "clean": lambda u: (u.clean(), u.email),
    "validate_unique": lambda u: u.validate_unique(),
    "get_deferred_fields": lambda u: sorted(u.get_deferred_fields()),
    "_state": lambda u: (u._state.db, u._state.adding, sorted(u._state.fields_cache)),
    "serializable_value": lambda u: (u.serializable_value("pk"), u.serializable_value("email")),
    "_meta": lambda u: (u._meta.label, u._meta.pk.name, u._meta.get_field("email").value_from_object(u)),
    "pk names": lambda u: (u.pk, u.id, getattr(u, u._meta.pk.attname)),
    "prefetch_related_objects": _prefetched,
    "collector": _collected,
    "set and del": _marked,
    # signals
    "post_save instance": lambda u: told(post_save, u.save, "instance"),
    "post_save of a row": lambda u: told(post_save, lambda: log(u), "instance"),
    "pre_delete instance": lambda u: told(pre_delete, u.delete, "instance")[-1:],
    "m2m_changed instance": lambda u: told(m2m_changed, lambda: u.groups.add(readers()), "instance"),
    "m2m_changed pk_set": lambda u: told(m2m_changed, lambda: readers().user_set.add(u), "pk_set"),
}
"""Each returns what can be compared, or raises."""
