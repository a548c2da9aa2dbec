"""Invalid input: a 4xx with a code, never a 500, and an unchanged store."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse

from django_authkit.types import Transport
from support.client import ACCESS_COOKIE, CSRF_COOKIE, PASSWORD, REFRESH_COOKIE, SESSION_COOKIE, Device, body
from support.live_site import LiveSite, by_header

ENDPOINTS = ["login", "refresh", "logout", "verify"]
FIELD = {"login": "username", "refresh": "refresh", "logout": "refresh", "verify": "token"}

BODIES: dict[str, bytes] = {
    "nothing": b"",
    "not JSON": b"{",
    "NUL": b"\x00",
    "top-level array": b"[]",
    "top-level string": b'"x"',
    "null": b"null",
    "NaN": b'{"username": NaN, "password": NaN, "refresh": NaN, "token": NaN}',
    "infinity": b'{"refresh": Infinity, "token": -Infinity, "username": Infinity}',
    "a huge number": b'{"token": 1' + b"0" * 5000 + b', "refresh": 1e999, "username": 1}',
    "invalid UTF-8": b'{"token": "\xff\xfe", "refresh": "\xff", "username": "\xc3\x28"}',
    "UTF-16": '{"token": "x"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"token": "x"}',
    "1 MB": b'{"token": "' + b"x" * 1_000_000 + b'"}',
    "1 MB of blanks": b" " * 1_000_000 + b"{}",
    "deep array": b'{"token": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "deep object": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "a form": b"username=ada&password=x&token=x&refresh=x",
    "single quotes": b"{'token': 'x'}",
    "two values": b'{"token": "x"}{"token": "y"}',
}

VALUES: dict[str, Any] = {
    "null": None,
    "true": True,
    "a number": 7,
    "a fraction": 0.5,
    "an array": ["x"],
    "an object": {"x": "y"},
    "empty": "",
    "a blank": " ",
    "NUL": "a\x00b",
    "control characters": "a\r\nSet-Cookie: x=y",
    "a lone surrogate": "\ud800",
    "five parts": "a.b.c.d.e",
    "dots": "..",
    "five dots": ".....",
    "100 kB": "x" * 50_000,
    "100 kB token": ("x" * 16_000 + ".") * 2 + "x" * 16_000,
    "not ASCII": "é.ü.ß",
    "a key that nobody has": "AA" + "B" * 14 + "." + "C" * 23,
    "an anonymous key": "AA" + "B" * 14 + "~" + "C" * 23,
    "a sid only": "AA" + "B" * 14,
    "no algorithm": "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
}


def assert_refused(answer: HttpResponse, what: str) -> None:
    """Check that the response is a 4xx with the usual members."""
    assert 400 <= answer.status_code < 500, (what, answer.status_code)
    assert isinstance(body(answer).get("code"), str), what
    assert set(body(answer)) <= {"detail", "code", "fields"}, what


def send(site: LiveSite, endpoint: str, content: bytes, **kwargs: Any) -> HttpResponse:
    """Send *content* to an endpoint, as this run's kind of client would."""
    device = site.device()
    device.cookies[CSRF_COOKIE] = "a" * 32
    headers = {**device.csrf(), "X-Authkit-Transport": str(site.transport), **kwargs.pop("headers", {})}
    return device.send("POST", f"/auth/{endpoint}/", content, headers=headers, **kwargs)


@pytest.fixture(autouse=True)
def no_rates(site: LiveSite) -> None:
    """Throttles are tested elsewhere."""
    site.configure(RATES={"LOGIN": None, "REFRESH": None})


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_bodies_of_every_wrong_form(site: LiveSite, device: Device, endpoint: str) -> None:
    """Anything but a small JSON object in UTF-8 is refused; logout may ignore it."""
    before = site.snapshot()
    for what, content in BODIES.items():
        answer = send(site, endpoint, content)
        if endpoint == "logout" and answer.status_code == 204:
            continue
        assert_refused(answer, what)
    assert site.snapshot() == before


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_values_of_every_wrong_form(site: LiveSite, device: Device, endpoint: str) -> None:
    """A member of a wrong type or form is refused; verify returns "not active", logout 204."""
    before = site.snapshot()
    for what, value in VALUES.items():
        for fields in (
            {FIELD[endpoint]: value},
            {FIELD[endpoint]: value, "password": "x"},
            {FIELD[endpoint]: "ada", "password": value},
            {FIELD[endpoint]: "ada", "password": "x", "remember": value},
        ):
            answer = send(site, endpoint, json.dumps(fields).encode())
            if endpoint == "logout" and answer.status_code == 204:
                continue
            if endpoint == "verify" and answer.status_code == 200:
                assert body(answer) == {"active": False}
                continue
            assert_refused(answer, what)
    assert site.snapshot() == before


