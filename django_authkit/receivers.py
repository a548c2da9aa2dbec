"""Receivers of Django's signals, which create and revoke auth sessions. Connected when the app is ready."""

import sys
from collections.abc import Callable
from typing import Any
from weakref import ref

from django.apps import apps
from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import get_hasher, identify_hasher
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.core.signals import got_request_exception
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import class_prepared, post_delete, post_save, pre_save
from django.http import HttpRequest

from django_authkit.conf import get_settings
from django_authkit.errors import AuthKitError
from django_authkit.http.request_state import Authentication, state_of
from django_authkit.http.tenants import bound_to_tenant, rows_are_of_tenant
from django_authkit.service.logout import cookies_decide
from django_authkit.service.password_changes import (
    password_changed,
    password_changing,
    password_rehashed,
)
from django_authkit.service.revocation import (
    revoke_by_user_id,
    revoke_presented,
    revoke_tokens_of_others,
    revoke_user,
)
from django_authkit.service.user_validity import revoke_shut_out
from django_authkit.session_engine import SessionStore
from django_authkit.types import Mode, RevocationReason, Transport
from django_authkit.users.loading import auth_hash_of, every_backend_refuses, has_stock_rules, user_id_of

_BEFORE = "_authkit_before"
"""Attribute of a user instance with its row from before a save."""
_WATCHED = frozenset({"password", "is_active"})


def connect() -> None:
    """Connect to logouts and changes of users, of proxy models too; ``apps`` has connected to logins."""
    uid = "django_authkit"
    user_logged_in.connect(note_logged_in, dispatch_uid=f"{uid}.note")
    user_logged_out.connect(on_logged_out, dispatch_uid=uid)
    pre_save.connect(remember_before, dispatch_uid=uid)
    post_save.connect(on_saved, dispatch_uid=uid)
    class_prepared.connect(watch_deletions, dispatch_uid=uid)
    for model in apps.get_models():
        watch_deletions(model)
    got_request_exception.connect(on_request_exception, dispatch_uid=uid)


def watch_deletions(sender: type[Model], **kwargs: Any) -> None:
    """
    Connect to the deletions of *sender* if it is the user model, a proxy of it, or inherits from it.

    Not to those of all models: with a receiver for all of them, Django reads each row that a query deletes.
    """
    # By name: get_user_model() does not know yet a class that is just being prepared.
    labels = {model._meta.label_lower for model in sender.__mro__ if hasattr(model, "_meta")}
    if settings.AUTH_USER_MODEL.lower() in labels:
        post_delete.connect(on_deleted, sender=sender, dispatch_uid="django_authkit")


def on_request_exception(sender: Any, *, request: HttpRequest | None = None, **kwargs: Any) -> None:
    """Remember an error of ours that Django makes a 500 of, so that our middleware can say what it is."""
    error = sys.exc_info()[1]
    if request is not None and isinstance(error, AuthKitError):
        state_of(request).user_errors.unhandled = error


def note_logged_in(sender: Any, *, request: HttpRequest | None, user: Any, **kwargs: Any) -> None:
    """Note whom this request logs in, whatever the session engine is."""
    if request is not None:
        state_of(request).logged_in_user = user


def on_logged_in(sender: Any, *, request: HttpRequest | None, user: AbstractBaseUser, **kwargs: Any) -> None:
    """Start an auth session for a login by Django's ``login``; re-key that of the same user."""
    request = getattr(request, "_request", request)
    session = getattr(request, "session", None)
    if request is None or state_of(request).busy or not isinstance(session, SessionStore):
        return
    if session.get(SESSION_KEY) != user_id_of(user):
        return  # by a package with credentials of its own, which does not use this session
    if session.bound is None and not session.deliverable:
        return  # a bearer gets no cookie, so the new key would not reach the client
    if session.request() is None:  # it was opened by another middleware than ours
        session.request = ref(request)
    revoke_tokens_of_others(request, user)
    try:
        if session.bound is not None:
            session.renew()
        else:
            session.establish(user)
    except AuthKitError:
        session.forget_login()
        raise
    assert session.bound is not None
    known = Authentication.by_record(user, session.bound.session, Mode.SESSION, Transport.COOKIE)
    if get_settings().accepts(Mode.SESSION):
        state_of(request).authentication = known
    else:
        state_of(request).django_login = known


