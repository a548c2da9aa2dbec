"""Requests of browsers whose logins are bound to their device, beside the same unbound; and renewals."""

import json
import secrets
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from django.http import HttpResponse

from benchmarks.measuring import Act, Variant
from benchmarks.operations import ours, posted
from benchmarks.subjects import ada, answering, factory, view_with
from django_authkit import log_in
from django_authkit.api.bound import BoundRefreshView
from django_authkit.api.views import RefreshView
from django_authkit.authentication import AuthKitAuthentication
from django_authkit.http.bound_cookie import set_bound_cookie
from django_authkit.stores.outcomes import Found
from django_authkit.tokens.challenges import Challenge
from django_authkit.tokens.keys.jwk import public_members
from django_authkit.types import AuthSession, Mode, Transport
from django_authkit.wiring import get_challenges, get_store

KEY = ec.generate_private_key(ec.SECP256R1())
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin", "Origin": "https://testserver"}


class Browser(NamedTuple):
    """The cookies of a login, and its record."""

    cookies: dict[str, str]
    session: AuthSession


def bound() -> list[Variant]:
    """Return each mode with and without a binding, and the renewals beside the refreshes."""
    found = []
    for mode in ("session", "jwt"):
        offered: dict[str, Any] = {"STORE": "redis", "USER_LOADING": "lazy", "DEVICE_BOUND": "offer"}
        found += [
            Variant(f"{mode}, cookie", lambda: _requests(is_bound=False), offered, mode, above=True),
            Variant(f"{mode}, cookie, bound", lambda: _requests(is_bound=True), offered, mode, above=True),
            Variant(f"refresh: {mode}", _refreshes, offered, mode),
            Variant(f"renewal: {mode}", _renewals, offered, mode),
        ]
    return found


def _browser(*, is_bound: bool) -> Browser:
    """Log in with cookies, and use the binding once."""
    response = HttpResponse()
    grant = log_in(factory.get("/", secure=True), ada(), transport=Transport.COOKIE)
    grant.attach(response)
    session = grant.session
    if is_bound:
        store, nonce = get_store(), secrets.token_urlsafe(16)
        key = json.dumps(public_members(KEY.public_key()), separators=(",", ":"), sort_keys=True)
        store.bind_device(session.sid, key, nonce)
        found = store.renew_binding(session.sid, nonce, secrets.token_urlsafe(16))
        assert isinstance(found, Found)
        session = found.session
        if grant.mode is Mode.SESSION:
            set_bound_cookie(response, session)
    return Browser({name: morsel.value for name, morsel in response.cookies.items()}, session)


def _with_cookies(request: Any, browser: Browser) -> Any:
    request.COOKIES.update(browser.cookies)
    return request


def _requests(*, is_bound: bool) -> Act:
    browser = _browser(is_bound=is_bound)
    return Act(
        run=answering(view_with(AuthKitAuthentication)),
        make=lambda: _with_cookies(factory.get("/", secure=True), browser),
    )


def _refreshes() -> Act:
    return Act(run=answering(RefreshView.as_view()), make=lambda: posted({"refresh": ours()}))


def _renewals() -> Act:
    def make() -> Any:
        browser = _browser(is_bound=True)
        session = browser.session
        challenge = get_challenges().make(Challenge(session.sid, session.device_nonce, session.device_key))
        proof = jwt.encode({"jti": challenge}, KEY, "ES256", headers={"typ": "dbsc+jwt"})
        shown = {"Sec-Secure-Session-Id": session.sid, "Secure-Session-Response": proof}
        return _with_cookies(factory.post("/", secure=True, headers={**SAME_ORIGIN, **shown}), browser)

    return Act(run=answering(BoundRefreshView.as_view()), make=make)
