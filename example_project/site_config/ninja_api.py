"""The notes of whoever asks, as an API of django-ninja."""

from typing import Any

from django.http import HttpRequest
from ninja import NinjaAPI

from django_authkit.contrib.ninja import AuthKitAuth, handle_errors
from notes.models import Note

# Its page of documentation has scripts of other sites, which the policy of this one does not allow.
api = NinjaAPI(auth=AuthKitAuth(), docs_url=None)
handle_errors(api)


@api.get("/me")  # type: ignore[untyped-decorator]
def me(request: HttpRequest) -> dict[str, Any]:
    """Return who asks."""
    known: Any = request.auth  # type: ignore[attr-defined]
    return {"user": request.user.get_username(), "sid": known.sid, "mode": known.mode}


@api.get("/notes")  # type: ignore[untyped-decorator]
def notes(request: HttpRequest) -> list[dict[str, Any]]:
    """Return their notes."""
    return list(Note.objects.filter(owner=request.user).values("id", "title"))
