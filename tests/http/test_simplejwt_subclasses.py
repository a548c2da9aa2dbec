"""Subclasses of simplejwt's ``JWTAuthentication`` that call or override its four methods."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from django_authkit.compat.simplejwt.authentication import JWTAuthentication, ValidatedToken
from support.live_site import LiveSite, by_header


class FromACookie(JWTAuthentication):
    """What projects write that have the access token in a cookie of their own."""

    def authenticate(self, request: Request) -> Any:
        """Use the token of the header, or else of the cookie."""
        header = self.get_header(request)
        raw = request.COOKIES.get("access") if header is None else self.get_raw_token(header)
        if raw is None:
            return None
        token = self.get_validated_token(raw)
        return self.get_user(token), token


class OfAnotherHeader(JWTAuthentication):
    """Overrides two methods only."""

    def get_header(self, request: Request) -> bytes | None:
        """Return the header of a gateway."""
        header = request.META.get("HTTP_X_GATEWAY")
        return header.encode() if header else None

    def get_user(self, validated_token: ValidatedToken) -> Any:
        """Refuse the users whom the project refuses."""
        user: Any = super().get_user(validated_token)
        user.seen_with = validated_token["sid"]
        return user


def asked(**headers: Any) -> Request:
    """Return a request with these headers."""
    return Request(APIRequestFactory().get("/", headers=headers or None))


def told(error: APIException) -> Any:
    """Return the code in the body of an error."""
    detail: Any = error.detail
    return detail["code"]


@by_header
def test_a_subclass_that_calls_the_steps_finds_the_user(site: LiveSite, ada: User) -> None:
    """The token of the header or of a cookie authenticates; its claims are those of simplejwt."""
    access = site.logged_in().access
    for request in (asked(Authorization=f"Bearer {access}"), asked(Cookie=f"access={access}")):
        user, token = FromACookie().authenticate(request)
        assert user == ada
        assert token["user_id"] == str(ada.pk)
        assert token["token_type"] == "access"
        assert token["sid"] == site.sids(ada)[0]
    assert FromACookie().authenticate(asked()) is None
    assert FromACookie().authenticate(asked(Authorization="Basic YTpi")) is None


@by_header
def test_a_subclass_that_overrides_a_step_decides_by_it(site: LiveSite, ada: User) -> None:
    """Only its header is read, and its ``get_user`` returns the user."""
    access = site.logged_in().access
    request = asked(**{"X-Gateway": f"Bearer {access}"})
    found = OfAnotherHeader().authenticate(request)
    assert found is not None
    user: Any = found[0]
    known: Any = found[1]
    assert user == ada
    assert user.seen_with == known.sid
    assert OfAnotherHeader().authenticate(asked(Authorization=f"Bearer {access}")) is None


@by_header
def test_a_token_that_is_not_valid_is_refused_in_each_step(site: LiveSite, ada: User) -> None:
    """A revoked, a forged and a malformed token, and a header of three words have simplejwt's errors."""
    device = site.logged_in()
    assert device.log_out().status_code == 204
    for token in (device.access, f"{device.access}x", "x", "a.b.c"):
        with pytest.raises(APIException) as refused:
            FromACookie().authenticate(asked(Cookie=f"access={token}"))
        assert refused.value.status_code == 401
        assert told(refused.value) == "token_not_valid"
    with pytest.raises(APIException) as refused:
        FromACookie().authenticate(asked(Authorization="Bearer a b"))
    assert told(refused.value) == "bad_authorization_header"
