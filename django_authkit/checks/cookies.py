"""The cookies: Django's session cookie, and our two in JWT mode."""

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.urls import NoReverseMatch, reverse

from django_authkit.checks.stack import uses_session_cookie
from django_authkit.conf import AuthKitSettings
from django_authkit.problems import Problem, in_words
from django_authkit.types import Mode, Transport

CROSS_SITE_INSECURE = Problem.kind(
    "authkit.E060", 'Set SESSION_COOKIE_SECURE = True, or SESSION_COOKIE_SAMESITE = "Lax".'
)
READABLE = Problem.kind(
    "authkit.W061", "Set SESSION_COOKIE_SECURE = True and leave SESSION_COOKIE_HTTPONLY at True."
)
INSECURE_TOKENS = Problem.kind(
    "authkit.W062",
    'Leave COOKIE["SECURE"] at True if the site uses TLS. Run "check --deploy" with the settings of '
    "production: DEBUG is off there.",
)
NOT_HOST_ONLY = Problem.kind("authkit.W063", 'Set SESSION_COOKIE_NAME = "__Host-sessionid".')
WHOLE_DOMAIN = Problem.kind(
    "authkit.W064", "Leave it at None, unless every host below that domain is as trustworthy as this one."
)
DROPPED = Problem.kind(
    "authkit.E068",
    'It needs SESSION_COOKIE_SECURE = True, for "__Host-" also SESSION_COOKIE_PATH = "/" and no '
    "SESSION_COOKIE_DOMAIN. Set these, or rename the cookie.",
)
SAME_NAME = Problem.kind("authkit.E069", "Give each cookie a name of its own.")

NOT_SENT_THERE = Problem.kind(
    "authkit.E090", 'Set COOKIE["REFRESH_PATH"] to the path that "django_authkit.urls" is included at.'
)
LATE_PAGES = Problem.kind(
    "authkit.W091",
    'Leave out COOKIE["REFRESH_PATH"], include what is named below it, or silence this.',
)
_PAGES = {"authkit_devices:list": "The device page", "admin:index": "The admin"}
STILL_SECURE = Problem.kind(
    "authkit.W092",
    'Write SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG, and names like "sessionid" if DEBUG.',
)
PLAIN_HTTP_DEPLOYED = Problem.kind(
    "authkit.W093", 'Write AUTHKIT = {"COOKIE": {"PLAIN_HTTP": DEBUG}}, or leave it out.'
)
ALL_COOKIES = Problem.kind("authkit.W094", 'Leave "cookies" out of CLEAR_SITE_DATA: ours are always cleared.')

AGE_UNUSED = Problem.kind(
    "authkit.W096", 'Set LIFETIMES["IDLE"] to that time; SESSION_COOKIE_AGE is for anonymous sessions.'
)

CROSS_SITE_TOKENS = Problem.kind(
    "authkit.W097",
    'Set COOKIE["SAMESITE"] = "Lax", or to "None" if other sites show your pages or send requests.',
)

OPEN_TO_ALL = Problem.kind("authkit.W095", "List the origins of your front ends in CORS_ALLOWED_ORIGINS.")


