"""What an adapter is: the interface that projects may implement, too."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest


class Place(StrEnum):
    """Where clients present an external credential, and so how they are given ours."""

    BROWSER = "browser"
    """In a cookie, on any request; the answer sets our cookies."""
    REFRESH = "refresh"
    """As the token that ``refresh/`` is sent; the answer has our credential."""
    HEADER = "header"
    """In a header of ``POST adopt/``; the answer is that of a login."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalLogin:
    """
    A login that another package made, and for which its credential still counts there.

    Attributes:
        user: Who. That they are active is looked at by us as well.
        backend: Dotted path of the Django auth backend that vouched for them; ``None`` where the package
            does not keep it: then the first of ``AUTHENTICATION_BACKENDS`` does.
        auth_hash: Their session auth hash when they logged in; ``None`` where the package keeps none.
        proved: When they proved it was them, or an earlier moment (aware); ``None`` if that is not known.
            What needs a fresh proof counts from here.
        expires: When the credential is over if nobody uses it (aware); ``None`` for never.
        ends: When the login is over however much it is used (aware); ``None`` for never. The auth session
            ends then at the latest.
        remember: Whether cookies of it outlive the browser.
        data: Django session data that goes along, the fields of the login left out.
    """

    user: AbstractBaseUser
    backend: str | None = None
    auth_hash: str | None = field(default=None, repr=False)
    proved: datetime | None = None
    expires: datetime | None = None
    ends: datetime | None = None
    remember: bool = False
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ExternalCookie:
    """The cookie that a browser has an external credential in; a browser forgets it by all three."""

    name: str
    path: str = "/"
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class AdapterFault:
    """Why an adapter cannot work as the project is set up: the id of a check, and what to do."""

    check: str
    message: str
    hint: str


class Adapter(ABC):
    """
    One kind of external credential. Made once per process; an entry's options are its keyword arguments.

    Errors are those of ``django_authkit.errors``. What a database or cache raises when it does not
    answer may pass: it is turned into ``StoreUnavailable``, never into "not logged in".

    Attributes:
        name: Stands in logs and, as ``adopted:<name>``, in the ``amr`` of auth sessions.
        place: Where clients present it.
        app: The entry of ``INSTALLED_APPS`` that it needs, or ``None``.
        space: Whose credentials these are, if another adapter takes the same ones; else ``name`` says it.
            What identifies a credential in one space is nothing in another.
        shared: Whether several devices hold the same credential: each presentation is then a login of its
            own, a repeated one too.
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

    def find(self, request: HttpRequest) -> str | None:  # noqa: ARG002 - what others need
        """
        Return what the request presents by this package's own means; ``None`` for nothing. No look-up.

        Asked on requests that present no credential of ours; not for ``Place.REFRESH``, where it is the
        token that was sent.
        """
        return None

    def identify(self, credential: str) -> str:
        """
        Return what makes the credential one and the same however it is written. No look-up.

        A secret with at least 100 random bits: whoever knows it is taken for whoever holds the credential.

        Raises:
            CredentialRejected: It is none of this package's, or is seen to be over without asking anybody.
        """
        return credential

    @abstractmethod
    def open(self, credential: str) -> ExternalLogin:
        """
        Return the login behind it, if the package itself would accept it now. Changes nothing.

        Raises:
            CredentialRejected: It would not: unknown, expired, blacklisted, of somebody who may not come in.
        """

    @abstractmethod
    def retire(self, credential: str) -> bool:
        """
        Have the package forget the credential. What is forgotten already is no error.

        Returns:
            Whether the package refuses it for good from now on. If not, we remember that it was adopted
            for as long as it could come back.
        """

    def faults(self) -> Iterator[AdapterFault]:
        """Yield what is wrong with the project's settings for this adapter; the system checks say so."""
        yield from ()
