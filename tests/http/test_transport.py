"""How a credential travels (chosen at login, kept afterwards), and which of several counts."""

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse

from django_authkit.types import Transport
from support.client import CREDENTIAL_COOKIES, Device, body, code, credential_cookies
from support.live_site import LiveSite, by_cookie, in_jwt_mode

TOKEN_MEMBERS = {"access", "refresh", "token_type", "expires_in"}


def bearer(token: str) -> dict[str, str]:
    """Return the header that presents *token*."""
    return {"Authorization": f"Bearer {token}"}


def test_the_first_transport_is_the_default(site: LiveSite, ada: User) -> None:
    """Without ``X-Authkit-Transport`` a client gets the project's first transport."""
    other = Transport.HEADER if site.transport is Transport.COOKIE else Transport.COOKIE
    site.configure(TRANSPORTS=(str(site.transport), str(other)))
    device = site.device(Transport.COOKIE)
    device.who()
    answer = device.post(
        "/auth/login/", {"username": "ada", "password": "correct horse battery staple"}, headers=device.csrf()
    )
    assert answer.status_code == 200
    assert bool(credential_cookies(answer)) is (site.transport is Transport.COOKIE)
    assert bool(TOKEN_MEMBERS & set(body(answer))) is (site.transport is Transport.HEADER)


@pytest.mark.parametrize("asked", ["carrier-pigeon", "", "cookie,header", "cookie header", "\u217dookie"])
def test_a_transport_that_does_not_exist_is_refused(site: LiveSite, ada: User, asked: str) -> None:
    """A client that asks for an unknown transport gets 400 ``invalid_request`` and no auth session."""
    device = site.device(Transport.COOKIE)
    device.who()
    answer = device.post(
        "/auth/login/",
        {"username": "ada", "password": "correct horse battery staple"},
        headers={"X-Authkit-Transport": asked},
    )
    assert code(answer) == (400, "invalid_request")
    assert site.sids(ada) == []


def test_a_transport_that_the_project_does_not_offer_is_refused(site: LiveSite, ada: User) -> None:
    """Only what ``TRANSPORTS`` names can be asked for."""
    other = Transport.HEADER if site.transport is Transport.COOKIE else Transport.COOKIE
    site.configure(TRANSPORTS=(str(other),))
    assert code(site.device().log_in()) == (400, "invalid_request")
    assert site.sids(ada) == []


def test_a_refresh_keeps_the_transport(site: LiveSite, device: Device) -> None:
    """A credential from a cookie is returned in a cookie, whatever ``X-Authkit-Transport`` says later."""
    for asked in Transport:
        content = None if device.is_browser else {"refresh": device.django_session}
        proof = device.csrf() if device.is_browser else {}
        answer = device.post("/auth/refresh/", content, headers={**proof, "X-Authkit-Transport": str(asked)})
        assert answer.status_code == 200
        assert bool(TOKEN_MEMBERS & set(body(answer))) is not device.is_browser
        if not device.is_browser:
            assert not credential_cookies(answer)
            device.refresh_token = body(answer).get("refresh", "")


def test_a_body_never_becomes_a_cookie(site: LiveSite, device: Device) -> None:
    """A credential in a body is returned in the body, even to a browser with cookies."""
    browser = site.logged_in() if device.is_browser else site.device(Transport.COOKIE)
    own = dict(browser.cookies)
    answer = browser.send("POST", "/auth/refresh/", f'{{"refresh": "{device.django_session}"}}'.encode())
    assert answer.status_code == 200
    assert "access" in body(answer)
    assert not credential_cookies(answer)
    assert {name: browser.cookies.get(name) for name in CREDENTIAL_COOKIES} == {
        name: own.get(name) for name in CREDENTIAL_COOKIES
    }


def test_a_session_key_in_the_header_is_refreshed_in_the_body(site: LiveSite, device: Device) -> None:
    """Refresh reads it from the header, too, and then sets no cookie."""
    stranger = site.device(Transport.HEADER)
    answer = stranger.post("/auth/refresh/", headers=bearer(device.django_session))
    assert answer.status_code == 200
    assert "access" in body(answer)
    assert not credential_cookies(answer)


