"""What all else does with a user: templates, forms, serializers, copies."""

import copy
import io
import json
import pickle
from collections.abc import Callable
from typing import Any, Final

from asgiref.sync import async_to_sync
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.forms import PasswordChangeForm, UserChangeForm
from django.contrib.auth.models import Permission, User
from django.contrib.auth.tokens import default_token_generator
from django.contrib.contenttypes.models import ContentType
from django.core import serializers
from django.core.mail import EmailMessage
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model
from django.forms import model_to_dict, modelform_factory
from django.utils.encoding import force_str
from django.utils.html import escape, format_html
from django.utils.text import slugify
from rest_framework.serializers import ModelSerializer, PrimaryKeyRelatedField

from support.client import PASSWORD
from support.uses_of_a_user.helpers import after, log, pks, shown


class UserSerializer(ModelSerializer[User]):
    """As a project's."""

    class Meta:
        """As a project's."""

        model = User
        fields = ("id", "username", "email", "groups")


class EntrySerializer(ModelSerializer[LogEntry]):
    """A row that names its user by the key."""

    class Meta:
        """As a project's."""

        model = LogEntry
        fields = ("user", "object_repr")


def _own_token(user: Any) -> Any:
    return default_token_generator.check_token(user, default_token_generator.make_token(user))


def _of_a_field(user: Any) -> Any:
    field = PrimaryKeyRelatedField(queryset=User.objects.all())
    return field.to_representation(user), field.to_internal_value(user.pk) == user


def _form_of(user: Any) -> Any:
    form = modelform_factory(User, fields=["first_name"])({"first_name": "Augusta"}, instance=user)
    return form.is_valid(), form.save().first_name, User.objects.get(pk=user.pk).first_name


def _password_form(user: Any) -> Any:
    form = PasswordChangeForm(
        user, {"old_password": PASSWORD, "new_password1": "quite another", "new_password2": "quite another"}
    )
    return form.is_valid(), form.save().check_password("quite another"), user.check_password("quite another")


def _expiring(user: Any) -> Any:
    user.set_password("quite another")
    user.save(update_fields=["password"])
    return User.objects.get(pk=user.pk).check_password("quite another")


async def _asynchronous(user: Any) -> Any:
    found = await User.objects.aget(pk=user.pk)
    entries = [each.pk async for each in LogEntry.objects.filter(user=user)]
    return found == user, entries, await LogEntry.objects.filter(user=user).acount()


def _replaced(user: Any) -> Any:
    copied = copy.copy(user)
    copied.first_name = "Augusta"
    return copied == user, user.first_name, copied.first_name


def _dumped(user: Any) -> Any:
    loaded = pickle.loads(pickle.dumps({"user": user}))["user"]  # noqa: S301 - our own
    return type(loaded).__name__, loaded == user, loaded.email


def _matched(user: Any) -> str:
    match user:
        case User(username="ada"):
            return "ada"
        case _:
            return "somebody"


def _dumped_with_natural_keys(user: Any) -> Any:
    stream = io.StringIO()
    serializers.serialize("json", [log(user)], stream=stream, use_natural_foreign_keys=True)
    return json.loads(stream.getvalue())[0]["fields"]["user"]


def _updated(user: Any) -> Any:
    serializer = UserSerializer(user, data={"email": "a@example.org"}, partial=True)
    return serializer.is_valid(), serializer.save().email, User.objects.get(pk=user.pk).email


