"""Logout, with any credential that the request presents."""

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_out
from django.http import HttpRequest

from django_authkit.bridge import send
from django_authkit.http import transports
from django_authkit.http.csrf import enforce_csrf
from django_authkit.http.request_state import state_of
from django_authkit.service.adoption.external import drop_in_header, drop_refresh
from django_authkit.service.django_session import django_session_of, using_session
from django_authkit.service.revocation import PRESENTED_COOKIES, owner_of, revoke_presented
from django_authkit.types import RevocationReason


def log_out(request: HttpRequest, *, refresh: str | None = None) -> None:
    """
    Revoke the auth session that the request's credentials belong to.

    An expired access token or a superseded refresh token is enough, and so is a credential of another package
    that ``ADOPT`` would adopt, or has adopted. An invalid credential revokes nothing and is no error.
    Afterwards ``request.user`` is anonymous, and the response deletes the token cookies.

    Args:
        refresh: A refresh token that came in the body.

    Raises:
        CsrfFailed: Only cookies identify the session, and the request does not prove that it comes from our
            front end.
    """
    state = state_of(request)
    by_cookie = cookies_decide(request, refresh)
    if by_cookie:
        enforce_csrf(request)
    # Cookies count only if the check above was made: not if the body has a refresh token.
    body_decides = bool(refresh) and not transports.has_bearer(request)
    revoked = revoke_presented(request, RevocationReason.LOGOUT, refresh=refresh, cookies=not body_decides)
    owners = [*map(owner_of, revoked), *_drop_external(request, None if revoked else refresh)]
    with state.own_signals():
        user = next(filter(None, owners), None)
        sender = type(user) if user else get_user_model()
        send(user_logged_out, sender, request=request, user=user)
    if by_cookie or not (body_decides or _needs_proof(request)):
        _flush_session(request)
    state.authentication, state.clear_token_cookies = None, by_cookie
    # Not without a proof: any page could send such a request, and delete the data of our site.
    state.clear_site_data = by_cookie or bool(owners)
    request.user = AnonymousUser()


def _drop_external(request: HttpRequest, refresh: str | None) -> list[AbstractBaseUser | None]:
    """Log out by what another package issued, in the body or in a header; return whose logins these were."""
    return [*(drop_refresh(refresh) if refresh else ()), *drop_in_header(request)]


def _flush_session(request: HttpRequest) -> None:
    """Delete the key and the data of ``request.session``, of whatever engine it is."""
    session = getattr(request, "session", None)
    if session is not None:
        using_session(request, session.flush)


def _needs_proof(request: HttpRequest) -> bool:
    """
    Tell whether it would take a CSRF proof to flush ``request.session``.

    That is so if it is a live anonymous session, and not only a key of that form, or of another engine.
    """
    session = django_session_of(request)
    if session is None:
        return True
    if session.is_anonymous:
        session.look_up()
    return session.is_anonymous


def cookies_decide(request: HttpRequest, refresh: str | None = None) -> bool:
    """Tell whether only cookies identify the auth session of the request."""
    if refresh or transports.has_bearer(request):
        return False
    return any(cookie(request) for cookie in PRESENTED_COOKIES)
