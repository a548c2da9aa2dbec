"""Whose request is this? One answer for every transport, strategy and kind of view."""

from collections.abc import Callable, Sequence
from functools import partial

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from django_authkit.conf import get_settings
from django_authkit.errors import CredentialRejected, SessionEnded, TokenExpired, TokenInvalid, TokenMalformed
from django_authkit.http import transports
from django_authkit.http.request_state import Authentication, ReadOnce, Unknown, state_of
from django_authkit.service.device_binding import check_binding
from django_authkit.service.django_session import django_session_of
from django_authkit.service.mode_switch import with_successor
from django_authkit.service.user_validity import load_valid_user
from django_authkit.session_keys import SessionKey
from django_authkit.stores.outcomes import Found
from django_authkit.tokens.claims import AccessClaims
from django_authkit.types import Mode, Transport
from django_authkit.users.lazy import LazyUser
from django_authkit.users.loading import check_stamp, load, sole_backend
from django_authkit.wiring import get_jwt_strategy, get_session_strategy


def authenticate(request: HttpRequest) -> Authentication | None:
    """
    Return whom the request is from; ``None`` means exactly: no credential was presented.

    A bearer credential counts alone, and an invalid one never falls back to a cookie. Else the first
    valid cookie counts, that of the issued mode before that of another accepted one. The result is
    kept on the request; asking again costs nothing.

    Raises:
        CredentialRejected: Something was presented, and nothing of it is valid.

    Round trips:
        One to the store, or none where ``ACCESS_CHECK`` says so. With the Redis store one query for the
        user beside it, and with the database store none; with ``USER_LOADING = "lazy"`` when needed.
    """
    state = state_of(request)
    known = state.authentication
    if known is Unknown.UNKNOWN:
        try:
            known = _authenticate(request)
        except CredentialRejected as error:
            known = error
        state.authentication = known
    if isinstance(known, CredentialRejected):
        raise known
    return known


def _authenticate(request: HttpRequest) -> Authentication | None:
    bearer = transports.bearer_of(request)
    if bearer is not None:
        return _open(request, transports.mode_of(bearer), bearer, Transport.HEADER)
    rejected: list[CredentialRejected] = []
    for mode in get_settings().modes_by_precedence:
        for cookie in _COOKIES[mode](request):
            try:
                return _open(request, mode, cookie, Transport.COOKIE)
            except CredentialRejected as error:
                rejected.append(error)
    if rejected:
        raise most_useful(rejected)
    return None


_COOKIES = {Mode.SESSION: transports.session_cookies_of, Mode.JWT: transports.access_cookies_of}


def most_useful(errors: Sequence[CredentialRejected]) -> CredentialRejected:
    """Return what is told of several credentials that do not count: what to act on, or the first."""
    return next((error for error in errors if isinstance(error, TokenExpired)), errors[0])


def _open(request: HttpRequest, mode: Mode, text: str, transport: Transport) -> Authentication:
    if not get_settings().accepts(mode):
        raise not_accepted(text)
    key = None
    if mode is Mode.SESSION:
        key, found = _by_key(request, text)
        known = _admit(found, mode, transport)
    else:
        claims, record = get_jwt_strategy().resolve(text)
        if record is None:
            known = _admit_claims(claims, transport)
        else:
            known = _admit(record, mode, transport, good_until=claims.expires_at)
    return known if transport is Transport.HEADER else with_successor(request, known, key)


def _admit(found: Found, mode: Mode, transport: Transport, good_until: int | None = None) -> Authentication:
    """Return the user of a live auth session if they may still come in."""
    read = partial(load_valid_user, found.session, found.user)
    # A row that came with the record costs nothing more.
    user = read() if found.user is not None else _now_or_later(found.session.user_id, read)
    return Authentication.by_record(user, found.session, mode, transport, good_until=good_until)


def _admit_claims(claims: AccessClaims, transport: Transport) -> Authentication:
    """Return the user of an access token that was accepted without its record."""
    return Authentication(
        user=_now_or_later(claims.subject, partial(_user_of_claims, claims)),
        sid=claims.sid,
        auth_time_ms=claims.auth_time * 1000,
        mode=Mode.JWT,
        transport=transport,
        read_session=ReadOnce(lambda: get_jwt_strategy().find(claims).session),
        good_until=claims.expires_at,
    )


def _user_of_claims(claims: AccessClaims) -> AbstractBaseUser:
    user = load(claims.subject, claims.backend or sole_backend())
    check_stamp(user, claims.stamp)
    return user


def _now_or_later(user_id: str, read: Callable[[], AbstractBaseUser]) -> AbstractBaseUser:
    if get_settings().user_loading == "lazy":
        return LazyUser(user_id, read)  # type: ignore[return-value]  # its class says so
    return read()


def not_accepted(text: str) -> CredentialRejected:
    """Return the error for a credential of a mode that is not accepted, or of the form of none."""
    known = SessionKey.parse(text) is not None or text.count(".") == 2
    return TokenInvalid() if known else TokenMalformed()


def authenticate_django_login(request: HttpRequest) -> Authentication | None:
    """
    Return whom ``request.session`` says the request is from, where session keys are not accepted.

    In JWT mode people still log in to the admin by Django's ``login``; that counts for plain Django
    views and for nothing else. An auth session that is over counts as nothing; nor does one that was
    switched to tokens: its session key is of a form that was dropped from ``ACCEPT``.
    """
    state, django_session = state_of(request), django_session_of(request)
    found = django_session.look_up() if state.django_login is None and django_session is not None else None
    if isinstance(found, Found) and found.session.mode is Mode.SESSION:
        try:
            state.django_login = _admit(found, Mode.SESSION, Transport.COOKIE)
        except SessionEnded:
            return None
    return state.django_login


def _by_key(request: HttpRequest, text: str) -> tuple[SessionKey | None, Found]:
    """Look the session key up once, though ``request.session`` may want its record as well."""
    django_session = django_session_of(request)
    if django_session is None or django_session.presented != text:
        found = get_session_strategy().resolve(text)
        check_binding(request, found.session)
        return SessionKey.parse(text), found
    seen = django_session.look_up()
    if not isinstance(seen, Found):
        raise django_session.rejection or SessionEnded
    return django_session.own_key, seen  # of several session cookies, that of another one


def current(request: HttpRequest) -> Authentication | None:
    """
    Return whom a plain Django view serves: by our credentials, else by Django's own login in JWT mode.

    Raises:
        CredentialRejected: As ``authenticate`` says, unless a browser's stale cookie has Django's login
            beside it.
    """
    rejected: CredentialRejected | None = None
    try:
        known = authenticate(request)
    except CredentialRejected as error:
        if transports.has_bearer(request):
            raise
        known, rejected = None, error
    if known is None and not get_settings().accepts(Mode.SESSION):
        known = authenticate_django_login(request)
    if known is None and rejected is not None:
        raise rejected
    return known
