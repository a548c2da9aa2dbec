"""A thief presents a credential over the other transport, where less is required than where it was issued."""

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from django_authkit import log_in, sessions_of
from django_authkit.compat.simplejwt.authentication import JWTAuthentication, ValidatedToken
from django_authkit.types import Transport
from support.client import ACCESS_COOKIE, REFRESH_COOKIE, SESSION_COOKIE, Device, code
from support.live_site import LiveSite, by_cookie, by_header, in_jwt_mode

pytestmark = pytest.mark.parametrize("where", ["valkey"], indirect=True)


class OwnRule(JWTAuthentication):
    """What a project writes that has a rule of its own for users."""

    def get_user(self, validated_token: ValidatedToken) -> AbstractBaseUser:
        """Return the user."""
        return super().get_user(validated_token)


def told_by_own_rule(credential: str) -> str:
    """Return the code of what ``OwnRule`` raises for a bearer credential; empty if it lets it in."""
    headers = {"Authorization": f"Bearer {credential}"}
    try:
        OwnRule().authenticate(Request(APIRequestFactory().get("/", headers=headers)))
    except APIException as error:
        detail = error.detail
        return str(detail["code"] if isinstance(detail, dict) else error.get_codes())
    return ""


def in_header(device: Device, site: LiveSite) -> Device:
    """Return a thief who presents the cookies of a browser in the header."""
    thief = Device(site.mode, Transport.HEADER)
    thief.access = device.cookies[ACCESS_COOKIE if site.is_jwt else SESSION_COOKIE]
    thief.refresh_token = device.cookies.get(REFRESH_COOKIE, "")
    return thief


def in_cookies(device: Device, site: LiveSite) -> Device:
    """Return a thief who presents what an app has in cookies."""
    thief = Device(site.mode, Transport.COOKIE)
    thief.cookies = {ACCESS_COOKIE if site.is_jwt else SESSION_COOKIE: device.access}
    if site.is_jwt:
        thief.cookies[REFRESH_COOKIE] = device.refresh_token
    return thief


@by_cookie
def test_a_cookie_in_the_header_needs_the_binding_too(live: LiveSite) -> None:
    """Half a minute after an unbound login nothing opens a view, nor renews the credential."""
    live.configure(DEVICE_BOUND="require")
    live.add_user("ada")
    thief = in_header(live.logged_in("ada"), live)
    assert thief.call().status_code == 200
    if live.is_jwt:
        assert thief.refresh().status_code == 200
    live.advance(seconds=36)
    if live.is_jwt:
        assert code(thief.call()) == (401, "token_expired")
        assert code(thief.refresh()) == (403, "device_binding_required")
    else:
        assert told_by_own_rule(thief.access) == "device_binding_required"
        thief = in_header(live.logged_in("ada"), live)
        live.advance(seconds=36)
        assert code(thief.call()) == (403, "device_binding_required")


@by_cookie
def test_a_function_is_asked_about_cookies_in_the_header(live: LiveSite) -> None:
    """Where it requires a binding, the credential of an unbound browser is refused as a bearer too."""
    live.configure(DEVICE_BOUND="testapp.policies.only_views_of_the_api")
    live.add_user("ada")
    thief = in_header(live.logged_in("ada"), live)
    live.advance(seconds=36)
    assert code(thief.call()) == (403, "device_binding_required")
    assert thief.get("/plain/whoami/").status_code == 200


@by_header
def test_what_an_app_has_needs_a_proof_in_cookies_too(live: LiveSite) -> None:
    """A login of before proofs were required opens nothing as a cookie, and is not renewed by one."""
    live.add_user("ada")
    device = live.logged_in("ada")
    live.configure(DPOP={"MODE": "require"})
    thief = in_cookies(device, live)
    assert code(thief.call()) == (401, "device_mismatch")
    assert b"ada" not in thief.get("/plain/whoami/").content
    thief.who()
    assert code(thief.refresh()) == (401, "device_mismatch")


@by_cookie
def test_where_only_cookies_are_offered_nothing_else_counts(live: LiveSite) -> None:
    """The credential of a browser opens nothing in the header, and is not renewed in a body."""
    live.configure(TRANSPORTS=("cookie",))
    live.add_user("ada")
    device = live.logged_in("ada")
    thief = in_header(device, live)
    assert code(thief.call()) == (401, "token_invalid")
    assert thief.get("/plain/whoami/").status_code == 401
    assert code(thief.refresh()) == (401, "token_invalid")
    assert device.call().status_code == 200
    assert device.refresh().status_code == 200


@by_header
@in_jwt_mode
def test_where_only_the_header_is_offered_no_cookie_of_tokens_counts(live: LiveSite) -> None:
    """Neither opens anything, nor renews the login or a page; and no login over cookies is begun."""
    live.configure(TRANSPORTS=("header",))
    ada = live.add_user("ada")
    device = live.logged_in("ada")
    thief = in_cookies(device, live)
    assert thief.call().status_code == 401
    thief.cookies.pop(ACCESS_COOKIE)
    navigation = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "same-origin"}
    assert b"ada" not in thief.get("/plain/whoami/", navigation).content
    thief.who()
    assert code(thief.refresh()) == (401, "not_authenticated")
    assert device.refresh().status_code == 200
    with pytest.raises(ImproperlyConfigured, match="TRANSPORTS"):
        log_in(RequestFactory().post("/"), ada, transport=Transport.COOKIE)
    assert len(sessions_of(ada)) == 1


@by_header
def test_a_step_of_a_subclass_needs_a_proof_too(live: LiveSite) -> None:
    """A project's own step of ``JWTAuthentication``, which sees no proof, lets no unbound login in."""
    live.add_user("ada")
    device = live.logged_in("ada")
    assert told_by_own_rule(device.access) == ""
    live.configure(DPOP={"MODE": "require"})
    assert told_by_own_rule(device.access) == "token_not_valid"


@by_cookie
def test_browsers_go_on_where_apps_need_a_proof(live: LiveSite) -> None:
    """``DPOP`` does not concern logins over cookies: they are used and renewed."""
    live.configure(DPOP={"MODE": "require"})
    live.add_user("ada")
    device = live.logged_in("ada")
    assert device.call().status_code == 200
    assert device.refresh().status_code == 200
