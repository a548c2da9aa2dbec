"""
A login in steps: what is known of it between the password and the last step, and how it goes on.

Until the last step there is no auth session. The client has a handle, which works once and for a short
time; what it stands for is kept in the store, where it is found by the digest of the handle's secret.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Self

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest
from django.utils.module_loading import import_string

from django_authkit.conf import get_settings, milliseconds
from django_authkit.errors import (
    CredentialRejected,
    LoginStepEnded,
    LoginStepFailed,
    LoginStepRequired,
    LoginUnfinished,
)
from django_authkit.http.grant import Grant
from django_authkit.login_steps import LoginStep, Question
from django_authkit.service.login import backend_of, log_in
from django_authkit.service.single_use import put_once, take_once
from django_authkit.throttling.attempts import LoginAttempt, count_login_question, count_login_step
from django_authkit.types import Transport
from django_authkit.users.loading import auth_hash_of, current_auth_hash, load_user, user_id_of, username_of

_PURPOSE: Final = "login step"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginProgress:
    """
    A login whose password was right.

    Attributes:
        user_id, backend, auth_hash: The user, who authenticated them, and by which password.
        attempt: How it was counted.
        remember, label, rotates: As for ``log_in``.
        amr: How the user authenticated so far.
        done: The names of the steps that were taken.
        step, question: The step that is asked for, and what it asks.
        ends_ms: Until when it waits for that step.
    """

    user_id: str
    backend: str
    auth_hash: str = field(repr=False)
    attempt: LoginAttempt
    remember: bool = False
    label: str | None = None
    rotates: bool = True
    amr: tuple[str, ...] = ("pwd",)
    done: tuple[str, ...] = ()
    step: str = ""
    question: Question = Question()
    ends_ms: int = 0

    @classmethod
    def of(cls, user: AbstractBaseUser, attempt: LoginAttempt, **wanted: Any) -> Self:
        """Return the beginning of a login of *user*."""
        return cls(
            user_id=user_id_of(user),
            backend=backend_of(user, None),
            auth_hash=auth_hash_of(user),
            attempt=attempt,
            **wanted,
        )

    @classmethod
    def read(cls, text: str) -> Self:
        """Return what ``json.dumps(asdict(…))`` wrote."""
        values = json.loads(text)
        values["attempt"] = LoginAttempt(**values["attempt"])
        values["question"] = Question(**values["question"])
        return cls(**{**values, "amr": tuple(values["amr"]), "done": tuple(values["done"])})


def log_in_or_ask(
    request: HttpRequest, user: AbstractBaseUser, progress: LoginProgress, transport: Transport
) -> Grant:
    """
    Log *user* in, if no further step is needed.

    Raises:
        LoginStepRequired: One is. Nothing of the auth session exists yet.
        Throttled: One is, and this user was asked too often.
        InvalidRequest, CsrfFailed, SessionLimitReached, LoginFailed, CookieTooLarge: As ``log_in`` says.
    """
    for step in _steps():
        if step.name not in progress.done and step.is_needed(request, user):
            count_login_question(user)
            ends = _now_ms() + milliseconds(get_settings().login.step_lifetime)
            asked = replace(progress, step=step.name, question=step.ask(request, user), ends_ms=ends)
            raise _ask(asked, LoginStepRequired)
    return log_in(
        request,
        user,
        backend=progress.backend,
        transport=transport,
        remember=progress.remember,
        amr=progress.amr,
        label=progress.label,
        rotates=progress.rotates,
    )


def take_step(
    request: HttpRequest, handle: str, data: Mapping[str, Any]
) -> tuple[AbstractBaseUser, LoginProgress]:
    """
    Return the user of the login, and how far it is after the step that *data* takes.

    Raises:
        LoginStepEnded: The handle is unknown, was used or has expired; or the user may not log in any more.
        Throttled: There were too many attempts of this user. The login has to begin again.
        LoginStepFailed: *data* is not right. The error has the handle for another attempt.
    """
    progress = _taken(handle)
    step = next((each for each in _steps() if each.name == progress.step), None)
    if step is None:  # the settings have changed
        raise LoginStepEnded
    user = _user_of(progress)
    count_login_step(user)
    if not step.verify(request, user, progress.question, data):
        credentials = {get_user_model().USERNAME_FIELD: username_of(user), "step": step.name}
        user_login_failed.send(sender=__name__, credentials=credentials, request=request)
        raise _ask(progress, LoginStepFailed)
    return user, replace(progress, done=(*progress.done, step.name), amr=(*progress.amr, *step.amr))


def _steps() -> list[LoginStep]:
    return [import_string(path)() for path in get_settings().login.steps]


def _user_of(progress: LoginProgress) -> AbstractBaseUser:
    try:
        user = load_user(progress.user_id, progress.backend)
        current_auth_hash(user, progress.auth_hash)
    except CredentialRejected as error:
        raise LoginStepEnded from error
    return user


def _ask(progress: LoginProgress, kind: type[LoginUnfinished]) -> LoginUnfinished:
    """Keep *progress*, and return the error that tells the client how to go on."""
    left = max(1, progress.ends_ms - _now_ms())
    handle = put_once(_PURPOSE, progress.user_id, json.dumps(asdict(progress)), left)
    return kind(
        step=progress.step,
        handle=handle,
        expires_in=-(-left // 1000),
        question=dict(progress.question.shown),
    )


def _taken(handle: str) -> LoginProgress:
    kept = take_once(_PURPOSE, handle, milliseconds(get_settings().login.step_lifetime))
    if kept is None:
        raise LoginStepEnded
    return LoginProgress.read(kept)


def _now_ms() -> int:
    return int(time.time() * 1000)
