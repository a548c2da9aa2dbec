"""drf-spectacular describes the endpoints, and the responses are as described."""

import json
import re
from importlib import import_module
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.http import HttpResponse
from django.urls import include, path
from django.utils.module_loading import import_string
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import CharField, Serializer, SerializerMethodField
from rest_framework.views import APIView

from django_authkit.api.serializers import LoginBody
from django_authkit.authentication import AuthKitAuthentication, JWTAuthentication, SessionAuthentication
from django_authkit.compat.simplejwt.authentication import JWTAuthentication as SimpleJWTAuthentication
from django_authkit.types import Mode
from support.live_site import LiveSite, by_header

pytest.importorskip("drf_spectacular", reason="drf-spectacular comes with the extra test")
Draft4Validator = import_string("jsonschema.Draft4Validator")
pytestmark = pytest.mark.parametrize("where", ["sqlite"], indirect=True)


class Whoever(Serializer[Any]):
    """A user."""

    name = CharField()


class More(Serializer[Any]):
    """What a project adds to responses with credentials."""

    greeting = SerializerMethodField()

    def get_greeting(self, grant: Any) -> str:
        """Return it."""
        return f"Hello, {grant.user}"


class NamedLogin(LoginBody):
    """A login by nickname."""

    name_field = "nickname"

    nickname = CharField()


class OwnView(APIView):
    """A view of the project's."""

    permission_classes = (IsAuthenticated,)
    serializer_class = Whoever

    def get(self, request: Request) -> Response:
        """Return the user."""
        return Response({"name": request.user.get_username()})


def _view(kind: type[AuthKitAuthentication]) -> Any:
    return OwnView.as_view(authentication_classes=(kind,))


urlpatterns = [
    path("auth/", include("django_authkit.urls")),
    path("tenants/<slug:tenant>/", include("django_authkit.compat.simplejwt.urls")),
    path("own/", _view(AuthKitAuthentication)),
    path("own/session/", _view(SessionAuthentication)),
    path("own/jwt/", _view(JWTAuthentication)),
    path("own/simplejwt/", _view(SimpleJWTAuthentication)),
]


def schema(site: LiveSite, **settings: Any) -> Any:
    """Return the schema with *settings*: it is valid, and drf-spectacular warns of nothing."""
    import_module("django_authkit.contrib.spectacular")
    command = import_string("drf_spectacular.management.commands.spectacular.Command")()
    automatic = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
    site.settings.REST_FRAMEWORK = {**site.settings.REST_FRAMEWORK, **automatic}
    site.configure(**settings)
    out = StringIO()
    options = {"urlconf": __name__, "validate": True, "fail_on_warn": True, "format": "openapi-json"}
    call_command(command, stdout=out, **options)
    return json.loads(out.getvalue())


def security(found: Any, where: str, method: str = "get") -> list[str]:
    """Return the schemes of an operation; ``""`` stands for a request without a credential."""
    return ["+".join(each) for each in found["paths"][where][method]["security"]]


