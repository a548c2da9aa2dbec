"""Claims that a project adds to its access tokens."""

from typing import Any

from django.conf import settings


def padding(user: object, session: object) -> dict[str, Any]:
    """Return a claim as long as the setting ``PADDING`` says."""
    return {"padding": "x" * getattr(settings, "PADDING", 0)}


def unfit(user: object, session: object) -> dict[str, Any]:
    """Return a claim that is not JSON."""
    return {"unfit": user}
