"""django-allauth with our adapter and token strategy: its logins count for pages and for the API."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from pytest_django import Settings

from django_authkit import sessions_of
from integrations.test_allauth import ADA, APP, BROWSER, app_call, browser, name_seen, without_other_wrappers
from support.bound_browser import bind
from support.client import ACCESS_COOKIE, PASSWORD, REFRESH_COOKIE, SESSION_COOKIE, Device, body, code
from support.dpop_client import ProvingDevice
from support.live_site import LiveSite, by_cookie, by_header, in_jwt_mode, in_session_mode

__all__ = ["without_other_wrappers"]


@pytest.fixture(autouse=True)
def with_our_adapter(settings: Settings) -> None:
    """Set what the guide says."""
    settings.ACCOUNT_ADAPTER = "django_authkit.contrib.allauth.AccountAdapter"
    settings.HEADLESS_TOKEN_STRATEGY = "django_authkit.contrib.allauth.TokenStrategy"


def assert_logged_in(device: Device, name: str) -> None:
    """Pages and the API see the user, by one auth session."""
    assert name_seen(device) == body(device.call())["username"] == name
    assert len(sessions_of(User.objects.get(username=name))) == 1


def app_log_in(device: Device, path: str = "login", **data: Any) -> HttpResponse:
    """Log an app in, and keep what it sends to the API."""
    answer = device.post(f"{APP}/{path}", data or ADA)
    assert answer.status_code == 200, answer.content
    meta = body(answer)["meta"]
    device.access, device.refresh_token = meta["access_token"], meta.get("refresh_token", "")
    return answer


@by_header
def test_the_login_of_an_app_is_bound_to_its_key(site: LiveSite, ada: User) -> None:
    """A copy of its credentials opens nothing: neither the API, nor allauth's endpoints, nor a refresh."""
    site.configure(DPOP={"MODE": "offer"})
    app = ProvingDevice(site.mode)
    answer = app_log_in(app)
    assert [each.is_dpop_bound for each in sessions_of(ada)] == [True]
    assert app.call().status_code == 200
    token = str(body(answer)["meta"]["session_token"])
    emails = f"{APP.removesuffix('/auth')}/account/email"
    headers = {"X-Session-Token": token, "DPoP": app.prove("GET", emails)}
    assert Device.send(app, "GET", emails, headers=headers).status_code == 200
    thief = site.device()
    thief.access, thief.refresh_token = app.access, app.refresh_token
    assert thief.call().status_code == 401
    assert thief.get(emails, headers={"X-Session-Token": token}).status_code == 401
    if site.is_jwt:
        assert thief.refresh().status_code == 401
        assert app.refresh().status_code == 200


@by_header
def test_an_app_without_a_key_is_refused_where_one_is_required(site: LiveSite, ada: User) -> None:
    """At its login already, and not only with what that gives it."""
    site.configure(DPOP={"MODE": "require"})
    assert code(site.device().post(f"{APP}/login", ADA)) == (401, "dpop_proof_invalid")
    assert sessions_of(ada) == ()


@by_cookie
def test_its_login_form_logs_a_browser_in_for_pages_and_the_api(site: LiveSite, ada: User) -> None:
    """Until its own logout."""
    device = browser(site)
    assert device.submit("/allauth/login/", login="ada", password=PASSWORD).status_code == 302
    assert_logged_in(device, "ada")
    assert sessions_of(ada)[0].amr == ("pwd",)
    assert device.submit("/allauth/logout/").status_code == 302
    assert name_seen(device) == ""
    assert sessions_of(ada) == ()


@by_cookie
@pytest.mark.parametrize("remembered", [True, False])
def test_remember_me_decides_about_every_cookie(site: LiveSite, ada: User, *, remembered: bool) -> None:
    """Ticked, the credentials are kept when the browser is closed."""
    ticked = {"remember": "on"} if remembered else {}
    answer: Any = browser(site).submit("/allauth/login/", login="ada", password=PASSWORD, **ticked)
    names = (ACCESS_COOKIE, REFRESH_COOKIE) if site.is_jwt else (SESSION_COOKIE,)
    assert [bool(answer.cookies[name]["max-age"]) for name in names] == [remembered] * len(names)
    assert [each.remember for each in sessions_of(ada)] == [remembered]


@by_cookie
def test_a_sign_up_logs_the_new_user_in(site: LiveSite) -> None:
    """By the form."""
    device = browser(site)
    device.submit("/allauth/signup/", username="eve", password1=PASSWORD, password2=PASSWORD)
    assert_logged_in(device, "eve")


@by_cookie
def test_a_social_login_is_an_auth_session(site: LiveSite) -> None:
    """The user is made by allauth; ``amr`` says that another site vouches for them."""
    device = browser(site)
    begun = device.submit("/allauth/dummy/login/?process=login")
    assert begun.status_code == 302
    where = str(begun.headers["Location"])
    device.submit(where, id="7", username="eve", email="eve@example.org", email_verified="on")
    assert_logged_in(device, "eve")
    assert sessions_of(User.objects.get(username="eve"))[0].amr == ("fed",)