@pytest.mark.parametrize("endpoint", ["login", "verify"])
def test_missing_members_are_named(site: LiveSite, endpoint: str) -> None:
    """A missing member is 400 ``invalid_request`` and is named in ``fields``."""
    answer = send(site, endpoint, b"{}")
    assert (answer.status_code, body(answer)["code"]) == (400, "invalid_request")
    assert FIELD[endpoint] in body(answer)["fields"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "text/plain",
        "application/xml",
        "text/json",
        "",
        "/",
        "application/json; charset=utf-16",
        "application/json; charset=no-such-charset",
        "application/json, text/plain",
    ],
)
@by_header
def test_other_types_than_json(site: LiveSite, ada: User, endpoint: str, content_type: str) -> None:
    """Only JSON is accepted, and its declared charset is ignored."""
    content = json.dumps({FIELD[endpoint]: "x", "password": "x"}).encode()
    answer = send(site, endpoint, content, content_type=content_type)
    if content_type.startswith("application/json;"):
        assert answer.status_code < 500
        assert answer.status_code in {200, 204} or body(answer)["code"]
    else:
        assert_refused(answer, content_type)


@by_header
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_form_logs_nobody_in(site: LiveSite, ada: User, endpoint: str) -> None:
    """A login sent as a form is refused: a page of another site could send it."""
    content = f"username=ada&password={PASSWORD}".encode()
    answer = send(site, endpoint, content, content_type="application/x-www-form-urlencoded")
    assert_refused(answer, "form")
    assert site.sids(ada) == []


HEADERS = [
    "Bearer",
    "Bearer ",
    "Bearer  ",
    "Bearer a b",
    "Bearer a\tb",
    "Bearer Bearer x",
    "Bearer token=x",
    "Bearer token=",
    'Bearer "x"',
    "Bearer " + "x" * 100_000,
    "Bearer " + "a.b." + "c" * 100_000,
    "Bearer a.b.c.d.e",
    "Bearer \x00",
    "Bearer \xff\xfe",
    "Bearer \u00e9.\u00e9.\u00e9",
    "Bearer x, Bearer y",
    "Bearer x,Basic y",
    "Bearer =",
    "Bearer " + "AA" + "B" * 14 + "~" + "C" * 23,
]


@pytest.mark.parametrize("path", ["/api/whoami/", "/plain/whoami/", "/plain/visits/", "/auth/session/"])
def test_bearer_headers_of_every_wrong_form(site: LiveSite, device: Device, path: str) -> None:
    """A malformed bearer credential is a 401 with a code in every kind of view, with or without cookies."""
    before = site.snapshot()
    for header in HEADERS:
        answer = device.send("GET", path, headers={"Authorization": header})
        assert answer.status_code == 401, header[:40]
        assert body(answer)["code"] in {"token_malformed", "token_invalid", "session_ended"}, header[:40]
        assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="api", error="invalid_token"')
    assert site.snapshot() == before


@pytest.mark.parametrize("endpoint", ["refresh", "logout", "verify", "login"])
def test_bearer_headers_of_every_wrong_form_at_the_endpoints(
    site: LiveSite, device: Device, endpoint: str
) -> None:
    """Endpoints treat them as junk: refresh is 401, logout 204, and the others ignore them."""
    before = site.snapshot()
    for header in HEADERS:
        answer = send(site, endpoint, b"{}", headers={"Authorization": header})
        expected = {"refresh": 401, "logout": 204, "verify": 400, "login": 400}[endpoint]
        assert answer.status_code == expected, (header[:40], answer.content)
    assert site.snapshot() == before


COOKIES = [
    "",
    " ",
    "x",
    "..",
    "a.b.c.d.e",
    "x" * 100_000,
    "a.b." + "c" * 100_000,
    '"quoted"',
    "\\000\\377",
    "é",
    "AA" + "B" * 14 + "." + "C" * 23,
    "AA" + "B" * 14 + "~" + "C" * 23,
    "__" + "B" * 14 + "." + "C" * 23,
    "token=",
    "=",
]


