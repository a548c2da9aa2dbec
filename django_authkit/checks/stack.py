"""Checks of the installed apps, the session engine and the middleware."""

from collections.abc import Iterator
from importlib import import_module

from django.apps import apps
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.module_loading import import_string

from django_authkit.conf import AuthKitSettings
from django_authkit.problems import Problem
from django_authkit.types import Mode, Transport

# As written in the settings, which is how they are matched.
ENGINE = "django_authkit.session_engine"
SESSION_MIDDLEWARE = "django_authkit.middleware.SessionMiddleware"
AUTHENTICATION_MIDDLEWARE = "django_authkit.middleware.AuthenticationMiddleware"

NO_DRF = Problem.kind("authkit.W036", 'Add "rest_framework" to INSTALLED_APPS.')
OTHER_ENGINE = Problem.kind("authkit.E030", f'Set SESSION_ENGINE = "{ENGINE}".')
OTHER_SESSIONS = Problem.kind(
    "authkit.E031",
    f'Put "{SESSION_MIDDLEWARE}" in the place of "django.contrib.sessions.middleware.SessionMiddleware".',
)
_OWN_AUTHENTICATION = (
    f'Put "{AUTHENTICATION_MIDDLEWARE}" in the place of '
    '"django.contrib.auth.middleware.AuthenticationMiddleware".'
)
OTHER_AUTHENTICATION = Problem.kind("authkit.E032", _OWN_AUTHENTICATION)
CREDENTIALS_FOR_DRF_ONLY = Problem.kind("authkit.W032", _OWN_AUTHENTICATION)
NO_CSRF = Problem.kind(
    "authkit.E033",
    'Add "django.middleware.csrf.CsrfViewMiddleware" to MIDDLEWARE, or take "cookie" out of TRANSPORTS.',
)
OUTSIDE_THE_LIST = Problem.kind(
    "authkit.W034",
    f'Set SESSION_ENGINE = "{ENGINE}" and use "{SESSION_MIDDLEWARE}", in JWT mode as well.',
)
WRONG_ORDER = Problem.kind("authkit.E035", f'Put "{SESSION_MIDDLEWARE}" first of the two.')


def check_apps(_chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that DRF is installed as an app; ours is, or no check would run (see ``conf.installed``)."""
    if not apps.is_installed("rest_framework"):
        yield NO_DRF(
            "INSTALLED_APPS has no rest_framework: its templates and translations are missing, so its "
            "browsable API fails."
        )


def check_engine(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that Django's sessions are auth sessions where required or recommended."""
    if _has_own_engine():
        return
    if chosen.accepts(Mode.SESSION):
        yield OTHER_ENGINE(
            f"Session mode is on, but SESSION_ENGINE is {settings.SESSION_ENGINE!r}: its sessions are no "
            "auth sessions, and nothing can revoke them."
        )
    elif apps.is_installed("django.contrib.admin"):
        yield OUTSIDE_THE_LIST(
            f"The admin is installed, and SESSION_ENGINE is {settings.SESSION_ENGINE!r}: a login there "
            "starts a session that is not in the device list and cannot be revoked."
        )


def check_middleware(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that our middleware classes replace Django's, in the right order."""
    sessions, authentication = _places(SessionMiddleware), _places(AuthenticationMiddleware)
    own_sessions = _places(import_string(SESSION_MIDDLEWARE))
    own_authentication = _places(import_string(AUTHENTICATION_MIDDLEWARE))
    by_session = chosen.accepts(Mode.SESSION)
    if (by_session or _has_own_engine()) and (not own_sessions or sessions != own_sessions):
        yield OTHER_SESSIONS(
            "MIDDLEWARE does not have our SessionMiddleware: session keys in the Authorization header are "
            "not read, and a response to an old key deletes the cookie of its successor."
        )
    if not own_authentication or authentication != own_authentication:
        problem = OTHER_AUTHENTICATION if by_session else CREDENTIALS_FOR_DRF_ONLY
        yield problem(
            "MIDDLEWARE does not have our AuthenticationMiddleware: outside of DRF's views no credential "
            "authenticates a user."
        )
    if own_sessions and own_authentication and own_sessions[0] > own_authentication[0]:
        yield WRONG_ORDER(
            "In MIDDLEWARE our AuthenticationMiddleware is before our SessionMiddleware: its changes to the "
            "session at the end of a request come too late."
        )


def check_csrf(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that Django's CSRF protection is active if cookies authenticate requests."""
    if Transport.COOKIE in chosen.transports and not _places(CsrfViewMiddleware):
        yield NO_CSRF(
            "Credentials may be cookies, but MIDDLEWARE has no CsrfViewMiddleware: a site could act for "
            "a user who is logged in, through your plain Django views."
        )


def uses_session_cookie(chosen: AuthKitSettings) -> bool:
    """
    Return whether a login may be in the session cookie.

    In JWT mode, Django's ``login()`` sets it. Django's own checks look for ``django.contrib.sessions`` and
    its middleware, and so say nothing about a project with ours.
    """
    own = _has_own_engine() or bool(_places(import_string(SESSION_MIDDLEWARE)))
    return own or chosen.accepts(Mode.SESSION)


def _has_own_engine() -> bool:
    """Return whether ``SESSION_ENGINE`` is ours or derives from it."""
    try:
        engine = import_module(settings.SESSION_ENGINE)
    except ImportError:
        return False
    found = getattr(engine, "SessionStore", None)
    return isinstance(found, type) and issubclass(found, import_string(f"{ENGINE}.SessionStore"))


def _places(base: type) -> list[int]:
    """Return the index in ``MIDDLEWARE`` of that class or a subclass."""
    return [place for place, path in enumerate(settings.MIDDLEWARE) if _derives(path, base)]


def _derives(path: str, base: type) -> bool:
    try:
        found = import_string(path)
    except ImportError:  # Django reports it when it starts to serve
        return False
    return isinstance(found, type) and issubclass(found, base)
