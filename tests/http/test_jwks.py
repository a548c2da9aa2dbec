"""``GET .well-known/jwks.json``: public, cacheable, and without private members."""

import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from support.signing_keys import PAIRS, SECRET, jwk, key, pem

PATH = "/auth/.well-known/jwks.json"
PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
"""Every member of RFC 7518, section 6 that the registry calls private."""
PUBLIC_MEMBERS = {
    "RSA": {"kty", "n", "e", "use", "alg", "kid"},
    "EC": {"kty", "crv", "x", "y", "use", "alg", "kid"},
    "OKP": {"kty", "crv", "x", "use", "alg", "kid"},
}


@pytest.fixture(autouse=True)
def _pairs(settings: Settings) -> None:
    """Sign with key pairs, without a database: the endpoint uses none."""
    configure(settings, *(jwk(algorithm) for algorithm in PAIRS))


def configure(settings: Settings, *entries: Any) -> None:
    """Put *entries* into ``SIGNING_KEYS``."""
    settings.AUTHKIT_MODE = "jwt"
    settings.AUTHKIT = {"STORE": "database", "SIGNING_KEYS": list(entries)}


def ask(method: str = "get", **headers: str) -> HttpResponse:
    """Ask for the set."""
    answer: HttpResponse = getattr(Client(), method)(PATH, secure=True, headers=headers)
    return answer


def test_the_public_halves_are_there() -> None:
    """Each key has its kid, algorithm and use, and only public members."""
    published = json.loads(ask().content)
    assert set(published) == {"keys"}
    assert [entry["kid"] for entry in published["keys"]] == [key(algorithm).kid for algorithm in PAIRS]
    assert [entry["alg"] for entry in published["keys"]] == PAIRS
    for entry in published["keys"]:
        assert entry["use"] == "sig"
        assert set(entry) == PUBLIC_MEMBERS[entry["kty"]]
        assert PRIVATE_MEMBERS.isdisjoint(entry)


def test_it_may_be_cached_and_is_no_credential() -> None:
    """Media type and caching are those of a public document; it sets no cookie and varies on nothing."""
    answer = ask()
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/jwk-set+json"
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert not answer.cookies
    assert "Cookie" not in answer.headers.get("Vary", "")


def test_credentials_do_not_matter() -> None:
    """An invalid credential is ignored."""
    assert ask(authorization="Bearer junk").content == ask(cookie="__Host-authkit_access=junk").content


@pytest.mark.parametrize("mode", ["session", "jwt"])
@pytest.mark.parametrize("entries", [[], [{"secret": SECRET}]], ids=["derived", "secret"])
def test_secrets_are_not_published(settings: Settings, mode: str, entries: list[Any]) -> None:
    """With secrets, in either mode, the set is empty."""
    configure(settings, *entries)
    settings.AUTHKIT_MODE = mode
    answer = ask()
    assert (answer.status_code, json.loads(answer.content)) == (200, {"keys": []})


def test_head_is_get_without_a_body() -> None:
    """HEAD has the headers of GET."""
    answer = ask("head")
    assert answer.status_code == 200
    assert answer.content == b""
    assert answer.headers["Content-Type"] == ask().headers["Content-Type"]
    assert answer.headers["Content-Length"] == ask().headers["Content-Length"]


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_it_is_read_only(method: str) -> None:
    """Every other method is 405, says which are allowed, and sets no CSRF cookie."""
    answer: HttpResponse = getattr(Client(enforce_csrf_checks=True), method)(PATH, secure=True)
    assert answer.status_code == 405
    assert not answer.cookies
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_it_follows_the_settings(settings: Settings) -> None:
    """A key that is removed from the ring is removed from the set."""
    configure(settings, pem("ES256"))
    (published,) = json.loads(ask().content)["keys"]
    assert published["kid"] == key("ES256").kid


def test_it_has_a_name() -> None:
    """Its name is ``authkit:jwks``."""
    assert reverse("authkit:jwks") == PATH
