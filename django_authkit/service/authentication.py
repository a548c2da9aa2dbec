"""Who a request is from, the same for every transport, strategy and kind of view."""

from collections.abc import Callable, Sequence
from functools import partial

from django.http import HttpRequest

from django_authkit.conf import get_settings
from django_authkit.errors import (
    AuthKitError,
    CredentialRejected,
    DeviceBindingRequired,
    DeviceMismatch,
    DpopProofInvalid,
    SessionEnded,
    SeveralCredentials,
    TokenExpired,
    TokenInvalid,
    TokenMalformed,
)
from django_authkit.http import transports
from django_authkit.http.client_info import device_of
from django_authkit.http.request_state import Authentication, Unknown, state_of
from django_authkit.service.admission import admit, auth_session_of
from django_authkit.service.device_keys import check_device, check_device_key, shown_by
from django_authkit.service.device_requirement import check_bound, check_requirement
from django_authkit.service.django_session import DjangoSession, django_session_of
from django_authkit.service.dpop import HEADER, check_access, shown_with_token
from django_authkit.service.mode_switch import with_replacement
from django_authkit.stores.outcomes import NOTHING_ASKED, Found
from django_authkit.strategies.protocol import Strategy
from django_authkit.types import Mode, Transport
from django_authkit.wiring import get_accepted_strategies, get_jwt_strategy, get_strategy


def authenticate(request: HttpRequest) -> Authentication | None:
    """
    Return who the request is from; ``None`` means that no credential was presented.

    If there is a bearer credential, only that counts: an invalid one never falls back to a cookie. Else the
    first valid cookie counts, those of the issued mode first. The result is kept on the request, so a second
    call costs nothing.

    Raises:
        CredentialRejected: Credentials were presented, and none of them is valid.
        DeviceBindingRequired: The login has to be bound to a device, and is not.
        SeveralCredentials: Beside the bearer there is another credential of ours, in the query string or the
            form. Cookies may be there: a browser sends them by itself.

    Round trips:
        One to the store, or none if ``ACCESS_CHECK`` says so. With the Redis store, also one query for the
        user; with ``USER_LOADING = "lazy"`` only when it is needed.
    """
    state = state_of(request)
    known = state.authentication
    if known is Unknown.UNKNOWN:
        try:
            known = _authenticate(request)
        except CredentialRejected as error:
            error.is_of_dpop = error.is_of_dpop or transports.has_dpop_scheme(request)
            known = error
        except DeviceBindingRequired as error:
            known = error
        state.authentication = known
    if isinstance(known, AuthKitError):
        raise known
    return known


def _authenticate(request: HttpRequest) -> Authentication | None:
    bearer = transports.bearer_of(request)
    if bearer is not None:
        return _by_bearer(request, bearer)
    rejected: list[CredentialRejected] = []
    for strategy in get_accepted_strategies():
        try:
            known = _by_cookies(request, strategy)
        except CredentialRejected as error:
            rejected.append(error)
        else:
            if known is not None:
                if strategy.may_require_binding:
                    check_requirement(request, known)
                return known
    if rejected:
        raise most_useful(rejected)
    return None


def most_useful(errors: Sequence[CredentialRejected]) -> CredentialRejected:
    """Return the error to report of several: one that the client can act on, or the first."""
    return next((error for error in errors if isinstance(error, TokenExpired)), errors[0])


def _refuse_second_credential(request: HttpRequest) -> None:
    for text in transports.access_token_parameters_of(request):
        if get_strategy(transports.mode_of(text)).recognizes(text):
            raise SeveralCredentials


def _by_bearer(request: HttpRequest, text: str) -> Authentication:
    if request.META.get("QUERY_STRING") or request.content_type == transports.FORM:
        _refuse_second_credential(request)
    if HEADER not in request.META and request.META["HTTP_AUTHORIZATION"][:5].lower() == "dpop ":
        raise DpopProofInvalid
    strategy = accepted_strategy(text)
    if not strategy.by_header:
        raise TokenInvalid
    session = django_session_of(request) if strategy.mode is Mode.SESSION else None
    found: Found | None
    again: Callable[[], Found] | None = None
    if session is not None:  # opened with this key by the middleware
        found, claims = auth_session_of(session), None
    else:
        device = device_of(request) if strategy.checks_device else None
        of_token = shown_with_token(request) if device is None and HEADER in request.META else NOTHING_ASKED
        shown = of_token if device is None else shown_by(request, text)
        found, claims = strategy.resolve(text, device, shown)
        if device is not None and found is not None:
            check_device(request, found)
        if claims is not None and (
            claims.thumbprint or HEADER in request.META or get_settings().dpop.mode == "require"
        ):
            check_access(request, claims)
        again = partial(_read_again, strategy, text)
    known = admit(found, claims, strategy.mode, Transport.HEADER, django_session=session, read_again=again)
    if strategy.may_require_binding:  # it may be that of a cookie
        check_requirement(request, known)
    return known


def _read_again(strategy: Strategy, text: str) -> Found:
    """Return what a session key opens, from the store."""
    found, _ = strategy.resolve(text)
    assert found is not None
    return found


