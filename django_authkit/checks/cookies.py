"""The cookies: Django's session cookie in session mode, our two in JWT mode."""

from collections.abc import Iterator

from django.conf import settings
from django.core.checks import CheckMessage

from django_authkit.checks.problem import Problem
from django_authkit.conf import AuthKitSettings
from django_authkit.types import Mode, Transport

CROSS_SITE_INSECURE = Problem(
    "authkit.E060", 'Set SESSION_COOKIE_SECURE = True, or SESSION_COOKIE_SAMESITE = "Lax".'
)
READABLE = Problem(
    "authkit.W061", "Set SESSION_COOKIE_SECURE = True and leave SESSION_COOKIE_HTTPONLY at True."
)
INSECURE_TOKENS = Problem("authkit.W062", 'Leave AUTHKIT["COOKIE_SECURE"] at True wherever there is TLS.')
NOT_HOST_ONLY = Problem("authkit.W063", 'Set SESSION_COOKIE_NAME = "__Host-sessionid".')
WHOLE_DOMAIN = Problem(
    "authkit.W064", "Leave it at None, unless every host below that domain is as trustworthy as this one."
)
DROPPED = Problem(
    "authkit.E068",
    'It needs SESSION_COOKIE_SECURE = True, for "__Host-" also SESSION_COOKIE_PATH = "/" and no '
    "SESSION_COOKIE_DOMAIN. Set these, or rename the cookie.",
)
SAME_NAME = Problem("authkit.E069", "Give each cookie a name of its own.")


def check_session_cookie(chosen: AuthKitSettings) -> Iterator[CheckMessage]:
    """Look whether browsers will keep the session cookie."""
    if not chosen.accepts(Mode.SESSION):
        return
    secure = settings.SESSION_COOKIE_SECURE
    if str(settings.SESSION_COOKIE_SAMESITE).lower() == "none" and not secure:
        yield CROSS_SITE_INSECURE.found(
            'SESSION_COOKIE_SAMESITE is "None" without SESSION_COOKIE_SECURE: browsers refuse such cookies.'
        )
    name = settings.SESSION_COOKIE_NAME.lower()  # browsers compare prefixes without case
    host_ok = secure and settings.SESSION_COOKIE_PATH == "/" and not settings.SESSION_COOKIE_DOMAIN
    if (name.startswith("__host-") and not host_ok) or (name.startswith("__secure-") and not secure):
        yield DROPPED.found(
            f"Browsers drop the cookie {settings.SESSION_COOKIE_NAME!r}: it is not what its prefix promises."
        )


def check_names(chosen: AuthKitSettings) -> Iterator[CheckMessage]:
    """Look whether the cookies can be told apart."""
    taken = {
        "SESSION_COOKIE_NAME": settings.SESSION_COOKIE_NAME,
        "CSRF_COOKIE_NAME": settings.CSRF_COOKIE_NAME,
    }
    for ours in ("access_cookie_name", "refresh_cookie_name"):
        for theirs, name in taken.items():
            if getattr(chosen, ours) == name:
                yield SAME_NAME.found(f"{ours.upper()} and {theirs} are the same: {name!r}.")


def check_deployed_cookies(chosen: AuthKitSettings) -> Iterator[CheckMessage]:
    """Look whether the cookies are as hard to steal and to plant as they can be."""
    if chosen.accepts(Mode.SESSION):
        yield from _session_cookie_risks()
    if chosen.accepts(Mode.JWT) and Transport.COOKIE in chosen.transports:
        if not chosen.cookie_secure:
            yield INSECURE_TOKENS.found("COOKIE_SECURE is False: tokens travel over plain HTTP as well.")
        if chosen.cookie_domain is not None:
            yield _whole_domain("COOKIE_DOMAIN", chosen.cookie_domain)


def _session_cookie_risks() -> Iterator[CheckMessage]:
    for name in ("SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY"):
        if not getattr(settings, name):
            yield READABLE.found(
                f"{name} is not True: the session cookie can be read on its way or by scripts."
            )
    if not settings.SESSION_COOKIE_NAME.lower().startswith("__host-"):
        yield NOT_HOST_ONLY.found(
            f"SESSION_COOKIE_NAME is {settings.SESSION_COOKIE_NAME!r}: without the prefix __Host- others "
            "under the same domain can plant a session cookie of theirs."
        )
    if settings.SESSION_COOKIE_DOMAIN:
        yield _whole_domain("SESSION_COOKIE_DOMAIN", settings.SESSION_COOKIE_DOMAIN)


def _whole_domain(name: str, domain: str) -> CheckMessage:
    return WHOLE_DOMAIN.found(f"{name} is {domain!r}: every host below it is sent the credential.")