def test_the_bearer_has_precedence_over_a_cookie(
    site: LiveSite, ada: User, bob: User, device: Device
) -> None:
    """With both, the bearer's user is authenticated, in every kind of view."""
    other = site.logged_in("bob")
    for path in ("/api/whoami/", "/plain/whoami/", "/plain/whoami-async/"):
        answer = device.get(path, bearer(other.credential))
        assert body(answer)["id"] == bob.pk, path
    assert body(device.get("/auth/session/", bearer(other.credential)))["user"]["id"] == bob.pk


@pytest.mark.parametrize("junk", ["x", "a.b.c", "a b", "", "A" * 40])
def test_an_invalid_bearer_never_falls_back_to_a_cookie(site: LiveSite, ada: User, junk: str) -> None:
    """An invalid bearer credential is a 401 despite a valid cookie, in every kind of view."""
    device = site.logged_in()
    for path in ("/api/whoami/", "/api/open/", "/plain/whoami/", "/plain/whoami-async/", "/auth/session/"):
        answer = device.get(path, {"Authorization": f"Bearer {junk}"})
        assert answer.status_code == 401, path
        assert body(answer)["code"] in {"token_malformed", "token_invalid", "session_ended"}
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("path", ["/api/whoami/", "/api/open/", "/plain/whoami/", "/plain/whoami-async/"])
def test_a_bearer_and_a_credential_in_the_query_string_are_a_400(
    site: LiveSite, device: Device, path: str
) -> None:
    """Two credentials by different methods are refused, the same one twice included (RFC 6750, section 2)."""
    app, other = site.device(Transport.HEADER), site.logged_in()
    for second in (device.credential, other.credential):
        answer = app.get(f"{path}?access_token={second}", bearer(device.credential))
        assert answer.status_code == 400
        assert 'error="invalid_request"' in answer.headers["WWW-Authenticate"]
        assert second not in answer.content.decode()
    assert code(app.get(f"/auth/session/?access_token={other.credential}", bearer(device.credential))) == (
        400,
        "invalid_request",
    )


def test_a_bearer_and_a_credential_in_a_form_are_a_400(site: LiveSite, device: Device) -> None:
    """A form is the third method; with one credential, the view still gets its form."""
    app = site.device(Transport.HEADER)

    def post(path: str, token: str) -> HttpResponse:
        form = f"text=x&access_token={token}".encode()
        return app.send(
            "POST",
            path,
            form,
            content_type="application/x-www-form-urlencoded",
            headers=bearer(device.credential),
        )

    for path in ("/api/notes/", "/plain/notes/"):
        assert post(path, device.credential).status_code == 400, path
    answer = post("/api/notes/", "another-service")
    assert body(answer)["note"] == {"text": "x", "access_token": "another-service"}


def test_other_services_tokens_and_cookies_may_be_beside_a_bearer(site: LiveSite, device: Device) -> None:
    """An ``access_token`` that is not ours is the view's business; cookies are sent by the browser itself."""
    foreign = "eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImFiYyJ9.e30.c2ln"
    for token in (foreign, "ya29.junk", ""):
        assert device.get(f"/api/whoami/?access_token={token}", bearer(device.credential)).status_code == 200


def test_a_credential_in_the_query_string_alone_is_never_read(site: LiveSite, device: Device) -> None:
    """It would be in logs and histories (RFC 9700, section 4.3.2)."""
    answer = site.device(Transport.HEADER).get(f"/auth/session/?access_token={device.credential}")
    assert code(answer) == (401, "not_authenticated")


def test_an_invalid_bearer_never_refreshes_a_cookie(site: LiveSite, device: Device) -> None:
    """``refresh/`` with an invalid bearer does not change the cookies."""
    answer = device.post("/auth/refresh/", headers=bearer("a.b.c"))
    assert code(answer) == (401, "token_malformed") or code(answer) == (401, "token_invalid")
    assert not credential_cookies(answer)
    assert device.logged_in()


