"""CSRF: unsafe requests authenticated by a cookie need a proof; those authenticated by a header do not."""

import json

import pytest
from django.contrib.auth.models import User

from django_authkit import sessions_of
from django_authkit.types import Transport
from support.client import CREDENTIAL_COOKIES, PASSWORD, SESSION_COOKIE, Device, body, code
from support.live_site import LiveSite, by_cookie, in_session_mode

UNSAFE = ["/api/notes/", "/auth/refresh/", "/auth/logout/"]


@by_cookie
@pytest.mark.parametrize("path", UNSAFE)
def test_a_cookie_needs_a_proof(site: LiveSite, device: Device, path: str) -> None:
    """An unsafe request by cookie without the CSRF token is 403 ``csrf_failed`` and does nothing."""
    before = site.snapshot()
    answer = device.send("POST", path, b"{}")
    assert code(answer) == (403, "csrf_failed")
    assert not set(answer.cookies) & set(CREDENTIAL_COOKIES)
    assert site.snapshot() == before
    assert device.logged_in()


@pytest.mark.parametrize("path", UNSAFE)
def test_a_cookie_with_its_proof_gets_through(site: LiveSite, device: Device, path: str) -> None:
    """The same request with the token works; an app needs none."""
    answer = device.post(path, {} if device.is_browser else {"refresh": device.django_session})
    assert answer.status_code in {200, 201, 204}


@by_cookie
@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
@pytest.mark.parametrize("path", UNSAFE)
def test_a_request_from_another_origin_is_refused(
    site: LiveSite, device: Device, path: str, origin: str
) -> None:
    """The token alone is not enough: the origin is checked, too."""
    answer = device.post(path, {}, headers={"Origin": origin})
    assert code(answer) == (403, "csrf_failed")
    assert device.logged_in()


def log_in_body() -> bytes:
    """Return a valid login."""
    return json.dumps({"username": "ada", "password": PASSWORD}).encode()


def test_log_in_by_cookie_needs_a_proof(site: LiveSite, ada: User) -> None:
    """Another site cannot log a browser in to the attacker's account."""
    device = site.device()
    headers = {"X-Authkit-Transport": str(site.transport)}
    answer = device.send("POST", "/auth/login/", log_in_body(), headers=headers)
    if device.is_browser:
        assert code(answer) == (403, "csrf_failed")
        assert site.sids(ada) == []
    else:
        assert answer.status_code == 200


def test_log_in_by_cookie_needs_a_proof_beside_a_bearer(site: LiveSite, ada: User) -> None:
    """A response that can set a cookie needs the proof, whatever else the request contains."""
    device = site.device(Transport.COOKIE)
    headers = {"X-Authkit-Transport": "cookie", "Authorization": "Bearer x"}
    answer = device.send("POST", "/auth/login/", log_in_body(), headers=headers)
    assert code(answer) == (403, "csrf_failed")
    assert site.sids(ada) == []


@pytest.mark.parametrize("method", ["token", "fetch-metadata"])
def test_a_log_in_of_the_projects_own_needs_a_proof_beside_a_bearer(
    site: LiveSite, ada: User, method: str
) -> None:
    """Django skips its check for a bearer; ``log_in`` makes it where it is about to set cookies."""
    site.configure(CSRF=method)
    device = site.device(Transport.COOKIE)
    device.who()
    headers = {
        "X-Authkit-Transport": str(site.transport),
        "X-Passkey": "ada",
        "Authorization": "Bearer x",
        "Origin": "https://app.example.org",
    }
    answer = device.send("POST", "/plain/own-login/", headers=headers)
    if site.transport is Transport.HEADER:
        assert answer.status_code == 200
        return
    assert code(answer) == (403, "csrf_failed")
    assert site.sids(ada) == []
    own = headers | device.csrf() | {"Origin": "https://testserver"}
    assert device.send("POST", "/plain/own-login/", headers=own).status_code == 200
    assert len(site.sids(ada)) == 1


@by_cookie
def test_a_log_in_of_the_projects_own_takes_djangos_check(site: LiveSite, ada: User) -> None:
    """Without a bearer the middleware has checked the proof, and it is not checked again."""
    device = site.device()
    device.who()
    assert device.send("POST", "/plain/own-login/", headers={"X-Passkey": "ada"}).status_code == 403
    assert device.post("/plain/own-login/", headers={"X-Passkey": "ada"}).status_code == 200


