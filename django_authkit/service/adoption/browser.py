"""
Adopting the login of a browser, at its first request with a cookie of another package.

The request is handled like any other, and our cookies are in the response. It is adopted before anything
else reads the request: a view that only fills a cart would otherwise create an anonymous session, whose
cookie may have the name of the old one.
"""

import time
from collections.abc import Iterable

from django.http import HttpRequest

from django_authkit.adoption import Adapter, Place
from django_authkit.errors import (
    CredentialRejected,
    CsrfFailed,
    DeviceBindingRequired,
    SessionLimitReached,
    TokenExpired,
)
from django_authkit.http import cookies, transports
from django_authkit.http.csrf import SAFE_METHODS, enforce_csrf
from django_authkit.http.request_state import Authentication, known_authentication, state_of
from django_authkit.service.adoption.adopt import adopt_credential
from django_authkit.service.adoption.external import drop_credential
from django_authkit.service.authentication import authenticate
from django_authkit.service.django_session import CookieAction, django_session_of, session_of_credential
from django_authkit.stores.outcomes import Found
from django_authkit.types import Mode, Transport
from django_authkit.wiring import get_adapters, get_jwt_strategy, get_store


def adopt_browser(request: HttpRequest) -> None:
    """
    Adopt the login of an external cookie, if the request has no valid credential of ours.

    An invalid credential is ignored: the request is anonymous, as it was for the other package.

    Raises:
        StoreUnavailable: The store, or that of the other package, did not respond.
    """
    if transports.has_bearer(request):  # then no cookie counts
        return
    for adapter in get_adapters(Place.BROWSER):
        credential = adapter.find(request)
        if credential is None:
            continue
        if _has_own(request):
            _revoke_old_login(request, adapter, credential)
        else:
            _adopt(request, adapter, credential)


def _adopt(request: HttpRequest, adapter: Adapter, credential: str) -> None:
    try:
        if request.method not in SAFE_METHODS:
            enforce_csrf(request)  # the response sets cookies
        grant = adopt_credential(request, adapter, credential, Transport.COOKIE)
    except (CsrfFailed, SessionLimitReached):
        _keep(request)
        return
    except CredentialRejected:
        _forget(request, adapter)
        return
    state = state_of(request)
    state.adopted = grant
    # For a session key, request.session sets the cookie, if it is ours.
    by_session = session_of_credential(request, grant.mode, grant.transport) is not None
    state.authentication = Authentication.by_record(
        grant.user,
        grant.session,
        grant.mode,
        grant.transport,
        token_expires_at=int(time.time()) + grant.expires_in if grant.mode is Mode.JWT else None,
        replacement=None if by_session else grant,
    )
    _forget(request, adapter)


def _has_own(request: HttpRequest) -> bool:
    """Tell whether the request has a credential of ours that is valid, or may become so."""
    try:
        known = authenticate(request)
    except DeviceBindingRequired:  # raised again where a view authenticates the request
        return True
    except TokenExpired:  # the refresh cookie may have a path that this request is not on
        return transports.refresh_cookie_of(request) is not None or _is_live(
            transports.access_cookies_of(request)
        )
    except CredentialRejected:
        known = None
    return known is not None or transports.refresh_cookie_of(request) is not None


def _is_live(tokens: Iterable[str]) -> bool:
    """Tell whether the auth session of any of these expired access tokens is live."""
    sids = {get_jwt_strategy().sid_of(token) for token in tokens} - {None}
    return any(isinstance(get_store().load(sid), Found) for sid in sids if sid)


def _revoke_old_login(request: HttpRequest, adapter: Adapter, credential: str) -> None:
    """
    Revoke the old login of a browser that has logged in since, or a logout would restore it.

    Once: a cookie that the browser keeps is ignored.
    """
    cookie = adapter.cookie
    if not _is_logged_in(request) or cookie is None or cookies.is_own_cookie(cookie.name):
        return
    drop_credential(adapter, credential)
    _forget(request, adapter)


def _is_logged_in(request: HttpRequest) -> bool:
    """Tell whether the request has a login of ours, even if that opens nothing before it is bound."""
    is_unbound = isinstance(state_of(request).authentication, DeviceBindingRequired)
    return is_unbound or known_authentication(request) is not None


def _keep(request: HttpRequest) -> None:
    """Let the browser keep its old cookie, which can be adopted later."""
    django_session = django_session_of(request)
    if django_session is not None:
        django_session.cookie = CookieAction.KEEP


def _forget(request: HttpRequest, adapter: Adapter) -> None:
    cookies = ((cookie.name, cookie.path, cookie.domain) for cookie in adapter.cookies)
    state_of(request).external_cookies += tuple(cookies)
