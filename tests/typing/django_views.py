"""Plain Django views, signals and functions for the settings, as the documentation writes them."""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, JsonResponse

from django_authkit import AuthSession, authenticate, log_in, revoke, revoke_user, sessions_of
from django_authkit.decorators import recent_auth_required
from django_authkit.errors import AuthKitError, CredentialRejected
from django_authkit.signals import session_revoked
from django_authkit.testing import AuthKitClient, revoked, travel


def greeting(request: HttpRequest) -> HttpResponse:
    """Look up the user without an exception."""
    try:
        known = authenticate(request)
    except CredentialRejected:
        known = None
    return JsonResponse({"hello": known.user.get_username() if known else "world"})


@recent_auth_required()
def vault(request: HttpRequest) -> HttpResponse:
    """Require a recent authentication."""
    return HttpResponse("gold")


def enter(request: HttpRequest, user: User) -> HttpResponse:
    """Log in."""
    return log_in(request, user, remember=True).attach(HttpResponse(status=204))


def log_out_everywhere(user: User, sid: str) -> int:
    """Revoke all auth sessions but one."""
    try:
        revoke(sid)
    except AuthKitError as error:
        return len(error.code)
    return len(revoke_user(user, keep=sid)) + len([each.created_at for each in sessions_of(user)])


@receiver(session_revoked)
def note(session: AuthSession, reason: str, **kwargs: Any) -> None:
    """Receive a signal."""


def claims(user: AbstractBaseUser, session: AuthSession) -> dict[str, Any]:
    """``EXTRA_CLAIMS``."""
    return {"sid": session.sid}


def test_it(user: User) -> None:
    """A test of a project."""
    client = AuthKitClient()
    client.force_login(user)
    with travel(days=1), revoked() as sessions:
        client.logout()
    assert [session.sid for session in sessions]