def test_a_header_needs_no_proof_beside_cookies(site: LiveSite, bob: User, device: Device) -> None:
    """A request authenticated by a bearer is not checked, although the browser sent cookies, too."""
    other = site.logged_in("bob")
    headers = {"Authorization": f"Bearer {other.credential}"}
    answer = device.send("POST", "/api/notes/", b"{}", headers=headers)
    assert answer.status_code == 201
    assert body(answer)["owner"] == bob.pk
    answer = device.send("POST", "/plain/notes/", b"{}", headers=headers)
    assert body(answer)["owner"] == bob.pk


@pytest.mark.parametrize("path", ["/plain/notes/", "/plain/notes-async/"])
def test_plain_views_are_checked_by_django(site: LiveSite, ada: User, device: Device, path: str) -> None:
    """Django's own middleware checks plain views with cookies and skips bearer requests."""
    answer = device.send("POST", path, b"{}", headers={} if device.is_browser else device_bearer(device))
    if device.is_browser:
        assert answer.status_code == 403
        answer = device.post(path, {})
    assert answer.status_code == 201
    assert body(answer)["owner"] == ada.pk


@in_session_mode
@by_cookie
def test_logging_out_an_anonymous_user_needs_a_proof(site: LiveSite) -> None:
    """Another site cannot make a browser lose its anonymous session."""
    anonymous = site.device()
    anonymous.post("/django/cart/", "apple")
    answer = anonymous.send("POST", "/auth/logout/")
    assert not set(answer.cookies) & set(CREDENTIAL_COOKIES)
    assert body(anonymous.get("/django/cart/"))["cart"] == ["apple"]


def device_bearer(device: Device) -> dict[str, str]:
    """Return the header that presents the device's credential."""
    return {"Authorization": f"Bearer {device.credential}"}


def test_a_refresh_token_in_the_body_needs_no_proof(site: LiveSite, device: Device) -> None:
    """Another site would have to know the credential to put it into a body."""
    browser = site.device(Transport.COOKIE)
    browser.cookies = dict(device.cookies)
    content = json.dumps({"refresh": device.django_session}).encode()
    assert browser.send("POST", "/auth/refresh/", content).status_code == 200
    assert browser.send("POST", "/auth/logout/", content).status_code == 204


@by_cookie
def test_log_in_changes_the_csrf_token(site: LiveSite, ada: User) -> None:
    """A CSRF token planted before the login is useless after it."""
    device = site.device()
    device.who()
    planted = device.csrf()
    device.log_in()
    secret = device.cookies["csrftoken"]
    assert secret != planted["X-CSRFToken"]
    answer = device.send("POST", "/api/notes/", b"{}", headers=planted)
    assert code(answer) == (403, "csrf_failed")


@by_cookie
def test_no_header_or_member_changes_the_method(site: LiveSite, ada: User, device: Device) -> None:
    """A request with a safe method stays safe, whatever it says; nothing is revoked or created."""
    other = site.logged_in()
    before = site.snapshot()
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        for path in (
            f"/auth/sessions/{site.sid(other)}/",
            "/auth/sessions/",
            "/auth/logout/",
            "/auth/refresh/",
        ):
            answer = device.send("GET", f"{path}?_method=DELETE&_method=POST", headers={name: "DELETE"})
            assert answer.status_code in {200, 405}, path
            assert not set(answer.cookies) & set(CREDENTIAL_COOKIES)
    assert site.snapshot() == before
    assert device.logged_in()
    assert other.logged_in()


def test_safe_requests_need_no_proof(site: LiveSite, device: Device) -> None:
    """GET, HEAD and OPTIONS are not checked."""
    headers = {} if device.is_browser else device_bearer(device)
    for method in ("GET", "HEAD", "OPTIONS"):
        assert device.send(method, "/api/whoami/", headers=headers).status_code == 200


@in_session_mode
@by_cookie
def test_a_body_with_junk_does_not_replace_the_proof_at_log_out(
    site: LiveSite, ada: User, device: Device
) -> None:
    """Only a request that our own front end is proved to have sent revokes the cookie's session."""
    forged = device.copy()
    answer = forged.send("POST", "/auth/logout/", b'{"refresh": "junk"}')
    assert answer.status_code == 204
    assert SESSION_COOKIE not in answer.cookies
    assert len(sessions_of(ada)) == 1
    assert device.logged_in()
