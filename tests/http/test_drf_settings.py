"""DRF's settings apply to the project's own views, not to our endpoints."""

from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from pytest_django import Settings
from rest_framework.authentication import BasicAuthentication
from rest_framework.filters import BaseFilterBackend
from rest_framework.generics import GenericAPIView
from rest_framework.metadata import BaseMetadata
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.pagination import CursorPagination, PageNumberPagination
from rest_framework.parsers import FormParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer, StaticHTMLRenderer
from rest_framework.throttling import BaseThrottle
from rest_framework.versioning import (
    AcceptHeaderVersioning,
    BaseVersioning,
    HostNameVersioning,
    NamespaceVersioning,
    QueryParameterVersioning,
    URLPathVersioning,
)
from rest_framework.views import APIView

from django_authkit.types import Transport
from support.client import PASSWORD, body
from support.live_site import LiveSite, by_header


class NobodyMay(BasePermission):
    """Refuses all requests."""

    def has_permission(self, request: Any, view: Any) -> bool:
        """Refuse it."""
        return False


class NeverAgain(BaseThrottle):
    """Refuses all requests."""

    def allow_request(self, request: Any, view: Any) -> bool:
        """Refuse it."""
        return False


class Enveloped(JSONRenderer):
    """Puts every body into an envelope."""

    def render(self, data: Any, *args: Any, **kwargs: Any) -> bytes:
        """Return the enveloped body."""
        return super().render({"status": "ok", "data": data}, *args, **kwargs)


class NoResults(BaseFilterBackend):
    """Finds nothing."""

    def filter_queryset(self, request: Any, queryset: Any, view: Any) -> Any:
        """Return nothing."""
        return []


class OtherMetadata(BaseMetadata):
    """Has other metadata."""

    def determine_metadata(self, request: Any, view: Any) -> dict[str, Any]:
        """Return another body."""
        return {"other": True}


class RefuseVersions(BaseVersioning):
    """Refuses each request."""

    def determine_version(self, request: Any, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse it."""
        raise AssertionError("A project's versioning was asked.")


def _refuse(exception: Exception, context: Any) -> NoReturn:
    raise AssertionError("The project's exception handler was called.") from exception


class Versioned(QueryParameterVersioning):
    """Has one version, and no default."""

    default_version = None
    allowed_versions = ("1.0",)


DEFAULTS: dict[str, tuple[type, str, Any]] = {
    "renderers": (APIView, "renderer_classes", [StaticHTMLRenderer]),
    "enveloping renderer": (APIView, "renderer_classes", [Enveloped]),
    "parsers": (APIView, "parser_classes", [FormParser]),
    "authentication": (APIView, "authentication_classes", [BasicAuthentication]),
    "permissions": (APIView, "permission_classes", [NobodyMay]),
    "throttles": (APIView, "throttle_classes", [NeverAgain]),
    "negotiation": (APIView, "content_negotiation_class", DefaultContentNegotiation),
    "metadata": (APIView, "metadata_class", OtherMetadata),
    "no metadata": (APIView, "metadata_class", None),
    "pagination": (GenericAPIView, "pagination_class", CursorPagination),
    "page size": (PageNumberPagination, "page_size", 1),
    "filters": (GenericAPIView, "filter_backends", [NoResults]),
    "versions": (APIView, "versioning_class", RefuseVersions),
    **{
        f"versions: {scheme.__name__}": (APIView, "versioning_class", scheme)
        for scheme in (
            AcceptHeaderVersioning,
            HostNameVersioning,
            NamespaceVersioning,
            URLPathVersioning,
            Versioned,
        )
    },
}
"""The attributes of DRF's classes that the defaults of ``REST_FRAMEWORK`` set at import."""


@pytest.fixture
def visit(site: LiveSite, ada: User) -> Callable[[], list[Any]]:
    """Return a function that calls each endpoint once, and returns what is the same in each run."""

    def visited() -> list[Any]:
        other, device = site.logged_in("ada"), site.device(Transport.HEADER)
        accept = {"Accept": "application/json; version=1.0"}
        calls = [
            device.log_in(),
            device.refresh(),
            device.reauthenticate(),
            device.get("/auth/session/", headers=accept),
            device.get("/auth/sessions/?version=7"),
            device.post("/auth/verify/", {"token": device.access}),
            device.send("OPTIONS", "/auth/session/"),
            device.send("POST", "/auth/login/", b"no JSON"),
            device.log_in_with({"username": "ada"}),
            device.log_in_with({"username": "ada", "password": "wrong"}),
            device.get("/auth/login/"),
            device.delete("/auth/sessions/unknown/"),
            device.get("/auth/.well-known/jwks.json", headers=accept),
            device.delete("/auth/sessions/"),
            device.log_out(),
            device.get("/auth/session/"),
        ]
        assert other.who().status_code == 401
        return [(call.status_code, call.headers.get("Content-Type"), _form(call)) for call in calls]

    return visited


def _form(answer: HttpResponse) -> Any:
    """Return the members of a body; for a list of devices with their number."""
    if not answer.content:
        return None
    members = body(answer)
    return sorted(members), members.get("count"), members.get("code"), len(members.get("results", ()))


@by_header
@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
class TestEndpoints:
    """Our endpoints are the same in every project."""

    @pytest.mark.parametrize("default", DEFAULTS)
    def test_a_projects_default_does_not_change_them(
        self, visit: Callable[[], list[Any]], monkeypatch: pytest.MonkeyPatch, default: str
    ) -> None:
        """Each endpoint returns the same, whatever classes the project's own views use."""
        usual = visit()
        assert usual[0][0] == 200
        monkeypatch.setattr(*DEFAULTS[default])
        assert visit() == usual

    @pytest.mark.parametrize(
        "chosen",
        [
            {"EXCEPTION_HANDLER": f"{__name__}._refuse"},
            {"NON_FIELD_ERRORS_KEY": "errors", "DATETIME_FORMAT": "%s", "PAGE_SIZE": 1},
            {"UNAUTHENTICATED_USER": None, "UNAUTHENTICATED_TOKEN": None},
            {"URL_FORMAT_OVERRIDE": "version", "VERSION_PARAM": "sid"},
        ],
        ids=lambda chosen: next(iter(chosen)),
    )
    def test_a_projects_setting_does_not_change_them(
        self, visit: Callable[[], list[Any]], settings: Settings, chosen: dict[str, Any]
    ) -> None:
        """The settings that DRF reads at each request do not change them either."""
        usual = visit()
        settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, **chosen}
        assert visit() == usual


@by_header
@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
@pytest.mark.parametrize("default", ["authentication", "permissions", "throttles", "pagination", "filters"])
def test_simplejwts_endpoints_keep_what_protects_them(
    site: LiveSite, ada: User, monkeypatch: pytest.MonkeyPatch, default: str
) -> None:
    """A default that would close or empty simplejwt's endpoints does not apply to them."""
    monkeypatch.setattr(*DEFAULTS[default])
    answer = site.device().post("/compat/token/", {"username": "ada", "password": PASSWORD})
    assert (answer.status_code, sorted(body(answer))) == (200, ["access", "refresh"])
