"""The endpoints: bodies, responses and their codes, as ``docs/reference/http-api.md`` describes them."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiViewExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.permissions import AllowAny, IsAuthenticated

from django_authkit import errors
from django_authkit.authentication import AuthKitAuthentication
from django_authkit.conf import get_settings
from django_authkit.contrib.spectacular import components
from django_authkit.contrib.spectacular.errors import CREDENTIAL, HEADERS, responses
from django_authkit.contrib.spectacular.security import RefreshAuthentication
from django_authkit.http import transports
from django_authkit.types import Mode, Transport

VIEWS = "django_authkit.api.views"


class EndpointExtension(OpenApiViewExtension):
    """
    Describes a view: a subclass of it with the schema, and the credentials that it takes.

    Attributes:
        credentials: The authentication classes whose credentials it takes.
        login_required: Whether it takes no request without one.
    """

    match_subclasses = True
    credentials: Iterable[Any] = ()
    login_required = False

    def operations(self) -> dict[str, dict[str, Any]]:
        """Return the arguments of ``extend_schema`` for each method."""
        raise NotImplementedError

    def view_replacement(self) -> Any:
        """Return the view as it is described; what a project has described itself stays."""
        described: Any = type(
            self.target.__name__,
            (self.target,),
            {
                "__doc__": self.target.__doc__,
                "authentication_classes": tuple(self.credentials),
                "permission_classes": (IsAuthenticated if self.login_required else AllowAny,),
            },
        )
        todo = {
            method: extend_schema(**operation)
            for method, operation in self.operations().items()
            if "schema" not in getattr(getattr(self.target, method), "kwargs", {})
        }
        return extend_schema_view(**todo)(described)


class RefreshExtension(EndpointExtension):
    """``refresh/``."""

    target_class = f"{VIEWS}.RefreshView"
    credentials = (RefreshAuthentication,)

    def operations(self) -> dict[str, dict[str, Any]]:
        """Return the operation."""
        kinds = (*CREDENTIAL, errors.RefreshReused, errors.Throttled, *of_cookies(tokens=True))
        return {
            "post": {
                "operation_id": "authkit_refresh",
                "summary": "Refresh the credential",
                "description": "Extends the auth session; in JWT mode exchanges the refresh token.",
                "request": {"application/json": components.AuthKitRefresh},
                "parameters": [*csrf(), *expires_in(), *HEADERS],
                "responses": {200: components.grant(), **responses(*kinds, body=True)},
            }
        }


class AdoptExtension(EndpointExtension):
    """``adopt/``; left out without ``ADOPT``."""

    target_class = f"{VIEWS}.AdoptView"

    def operations(self) -> dict[str, dict[str, Any]]:
        """Return the operation."""
        kinds = (*CREDENTIAL, errors.SessionLimitReached, errors.Throttled)
        return {
            "post": {
                "operation_id": "authkit_adopt",
                "summary": "Adopt the login of another package",
                "description": "The credential is in the header that its package uses.",
                "request": None,
                "parameters": HEADERS,
                "responses": {200: components.grant(), **responses(*kinds)},
                "exclude": not get_settings().adopt,
            }
        }


class LogoutExtension(EndpointExtension):
    """``logout/``."""

    target_class = f"{VIEWS}.LogoutView"
    credentials = (AuthKitAuthentication,)

    def operations(self) -> dict[str, dict[str, Any]]:
        """Return the operation."""
        return {
            "post": {
                "operation_id": "authkit_logout",
                "summary": "Log out",
                "description": "Revokes the auth session, by any of its credentials. Can be repeated.",
                "request": {"application/json": components.AuthKitRefresh},
                "parameters": [*csrf(), *HEADERS],
                "responses": {204: None, **responses(*of_cookies(), body=True)},
            }
        }


class SessionExtension(EndpointExtension):
    """``session/``."""

    target_class = f"{VIEWS}.SessionView"
    credentials = (AuthKitAuthentication,)
    login_required = True

    def operations(self) -> dict[str, dict[str, Any]]:
        """Return the operation."""
        return {
            "get": {
                "operation_id": "authkit_session",
                "summary": "Who is logged in",
                "description": "The current auth session and its user."
                + " Sets the CSRF cookie, also for an anonymous request." * _over_cookies(),
                "parameters": [*expires_in(), *HEADERS],
                "responses": {200: components.AuthKitCurrent, **responses(*CREDENTIAL)},
            }
        }


class DevicesExtension(EndpointExtension):
    """``sessions/``."""

    target_class = f"{VIEWS}.DevicesView"
    credentials = (AuthKitAuthentication,)
    login_required = True

    def operations(self) -> dict[str, dict[str, Any]]:
        """Return both operations."""
        kinds = (*CREDENTIAL, *_of_revocation())
        pages = [OpenApiParameter(name, int, OpenApiParameter.QUERY) for name in ("page", "page_size")]
        return {
            "get": {
                "operation_id": "authkit_devices",
                "summary": "List the user's devices",
                "description": "The live auth sessions of the user, the current one first.",
                "parameters": [*pages, *HEADERS],
                "responses": {
                    200: components.AuthKitDevicePage,
                    **responses(*CREDENTIAL, errors.NoSuchSession),
                },
            },
            "delete": {
                "operation_id": "authkit_revoke_other_devices",
                "summary": "Log out all other devices",
                "description": "Revokes all auth sessions of the user but the current one.",
                "parameters": [*csrf(), *HEADERS],
                "responses": {200: components.AuthKitRevoked, **responses(*kinds)},
            },
        }


class DeviceExtension(EndpointExtension):
    """``sessions/<sid>/``."""

    target_class = f"{VIEWS}.DeviceView"
    credentials = (AuthKitAuthentication,)
    login_required = True

    def operations(self) -> dict[str, dict[str, Any]]:
        """Return both operations."""
        kinds = (*CREDENTIAL, *_of_revocation(), errors.NoSuchSession)
        named = (*CREDENTIAL, *of_cookies(), errors.NoSuchSession)
        return {
            "patch": {
                "operation_id": "authkit_rename_device",
                "summary": "Rename a device",
                "description": "Gives the device of one auth session of the user another name.",
                "request": {"application/json": components.AuthKitDeviceName},
                "parameters": [*csrf(), *HEADERS],
                "responses": {200: components.AuthKitDevice, **responses(*named, body=True)},
            },
            "delete": {
                "operation_id": "authkit_revoke_device",
                "summary": "Log out a device",
                "description": "Revokes one auth session of the user.",
                "parameters": [*csrf(), *HEADERS],
                "responses": {204: None, **responses(*kinds)},
            },
        }


class ReauthenticateExtension(EndpointExtension):
    """``reauthenticate/``."""

    target_class = f"{VIEWS}.ReauthenticateView"
    credentials = (AuthKitAuthentication,)
    login_required = True

    def operations(self) -> dict[str, dict[str, Any]]:
        """Return the operation; with ``REAUTHENTICATOR`` the members of the body are the project's."""
        kinds = (*CREDENTIAL, errors.LoginFailed, errors.RefreshReused, errors.Throttled)
        own = get_settings().reauthenticator is not None
        return {
            "post": {
                "operation_id": "authkit_reauthenticate",
                "summary": "Prove again who you are",
                "description": "Replaces the credentials of the auth session.",
                "request": OpenApiTypes.OBJECT if own else components.AuthKitReauthentication,
                "parameters": [*csrf(), *expires_in(), *HEADERS],
                "responses": {
                    200: components.grant(),
                    **responses(*kinds, *of_cookies(tokens=True), body=True),
                },
            }
        }