ELSEWHERE: Final[dict[str, Callable[[Any], Any]]] = {
    # who it is
    "isinstance": lambda u: [
        isinstance(u, each) for each in (User, AbstractBaseUser, Model, get_user_model())
    ],
    "class": lambda u: (u.__class__.__name__, u.__class__ is User, u.__class__.objects.count()),
    "issubclass": lambda u: issubclass(u.__class__, AbstractBaseUser),
    "==": lambda u: (u == User.objects.get(pk=u.pk), User.objects.get(pk=u.pk) == u, u == u.pk, u == str(u)),
    "!=": lambda u: (u != User.objects.get(pk=u.pk), u != User(pk=0), User(pk=0) != u, u is not None),
    "hash": lambda u: (hash(u) == hash(User.objects.get(pk=u.pk)), {u: 1}[User.objects.get(pk=u.pk)]),
    "set": lambda u: len({u, User.objects.get(pk=u.pk)}),
    "list": lambda u: (u in list(User.objects.all()), [User.objects.get(pk=u.pk)].index(u)),
    "bool": lambda u: (bool(u), not u, (u or 1) == u),
    "match": _matched,
    "sort": lambda u: pks(sorted([u, User.objects.get(pk=u.pk)], key=lambda each: each.username)),
    "<": lambda u: u < User.objects.get(pk=u.pk),
    "len": lambda u: len(u),
    "iter": lambda u: list(u),
    "call": lambda u: u(),
    "item": lambda u: u["username"],
    "no such attribute": lambda u: u.nickname,
    "getattr default": lambda u: getattr(u, "nickname", "none"),
    "dir": lambda u: sorted(set(dir(User)) - set(dir(u))),
    # text
    "str": str,
    "format": lambda u: (f"{u}", "{}".format(u), "%s" % u, "{0.email}".format(u)),  # noqa: UP030, UP031, UP032
    "repr": lambda u: repr(u.__class__(username="x")),
    "format_html": lambda u: format_html("<b>{}</b>", u),
    "escape": lambda u: (escape(u), slugify(u), force_str(u)),
    "concatenation": lambda u: "by " + u.username + ", " + ", ".join(map(str, [u])),
    "mail": lambda u: EmailMessage(to=[u.email], body=str(u)).recipients(),
    "email_user": lambda u: u.email_user("x", "y", "a@example.org"),
    # the API of users
    "has_perm": lambda u: (
        u.has_perm("auth.add_group"),
        u.has_perms(["auth.add_group"]),
        u.has_module_perms("x"),
    ),
    "granted": lambda u: (
        u.user_permissions.add(Permission.objects.get(codename="add_group")),
        u.__class__.objects.get(pk=u.pk).has_perm("auth.add_group"),
        sorted(u.get_all_permissions()),
    ),
    "with_perm": lambda u: (
        u in User.objects.with_perm("auth.add_group", backend="django.contrib.auth.backends.ModelBackend")
    ),
    "natural_key": lambda u: u.natural_key(),
    "names": lambda u: (
        u.get_username(),
        u.get_full_name(),
        u.get_short_name(),
        u.USERNAME_FIELD,
        u.EMAIL_FIELD,
    ),
    "flags": lambda u: (u.is_authenticated, u.is_anonymous, u.is_active, u.is_staff, u.is_superuser),
    "flag is True": lambda u: (u.is_authenticated is True, u.is_anonymous is False, u.is_active is True),
    "check_password": lambda u: (u.check_password(PASSWORD), u.has_usable_password()),
    "set_password": _expiring,
    "session auth hash": lambda u: (
        u.get_session_auth_hash() == User.objects.get(pk=u.pk).get_session_auth_hash()
    ),
    "token generator": _own_token,
    "backend": lambda u: u.backend,
    "last_login": lambda u: (u.last_login is None, u.date_joined == User.objects.get(pk=u.pk).date_joined),
    # forms, serializers, templates, the admin
    "model_to_dict": lambda u: sorted(model_to_dict(u)),
    "JSON": lambda u: json.dumps(
        model_to_dict(u, fields=["id", "username", "date_joined"]), cls=DjangoJSONEncoder
    ),
    "JSON of the user": lambda u: json.dumps({"user": u}, cls=DjangoJSONEncoder),
    "model form": _form_of,
    "change form": lambda u: sorted(UserChangeForm(instance=u).initial),
    "password form": _password_form,
    "serializers": lambda u: json.loads(serializers.serialize("json", [u]))[0]["fields"]["email"],
    "serializers, stream": _dumped_with_natural_keys,
    "ModelSerializer": lambda u: UserSerializer(u).data,
    "ModelSerializer of a row": lambda u: EntrySerializer(log(u)).data,
    "ModelSerializer, update": _updated,
    "PrimaryKeyRelatedField": _of_a_field,
    "template": lambda u: shown(
        "{{ u }} {{ u.pk }} {{ u.email }} {{ u.get_username }} {{ u.nickname }}", u=u
    ),
    "template if": lambda u: shown("{% if u %}1{% endif %}{% if u.is_authenticated %}2{% endif %}", u=u),
    "template ifequal": lambda u: shown("{% if u == v %}same{% endif %}", u=u, v=User.objects.get(pk=u.pk)),
    "template with, for": lambda u: shown(
        "{% with u.groups.all as g %}{% for x in g %}{{ x }}{% endfor %}{% endwith %}", u=u
    ),
    "template filters": lambda u: shown(
        '{{ u|upper }} {{ u|default:"x" }} {{ u|stringformat:"s" }} {{ u|yesno }}', u=u
    ),
    "LogEntry": lambda u: log(u, change_message="x").get_admin_url(),
    "LogEntry.log_actions": lambda u: after(
        LogEntry.objects.log_actions(u.pk, User.objects.filter(pk=u.pk), CHANGE, "x"),
        LogEntry.objects.get().user == u,
    ),
    "content type": lambda u: ContentType.objects.get_for_model(u).model,
    # copies
    "pickle": _dumped,
    "copy": _replaced,
    "deepcopy": lambda u: (copy.deepcopy(u) == u, copy.deepcopy([u, u])[1].email),
    "pickled query": lambda u: after(
        log(u),
        pickle.loads(pickle.dumps(LogEntry.objects.filter(user=u).query)).where is not None,  # noqa: S301
    ),
    "deepcopied query": lambda u: after(log(u), copy.deepcopy(LogEntry.objects.filter(user=u)).count()),
    "async": lambda u: async_to_sync(_asynchronous)(u),
    "arefresh": lambda u: async_to_sync(u.arefresh_from_db)(),
}
"""Each returns what can be compared, or raises."""
