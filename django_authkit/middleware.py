"""
Two drop-in middleware classes; each replaces Django's class of the same name.

``SessionMiddleware`` opens ``request.session`` with the key that the request presents, and never takes an
unreachable store for a logout. ``AuthenticationMiddleware`` sets ``request.user`` from the credential that
counts, in both modes, in sync and async views.
"""

from functools import partial
from typing import Any
from weakref import ref

from django.conf import settings as django_settings
from django.contrib.auth import get_user as django_get_user
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.middleware import AuthenticationMiddleware as DjangoAuthenticationMiddleware
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.functional import SimpleLazyObject, empty
from django.utils.module_loading import import_string

from django_authkit.adoption import Place
from django_authkit.bridge import blocking
from django_authkit.conf import get_settings
from django_authkit.errors import (
    AuthKitError,
    CredentialRejected,
    DeviceBindingRequired,
    DeviceMismatch,
    SessionEnded,
)
from django_authkit.http import cookies, transports
from django_authkit.http.csrf import SAFE_METHODS, exempt, is_proved, vary_on_source
from django_authkit.http.error_reports import hide_cookies
from django_authkit.http.error_responses import error_response
from django_authkit.http.navigation import reopened
from django_authkit.http.request_state import (
    RequestState,
    Unknown,
    attach_replacement,
    current_request,
    known_authentication,
    state_of,
)
from django_authkit.http.response_effects import apply_response_effects
from django_authkit.http.tenants import request_of_tenant
from django_authkit.http.user_errors import Stage
from django_authkit.service.adoption.browser import adopt_browser
from django_authkit.service.authentication import current
from django_authkit.service.device_binding import revoke_mismatched_again
from django_authkit.service.device_registration import offer_binding
from django_authkit.service.django_session import CookieAction, django_session_of, using_session
from django_authkit.service.page_renewal import renew_page
from django_authkit.service.password_changes import apply_password_change
from django_authkit.service.request_session import EXPIRY_FIELD
from django_authkit.service.revocation import revoke_session
from django_authkit.service.running import OnTheLoop, run
from django_authkit.session_engine import SessionStore
from django_authkit.session_keys import KEY_LENGTH, SessionKey
from django_authkit.throttling.django_login import count_django_login, is_login_view, note_django_login
from django_authkit.tracebacks import clear_locals, clears_locals
from django_authkit.types import Mode, RevocationReason
from django_authkit.users.lazy import ensure_loaded, set_error_factory
from django_authkit.wiring import get_adapters

_HIDING_STATUSES = frozenset({301, 302, 303, 307, 401, 403, 500})
"""An uncaught error, or what a middleware responds to somebody whom it takes for anonymous."""


class ErrorResponses:
    """Turns our errors into responses, 401, 403 or 503; other errors are reported without credentials."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Return the response to *exception* if it is ours."""
        clear_locals(exception)
        return error_response(exception, request) if isinstance(exception, AuthKitError) else None


