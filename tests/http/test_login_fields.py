"""Fields of a login that the project chooses, and fields that it adds to the response."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from rest_framework import serializers

from django_authkit import log_in, sessions_of
from django_authkit.api.serializers import LoginBody
from django_authkit.http.client_info import MAX_LABEL
from django_authkit.types import Transport
from support.client import FIREFOX, PASSWORD, SAFARI, body, code
from support.live_site import LiveSite, by_header, in_session_mode

on_sqlite = pytest.mark.parametrize("where", ["sqlite"], indirect=True)


class ByEmail(ModelBackend):
    """Knows users by their e-mail address, in the tenant that is their first name."""

    def authenticate(  # type: ignore[override] # by other names
        self, request: Any, email: Any = None, password: Any = None, **kwargs: Any
    ) -> Any:
        """Return the user."""
        user = User.objects.filter(email=email, first_name=kwargs.get("tenant", "")).first()
        return user if user is not None and user.check_password(password) else None


class EmailLogin(LoginBody):
    """An e-mail address and a tenant instead of the username."""

    name_field = "email"
    credential_fields = ("tenant",)

    email = serializers.EmailField()
    tenant = serializers.SlugField(required=False)
    captcha = serializers.CharField(required=False)

    def validate_captcha(self, value: str) -> str:
        """Accept what the request says."""
        if value != self.context["request"].headers["X-Authkit-Transport"]:
            raise serializers.ValidationError("Solve it again.")
        return value


class NumberLogin(LoginBody):
    """A number as the username."""

    name_field = "username"

    username = serializers.IntegerField()


class More(serializers.Serializer[Any]):
    """What a project adds to a response."""

    methods = serializers.ListField(source="session.amr")
    path = serializers.SerializerMethodField()
    user = serializers.CharField(source="user.email")

    def get_path(self, grant: Any) -> str:
        """Return the address of the request."""
        return str(self.context["request"].path)


@on_sqlite
def test_the_project_chooses_the_fields_of_a_login(site: LiveSite) -> None:
    """What it names is validated, and goes to ``authenticate()``; the username is not needed."""
    site.add_user("ada", email="ada@example.org", first_name="blue")
    site.settings.AUTHENTICATION_BACKENDS = [f"{__name__}.ByEmail"]
    site.configure(LOGIN={"SERIALIZER": f"{__name__}.EmailLogin"})
    device, sent = site.device(), {"email": "ada@example.org", "password": PASSWORD, "tenant": "blue"}
    device.who()
    assert code(device.log_in_with({**sent, "tenant": "green"})) == (401, "login_failed")
    answer = device.log_in_with({**sent, "email": "ada", "captcha": "guess"})
    assert code(answer) == (400, "invalid_request")
    assert set(body(answer)["fields"]) == {"email", "captcha"}
    assert device.log_in_with({**sent, "captcha": str(device.transport)}).status_code == 200
    assert device.logged_in()
    del sent["tenant"]
    assert code(device.log_in_with(sent)) == (401, "login_failed")  # authenticate() decides without it


@on_sqlite
@by_header
@in_session_mode
def test_a_user_proves_the_password_by_the_same_fields(site: LiveSite) -> None:
    """Re-authentication tells ``authenticate()`` what a login does, with further fields from the body."""
    site.add_user("ada", email="ada@example.org", first_name="blue")
    site.settings.AUTHENTICATION_BACKENDS = [f"{__name__}.ByEmail"]
    site.configure(LOGIN={"SERIALIZER": f"{__name__}.EmailLogin"})
    device = site.device()
    given = body(device.log_in_with({"email": "ada@example.org", "password": PASSWORD, "tenant": "blue"}))
    device.access = given["access"]
    assert code(device.reauthenticate(tenant="green")) == (401, "login_failed")
    assert code(device.reauthenticate("wrong", tenant="blue")) == (401, "login_failed")
    assert device.reauthenticate(tenant="blue").status_code == 200


@on_sqlite
@by_header
@in_session_mode
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_simplejwts_endpoint_asks_for_the_same(site: LiveSite, kind: str) -> None:
    """A login at the endpoint for simplejwt's clients needs the same fields."""
    site.add_user("ada", email="ada@example.org", first_name="blue")
    site.settings.AUTHENTICATION_BACKENDS = [f"{__name__}.ByEmail"]
    site.configure(LOGIN={"SERIALIZER": f"{__name__}.EmailLogin"})
    device = site.device()
    write = json.dumps if kind.endswith("json") else urlencode

    def obtain(**more: str) -> tuple[int, Any]:
        sent = write({"email": "ada@example.org", "password": PASSWORD, "tenant": "blue", **more}).encode()
        headers = {"X-Authkit-Transport": str(device.transport)}
        answer = device.send("POST", "/compat/token/", sent, headers=headers, content_type=kind)
        return answer.status_code, body(answer)

    assert obtain(captcha="guess") == (400, {"captcha": ["Solve it again."]})
    assert obtain(tenant="green")[0] == 401
    status, given = obtain(captcha=str(device.transport))
    assert (status, set(given)) == (200, {"access", "refresh"})


