"""``CSRF = "fetch-metadata"``: the browser's headers about a request's source decide."""

import json
from itertools import product

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from pytest_django import Settings

from support.client import CREDENTIAL_COOKIES, PASSWORD, Device, code
from support.live_site import LiveSite, by_cookie, by_header

OWN = "https://testserver"
PROVED = [{"Sec-Fetch-Site": "same-origin"}, {"Origin": OWN}]
FORGED = [
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://blog.testserver"},
    {"Origin": "null"},
    {},
]
UNSAFE = [
    ("POST", "/api/notes/", {}),
    ("POST", "/auth/refresh/", {}),
    ("POST", "/auth/reauthenticate/", {"password": PASSWORD}),
    ("DELETE", "/auth/sessions/", None),
    ("POST", "/plain/notes/", {}),
    ("POST", "/plain/notes-async/", {}),
    ("POST", "/auth/logout/", None),
]


@pytest.fixture(autouse=True)
def believing(site: LiveSite) -> None:
    """Use Fetch Metadata."""
    site.configure(CSRF="fetch-metadata")


@pytest.fixture
def device(site: LiveSite, ada: User) -> Device:
    """Return ada's device, logged in from our own page."""
    device = site.device()
    if not device.is_browser:
        return site.logged_in()
    assert device.who().status_code == 401  # brings the token, which Django's middleware takes as well
    answer = send(device, "POST", "/auth/login/", {"username": "ada", "password": PASSWORD}, PROVED[0])
    assert answer.status_code == 200, answer.content
    return device


def send(device: Device, method: str, path: str, content: object, proof: dict[str, str]) -> HttpResponse:
    """Send a request without any CSRF token."""
    body = b"" if content is None else json.dumps(content).encode()
    return device.send(method, path, body, headers=proof)


@by_cookie
def test_what_comes_from_elsewhere_is_refused(site: LiveSite, device: Device) -> None:
    """Each unsafe request with cookies from elsewhere is 403, from a sibling origin, too."""
    before, cookies = site.snapshot(), dict(device.cookies)
    for proof, (method, path, content) in product(FORGED, UNSAFE):
        answer = send(device, method, path, content, proof)
        assert answer.status_code == 403, (path, proof)
        assert not set(answer.cookies) & set(CREDENTIAL_COOKIES)
    assert site.snapshot() == before
    assert device.cookies == cookies
    assert device.logged_in()


@by_cookie
@pytest.mark.parametrize("proof", PROVED, ids=str)
def test_our_own_pages_need_no_token(site: LiveSite, device: Device, proof: dict[str, str]) -> None:
    """With the browser's headers all of them work without a token."""
    for method, path, content in UNSAFE:
        answer = send(device, method, path, content, proof)
        assert answer.status_code in {200, 201, 204}, path
        assert {"Sec-Fetch-Site", "Origin"} <= set(answer.headers["Vary"].split(", ")), path


@by_cookie
def test_a_trusted_origin_is_let_in(settings: Settings, site: LiveSite, device: Device) -> None:
    """A front end on another origin works if Django trusts it."""
    proof = {"Sec-Fetch-Site": "same-site", "Origin": "https://app.testserver"}
    assert send(device, "POST", "/api/notes/", {}, proof).status_code == 403
    settings.CSRF_TRUSTED_ORIGINS = ["https://*.testserver"]
    for method, path, content in UNSAFE:
        assert send(device, method, path, content, proof).status_code in {200, 201, 204}, path


@by_cookie
def test_log_in_from_elsewhere_is_refused(site: LiveSite, ada: User) -> None:
    """Another site cannot log a browser in to the attacker's account, with a bearer neither."""
    body = {"username": "ada", "password": PASSWORD}
    device = site.device()
    for proof, more in product(FORGED, ({}, {"Authorization": "Bearer x"})):
        answer = send(device, "POST", "/auth/login/", body, proof | more)
        assert code(answer) == (403, "csrf_failed")
    assert site.sids(ada) == []
    assert send(device, "POST", "/auth/login/", body, PROVED[0]).status_code == 200


@by_header
def test_a_bearer_needs_no_word_of_a_browser(site: LiveSite, device: Device) -> None:
    """A request authenticated by a header is not checked."""
    headers = {"Authorization": f"Bearer {device.credential}", **FORGED[0]}
    for path in ("/api/notes/", "/plain/notes/"):
        assert device.send("POST", path, b"{}", headers=headers).status_code == 201


@by_cookie
def test_plain_views_take_a_token_as_well(site: LiveSite, device: Device) -> None:
    """A form without these headers passes Django's own check; one with a forged source does not."""
    assert device.post("/plain/notes/", {}).status_code == 201
    assert device.post("/plain/notes/", {}, headers=FORGED[0]).status_code == 403
    assert code(device.post("/api/notes/", {})) == (403, "csrf_failed")


@by_cookie
def test_the_device_page_follows(site: LiveSite, device: Device) -> None:
    """Its forms need one of the two proofs."""
    before = site.snapshot()
    for proof in FORGED:
        answer = device.send(
            "POST",
            "/account/devices/",
            b"revoke=others",
            content_type="application/x-www-form-urlencoded",
            headers=proof,
        )
        assert answer.status_code == 403
    assert site.snapshot() == before
    assert device.submit("/account/devices/", revoke="others").status_code == 302
    answer = device.send(
        "POST",
        "/account/devices/",
        b"revoke=others",
        content_type="application/x-www-form-urlencoded",
        headers=PROVED[0],
    )
    assert answer.status_code == 302