class SessionMiddleware(ErrorResponses, OnTheLoop, DjangoSessionMiddleware):
    """
    ``request.session`` from the session cookie, or from a session key in the ``Authorization`` header.

    Unlike Django's, it sets no cookie for a bearer, deletes none that was only superseded (its successor may
    be on the way), does not resend one whose key did not change, and does not treat an unreachable store as
    an empty session. If the session was revoked during its request, the response is 401.
    """

    def process_request(self, request: HttpRequest) -> None:
        """Give the request its session, which is looked up on first use."""
        request_of_tenant.set(request)
        if not issubclass(self.SessionStore, SessionStore):
            super().process_request(request)
            return
        session = self.SessionStore()
        session.request = ref(request)
        keys = _bearer_keys(request)
        session.deliverable = keys is None
        if keys is None:
            keys = transports.session_keys_of(request)
        if keys:
            session.open_with(keys)
        request.session = session

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Save what changed, set the cookie of a new key, and offer to bind a new login to its device."""
        try:
            session = getattr(request, "session", None)
            if isinstance(session, SessionStore):
                try:
                    _finish(request, session, response)
                except UpdateError:
                    response = error_response(SessionEnded(), request)
                except AuthKitError as error:
                    response = error_response(error, request)
                session.is_answered = not response.streaming
            else:
                response = blocking(DjangoSessionMiddleware.process_response, self, request, response)
            if response.cookies:
                offer_binding(request, response)
            return response
        finally:
            request_of_tenant.set(None)


def _bearer_keys(request: HttpRequest) -> tuple[SessionKey, ...] | None:
    """Return the session key in a bearer credential, if that is one; ``None`` without a bearer credential."""
    try:
        text = transports.bearer_of(request)
    except CredentialRejected:  # raised again where a view authenticates the request
        return ()
    if text is None:
        return None
    key = SessionKey.parse(text) if len(text) == KEY_LENGTH else None
    return () if key is None else (key,)


def _finish(request: HttpRequest, session: SessionStore, response: HttpResponseBase) -> None:
    """Save the session if it was changed, and set or delete its cookie."""
    failed = response.status_code >= 500  # Django does not save what a failed view did
    extended = session.deliverable and not failed and session.extend()
    if session.accessed:
        patch_vary_headers(response, ("Authorization", "Cookie"))
    if failed and session.is_new_login:
        session.abandon_login()
        return
    changed = session.modified and not failed
    if changed and not session.is_empty() and session.may_write and not session.is_written:
        session.save()
    if not session.deliverable:
        return
    has_new_key = session.cookie is CookieAction.SET and session.session_key is not None
    if has_new_key or extended or (changed and (session.is_anonymous or session.sets_expiry)):
        _set_cookie(session, response)
    elif session.cookie is CookieAction.DELETE and django_settings.SESSION_COOKIE_NAME in request.COOKIES:
        cookies.clear_session_cookie(response)


def _set_cookie(session: SessionStore, response: HttpResponseBase) -> None:
    key = session.session_key
    if key is None:
        return
    found = session.bound
    if found is not None and session.get(EXPIRY_FIELD) is None:
        cookies.set_session_cookie(response, key, found.session)
    else:
        age = None if session.get_expire_at_browser_close() else session.get_expiry_age()
        cookies.set_anonymous_cookie(response, key, age)


class AuthenticationMiddleware(ErrorResponses, OnTheLoop, DjangoAuthenticationMiddleware):
    """
    ``request.user`` and ``request.auser`` from the credential that counts.

    A stale cookie makes a request anonymous, as in Django. A stale bearer credential, which the client chose
    to send, is an error as soon as a plain view accesses the user (RFC 6750 §3.1), and so is a store that is
    down. Other middleware, DRF's views and error pages see an anonymous user instead: what they raise would
    be a 500, and an endpoint such as ``refresh/`` would not be reached.
    """

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        classes = map(import_string, django_settings.MIDDLEWARE)
        self._login_required = any(
            isinstance(each, type) and issubclass(each, LoginRequiredMiddleware) for each in classes
        )

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:  # type: ignore[override]
        """Set the user, which is loaded on first use; renew or adopt the login of a browser before that."""
        current_request.set(request)
        if request.COOKIES:
            hide_cookies(request)
        user = SimpleLazyObject(lambda: _user(request))
        state_of(request).opened_session = session = getattr(request, "session", None)
        request.user = request._authkit_user = user  # type: ignore[assignment, attr-defined]
        request.auser = partial(run, _resolved, request)
        refused = renew_page(request) if request.COOKIES else None
        if refused is not None:
            return refused
        if get_adapters(Place.BROWSER):
            try:
                blocking(adopt_browser, request)
            except AuthKitError as error:
                return error_response(error, request)
        # Ours was opened without the cookie. That of another engine counts in views, whatever the bearer is.
        no_cookie_counts = transports.has_bearer(request) and (
            session is None or not getattr(session, "deliverable", True) or session.session_key is None
        )
        if no_cookie_counts or (request.method not in SAFE_METHODS and is_proved(request)):
            exempt(request)
        return None

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """
        Count Django's logins; from here on ``request.user`` raises in plain views, but not in DRF's.

        Django's ``LoginRequiredMiddleware`` comes first, and what it raises would be a 500.
        """
        errors = state_of(request).user_errors
        is_plain = not hasattr(getattr(view, "cls", None), "authentication_classes")
        errors.stage = Stage.PLAIN_VIEW if is_plain else Stage.OTHER_VIEW
        if errors.withheld is not None:
            request._authkit_user._wrapped = empty  # type: ignore[attr-defined]  # noqa: SLF001 - look again
        if request.method == "POST":
            try:
                refused = count_django_login(request, view)
            except AuthKitError as error:
                return error_response(error, request)
            if refused is not None:
                return refused
        if not (self._login_required and getattr(view, "login_required", True)):
            return None
        try:
            _resolved(request)
        except AuthKitError as error:
            return error_response(error, request)
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Return the response to *exception* if it is ours; else an error page may show the user."""
        state_of(request).user_errors.stage = Stage.OTHER_VIEW
        return super().process_exception(request, exception)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Carry out what the request's state asks for; most requests ask for nothing."""
        current_request.set(None)
        state = state_of(request)
        errors = state.user_errors
        known, status = state.authentication, response.status_code
        if errors.raised is not None or status in _HIDING_STATUSES or isinstance(known, DeviceMismatch):
            response = _unhidden(request, state, response)
        if state.new_sid or state.mismatched_sid or state.password_change:
            try:
                _revoke_again(request, state, response)
            except AuthKitError as error:
                return error_response(error, request)
        if request.method not in SAFE_METHODS:
            vary_on_source(request, response)
            note_django_login(request, response)
        if state.authentication is not Unknown.UNKNOWN:
            patch_vary_headers(response, ("Authorization", "Cookie"))
        if state.changes_response:
            apply_response_effects(request, response)
            attach_replacement(request, response)
            for external in state.external_cookies:
                cookies.forget_external_cookie(response, *external)
        return response