def strict(node: Any) -> Any:
    """Return a schema of OpenAPI 3.0 as one of JSON Schema that allows no member that it does not name."""
    if isinstance(node, list):
        return [strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    found = {key: strict(value) for key, value in node.items()}
    if found.pop("nullable", False):
        found["type"] = [found["type"], "null"]
    if "properties" in found and found.get("type") == "object":
        found["additionalProperties"] = False
    return found


def check(found: Any, method: str, where: str, answer: HttpResponse) -> HttpResponse:
    """Check that *answer* is described: its status, its body, the code of an error, and its headers."""
    described = found["paths"][where][method]["responses"][str(answer.status_code)]
    if "content" not in described:
        assert not answer.content
        return answer
    body = json.loads(answer.content)
    wanted = described["content"]["application/json"]["schema"]
    Draft4Validator({**strict(wanted), "components": strict(found["components"])}).validate(body)
    if answer.status_code >= 400:
        assert f"`{body['code']}`" in described["description"]
    for name in ("WWW-Authenticate", "Retry-After", "X-Authkit-Expires-In"):
        assert name not in answer.headers or name in described["headers"]
    return answer


def test_responses_are_as_described(site: LiveSite, ada: User) -> None:
    """Of each endpoint, in both modes and transports: statuses, members, codes and headers."""
    found = schema(site, RECENT_AUTH={"TO_REVOKE": True})
    device = site.device()
    check(found, "get", "/auth/session/", device.who())
    check(found, "post", "/auth/login/", device.log_in_with({"username": "ada"}))
    check(found, "post", "/auth/login/", device.log_in(password="wrong"))
    check(found, "post", "/auth/login/", device.send("POST", "/auth/login/", b"", content_type="text/plain"))
    check(found, "post", "/auth/refresh/", device.refresh())
    for method, where, answer in (
        ("post", "/auth/login/", device.log_in()),
        ("post", "/auth/refresh/", device.refresh()),
        ("post", "/auth/reauthenticate/", device.reauthenticate()),
        ("get", "/auth/session/", device.who()),
        ("get", "/auth/sessions/", device.get("/auth/sessions/?page_size=1")),
        ("delete", "/auth/sessions/", device.delete("/auth/sessions/")),
        ("post", "/auth/ticket/", device.post("/auth/ticket/")),
        ("post", "/auth/verify/", device.post("/auth/verify/", {"token": device.credential})),
    ):
        assert check(found, method, where, answer).status_code == 200
    other = site.logged_in("ada")
    assert check(found, "get", "/auth/sessions/", device.get("/auth/sessions/?page=9")).status_code == 404
    path = f"/auth/sessions/{site.sid(other)}/"
    for status in (204, 404):
        assert check(found, "delete", "/auth/sessions/{sid}/", device.delete(path)).status_code == status
    assert check(found, "post", "/auth/logout/", device.log_out()).status_code == 204
    check(found, "get", "/auth/session/", device.who())


@by_header
def test_each_class_of_a_project_has_the_schemes_of_its_modes(site: LiveSite) -> None:
    """Classes with other modes in one schema share their schemes; what is not accepted is not named."""
    cookies = ["authkitSessionCookie", "authkitAccessCookie"]
    both = schema(site, ACCEPT=["session", "jwt"])
    ordered = cookies if site.mode is Mode.SESSION else cookies[::-1]
    assert security(both, "/own/") == ["authkitBearer", *ordered]
    assert security(both, "/own/simplejwt/") == ["authkitBearer", *ordered]
    assert security(both, "/own/session/") == ["authkitBearer", "authkitSessionCookie"]
    assert security(both, "/own/jwt/") == ["authkitBearer", "authkitAccessCookie"]
    assert security(both, "/auth/login/", "post") == [""]
    one = schema(site, ACCEPT=[str(site.mode)])
    assert security(one, "/own/") == ["authkitBearer", ordered[0]]
    unused = "/own/jwt/" if site.mode is Mode.SESSION else "/own/session/"
    assert "security" not in one["paths"][unused]["get"]


@by_header
def test_only_transports_that_are_offered_are_described(site: LiveSite) -> None:
    """Without cookies no CSRF and no optional credential; without the header no credential in a body."""
    app = schema(site, TRANSPORTS=["header"])
    assert security(app, "/own/") == ["authkitBearer"]
    grant = app["components"]["schemas"]["AuthKitGrant"]
    assert "access" in grant["required"]
    assert ("refresh" in grant["properties"]) is site.is_jwt
    assert not re.search("csrf|cookie", json.dumps(app).lower())
    browser = schema(site, TRANSPORTS=["cookie"], COMPAT={"AUTH_SCHEMES": ["JWT"]})
    assert "access" not in browser["components"]["schemas"]["AuthKitGrant"]["properties"]
    assert "authkitBearer" not in browser["components"]["securitySchemes"]


@by_header
def test_a_required_proof_is_described(site: LiveSite) -> None:
    """Where logins have to be bound to a key, no bearer is described."""
    found = schema(site, DPOP={"MODE": "require"}, TRANSPORTS=["header"])
    assert security(found, "/own/") == ["authkitDPoP"]
    assert found["components"]["securitySchemes"]["authkitDPoP"]["scheme"] == "dpop"
    assert "authkitBearer" not in json.dumps(found)


@by_header
def test_another_scheme_is_described_as_a_header(site: LiveSite) -> None:
    """OpenAPI knows registered schemes only, so another one is part of the value."""
    found = schema(site, COMPAT={"AUTH_SCHEMES": ["JWT", "Bearer"]})
    scheme = found["components"]["securitySchemes"]["authkitBearer"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "Authorization")


@by_header
def test_simplejwt_clients_are_generated_again_as_they_were(site: LiveSite) -> None:
    """Operation ids and components are those of simplejwt's own views."""
    found = schema(site)
    operations = {
        where: operation["post"]["operationId"]
        for where, operation in found["paths"].items()
        if where.startswith("/tenants/")
    }
    assert [each.removeprefix("tenants_") for each in operations.values()] == [
        "token_create",
        "token_blacklist_create",
        "token_refresh_create",
        "token_verify_create",
    ]
    assert {f"Token{name}" for name in ("ObtainPair", "Refresh", "Verify", "Blacklist")} <= set(
        found["components"]["schemas"]
    )
    pair = found["components"]["schemas"]["TokenObtainPair"]
    assert set(pair["properties"]) == {"username", "password", "access", "refresh"}


@by_header
def test_what_the_settings_add_is_described(site: LiveSite) -> None:
    """The output of ``USER_SERIALIZER``, the adopting endpoint, and the body of a ``REAUTHENTICATOR``."""
    plain = schema(site)
    assert "/auth/adopt/" not in plain["paths"]
    found = schema(
        site,
        ADOPT=["knox"],
        USER_SERIALIZER=f"{__name__}.Whoever",
        REAUTHENTICATOR="testapp.proofs.knows_the_word",
        LOGIN={"SERIALIZER": f"{__name__}.NamedLogin", "RESPONSE_SERIALIZER": f"{__name__}.More"},
    )
    assert "/auth/login/step/" not in found["paths"]
    assert set(found["components"]["schemas"]["NamedLogin"]["required"]) == {"nickname", "password"}
    grant = found["components"]["schemas"]["AuthKitGrant"]["properties"]
    assert {"session", "user", "access", "greeting"} <= grant.keys()
    assert "/auth/adopt/" in found["paths"]
    user = found["components"]["schemas"]["AuthKitCurrent"]["properties"]["user"]
    assert user == {"$ref": "#/components/schemas/Whoever"}
    body = found["paths"]["/auth/reauthenticate/"]["post"]["requestBody"]
    assert "additionalProperties" in body["content"]["application/json"]["schema"]


@by_header
def test_a_login_in_steps_is_described(site: LiveSite) -> None:
    """Its endpoint, and the handle in the responses."""
    found = schema(site, LOGIN={"STEPS": ["testapp.login_steps.Code"]})
    for address in ("/auth/login/", "/auth/login/step/"):
        refused = found["paths"][address]["post"]["responses"]["401"]
        assert "step_required" in refused["description"]
        assert refused["content"]["application/json"]["schema"]["$ref"].endswith("/AuthKitLoginStep")
    body = found["paths"]["/auth/login/step/"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["handle"]
