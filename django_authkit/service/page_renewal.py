"""
Renewing the login of a browser that opens a page, or submits a form, after its access cookie has expired.

A page has no script that refreshes before it is there (``PAGE_RENEWAL``). So the refresh cookie is checked
before the view, and exchanged with the response: a slow view, another tab or a logout meanwhile must not
leave the browser with a superseded token, which would look like a theft. See
``docs/explanation/sessions-in-django.md``.
"""

from functools import cache, partial
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from django_authkit.conf import get_settings
from django_authkit.errors import (
    AuthKitError,
    CredentialRejected,
    DeviceBindingRequired,
    DeviceMismatch,
    StoreUnavailable,
    TokenInvalid,
)
from django_authkit.http import cookies, transports
from django_authkit.http.grant import Grant
from django_authkit.http.navigation import is_navigation, is_own_navigation, is_speculative
from django_authkit.http.request_state import Authentication, state_of
from django_authkit.http.user_errors import Stage
from django_authkit.service.authentication import admit_refresh, authenticate
from django_authkit.service.mode_switch import with_replacement
from django_authkit.service.refreshing import is_of_another, renew
from django_authkit.types import Mode, Transport
from django_authkit.wiring import get_jwt_strategy


def renew_page(request: HttpRequest) -> HttpResponse | None:
    """
    Authenticate a page by its refresh cookie if its access cookie has expired; the response renews both.

    Only a request of a browser that opens a page or submits a form of this origin, see ``http.navigation``,
    never one with a bearer credential. A form still has to pass Django's CSRF check. If the refresh cookie is
    not valid either, the outcome is that of ``refresh/``: reuse revokes, dead cookies are deleted, and the
    page sees an anonymous user. A navigation that another site started is authenticated too, but exchanges
    nothing: that site could stop it before the response with the new cookies arrives, and the old ones would
    look stolen. If the device has to prove itself first, nothing is renewed. If the store is down, the error
    is raised where the request is authenticated.

    Returns:
        The response to a speculative load, which is refused: browsers then load the page when the user opens
        it. They drop many such loads halfway, and the new cookies with them.
    """
    if get_settings().cookie.refresh_name not in request.COOKIES:  # most requests
        return None
    speculative = is_speculative(request)
    if not (speculative or is_navigation(request)) or not _is_due(request):
        return None
    if speculative:
        response = HttpResponse(status=HTTPStatus.TOO_EARLY)
        cookies.mark_private(response)
        return response
    try:
        state_of(request).authentication = _renewed(request)
    except (DeviceMismatch, DeviceBindingRequired, StoreUnavailable) as error:
        state_of(request).authentication = error
    except CredentialRejected:
        pass  # the access cookie decides, as without renewal
    return None


def _is_due(request: HttpRequest) -> bool:
    """Tell whether there is a refresh cookie and nothing else that could authenticate the request."""
    settings = get_settings()
    if not (settings.page_renewal and settings.accepts(Mode.JWT) and Transport.COOKIE in settings.transports):
        return False
    if transports.has_bearer(request):
        return False
    # Outside of its path, a refresh cookie is not ours.
    if not (transports.refresh_cookies_of(request) and transports.sees_refresh_cookie(request)):
        return False
    if any(map(get_jwt_strategy().is_fresh, transports.access_cookies_of(request))):
        return False
    return not (settings.accepts(Mode.SESSION) and _has_session_key(request))


def _has_session_key(request: HttpRequest) -> bool:
    """Tell whether a session key authenticates the request."""
    if not transports.session_cookies_of(request):
        return False
    try:
        return authenticate(request) is not None
    except AuthKitError as error:
        return not isinstance(error, CredentialRejected)  # raised again where a view authenticates it


def _renewed(request: HttpRequest) -> Authentication:
    """
    Return who the page is for, with the replacement of their cookies.

    Raises:
        CredentialRejected: No refresh cookie is valid, or it was superseded and the auth session is revoked.
        StoreUnavailable: The store did not respond.
    """
    texts = get_jwt_strategy().renewal_cookies_of(request)
    for text in texts:
        try:
            known = _known_by(request, text)
        except DeviceMismatch:
            raise  # its browser renews the access cookie, and this is no theft of the refresh token
        except CredentialRejected:
            continue
        if not is_own_navigation(request):
            return known
        if get_settings().issued_mode(known.sid) is not known.mode:
            return with_replacement(request, known, text)
        return known.with_replacement(cache(partial(_exchanged, request, text)))
    if not is_own_navigation(request):
        raise TokenInvalid
    grant = renew(request, texts)  # this decides about errors and reuse
    return Authentication.by_record(grant.user, grant.session, grant.mode, grant.transport, replacement=grant)


def _known_by(request: HttpRequest, text: str) -> Authentication:
    if is_of_another(request, text):
        raise TokenInvalid
    return admit_refresh(request, text)


def _exchanged(request: HttpRequest, text: str) -> Grant | None:
    """
    Return the new tokens; ``None`` if they are on their way with another response, or none are due.

    A form that did not reach its view, because it did not pass Django's CSRF check, renews nothing.
    """
    if request.method == "POST" and state_of(request).user_errors.stage is Stage.MIDDLEWARE:
        return None
    try:
        get_jwt_strategy().check_current(text)
        return renew(request, [text])
    except AuthKitError:
        return None  # the response stays as it is, and the next request decides
