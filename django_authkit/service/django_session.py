"""``request.session`` where it is ours: a Django session that may have an auth session behind it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any, ParamSpec, TypeVar

from django.http import HttpRequest

from django_authkit.bridge import blocking
from django_authkit.errors import CredentialRejected
from django_authkit.session_keys import SessionKey
from django_authkit.stores.outcomes import Absent, Found
from django_authkit.types import Mode, Transport

P = ParamSpec("P")
T = TypeVar("T")


class CookieAction(Enum):
    """What the response does to the session cookie."""

    LEAVE = auto()
    """Nothing, unless an anonymous session was changed: its cookie is set again, to slide."""
    KEEP = auto()
    """Nothing, and no anonymous session is written: a newer cookie is on its way, or the old one stays."""
    SET = auto()
    """Set: the auth session got this key during the request."""
    DELETE = auto()
    """Delete: everything was forgotten during the request."""


class DjangoSession(ABC):
    """
    What the session engine offers to the service.

    Attributes:
        presented: The keys of auth sessions that came with the request, in order of precedence.
        rejection: Why the auth session that was found is rejected although it is live.
        cookie: What the response does to the session cookie.
        is_new_login: Whether its auth session began with this request.
    """

    presented: tuple[SessionKey, ...]
    rejection: CredentialRejected | None
    cookie: CookieAction
    is_new_login: bool

    @property
    @abstractmethod
    def is_anonymous(self) -> bool:
        """Whether it has the key of an anonymous session."""

    @property
    @abstractmethod
    def own_key(self) -> SessionKey | None:
        """The key of its auth session, as far as is known without a lookup."""

    @abstractmethod
    def look_up(self, *, again: bool = False) -> Found | Absent | None:
        """
        Return the auth session behind it, looked up once; ``None`` for an anonymous session.

        Args:
            again: If the process remembers it, ask the store now.
        """

    @abstractmethod
    def anonymous_data(self) -> str:
        """Return the encoded data of an anonymous session; empty for an auth session, or without data."""

    @abstractmethod
    def move_to(self, key: SessionKey, found: Found) -> None:
        """Become the Django session of that auth session, and move the data there from the anonymous one."""

    @abstractmethod
    def switch_to(self, key: SessionKey, found: Found) -> None:
        """Become the Django session of that auth session, with its data; delete the anonymous one."""

    @abstractmethod
    def encoded_with(self, data: Mapping[str, Any]) -> str:
        """Return *data* encoded; the anonymous session's own data overrides it."""

    @abstractmethod
    def merge_data(self, data: Mapping[str, Any]) -> None:
        """Add *data*; the anonymous session's own data overrides it."""

    @abstractmethod
    def inherit(self, key: SessionKey, found: Found) -> None:
        """
        Become the Django session of an auth session that goes on under this key, with the data it has.

        The data of an anonymous session is added, and its record is deleted.
        """

    @abstractmethod
    def follow(self, key: SessionKey, found: Found) -> None:
        """Go on under another key of the same auth session."""

    @abstractmethod
    def detach(self) -> None:
        """Go on as an anonymous session with the same data: the auth session is about to lose its key."""

    @abstractmethod
    def release(self) -> None:
        """Forget the auth session behind it, which was revoked; an anonymous session stays as it is."""

    @abstractmethod
    def flush(self) -> None:
        """Forget everything, as Django's ``flush`` does."""


def session_of_credential(request: HttpRequest, mode: Mode, transport: Transport) -> DjangoSession | None:
    """Return ``request.session`` if it is ours, and belongs to a credential that is issued in this form."""
    is_its_cookie = mode is Mode.SESSION and transport is Transport.COOKIE
    return django_session_of(request) if is_its_cookie else None


def django_session_of(request: HttpRequest) -> DjangoSession | None:
    """Return ``request.session`` if it is ours."""
    session = getattr(request, "session", None)
    return session if isinstance(session, DjangoSession) else None


def detach_django_session(request: HttpRequest, sid: str) -> None:
    """Detach ``request.session`` from the auth session *sid*, whose key is about to be revoked."""
    session = django_session_of(request)
    if session is not None and session.own_key is not None and session.own_key.handle == sid:
        session.detach()


def using_session(request: HttpRequest, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call *function*, which uses ``request.session``: one of another engine may have to ask a database."""
    if getattr(request, "session", None) is None or django_session_of(request) is not None:
        return function(*args, **kwargs)
    return blocking(function, *args, **kwargs)
