"""The cookies: Django's session cookie in session mode, our two in JWT mode."""

from collections.abc import Iterator

from django.conf import settings
from django.core.checks import CheckMessage
from django.urls import NoReverseMatch, reverse

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

NOT_SENT_THERE = Problem(
    "authkit.E090", 'Set REFRESH_COOKIE_PATH to the path that "django_authkit.urls" is included at.'
)
LATE_PAGES = Problem(
    "authkit.W091", 'Include "django_authkit.pages.urls" below REFRESH_COOKIE_PATH, or silence this.'
)
STILL_SECURE = Problem(
    "authkit.W092",
    'Write SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG, and names like "sessionid" if DEBUG.',
)
PLAIN_HTTP_DEPLOYED = Problem("authkit.W093", 'Write AUTHKIT = {"PLAIN_HTTP": DEBUG}, or leave it out.')
ALL_COOKIES = Problem("authkit.W094", 'Leave "cookies" out of CLEAR_SITE_DATA: ours are cleared anyway.')

OPEN_TO_ALL = Problem("authkit.W095", "List the origins of your front ends in CORS_ALLOWED_ORIGINS instead.")


def check_session_cookie(chosen: AuthKitSettings) -> Iterator[CheckMessage]:
    """Check that browsers will accept the session cookie."""
    if not chosen.accepts(Mode.SESSION):
        return
    secure = settings.SESSION_COOKIE_SECURE
    if str(settings.SESSION_COOKIE_SAMESITE).lower() == "none" and not secure:
        yield CROSS_SITE_INSECURE.found(
            'SESSION_COOKIE_SAMESITE is "None" without SESSION_COOKIE_SECURE: browsers refuse such cookies.'
        )
    name = settings.SESSION_COOKIE_NAME.lower()  # browsers ignore the case of prefixes
    host_ok = secure and settings.SESSION_COOKIE_PATH == "/" and not settings.SESSION_COOKIE_DOMAIN
    if (name.startswith("__host-") and not host_ok) or (name.startswith("__secure-") and not secure):
        yield DROPPED.found(
            f"Browsers drop the cookie {settings.SESSION_COOKIE_NAME!r}: it is not what its prefix promises."
        )


def check_names(chosen: AuthKitSettings) -> Iterator[CheckMessage]:
    """Check that the cookies can be distinguished."""
    taken = {
        "SESSION_COOKIE_NAME": settings.SESSION_COOKIE_NAME,
        "CSRF_COOKIE_NAME": settings.CSRF_COOKIE_NAME,
    }
    for ours in ("access_cookie_name", "refresh_cookie_name"):
        for theirs, name in taken.items():
            if getattr(chosen, ours) == name:
                yield SAME_NAME.found(f"{ours.upper()} and {theirs} are the same: {name!r}.")


def check_refresh_path(chosen: AuthKitSettings) -> Iterator[CheckMessage]:
    """Check that the refresh cookie is sent to the endpoints that read it."""
    path = chosen.refresh_cookie_path
    if path is None or not chosen.accepts(Mode.JWT):
        return
    place = _place_of("authkit:refresh")
    if place is not None and not _is_sent(path, place):
        yield NOT_SENT_THERE.found(
            f'REFRESH_COOKIE_PATH is "{path}", and the endpoint is at "{place}": browsers would not send it.'
        )
    pages = _place_of("authkit_devices:list")
    if pages is not None and not _is_sent(path, pages):
        yield LATE_PAGES.found(
            f'The device pages at "{pages}" are not sent the refresh cookie: they ask for a login whenever '
            "the access token has expired."
        )


def _place_of(name: str) -> str | None:
    try:
        return reverse(name)
    except NoReverseMatch:
        return None


def _is_sent(cookie_path: str, place: str) -> bool:
    """Return whether a cookie with that path is sent to *place* (RFC 6265 §5.1.4)."""
    return place == cookie_path or place.startswith(cookie_path.rstrip("/") + "/")


def check_plain_http(chosen: AuthKitSettings) -> Iterator[CheckMessage]:
    """Check that Django's cookies work over plain HTTP if ours are set to."""
    if not (chosen.plain_http and settings.DEBUG):
        return
    kept_from = [
        name
        for name in ("SESSION", "CSRF")
        if getattr(settings, f"{name}_COOKIE_SECURE")
        or getattr(settings, f"{name}_COOKIE_NAME").lower().startswith(("__host-", "__secure-"))
    ]
    if kept_from:
        cookies = " and ".join(getattr(settings, f"{name}_COOKIE_NAME") for name in kept_from)
        yield STILL_SECURE.found(
            f"PLAIN_HTTP is on, and browsers drop Django's cookies over plain HTTP all the same: {cookies}."
        )


def check_deployed_cookies(chosen: AuthKitSettings) -> Iterator[CheckMessage]:
    """Check that the cookies have every protection against theft and injection."""
    if chosen.plain_http:
        yield PLAIN_HTTP_DEPLOYED.found(
            "PLAIN_HTTP is True: it has no effect as long as DEBUG is off, and is one slip away from one."
        )
    if "cookies" in chosen.clear_site_data:
        yield ALL_COOKIES.found(
            'CLEAR_SITE_DATA has "cookies": a logout here deletes the cookies of every host under the same '
            "registrable domain, other sites' logins included."
        )
    if Transport.COOKIE in chosen.transports and _everybody_may_read():
        yield OPEN_TO_ALL.found(
            "CORS_ALLOW_ALL_ORIGINS and CORS_ALLOW_CREDENTIALS are both on: every page that a user opens may "
            "read whatever they can read here."
        )
    if chosen.accepts(Mode.SESSION):
        yield from _session_cookie_risks()
    if chosen.accepts(Mode.JWT) and Transport.COOKIE in chosen.transports:
        if not chosen.cookie_secure:
            yield INSECURE_TOKENS.found("COOKIE_SECURE is False: tokens travel over plain HTTP as well.")
        if chosen.cookie_domain is not None:
            yield _whole_domain("COOKIE_DOMAIN", chosen.cookie_domain)


def _everybody_may_read() -> bool:
    """Return whether django-cors-headers allows every origin, with credentials."""
    return all(getattr(settings, f"CORS_ALLOW_{what}", False) for what in ("ALL_ORIGINS", "CREDENTIALS"))


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