@on_sqlite
@by_header
@in_session_mode
def test_a_name_may_be_a_number(site: LiveSite) -> None:
    """Whatever type the field of the name has, it is counted and looked up as text."""
    site.add_user("4711")
    site.configure(LOGIN={"SERIALIZER": f"{__name__}.NumberLogin"}, RATES={"LOGIN": "1/hour"})
    device = site.device()
    answer = device.log_in_with({"username": 4711, "password": PASSWORD})
    assert answer.status_code == 200, answer.content
    assert code(site.device().log_in_with({"username": 4711, "password": "x"})) == (429, "throttled")


@on_sqlite
@by_header
@in_session_mode
def test_the_field_that_says_who_logs_in_is_counted(site: LiveSite) -> None:
    """Attempts with one e-mail address are limited as those with one username."""
    site.settings.AUTHENTICATION_BACKENDS = [f"{__name__}.ByEmail"]
    site.configure(LOGIN={"SERIALIZER": f"{__name__}.EmailLogin"}, RATES={"LOGIN": "2/min"})
    sent = {"password": PASSWORD, "tenant": "blue"}
    codes = [code(site.device().log_in_with({**sent, "email": "eve@example.org"}))[0] for _ in range(3)]
    assert codes == [401, 401, 429]
    assert code(site.device().log_in_with({**sent, "email": "bob@example.org"}))[0] == 401


@on_sqlite
def test_the_project_adds_members_to_each_response_with_credentials(site: LiveSite, ada: User) -> None:
    """Beside those of the protocol, which stay as they are."""
    site.configure(LOGIN={"RESPONSE_SERIALIZER": f"{__name__}.More"})
    device = site.device()
    for answer in (device.log_in(), device.refresh(), device.reauthenticate()):
        assert body(answer)["methods"] == ["pwd"]
        assert body(answer)["path"].startswith("/auth/")
        assert body(answer)["user"] == {"id": ada.pk, "username": "ada"}


def test_a_login_names_its_device(site: LiveSite, ada: User) -> None:
    """Until it is used from another browser; another address or version changes nothing."""
    device = site.logged_in(user_agent=FIREFOX, device=" Ada's lap\u202etop ")
    device.address, device.user_agent = "203.0.113.80", FIREFOX.replace("130", "131")
    device.refresh()
    assert [each.label for each in sessions_of(ada)] == ["Ada's laptop"]
    device.user_agent = SAFARI
    device.refresh()
    assert [each.label for each in sessions_of(ada)] == ["Mobile Safari on iOS"]


@on_sqlite
@by_header
@in_session_mode
def test_the_name_of_a_device_is_limited(site: LiveSite, ada: User, rf: Any) -> None:
    """A longer one is refused by the endpoint, and cut by ``log_in``."""
    answer = site.device().log_in(device="a" * (MAX_LABEL + 1))
    assert body(answer)["fields"].keys() == {"device"}
    assert body(site.device().log_in(device=7))["fields"].keys() == {"device"}
    grant = log_in(rf.get("/"), ada, transport=Transport.HEADER, label="a" * 100)
    assert grant.session.label == "a" * MAX_LABEL