def authenticate_token(text: str) -> Authentication:
    """
    Return who an access token or session key is from, wherever it came from. ``BIND`` is not applied.

    Raises:
        CredentialRejected: It is not valid; or it has to come with a proof, which is not known here.
    """
    strategy = accepted_strategy(text)
    shown = shown_by(None, text) if strategy.checks_device else NOTHING_ASKED
    found, claims = strategy.resolve(text, shown=shown)
    if found is not None and strategy.checks_device:
        check_device_key(None, found)
    if claims is not None:
        check_access(None, claims)
    known = admit(found, claims, strategy.mode, Transport.HEADER)
    if get_settings().dpop.mode == "require" and known.session.by_header:
        raise DeviceMismatch
    return known


def _by_cookies(request: HttpRequest, strategy: Strategy) -> Authentication | None:
    """Return who the cookies of one form are from, or ``None`` if there are none."""
    session = django_session_of(request) if strategy.mode is Mode.SESSION else None
    if session is not None:  # opened with these keys by the middleware
        return _by_django_session(request, session)
    rejected: list[CredentialRejected] = []
    for text in strategy.access_cookies_of(request):
        try:
            device = device_of(request) if strategy.checks_device else None
            shown = NOTHING_ASKED if device is None else shown_by(request, text)
            found, claims = strategy.resolve(text, device, shown)
            if device is not None and found is not None:
                check_device(request, found)
            if claims is not None and (claims.thumbprint or (found is not None and found.session.by_header)):
                check_access(request, claims, by_header=True)
            again = partial(_read_again, strategy, text)
            known = admit(found, claims, strategy.mode, Transport.COOKIE, read_again=again)
            return with_replacement(request, known, text)
        except CredentialRejected as error:
            rejected.append(error)
    if rejected:
        raise most_useful(rejected)
    return None


def _by_django_session(request: HttpRequest, session: DjangoSession) -> Authentication | None:
    if not session.presented:
        return None
    found = auth_session_of(session)
    known = admit(found, None, Mode.SESSION, Transport.COOKIE, django_session=session)
    key = session.own_key
    return known if key is None else with_replacement(request, known, key.text)


def admit_refresh(request: HttpRequest, text: str) -> Authentication:
    """
    Return who a request is from by its refresh token, which the caller exchanges with the response.

    Raises:
        CredentialRejected: It is not the current one nor, within the grace, its predecessor; or its auth
            session or user is not valid, or the device has to prove itself first.
        DeviceBindingRequired: Its auth session has to be bound to a device, and is not.
    """
    found = get_jwt_strategy().check_current(text)
    check_device(request, found)
    check_bound(found.session, found.now_ms)
    return admit(found, None, Mode.JWT, Transport.COOKIE)


def accepted_strategy(text: str) -> Strategy:
    """
    Return the strategy whose form the credential *text* has.

    Raises:
        TokenInvalid, TokenMalformed: That form is not accepted, or it has no known form.
    """
    mode = transports.mode_of(text)
    if mode in get_settings().accept:
        return get_strategy(mode)
    known = mode is Mode.SESSION or text.count(".") == 2
    raise TokenInvalid if known else TokenMalformed


def authenticate_django_login(request: HttpRequest) -> Authentication | None:
    """
    Return who ``request.session`` belongs to, where session keys are not accepted.

    In JWT mode users still log in to the admin with Django's ``login``, which counts in plain Django views
    only. An auth session that was switched to tokens does not count, since ``ACCEPT`` no longer has the form
    of its session key.
    """
    state, session = state_of(request), django_session_of(request)
    if state.django_login is None and session is not None:
        known = _by_django_login(session)
        if known is not None:
            check_requirement(request, known)
        state.django_login = known  # not before: a second call must not find one that was refused
    return state.django_login


def _by_django_login(session: DjangoSession, *, with_tokens: bool = False) -> Authentication | None:
    """Return whom *session* is from; *with_tokens*: also if its auth session has tokens too."""
    found = session.look_up()
    if not isinstance(found, Found) or not (with_tokens or found.session.mode is Mode.SESSION):
        return None
    try:
        return admit(found, None, Mode.SESSION, Transport.COOKIE, django_session=session)
    except SessionEnded:
        return None


def _by_replaced_session(request: HttpRequest, session: DjangoSession) -> Authentication | None:
    """
    Return whom a session is from that another package has put in the place of the request's own.

    It counts beside tokens: an app of django-allauth has both (``contrib.allauth``).
    """
    state, known = state_of(request), _by_django_login(session, with_tokens=True)
    if get_settings().accepts(Mode.SESSION):
        state.authentication = known
    else:
        state.django_login = known
    return known


def current(request: HttpRequest) -> Authentication | None:
    """
    Return who a request to a plain Django view is from: by our credentials, else by Django's own login.

    If a package has replaced ``request.session``, as django-allauth does for the session token of an app,
    only that session counts, as with Django's own middleware.

    Raises:
        CredentialRejected: As ``authenticate`` says, unless a browser with a stale cookie also has Django's
            login.
        DeviceBindingRequired: As ``authenticate`` says.
    """
    session, opened = django_session_of(request), state_of(request).opened_session
    if session is not None and opened is not None and session is not opened:
        return _by_replaced_session(request, session)
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
