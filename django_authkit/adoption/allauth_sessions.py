"""Session tokens of django-allauth's headless app clients: keys of Django sessions, in a header."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.apps import apps
from django.http import HttpRequest

from django_authkit.adoption.adapter import ExternalCookie, ExternalLogin, Place
from django_authkit.adoption.django_sessions import DjangoSessions
from django_authkit.session_keys import SessionKey

_PROOFS = "account_authentication_methods"
"""Where allauth notes in a session how and when its user proved who they are."""


class SessionTokens(DjangoSessions):
    """
    Adopts at ``adopt/`` what comes in ``X-Session-Token``.

    Args:
        engine: What ``SESSION_ENGINE`` was.
    """

    name: ClassVar[str] = "allauth"
    place: ClassVar[Place] = Place.HEADER
    app: ClassVar[str | None] = "allauth.headless"
    space: ClassVar[str | None] = DjangoSessions.name

    def __init__(self, *, engine: str = "django.contrib.sessions.backends.db") -> None:
        super().__init__(engine=engine)

    @property
    def cookie(self) -> ExternalCookie | None:
        """None."""
        return None

    def find(self, request: HttpRequest) -> str | None:
        """Return the session token."""
        token = request.headers.get("X-Session-Token")
        return None if not token or SessionKey.parse(token) else token

    def open(self, credential: str) -> ExternalLogin:
        """Return the login; of one that is still to be completed (a second factor, say) there is none."""
        found = super().open(credential)
        return replace(found, authenticated_at=_last_authentication(found.data.get(_PROOFS)))

    def retire(self, credential: str) -> bool:
        """Delete the session, and its row in allauth's own list of sessions."""
        if apps.is_installed("allauth.usersessions"):
            rows: Any = apps.get_app_config("usersessions").get_model("UserSession")._base_manager
            rows.filter(session_key=credential).delete()
        return super().retire(credential)


def _last_authentication(records: Any) -> datetime | None:
    moments = [each.get("at") for each in records or () if isinstance(each, dict)]
    known = [moment for moment in moments if isinstance(moment, int | float)]
    return datetime.fromtimestamp(max(known), tz=UTC) if known else None
