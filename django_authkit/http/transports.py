"""How credentials travel: the header and the cookies of a request that carry them."""

from functools import cache
from typing import Final

from django.conf import settings as django_settings
from django.http import HttpRequest

from django_authkit.conf import get_settings
from django_authkit.errors import InvalidRequest, TokenMalformed
from django_authkit.http.cookies import token_cookies
from django_authkit.session_keys import KEY_LENGTH, SessionKey
from django_authkit.types import Mode, Transport

TRANSPORT_HEADER: Final = "X-Authkit-Transport"

EXPIRES_IN_HEADER: Final = "X-Authkit-Expires-In"
"""Seconds until the access token in a cookie expires, so that a page knows when to refresh."""
ACCESS_HEADER: Final = "X-Authkit-Access"
REFRESH_HEADER: Final = "X-Authkit-Refresh"
"""For header clients: their new credentials, after a password change in a project's own view."""

FORM: Final = "application/x-www-form-urlencoded"

_DPOP: Final = "dpop"

MAX_NAMESAKES: Final = 4
"""How many cookies of one name are tried; each may cost a round trip to the store."""


def bearer_of(request: HttpRequest) -> str | None:
    """
    Return the bearer credential of the ``Authorization`` header; ``None`` if there is none.

    The scheme is one of ``COMPAT["AUTH_SCHEMES"]``, or ``DPoP``, whatever its case (RFC 9110 §11.1); others
    are not ours.

    Raises:
        TokenMalformed: The scheme is ours, and not exactly one token follows.
    """
    header: str = request.META.get("HTTP_AUTHORIZATION", "")
    scheme, _, text = header.partition(" ")
    settings = get_settings()
    if scheme.lower() not in _lowered(settings.compat.auth_schemes, settings.dpop.mode):
        return None
    if not text or " " in text:
        credentials = text.split()
        if len(credentials) != 1:
            raise TokenMalformed
        return credentials[0]
    return text


def access_token_parameters_of(request: HttpRequest) -> list[str]:
    """Return the values of ``access_token`` in the query string and in the form of a POST (RFC 6750 §2)."""
    form = request.POST.getlist("access_token") if request.content_type == FORM else []
    return request.GET.getlist("access_token") + form


def has_bearer(request: HttpRequest) -> bool:
    """Tell whether the request presents a bearer credential, well formed or not."""
    scheme, settings = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")[0], get_settings()
    return scheme.lower() in _lowered(settings.compat.auth_schemes, settings.dpop.mode)


def has_dpop_scheme(request: HttpRequest) -> bool:
    """Tell whether the request presents a credential that is bound to a key, by the scheme of RFC 9449."""
    scheme: str = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")[0]
    return scheme.lower() == _DPOP and get_settings().dpop.mode != "off"


@cache
def _lowered(schemes: tuple[str, ...], dpop: str) -> frozenset[str]:
    bound = () if dpop == "off" else (_DPOP,)
    return frozenset((*map(str.lower, schemes), *bound))


def mode_of(credential: str) -> Mode:
    """Return the mode whose form *credential* has; anything but a session key counts as a token."""
    is_key = len(credential) == KEY_LENGTH and SessionKey.parse(credential)
    return Mode.SESSION if is_key else Mode.JWT


def cookies_of(request: HttpRequest, name: str) -> tuple[str, ...]:
    """
    Return the values of the cookies with exactly this name, at most ``MAX_NAMESAKES``.

    A browser has several if they were set for other paths or domains, and does not say which is which. It
    sends the longest path first, then the oldest (RFC 6265 §5.4). Here the last comes first, which is also
    the one that Django uses.

    Django strips all of Python's white space from a name, and browsers do not. So to a browser U+2000 and
    ``__Host-x`` is a cookie without a prefix, which any host under the same domain may plant; to Django it
    is ``__Host-x``. Names with a prefix are therefore read from the header itself.

    Source: PortSwigger, "Cookie Chaos: How to bypass __Host and __Secure cookie prefixes" (2025).
    """
    header = request.META.get("HTTP_COOKIE")
    if not header or (not name.startswith("__") and header.count(f"{name}=") < 2):
        # Set by a test, or the only cookie of a name without a prefix.
        value = request.COOKIES.get(name)
        return () if value is None else (value,)
    values = []
    for pair in header.split(";"):
        key, sign, value = pair.partition("=")
        if sign and key.strip(" \t") == name:
            value = value.strip(" \t")
            # Django's test client, as all of Python's jars, sends a deleted cookie as two quotes.
            values.append("" if value == '""' else value)
    return tuple(dict.fromkeys(reversed(values)))[:MAX_NAMESAKES]


def cookie_of(request: HttpRequest, name: str) -> str | None:
    """Return the value of the cookie of that name, of several the first of ``cookies_of``."""
    return next(iter(cookies_of(request, name)), None)


def session_keys_of(request: HttpRequest) -> tuple[SessionKey, ...]:
    """
    Return what the session cookies open: the keys of auth sessions, or else that of one anonymous session.

    Of an anonymous session only the first cookie counts.
    """
    keys, anonymous = [], None
    for position, text in enumerate(cookies_of(request, django_settings.SESSION_COOKIE_NAME)):
        key = SessionKey.parse(text)
        if key is not None and not key.anonymous:
            keys.append(key)
        elif position == 0:
            anonymous = key
    return tuple(keys) or (() if anonymous is None else (anonymous,))


def session_cookies_of(request: HttpRequest) -> tuple[str, ...]:
    """Return the session keys of auth sessions from the session cookies."""
    return tuple(key.text for key in session_keys_of(request) if not key.anonymous)


def access_cookies_of(request: HttpRequest) -> tuple[str, ...]:
    """Return the access tokens of the access cookies; an empty cookie is none."""
    return tuple(filter(None, cookies_of(request, get_settings().cookie.access_name)))


def refresh_cookies_of(request: HttpRequest) -> tuple[str, ...]:
    """
    Return the refresh tokens of the refresh cookies.

    They are used at refresh, re-authentication and logout, and where a page is renewed. The live switch
    reads them without using them up.
    """
    return tuple(filter(None, cookies_of(request, get_settings().cookie.refresh_name)))


def access_cookie_of(request: HttpRequest) -> str | None:
    """Return the first of ``access_cookies_of``."""
    return next(iter(access_cookies_of(request)), None)


def refresh_cookie_of(request: HttpRequest) -> str | None:
    """Return the first of ``refresh_cookies_of``."""
    return next(iter(refresh_cookies_of(request)), None)


def sees_refresh_cookie(request: HttpRequest) -> bool:
    """Tell whether the path of this request is one to which a browser sends the refresh cookie."""
    path = token_cookies()[1][1]
    return request.path == path or request.path.startswith(path.rstrip("/") + "/")


def wanted_transport(request: HttpRequest) -> Transport:
    """
    Return the transport that a client asks for at login, or the project's first.

    Raises:
        InvalidRequest: The project does not offer the transport, or it does not exist.
    """
    offered = get_settings().transports
    asked = request.headers.get(TRANSPORT_HEADER)
    if asked is None:
        return offered[0]
    for transport in offered:
        if asked.strip().lower() == transport:
            return transport
    raise InvalidRequest(f"{TRANSPORT_HEADER} takes one of: {', '.join(offered)}.")
