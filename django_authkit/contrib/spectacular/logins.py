"""The endpoints of a login: its first request, and the steps after it."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse

from django_authkit import errors
from django_authkit.conf import get_settings
from django_authkit.contrib.spectacular import components
from django_authkit.contrib.spectacular.endpoints import (
    VIEWS,
    EndpointExtension,
    csrf,
    expires_in,
    of_cookies,
    transport,
)
from django_authkit.contrib.spectacular.errors import HEADERS, responses


class LoginExtension(EndpointExtension):
    """``login/``."""

    target_class = f"{VIEWS}.LoginView"

    def operations(self) -> dict[str, dict[str, Any]]:
        """Return the operation."""
        return {
            "post": {
                "operation_id": "authkit_login",
                "summary": "Log in",
                "description": "Starts an auth session.",
                "request": components.login_body(),
                "parameters": [transport(), *csrf(), *expires_in(), *HEADERS],
                "responses": _responses(errors.LoginFailed),
            }
        }


class LoginStepExtension(EndpointExtension):
    """``login/step/``; left out without ``LOGIN["STEPS"]``."""

    target_class = f"{VIEWS}.LoginStepView"

    def operations(self) -> dict[str, dict[str, Any]]:
        """Return the operation; the members of the body beside the handle are the step's."""
        return {
            "post": {
                "operation_id": "authkit_login_step",
                "summary": "Take the next step of a login",
                "description": "Goes on with a login that needs more than the password.",
                "request": {"application/json": components.LOGIN_STEP},
                "parameters": [transport(), *csrf(), *expires_in(), *HEADERS],
                "responses": _responses(errors.LoginFailed, errors.LoginStepFailed, errors.LoginStepEnded),
                "exclude": not get_settings().login.steps,
            }
        }


def _responses(*kinds: type[errors.AuthKitError]) -> dict[int, Any]:
    """Return the responses: those of a login, *kinds*, and the next step, if there are steps."""
    every = [*kinds, errors.SessionLimitReached, errors.Throttled, *of_cookies(tokens=True)]
    if not get_settings().login.steps:
        return {200: components.grant(), **responses(*every, body=True)}
    found = responses(*every, errors.LoginStepRequired, body=True)
    asked = OpenApiResponse(components.AuthKitLoginStep, description=found[401].description)
    return {200: components.grant(), **found, 401: asked}
