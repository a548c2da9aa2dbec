"""Cookies are found by the names that browsers sent, on every kind of server."""

from io import BytesIO

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.test import RequestFactory

from django_authkit.http.transports import cookie_of

NAME = "__Host-sessionid"
FOUND = [
    (b"__Host-sessionid=own", "own"),
    (b"a=b;__Host-sessionid=own;c=d", "own"),
    (b" \t__Host-sessionid = own ; a=b", "own"),  # browsers strip blanks and tabs, too
    (b"__Host-sessionid=a=b==", "a=b=="),
    (b"__Host-sessionid=", ""),
    (b'__Host-sessionid=""', ""),  # Python's cookie jars
    (b"__Host-sessionid=x; __Host-sessionid=own", "own"),
    (b"\xe2\x80\x80__Host-sessionid=planted; __Host-sessionid=own", "own"),
    (b"__Host-sessionid=own; \xe2\x80\x80__Host-sessionid=planted", "own"),
    (b"__Host-sessionid=own; \xa0__Host-sessionid=planted", "own"),
    (b"__Host-sessionid=own; \x85__Host-sessionid=planted", "own"),
    (b"__Host-sessionid=own; \x1c__Host-sessionid=planted", "own"),
    (b"__Host-sessionid=own; __Host-sessionid\x0b=planted", "own"),
    (b"__Host-sessionid=own; __HOST-sessionid=other; __host-sessionid=other", "own"),
    (b"\xa0__Host-sessionid=planted", None),
    (b"\xe3\x80\x80__Host-sessionid=planted", None),
    (b"__Host-sessionid", None),
    (b"=__Host-sessionid=planted", None),
    (b"a=__Host-sessionid=planted", None),
    (b'$Version=1; a="b; __Host-sessionid=x"', 'x"'),  # quotes have no meaning (RFC 6265 §5.4)
    (b";;;", None),
    (b"=", None),
]


@pytest.mark.parametrize(("header", "value"), FOUND)
def test_by_wsgi_and_asgi(header: bytes, value: str | None) -> None:
    """Both decode the header as Latin-1, and Django parses the names differently."""
    by_wsgi = RequestFactory().get("/", headers={"Cookie": header.decode("latin-1")})
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"cookie", header)]}
    by_asgi = ASGIRequest(scope, BytesIO())
    assert cookie_of(by_wsgi, NAME) == value
    assert cookie_of(by_asgi, NAME) == value


def test_cookies_set_by_a_test_are_found() -> None:
    """If a test fills ``request.COOKIES`` itself, there is no header."""
    request = RequestFactory().get("/")
    request.COOKIES[NAME] = "own"
    assert cookie_of(request, NAME) == "own"


def test_none_at_all() -> None:
    """A request without cookies has none."""
    assert cookie_of(RequestFactory().get("/"), NAME) is None