def with_cookie(site: LiveSite, header: str, path: str, method: str = "GET") -> HttpResponse:
    """Send a request with exactly this ``Cookie`` header."""
    device = site.device(Transport.COOKIE)
    token = "a" * 32
    headers = {
        "Cookie": f"{header}; {CSRF_COOKIE}={token}",
        "X-CSRFToken": token,
        "Referer": "https://testserver/",
    }
    return device.send(method, path, headers=headers)


@pytest.mark.parametrize("name", [SESSION_COOKIE, ACCESS_COOKIE, REFRESH_COOKIE, "x", ""])
def test_cookies_of_every_wrong_form(site: LiveSite, device: Device, name: str) -> None:
    """A request with junk in a cookie is anonymous or a 401."""
    before = site.snapshot()
    for value in COOKIES:
        header = f"{name}={value}"
        assert with_cookie(site, header, "/api/whoami/").status_code == 401
        assert with_cookie(site, header, "/plain/whoami/").json() == {"id": None}  # type: ignore[attr-defined]
        assert_refused(with_cookie(site, header, "/auth/session/"), value[:40])
        assert_refused(with_cookie(site, header, "/auth/refresh/", "POST"), value[:40])
        assert with_cookie(site, header, "/auth/logout/", "POST").status_code == 204
    assert site.snapshot() == before


@pytest.mark.parametrize("header", [";", "=;=;=", "\x00", "a" * 100_000, ";" * 999, "\xff=\xff", "a=b;" * 99])
def test_cookie_headers_of_every_wrong_form(site: LiveSite, header: str) -> None:
    """A ``Cookie`` header that cannot be parsed is not a credential."""
    assert_refused(with_cookie(site, header, "/auth/session/"), header[:40])
    assert_refused(with_cookie(site, header, "/auth/refresh/", "POST"), header[:40])


def test_surroundings_of_every_wrong_form(site: LiveSite, ada: User) -> None:
    """User agent, addresses and languages may have any value: login and the record work."""
    site.configure(TRUSTED_PROXIES=1)
    surroundings = ["\x00", "x" * 100_000, "\xff\xfe", "é", "\x1b[31m", "' OR 1=1 --", "::1%eth0", ",,,", " "]
    for junk in surroundings:
        headers = {"User-Agent": junk, "X-Forwarded-For": junk, "Accept": junk, "Accept-Language": junk}
        content = json.dumps({"username": "ada", "password": PASSWORD}).encode()
        answer = send(site, "login", content, headers=headers)
        assert answer.status_code == 200, junk[:20]
    assert len(site.sids(ada)) == len(surroundings)


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/*", "x", "application/json;q=0"])
def test_answers_are_json_whatever_is_accepted(site: LiveSite, accept: str) -> None:
    """Responses are always JSON, never a page and never a 406."""
    answer = site.device().get("/auth/session/", {"Accept": accept})
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("query", ["?format=api", "?format=xml", "?token=x&refresh=y", "?x=%00", "?%ff"])
def test_query_strings_are_ignored(site: LiveSite, device: Device, query: str) -> None:
    """Nothing is read from the query string."""
    assert device.get(f"/auth/session/{query}").status_code == 200
    assert site.device().get(f"/auth/session/{query}").status_code == 401


def test_unexpected_members_are_ignored(site: LiveSite, ada: User) -> None:
    """Unknown members have no effect: nobody becomes an administrator."""
    device = site.device()
    device.who()
    answer = device.log_in(
        is_superuser=True, user={"id": 1}, transport="header", sid="x", email="x@example.org"
    )
    assert answer.status_code == 200
    ada.refresh_from_db()
    assert not ada.is_superuser
    assert ada.email == "ada@example.org"


def test_a_bearer_starts_no_anonymous_session(site: LiveSite, device: Device) -> None:
    """A view that writes the session of a bearer starts no anonymous session."""
    before = len(site.snapshot())
    credential = device.credential if site.is_jwt else "AA" + "B" * 14 + "." + "C" * 23
    stranger = site.device(Transport.HEADER)
    for _ in range(3):
        stranger.get("/plain/visits/", {"Authorization": f"Bearer {credential}"})
    assert len(site.snapshot()) == before
