"""The endpoint that issues tickets for WebSockets."""

from typing import Any

from django_authkit import errors
from django_authkit.authentication import AuthKitAuthentication
from django_authkit.contrib.spectacular import components
from django_authkit.contrib.spectacular.endpoints import VIEWS, EndpointExtension, csrf, of_cookies
from django_authkit.contrib.spectacular.errors import CREDENTIAL, HEADERS, responses


class TicketExtension(EndpointExtension):
    """``ticket/``."""

    target_class = f"{VIEWS}.TicketView"
    credentials = (AuthKitAuthentication,)
    login_required = True

    def operations(self) -> dict[str, dict[str, Any]]:
        """Return the operation."""
        return {
            "post": {
                "operation_id": "authkit_ticket",
                "summary": "Get a ticket for a WebSocket",
                "description": "It can be used once, within seconds.",
                "request": None,
                "parameters": [*csrf(), *HEADERS],
                "responses": {
                    200: components.AuthKitTicket,
                    **responses(*CREDENTIAL, errors.Throttled, *of_cookies()),
                },
            }
        }