def on_logged_out(sender: Any, *, request: HttpRequest | None, **kwargs: Any) -> None:
    """Revoke the auth session of a request that Django's ``logout`` logs out."""
    request = getattr(request, "_request", request)
    if request is None or state_of(request).busy:
        return
    state = state_of(request)
    state.clear_token_cookies = cookies_decide(request)
    state.clear_site_data = bool(revoke_presented(request, RevocationReason.LOGOUT))
    state.authentication = state.django_login = None


def remember_before(
    sender: Any, *, instance: Any, raw: bool, update_fields: Any, using: str, **kwargs: Any
) -> None:
    """Remember the row before a save that may revoke the user's auth sessions."""
    if not isinstance(instance, get_user_model()):
        return
    setattr(instance, _BEFORE, None)
    if raw or instance._state.adding or not _watched_fields(sender) & (update_fields or _WATCHED):
        return
    before = sender._base_manager.using(using).filter(pk=instance.pk).only(*_watched_fields(sender)).first()
    setattr(instance, _BEFORE, before)


def _watched_fields(model: Any) -> frozenset[str]:
    """Return the fields whose change may revoke: any of them, if the project has its own rules for users."""
    fields = frozenset(field.name for field in model._meta.concrete_fields)
    if has_stock_rules():
        return fields & _WATCHED
    return fields - {"last_login"}


def on_saved(sender: Any, *, instance: Any, update_fields: Any, using: str, **kwargs: Any) -> None:
    """Revoke when the change is committed: a new password, or a deactivated user."""
    before = instance.__dict__.pop(_BEFORE, None)
    if before is None:
        return
    if getattr(before, "is_active", True) and every_backend_refuses(instance):
        _after_commit(using, lambda: revoke_user(instance, reason=RevocationReason.USER_DISABLED))
        return
    if not has_stock_rules():
        user_id = user_id_of(instance)
        _after_commit(using, lambda: revoke_shut_out(user_id) if rows_are_of_tenant() else None)
    old, new = auth_hash_of(before), auth_hash_of(instance)
    if (getattr(before, "password", None), old) == (getattr(instance, "password", None), new):
        return
    if _is_rehash(before, instance, update_fields):
        _after_commit(using, lambda: password_rehashed(instance, old, new))
    else:
        password_changing(instance, old, new)
        _after_commit(using, lambda: password_changed(instance, old, _committed_hash(instance, using)))


def _committed_hash(user: Any, using: str) -> str:
    """
    Return the hash of the row: *user* may have been changed again, in the same transaction.

    Where rows are those of another tenant by now, it is that of *user*.
    """
    if not rows_are_of_tenant():
        return auth_hash_of(user)
    row = type(user)._base_manager.using(using).filter(pk=user.pk).first()
    return "" if row is None else auth_hash_of(row)


def _after_commit(using: str, act: Callable[[], object]) -> None:
    """
    Act when the change is committed, for the tenant whose change it is; that may not be the current one then.

    If the store is down then, that is logged, and the change is kept. A session that was not revoked is
    rejected all the same when the user is loaded, where the hash and ``is_active`` are checked. *act* is a
    function and not a ``partial``, since Django logs its name.
    """
    transaction.on_commit(bound_to_tenant(act), using=using, robust=True)


def _is_rehash(before: Any, user: Any, update_fields: Any) -> bool:
    """
    Tell whether Django has only rehashed the same password, with a better hasher.

    ``check_password`` does that: it calls ``set_password``, unsets ``_password`` on the instance, and saves
    the one field; and only when the old hash was due for it. The mark is removed, for it stands for one save.
    """
    checked = user.__dict__.get("_password", "") is None and set(update_fields or ()) == {"password"}
    if not checked or before.password == user.password:
        return False
    del user.__dict__["_password"]
    try:
        old, new, preferred = identify_hasher(before.password), identify_hasher(user.password), get_hasher()
    except ValueError:  # one of them is not a hash
        return False
    due = old.algorithm != preferred.algorithm or preferred.must_update(before.password)
    return due and new.algorithm == preferred.algorithm


def on_deleted(sender: Any, *, instance: Any, using: str, **kwargs: Any) -> None:
    """Revoke when the deletion is committed."""
    user_id = user_id_of(instance)  # Django is about to unset it
    _after_commit(using, lambda: revoke_by_user_id(user_id, RevocationReason.USER_DISABLED))
