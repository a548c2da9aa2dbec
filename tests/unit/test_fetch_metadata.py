"""``CSRF = "fetch-metadata"``: which sources of a request are accepted."""

from typing import Any

import pytest
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from django_authkit.errors import CsrfFailed
from django_authkit.http.csrf import enforce_csrf, exempt, is_proved, vary_on_source

OWN = "https://shop.example.org"
TRUSTED = ["https://app.example.org", "https://*.partners.example", "http://dev.example:5173"]

ACCEPTED: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "same-origin", "Origin": OWN},
    {"Sec-Fetch-Site": "same-origin", "Origin": "null"},  # our own pages send that with no-referrer
    {"Sec-Fetch-Site": "same-site", "Origin": "https://app.example.org"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://a.partners.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://a.b.partners.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://dev.example:5173"},
    {"Sec-Fetch-Site": "none", "Origin": OWN},
    {"Sec-Fetch-Site": "some-new-word", "Origin": OWN},
    {"Sec-Fetch-Site": "", "Origin": OWN},
    {"Origin": OWN},
    {"Origin": "https://app.example.org"},
    {"Origin": "https://a.partners.example"},
]
REFUSED: list[dict[str, str]] = [
    {},
    {"Referer": f"{OWN}/page"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "none", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "none", "Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://blog.example.org"},
    {"Sec-Fetch-Site": "same-site", "Origin": OWN},  # after a redirect through a sibling, or from plain HTTP
    {"Sec-Fetch-Site": "cross-site", "Origin": OWN},
    {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://a.b.partners.example.evil.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://a.partners.example"},  # not with that scheme
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evilpartners.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://dev.example:5174"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://app.example.org:8443"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://app.example.org.evil.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://[app.example.org"},
    {"Sec-Fetch-Site": "Same-Origin", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-origin,cross-site"},
    {"Sec-Fetch-Site": "same-origin, same-origin", "Origin": "https://evil.example"},
    {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "https://evil.example"},
    {"Origin": "http://shop.example.org"},  # an attacker on the network can make such a page
    {"Origin": f"{OWN}:8443"},
    {"Origin": f"{OWN}, https://evil.example"},
    {"Origin": f"{OWN}.evil.example"},
    {"Origin": "shop.example.org"},
]


@pytest.fixture(autouse=True)
def site(settings: Settings) -> None:
    """Use Fetch Metadata on a site with trusted origins."""
    settings.AUTHKIT = {"CSRF": "fetch-metadata"}
    settings.ALLOWED_HOSTS = ["shop.example.org", "localhost"]
    settings.CSRF_TRUSTED_ORIGINS = TRUSTED


def a_request(
    headers: dict[str, str], *, method: str = "POST", secure: bool = True, **meta: Any
) -> HttpRequest:
    """Return a request to the site as a server would hand it over."""
    return RequestFactory().generic(
        method, "/", secure=secure, headers={"Host": "shop.example.org", **headers}, **meta
    )


def is_accepted(request: HttpRequest) -> bool:
    """Tell whether the request is accepted."""
    try:
        enforce_csrf(request)
    except CsrfFailed:
        return False
    return True


@pytest.mark.parametrize("headers", ACCEPTED, ids=str)
def test_own_and_trusted_sources_are_accepted(headers: dict[str, str]) -> None:
    """A request from our own origin, or from one that Django trusts, needs no token."""
    assert is_accepted(a_request(headers))
    assert is_proved(a_request(headers))


@pytest.mark.parametrize("headers", REFUSED, ids=str)
@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH", "QUERY"])
def test_other_and_unknown_sources_are_refused(headers: dict[str, str], method: str) -> None:
    """Everything else is refused, including requests without a source."""
    assert not is_accepted(a_request(headers, method=method))
    assert not is_proved(a_request(headers, method=method))


def test_null_is_trusted_by_nobody(settings: Settings) -> None:
    """``Origin: null`` can be sent by anybody, so listing it has no effect."""
    settings.CSRF_TRUSTED_ORIGINS = ["null"]
    assert not is_accepted(a_request({"Origin": "null"}))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_safe_requests_need_no_proof(method: str) -> None:
    """They are accepted, and prove nothing."""
    request = a_request({"Sec-Fetch-Site": "cross-site"}, method=method)
    assert is_accepted(request)
    assert not is_proved(request)


def test_plain_http_uses_the_origin() -> None:
    """Browsers send no Fetch Metadata over plain HTTP; then the Origin decides, including the port."""
    for origin, fine in (
        ("http://localhost:8000", True),
        ("http://localhost:5173", False),
        ("https://localhost:8000", False),
        ("http://127.0.0.1:8000", False),
    ):
        request = a_request({"Host": "localhost:8000", "Origin": origin}, secure=False)
        assert is_accepted(request) is fine


def test_a_proxy_is_trusted_as_by_django(settings: Settings) -> None:
    """Scheme and host are those of the proxy's headers if Django's settings say so, and only then."""
    forwarded = {
        "Host": "10.0.0.5:8000",
        "Origin": OWN,
        "X-Forwarded-Host": "shop.example.org",
        "X-Forwarded-Proto": "https",
    }
    assert not is_accepted(a_request(forwarded, secure=False))
    settings.ALLOWED_HOSTS = ["shop.example.org", "10.0.0.5"]
    assert not is_accepted(a_request(forwarded, secure=False))
    settings.USE_X_FORWARDED_HOST = True
    assert not is_accepted(a_request(forwarded, secure=False))
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert is_accepted(a_request(forwarded, secure=False))


def test_a_host_that_is_not_ours_is_refused() -> None:
    """``same-origin`` does not help a host name that was made to point here (DNS rebinding)."""
    headers = {"Host": "evil.example", "Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"}
    with pytest.raises(DisallowedHost):
        a_request(headers).get_host()
    assert not is_accepted(a_request(headers))


@pytest.mark.parametrize("method", ["token", "fetch-metadata"])
def test_a_skipped_check_of_the_middleware_is_no_proof(settings: Settings, method: str) -> None:
    """The middleware skips a bearer; where a cookie authenticates, the proof is required anyway."""
    settings.AUTHKIT = {"CSRF": method}
    request = a_request({"Authorization": "Bearer x", "Sec-Fetch-Site": "cross-site"})
    exempt(request)
    request.csrf_processing_done = True  # type: ignore[attr-defined]  # as the middleware leaves it
    assert not is_accepted(request)


def test_a_token_that_the_middleware_has_checked_is_a_proof() -> None:
    """A form of an old browser without both headers is accepted if Django has checked its token."""
    request = a_request({})
    request.csrf_processing_done = True  # type: ignore[attr-defined]  # as the middleware leaves it
    assert is_accepted(request)


def test_djangos_test_client_is_accepted() -> None:
    """It makes no checks unless a test asks for them."""
    request = a_request({})
    request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
    assert is_accepted(request)


def test_responses_vary_on_the_headers(settings: Settings) -> None:
    """Responses to unsafe requests vary on both headers; others, and those of the other method, do not."""
    expected = {"POST": "Sec-Fetch-Site, Origin", "GET": None}
    for method, vary in expected.items():
        response = HttpResponse()
        vary_on_source(a_request({}, method=method), response)
        assert response.headers.get("Vary") == vary
    settings.AUTHKIT = {"CSRF": "token"}
    response = HttpResponse()
    vary_on_source(a_request({}), response)
    assert "Vary" not in response.headers


def test_the_token_method_ignores_the_headers(settings: Settings) -> None:
    """With Django's method ``same-origin`` proves nothing."""
    settings.AUTHKIT = {"CSRF": "token"}
    request = a_request({"Sec-Fetch-Site": "same-origin", "Origin": OWN})
    assert not is_accepted(request)
    assert not is_proved(request)


def test_the_reason_is_reported() -> None:
    """The message names the header that was not accepted."""
    for headers, told in (
        ({"Sec-Fetch-Site": "same-site", "Origin": "https://x.example.org"}, "same-site"),
        ({"Origin": "https://evil.example"}, "https://evil.example"),
        ({}, "Neither"),
    ):
        with pytest.raises(CsrfFailed, match=told):
            enforce_csrf(a_request(headers))
