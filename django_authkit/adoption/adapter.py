"""The interface of adapters, which projects may implement too."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from django_authkit.problems import Problem


class Place(StrEnum):
    """Where clients present an external credential, and so how they get ours."""

    BROWSER = "browser"
    """In a cookie, on any request; the response sets our cookies."""
    REFRESH = "refresh"
    """As the token in the body of ``refresh/``; the response has our credentials."""
    HEADER = "header"
    """In a header of ``POST adopt/``; the response is that of a login."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalLogin:
    """
    A login of another package whose credential is still valid there.

    Attributes:
        user: The user. We check again that they are active.
        backend: Dotted path of the Django auth backend that authenticated them; ``None`` if the package
            does not record it, for the first of ``AUTHENTICATION_BACKENDS``.
        auth_hash: Their session auth hash when they logged in; ``None`` if the package does not record it.
        authenticated_at: When they authenticated, or an earlier time (aware); ``None`` if it is not known.
            Recent authentication counts from here.
        idle_expires_at: When the credential expires if it is not used (aware); ``None`` for never.
        expires_at: When the login expires even if it is used (aware); ``None`` for never. The auth session
            expires then at the latest.
        remember: Whether cookies of it outlive the browser.
        rotates: Whether its client stores the new refresh token of a response (``Place.REFRESH``). If not,
            and ``COMPAT["SIMPLEJWT_ROTATION"]`` is off, it can present the external one until the login ends.
        data: Django session data to keep, without the fields of the login.
    """

    user: AbstractBaseUser
    backend: str | None = None
    auth_hash: str | None = field(default=None, repr=False)
    authenticated_at: datetime | None = None
    idle_expires_at: datetime | None = None
    expires_at: datetime | None = None
    remember: bool = False
    rotates: bool = True
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ExternalCookie:
    """The cookie of an external credential; all three fields are needed to delete it."""

    name: str
    path: str = "/"
    domain: str | None = None


class Adapter(ABC):
    """
    One kind of external credential. Made once per process; an entry's options are its keyword arguments.

    Errors are those of ``django_authkit.errors``. An adapter need not catch the errors of a database or cache
    that does not respond: they become ``StoreUnavailable``, never "not logged in".

    Attributes:
        name: Appears in logs and, as ``adopted:<name>``, in the ``amr`` of auth sessions.
        place: Where clients present it.
        app: The entry of ``INSTALLED_APPS`` that it needs, or ``None``.
        space: A common name for adapters that accept the same credentials; by default ``name``. An identifier
            means nothing in another space.
        shared: Whether several devices hold the same credential: each time it is presented is then a login of
            its own.
    """

    name: ClassVar[str]
    place: ClassVar[Place]
    app: ClassVar[str | None] = None
    space: ClassVar[str | None] = None
    shared: bool = False

    @property
    def cookie(self) -> ExternalCookie | None:
        """The cookie, for ``Place.BROWSER``."""
        return None

    @property
    def cookies(self) -> tuple[ExternalCookie, ...]:
        """The cookies that the browser is told to delete."""
        return () if self.cookie is None else (self.cookie,)

    def find(self, request: HttpRequest) -> str | None:  # noqa: ARG002 - subclasses use it
        """
        Return the credential in the request, as this package reads it; ``None`` without one. No lookup.

        Called for requests without a credential of ours; not for ``Place.REFRESH``, where the token is in the
        body.
        """
        return None

    def identify(self, credential: str) -> str:
        """
        Return what identifies the credential, however it is written. No lookup.

        A secret with at least 100 random bits: anybody who knows it is taken for the holder.

        Raises:
            CredentialRejected: It is not a credential of this package, or has visibly expired.
        """
        return credential

    @abstractmethod
    def open(self, credential: str) -> ExternalLogin:
        """
        Return its login, if the package itself would accept it now. Changes nothing.

        Raises:
            CredentialRejected: It is unknown, expired, blacklisted, or its user is not allowed to log in.
        """

    @abstractmethod
    def retire(self, credential: str) -> bool:
        """
        Delete the credential in the package. It is no error if it is deleted already.

        Returns:
            Whether the package will reject it from now on. If not, we remember that it was adopted for as
            long as it could be presented again.
        """

    def problems(self) -> Iterator[Problem]:
        """Yield what is wrong with the project's settings for this adapter, for the system checks."""
        yield from ()
