"""
The cookie of a browser that has logged in: its logins are counted by themselves.

So guesses from elsewhere, however many, do not keep the owner of an account from logging in. The cookie is
no credential: it is bound to one account, and only says that its browser has logged in to it before.

Source: OWASP, "Slow down online guessing attacks with device cookies".
"""

from secrets import token_urlsafe
from typing import Final

from django.core.signing import BadSignature, dumps, loads
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from django_authkit.conf import MAX_COOKIE_AGE, get_settings
from django_authkit.http.transports import cookies_of

_SALT: Final = "django_authkit.throttling.device_cookie"


def device_id_of(request: HttpRequest, owner: str) -> str | None:
    """
    Return the id of a browser that has logged in to the account *owner*; ``None`` if it has not.

    Args:
        owner: The digest of what its login presented.
    """
    for text in cookies_of(request, get_settings().cookie.device_name):
        try:
            bound_to, device = loads(text, salt=_SALT, max_age=MAX_COOKIE_AGE)
        except (BadSignature, ValueError, TypeError):
            continue
        if bound_to == owner:
            return str(device)
    return None


def set_device_cookie(response: HttpResponseBase, owner: str) -> None:
    """Set the cookie of a browser that has just logged in to the account *owner*, with a new id."""
    cookie = get_settings().cookie
    response.set_cookie(
        cookie.device_name,
        dumps((owner, token_urlsafe(12)), salt=_SALT),
        max_age=MAX_COOKIE_AGE,
        domain=cookie.domain,
        path=cookie.path,
        secure=cookie.secure,
        httponly=True,
        samesite=cookie.samesite,
    )