class VerifyExtension(EndpointExtension):
    """``verify/``."""

    target_class = f"{VIEWS}.VerifyView"

    def operations(self) -> dict[str, dict[str, Any]]:
        """Return the operation."""
        return {
            "post": {
                "operation_id": "authkit_verify",
                "summary": "Introspect a credential",
                "description": "For services that cannot look it up themselves (RFC 7662).",
                "request": components.AuthKitToken,
                "parameters": HEADERS,
                "responses": {200: components.AuthKitIntrospection, **responses(body=True)},
            }
        }


def _over_cookies() -> bool:
    return Transport.COOKIE in get_settings().transports


def of_cookies(*, tokens: bool = False) -> list[type[errors.AuthKitError]]:
    """Return the errors that only cookies have; *tokens*: the response may set those of the JWT mode."""
    if not _over_cookies():
        return []
    too_large = [errors.CookieTooLarge] if tokens and get_settings().issues(Mode.JWT) else []
    return [errors.CsrfFailed, *too_large]


def _of_revocation() -> list[type[errors.AuthKitError]]:
    recent = errors.ReauthenticationRequired
    return [*of_cookies(), *([recent] if get_settings().recent_auth.to_revoke else [])]


def transport() -> Any:
    """Return the header by which a client chooses how its credentials travel."""
    return OpenApiParameter(
        transports.TRANSPORT_HEADER,
        str,
        OpenApiParameter.HEADER,
        enum=[str(transport) for transport in get_settings().transports],
        description="How the credentials travel; by default the first.",
    )


def csrf() -> list[Any]:
    """Return the header of Django's CSRF token, where cookies need it."""
    if not _over_cookies() or get_settings().csrf != "token":
        return []
    name = settings.CSRF_HEADER_NAME.removeprefix("HTTP_").replace("_", "-")
    text = "Over cookies only: Django's CSRF token."
    return [OpenApiParameter(name, str, OpenApiParameter.HEADER, description=text)]


def expires_in() -> list[Any]:
    """Return the header that tells pages how long the access cookie lives."""
    if not _over_cookies() or not get_settings().issues(Mode.JWT):
        return []
    text = "Over cookies in JWT mode: seconds until the access token expires."
    return [
        OpenApiParameter(
            transports.EXPIRES_IN_HEADER, int, OpenApiParameter.HEADER, description=text, response=[200]
        )
    ]
