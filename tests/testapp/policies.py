"""What a project says about requests and users: the functions that settings name."""

from typing import Any

from django.http import HttpRequest


def only_views_of_the_api(request: HttpRequest, user: Any) -> str:
    """Require the binding in one view, of everybody but Bob, whose browser is old."""
    if user is not None and user.get_username() == "bob":
        return "off"
    return "require" if request.path == "/api/whoami/" else "offer"


def of_all_users(request: HttpRequest, user: Any) -> str:
    """Require the binding everywhere."""
    return "offer" if user is None else "require"
