"""``request.session`` where it is ours: a Django session that may have an auth session behind it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from django_authkit.errors import CredentialRejected
from django_authkit.session_keys import SessionKey
from django_authkit.stores.outcomes import Absent, Found


class DjangoSession(ABC):
    """What the session engine offers to the service."""

    presented: str | None
    """The session key that came with the request, if any."""
    rejection: CredentialRejected | None
    """Why a live auth session was found and does not count all the same."""

    @property
    @abstractmethod
    def is_anonymous(self) -> bool:
        """Whether it has an anonymous session's key."""

    @property
    @abstractmethod
    def own_key(self) -> SessionKey | None:
        """The key of the auth session that it has, as far as is known without looking it up."""

    @abstractmethod
    def look_up(self) -> Found | Absent | None:
        """Return the auth session behind it, looked up once; ``None`` for an anonymous session."""

    @abstractmethod
    def anonymous_data(self) -> str:
        """Return the encoded data of an anonymous session; empty for none and for an auth session's."""

    @abstractmethod
    def adopt(self, key: SessionKey, found: Found) -> None:
        """Become the Django session of that auth session; delete the record of the anonymous session."""

    @abstractmethod
    def take_over(self, key: SessionKey, found: Found) -> None:
        """Become the Django session of that auth session with the data it has; else as ``adopt``."""

    @abstractmethod
    def encoded_with(self, data: Mapping[str, Any]) -> str:
        """Return *data* encoded, an anonymous session's own on top of it."""

    @abstractmethod
    def merge_data(self, data: Mapping[str, Any]) -> None:
        """Add *data* to an anonymous session's own, which stays as it is."""

    @abstractmethod
    def spare_cookie(self) -> None:
        """Make no anonymous session during this request: the cookie that came with it is to stay."""

    @abstractmethod
    def inherit(self, key: SessionKey, found: Found) -> None:
        """
        Become the Django session of an auth session that goes on under this key, with the data it has.

        What an anonymous session holds beside is added; its record is gone afterwards.
        """

    @abstractmethod
    def release(self) -> None:
        """Let go of the auth session behind it, which was ended; an anonymous session stays as it is."""

    @abstractmethod
    def flush(self) -> None:
        """Forget everything, as Django's ``flush`` does."""


def django_session_of(request: HttpRequest) -> DjangoSession | None:
    """Return ``request.session`` if it is ours."""
    session = getattr(request, "session", None)
    return session if isinstance(session, DjangoSession) else None
