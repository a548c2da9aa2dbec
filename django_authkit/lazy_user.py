"""
``request.user`` before anybody needed more of it than the credential says.

A proxy of the project's user class. Primary key, equality, hash, ``is_authenticated`` and ``is_active``
are known from the credential; the row is read on first touch of anything else. A user who is missing,
inactive or has another password by then is a 401.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Model
from django.db.models.options import Options
from django.utils.functional import SimpleLazyObject, empty

from django_authkit.errors import CredentialRejected

if TYPE_CHECKING:
    _Lazy = SimpleLazyObject[AbstractBaseUser]
else:
    _Lazy = SimpleLazyObject  # generic in its stubs only


class LazyUser(_Lazy):
    """
    A user of whom the credential names the primary key.

    Args:
        user_id: The primary key, as records hold it.
        read: Returns the row, or raises ``CredentialRejected``.

    Attributes:
        as_error: What to raise for a rejection; a framework that answers errors of its own sets it.
    """

    # LazyObject sends attributes to the wrapped object; what is ours is kept in __dict__.

    def __init__(self, user_id: str, read: Callable[[], AbstractBaseUser]) -> None:
        model = get_user_model()
        self.__dict__["_model"] = model
        self.__dict__["_pk"] = model._meta.pk.to_python(user_id)
        self.__dict__["as_error"] = None
        super().__init__(read)

    def _setup(self) -> None:
        try:
            super()._setup()  # type: ignore[misc]
        except CredentialRejected as error:
            as_error: Callable[[CredentialRejected], Exception] | None = self.__dict__["as_error"]
            if as_error is None:
                raise
            raise as_error(error) from error

    @property
    def pk(self) -> Any:
        """The primary key."""
        return self.__dict__["_pk"]

    @property
    def is_authenticated(self) -> bool:
        """True: the credential was verified."""
        return True

    @property
    def is_anonymous(self) -> bool:
        """False."""
        return False

    @property
    def is_active(self) -> bool:
        """True; switching an account off ends its auth sessions, and reading the row checks again."""
        return True

    @property
    def _meta(self) -> "Options[Any]":
        return self.__dict__["_model"]._meta  # type: ignore[no-any-return]

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return self.__dict__["_model"]

    def __getattr__(self, name: str) -> Any:
        key = self.__dict__["_model"]._meta.pk
        if name in {key.name, key.attname}:
            return self.pk
        return super().__getattr__(name)

    def __eq__(self, other: object) -> bool:
        model = self.__dict__["_model"]._meta.concrete_model
        return isinstance(other, Model) and other._meta.concrete_model is model and other.pk == self.pk

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.pk)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        state = "not read" if self.__dict__.get("_wrapped", empty) is empty else "read"
        return f"<LazyUser {self.pk!r}: {state}>"