def _unhidden(request: HttpRequest, state: RequestState, response: HttpResponseBase) -> HttpResponseBase:
    """Return the response to an error that *response* hides, if there is one."""
    if isinstance(state.authentication, DeviceMismatch):
        # For another site, a browser does not prove its device; for this one it does.
        response = reopened(request) or response
    error = state.user_errors.hidden_by(response.status_code)
    return response if error is None else error_response(error, request)


def _revoke_again(request: HttpRequest, state: RequestState, response: HttpResponseBase) -> None:
    """Revoke what a transaction of the view may have kept from being revoked, and a login that failed."""
    if state.new_sid is not None and response.status_code >= 500:
        revoke_session(state.new_sid, RevocationReason.REPLACED)
    if state.mismatched_sid is not None:
        revoke_mismatched_again(request)
    if state.password_change is not None:
        using_session(request, apply_password_change, request)


@clears_locals
def _user(request: HttpRequest) -> AbstractBaseUser | AnonymousUser:
    errors = state_of(request).user_errors
    try:
        known = current(request)
    except AuthKitError as error:
        is_told = not isinstance(error, CredentialRejected) or transports.has_bearer(request)
        if is_told and not _may_log_in_anew(request, error):
            errors.raise_or_withhold(error)
        known = None
    if known is not None:
        set_error_factory(known.user, errors.note)
        return known.user
    foreign_engine = hasattr(request, "session") and django_session_of(request) is None
    if foreign_engine and not get_settings().accepts(Mode.SESSION):
        return blocking(django_get_user, request)
    return AnonymousUser()


def _may_log_in_anew(request: HttpRequest, error: AuthKitError) -> bool:
    """Tell whether an unbound login is refused in one of Django's login views, where a new one begins."""
    match = request.resolver_match
    return isinstance(error, DeviceBindingRequired) and match is not None and is_login_view(match.func)


def _resolved(request: HttpRequest) -> Any:
    """Return ``request.user``, loaded where blocking is allowed."""
    request.user.is_authenticated  # noqa: B018 - this authenticates the request
    known = known_authentication(request)
    if known is not None:
        ensure_loaded(known.user)  # reading an attribute cannot await a row
    return request.user