@by_cookie
def test_its_headless_api_logs_a_browser_in_for_the_api(site: LiveSite, ada: User) -> None:
    """By cookies only; its logout revokes."""
    device = browser(site)
    answer = device.post(f"{BROWSER}/login", ADA)
    assert answer.status_code == 200, answer.content
    assert "access_token" not in body(answer)["meta"]
    assert_logged_in(device, "ada")
    assert body(device.get(f"{BROWSER}/session"))["data"]["user"]["username"] == "ada"
    assert device.delete(f"{BROWSER}/session").status_code == 401
    assert sessions_of(ada) == ()


@by_header
@pytest.mark.parametrize("path", ["login", "signup"])
def test_an_app_gets_a_token_for_the_api(site: LiveSite, ada: User, path: str) -> None:
    """Beside its session token, for the same auth session: a logout at either ends both."""
    device = site.device()
    name = "ada" if path == "login" else "eve"
    answer = app_log_in(device, path, username=name, password=PASSWORD)
    token = body(answer)["meta"]["session_token"]
    assert bool(device.refresh_token) is site.is_jwt
    assert body(device.call())["username"] == name
    assert app_call(device, "GET", f"{APP}/session", token).status_code == 200
    (session,) = sessions_of(User.objects.get(username=name))
    assert session.amr == (("pwd",) if path == "login" else ())
    assert device.refresh().status_code == 200
    assert body(device.call())["username"] == name
    assert device.log_out().status_code == 204
    assert app_call(device, "GET", f"{APP}/session", token).status_code in {401, 410}


@by_cookie
@in_session_mode
def test_a_stolen_session_cookie_is_no_token_of_an_app(site: LiveSite, ada: User) -> None:
    """Where the login is bound to its device, its key opens nothing as X-Session-Token either."""
    site.configure(DEVICE_BOUND="offer")
    device, thief = site.device(), site.device(address="203.0.113.66")
    bind(device, device.log_in())
    assert device.call().status_code == 200
    site.advance(seconds=15)
    key = device.cookies[SESSION_COOKIE]
    assert app_call(thief, "GET", f"{APP}/session", key).status_code in {401, 410}
    assert app_call(thief, "DELETE", f"{APP}/session", key).status_code in {401, 410}
    assert device.call().status_code == 200


@by_cookie
@in_session_mode
def test_the_session_token_of_an_app_is_bound_as_others_are(site: LiveSite, ada: User) -> None:
    """``BIND`` revokes an auth session whose key comes from another network as X-Session-Token."""
    site.configure(BIND={"ADDRESS": "revoke"})
    device, thief = site.device(), site.device(address="203.0.113.66")
    device.log_in()
    key = device.cookies[SESSION_COOKIE]
    assert app_call(thief, "GET", f"{APP}/session", key).status_code in {401, 410}
    assert sessions_of(ada) == ()


@by_header
def test_allauths_logout_of_an_app_revokes_the_tokens(site: LiveSite, ada: User) -> None:
    """There is one auth session, and afterwards none."""
    device = site.device()
    token = body(app_log_in(device))["meta"]["session_token"]
    assert app_call(device, "DELETE", f"{APP}/session", token).status_code == 401
    assert sessions_of(ada) == ()
    assert not device.logged_in()


@by_header
@in_jwt_mode
def test_allauths_refresh_endpoint_rotates(site: LiveSite, ada: User) -> None:
    """As ours does: the successor works, and a second use of the predecessor after the grace is theft."""
    device = site.device()
    app_log_in(device)
    first = device.refresh_token
    for token, status in ((first, 200), ("junk", 400)):
        answer = device.post("/headless/app/v1/tokens/refresh", {"refresh_token": token}, anonymous=True)
        assert answer.status_code == status, answer.content
        if status == 200:
            assert body(answer)["data"]["refresh_token"] != first
            device.access = body(answer)["data"]["access_token"]
    assert body(device.call())["username"] == "ada"
    site.advance(minutes=1)
    answer = device.post("/headless/app/v1/tokens/refresh", {"refresh_token": first}, anonymous=True)
    assert answer.status_code == 400
    assert sessions_of(ada) == ()


@in_session_mode
@by_cookie
@pytest.mark.parametrize("required", ["require", "testapp.policies.of_all_users"])
def test_the_key_of_a_browser_that_has_to_be_bound(site: LiveSite, ada: User, required: str) -> None:
    """It opens nothing as X-Session-Token either, once the time to bind it has passed."""
    site.configure(DEVICE_BOUND=required)
    device = site.logged_in()
    token = device.cookies[SESSION_COOKIE]
    thief, emails = site.device(), f"{APP.removesuffix('/auth')}/account/email"
    assert thief.get(emails, headers={"X-Session-Token": token}).status_code == 200
    site.advance(seconds=36)
    assert code(thief.get(emails, headers={"X-Session-Token": token})) == (403, "device_binding_required")