@pytest.mark.parametrize("other", ["Basic YWRhOnB3", "Token abc", "Bearerabc", "Digest x=y", "bear er", ","])
def test_other_schemes_are_ignored(site: LiveSite, ada: User, device: Device, other: str) -> None:
    """With any other scheme, the cookie counts, if there is one."""
    headers = {"Authorization": other}
    answer = device.get("/api/whoami/", headers)
    if device.is_browser:
        assert body(answer)["id"] == ada.pk
    else:
        assert code(device.get("/auth/session/", headers)) == (401, "not_authenticated")
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "BeArEr"])
def test_the_scheme_has_no_case(site: LiveSite, ada: User, device: Device, scheme: str) -> None:
    """Authentication schemes are compared without case (RFC 9110, section 11.1)."""
    stranger = site.device(Transport.HEADER)
    answer = stranger.get("/api/whoami/", {"Authorization": f"{scheme} {device.credential}"})
    assert body(answer)["id"] == ada.pk


def test_a_credential_of_either_transport_opens_views_by_header(
    site: LiveSite, ada: User, device: Device
) -> None:
    """A client without cookies may send a credential from a cookie as a bearer."""
    stranger = site.device(Transport.HEADER)
    for path in ("/api/whoami/", "/plain/whoami/", "/plain/whoami-async/", "/plain/visits/"):
        answer = stranger.get(path, bearer(device.credential))
        assert body(answer)["id"] == ada.pk
        assert not answer.cookies.keys() & set(CREDENTIAL_COOKIES)


@in_jwt_mode
def test_a_refresh_token_opens_no_view(site: LiveSite, device: Device) -> None:
    """Neither in the header nor in the access cookie."""
    stranger = site.device(Transport.COOKIE)
    assert code(stranger.get("/api/whoami/", bearer(device.django_session))) == (401, "token_invalid")
    stranger.cookies["__Host-authkit_access"] = device.django_session
    assert code(stranger.get("/api/whoami/")) == (401, "token_invalid")
    assert device.logged_in()


@in_jwt_mode
@by_cookie
def test_the_refresh_cookie_opens_no_view_by_itself(site: LiveSite, device: Device) -> None:
    """Only refresh and logout read the refresh cookie; other views are anonymous."""
    del device.cookies["__Host-authkit_access"]
    assert code(device.who()) == (401, "not_authenticated")
    assert device.call().status_code == 401
    assert body(device.get("/plain/whoami/"))["id"] is None


@in_jwt_mode
def test_an_access_token_never_refreshes(site: LiveSite, device: Device) -> None:
    """Neither in the body nor in the refresh cookie."""
    before = site.snapshot()
    assert code(site.device().post("/auth/refresh/", {"refresh": device.credential}, anonymous=True)) == (
        401,
        "token_invalid",
    )
    browser = site.device(Transport.COOKIE)
    browser.who()
    browser.cookies["__Host-authkit_refresh"] = device.credential
    assert code(browser.refresh()) == (401, "token_invalid")
    assert site.snapshot() == before


def test_credentials_of_the_other_mode_are_refused(site: LiveSite, device: Device) -> None:
    """If only one mode is accepted, a live credential of the other is a 401 and refreshes nothing."""
    credential, django_session = device.credential, device.django_session
    site.settings.AUTHKIT_MODE = "session" if site.is_jwt else "jwt"
    site.keep_time()
    stranger = site.device(Transport.HEADER)
    assert code(stranger.get("/api/whoami/", bearer(credential))) == (401, "token_invalid")
    assert stranger.verify(credential) == {"active": False}
    assert code(stranger.post("/auth/refresh/", {"refresh": django_session})) == (401, "token_invalid")
    assert device.copy().call().status_code == 401


@by_cookie
def test_cookies_of_the_other_mode_are_ignored(site: LiveSite, device: Device) -> None:
    """Cookies of a mode that is not accepted are ignored."""
    site.settings.AUTHKIT_MODE = "session" if site.is_jwt else "jwt"
    site.keep_time()
    assert code(device.who()) == (401, "not_authenticated")
    assert device.call().status_code == 401