def check_session_cookie(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that browsers will accept the session cookie."""
    if not uses_session_cookie(chosen):
        return
    secure = settings.SESSION_COOKIE_SECURE
    if str(settings.SESSION_COOKIE_SAMESITE).lower() == "none" and not secure:
        yield CROSS_SITE_INSECURE(
            'SESSION_COOKIE_SAMESITE is "None" without SESSION_COOKIE_SECURE: browsers refuse such cookies.'
        )
    name = settings.SESSION_COOKIE_NAME.lower()  # browsers ignore the case of prefixes
    host_ok = secure and settings.SESSION_COOKIE_PATH == "/" and not settings.SESSION_COOKIE_DOMAIN
    if (name.startswith("__host-") and not host_ok) or (name.startswith("__secure-") and not secure):
        yield DROPPED(
            f"Browsers drop the cookie {settings.SESSION_COOKIE_NAME!r}: its attributes do not match its "
            "prefix."
        )


def check_session_age(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that a project that shortened Django's sessions has shortened ours."""
    idle = chosen.lifetimes.idle
    is_set = settings.is_overridden("SESSION_COOKIE_AGE")  # type: ignore[misc]
    if is_set and uses_session_cookie(chosen) and timedelta(seconds=settings.SESSION_COOKIE_AGE) < idle:
        yield AGE_UNUSED(
            f"SESSION_COOKIE_AGE is {settings.SESSION_COOKIE_AGE} seconds, and has no effect on logins: they "
            f"end after {in_words(idle)} without activity."
        )


def check_names(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that the cookies can be distinguished."""
    taken = {
        "SESSION_COOKIE_NAME": settings.SESSION_COOKIE_NAME,
        "CSRF_COOKIE_NAME": settings.CSRF_COOKIE_NAME,
    }
    keys = ("ACCESS_NAME", "REFRESH_NAME", "DEVICE_NAME")
    ours = {key: getattr(chosen.cookie, key.lower()) for key in keys}
    for key, mine in ours.items():
        for theirs, name in taken.items():
            if mine == name:
                yield SAME_NAME(f'COOKIE["{key}"] and {theirs} are the same: {name!r}.')


_RENEWING = ("authkit:refresh", "authkit:bound-refresh")


def check_refresh_path(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that the refresh cookie is sent to the endpoints that read it."""
    path = chosen.cookie.refresh_path
    if path is None or not chosen.accepts(Mode.JWT):
        return
    for name in _RENEWING if chosen.device_bound != "off" else _RENEWING[:1]:
        place = _place_of(name)
        if place is not None and not _is_sent(path, place):
            yield NOT_SENT_THERE(
                f'COOKIE["REFRESH_PATH"] is "{path}", and the endpoint is at "{place}": it would not be sent.'
            )
    for name, what in _PAGES.items():
        place = _place_of(name)
        if place is not None and not _is_sent(path, place):
            yield LATE_PAGES(
                f'{what} at "{place}" is not sent the refresh cookie: it asks for a login whenever the '
                "access token has expired."
            )


def _place_of(name: str) -> str | None:
    try:
        return reverse(name)
    except NoReverseMatch:
        return None


def _is_sent(cookie_path: str, place: str) -> bool:
    """Return whether a cookie with that path is sent to *place* (RFC 6265 §5.1.4)."""
    return place == cookie_path or place.startswith(cookie_path.rstrip("/") + "/")


def check_plain_http(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that Django's cookies work over plain HTTP if ours are set to."""
    if not (chosen.cookie.plain_http and settings.DEBUG):
        return
    kept_from = [
        name
        for name in ("SESSION", "CSRF")
        if getattr(settings, f"{name}_COOKIE_SECURE")
        or getattr(settings, f"{name}_COOKIE_NAME").lower().startswith(("__host-", "__secure-"))
    ]
    if kept_from:
        cookies = " and ".join(getattr(settings, f"{name}_COOKIE_NAME") for name in kept_from)
        yield STILL_SECURE(
            f"PLAIN_HTTP is on, and browsers drop Django's cookies over plain HTTP all the same: {cookies}."
        )


def check_deployed_cookies(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that the cookies have every protection against theft and injection."""
    if chosen.cookie.plain_http and not settings.DEBUG:  # with DEBUG it may be DEBUG itself, as documented
        yield PLAIN_HTTP_DEPLOYED(
            "PLAIN_HTTP is True although DEBUG is off: tokens would travel over plain HTTP with DEBUG on."
        )
    if "cookies" in chosen.clear_site_data:
        yield ALL_COOKIES(
            'CLEAR_SITE_DATA has "cookies": a logout here deletes the cookies of every host under the same '
            "registrable domain, other sites' logins included."
        )
    if Transport.COOKIE in chosen.transports and _everybody_may_read():
        yield OPEN_TO_ALL(
            "CORS_ALLOW_ALL_ORIGINS and CORS_ALLOW_CREDENTIALS are both on: every page that a user opens can "
            "read everything that the user can read here."
        )
    has_tokens = chosen.accepts(Mode.JWT) and Transport.COOKIE in chosen.transports
    if uses_session_cookie(chosen):
        yield from _session_cookie_risks()
    if has_tokens:
        yield from _token_cookie_risks(chosen)
    if settings.SESSION_COOKIE_DOMAIN and (has_tokens or uses_session_cookie(chosen)):
        yield _whole_domain("SESSION_COOKIE_DOMAIN", settings.SESSION_COOKIE_DOMAIN)


def _token_cookie_risks(chosen: AuthKitSettings) -> Iterator[Problem]:
    cookie = chosen.cookie
    if not cookie.secure:
        cause = "PLAIN_HTTP and DEBUG are on" if cookie.plain_http else 'COOKIE["SECURE"] is False'
        yield INSECURE_TOKENS(f"{cause}: tokens travel over plain HTTP as well.")
    if cookie.domain not in {None, settings.SESSION_COOKIE_DOMAIN}:
        yield _whole_domain('COOKIE["DOMAIN"]', cookie.domain)
    written = getattr(settings, "AUTHKIT", {}).get("COOKIE", {})
    if cookie.samesite == "None" and "SAMESITE" not in written:
        yield CROSS_SITE_TOKENS(
            'SESSION_COOKIE_SAMESITE is "None", and the token cookies follow it: browsers send them with the '
            "requests of other sites' pages."
        )


def _everybody_may_read() -> bool:
    """Return whether django-cors-headers allows every origin, with credentials."""
    return all(getattr(settings, f"CORS_ALLOW_{what}", False) for what in ("ALL_ORIGINS", "CREDENTIALS"))


def _session_cookie_risks() -> Iterator[Problem]:
    for name in ("SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY"):
        if not getattr(settings, name):
            yield READABLE(f"{name} is not True: the session cookie can be read in transit or by scripts.")
    if not settings.SESSION_COOKIE_NAME.lower().startswith("__host-"):
        yield NOT_HOST_ONLY(
            f"SESSION_COOKIE_NAME is {settings.SESSION_COOKIE_NAME!r}: without the prefix __Host- others "
            "under the same domain can plant a session cookie of theirs."
        )


def _whole_domain(name: str, domain: str | None) -> Problem:
    return WHOLE_DOMAIN(f"{name} is {domain!r}: browsers send the credential to every host below it.")
