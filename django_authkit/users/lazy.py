"""
The lazy user: ``request.user`` without its row, until the row is needed.

A proxy of the project's user class. Primary key, equality, hash, ``is_authenticated`` and ``is_active``
are known from the credential; any other attribute reads the row. If the user is missing, inactive or has
another password by then, that is a 401.
"""

import operator
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Self

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.signals import setting_changed
from django.db import router
from django.db.models import Model
from django.db.models.base import ModelState
from django.db.models.options import Options
from django.utils.functional import SimpleLazyObject, empty, new_method_proxy

from django_authkit.errors import AuthKitError
from django_authkit.users.loading import admits_inactive

if TYPE_CHECKING:
    _Lazy = SimpleLazyObject[AbstractBaseUser]
else:
    _Lazy = SimpleLazyObject  # generic in its stubs only

_OF_EXPRESSIONS: Final = frozenset({"resolve_expression", "get_source_expressions"})
"""Django's queries look for these to find expressions. A user is none, which is known without its row."""


@cache
def _user_class() -> type[AbstractBaseUser]:
    return get_user_model()


def _forget(*, setting: str, **_: object) -> None:
    if setting == "AUTH_USER_MODEL":
        _user_class.cache_clear()


setting_changed.connect(_forget, dispatch_uid="django_authkit.users.lazy")


class LazyUser(_Lazy):
    """
    A user whose primary key is known from the credential.

    Args:
        user_id: The primary key, as records hold it.
        read: Returns the row, or raises ``CredentialRejected`` or ``StoreUnavailable``.
    """

    # LazyObject sets attributes on the wrapped object, so our own are kept in __dict__. All public names
    # are Django's: another one could hide a field of the project.

    def __init__(self, user_id: str, read: Callable[[], AbstractBaseUser]) -> None:
        # As SimpleLazyObject.__init__, without its attribute access, which took most of the time to
        # authenticate a token.
        own = object.__getattribute__(self, "__dict__")
        own["_setupfunc"] = read
        own["_wrapped"] = empty
        own["_user_id"] = user_id
        own["_as_error"] = None

    def _ensure(self) -> None:
        if not self._is_read:
            self._setup()

    def _setup(self) -> None:
        try:
            super()._setup()  # type: ignore[misc]
        except AuthKitError as error:
            as_error: Callable[[AuthKitError], Exception] | None = self.__dict__["_as_error"]
            if as_error is None:
                raise
            raise as_error(error) from error

    @property
    def pk(self) -> Any:
        """The primary key; that of the row once it is read, since saving and deleting may change it."""
        if self._is_read:
            return self._wrapped.pk
        return _user_class()._meta.pk.to_python(self.__dict__["_user_id"])

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
        """
        True: deactivation revokes the auth sessions, and reading the row checks again.

        Where a Django auth backend may let inactive users in, the row says it.
        """
        if admits_inactive():
            self._ensure()
        return self._wrapped.is_active if self._is_read else True

    @property
    def _is_read(self) -> bool:
        return self.__dict__["_wrapped"] is not empty

    @property
    def _meta(self) -> "Options[Any]":
        return _user_class()._meta

    @property
    def _state(self) -> ModelState:
        """The state that relations read: that of a row from the database that users are read from."""
        if self._is_read:
            return self._wrapped._state  # type: ignore[no-any-return]
        if "_state_before" not in self.__dict__:
            state = self.__dict__["_state_before"] = ModelState()
            state.adding, state.db = False, router.db_for_read(_user_class())
        return self.__dict__["_state_before"]  # type: ignore[no-any-return]

    def _is_pk_set(self, meta: object = None) -> bool:  # noqa: ARG002 - Django's; filters by the user ask
        return True

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return _user_class()

    def __getattr__(self, name: str) -> Any:
        if name == _user_class()._meta.pk.attname:
            return self.pk
        if name in _OF_EXPRESSIONS:
            raise AttributeError(name)
        return super().__getattr__(name)

    def __getitem__(self, key: Any) -> Any:
        """Templates try this before the attribute; most models do not have it, which needs no row."""
        if not hasattr(_user_class(), "__getitem__"):
            raise TypeError("A user has no items.")
        return new_method_proxy(operator.getitem)(self, key)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Model):
            return NotImplemented
        model = _user_class()._meta.concrete_model
        return bool(other._meta.concrete_model is model and other.pk == self.pk)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __copy__(self) -> Any:
        return super().__copy__() if self._is_read else self._twin()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return super().__deepcopy__(memo) if self._is_read else memo.setdefault(id(self), self._twin())

    def _twin(self) -> Self:
        twin = type(self)(self.__dict__["_user_id"], self._setupfunc)
        twin.__dict__["_as_error"] = self.__dict__["_as_error"]
        return twin

    def __hash__(self) -> int:
        return hash(self.pk)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        state = "read" if self._is_read else "not read"
        return f"<LazyUser {self.pk!r}: {state}>"


def set_error_factory(user: object, as_error: Callable[[AuthKitError], Exception]) -> None:
    """Let *user* raise ``as_error(error)`` in place of our error, if it is lazy and was not read yet."""
    if isinstance(user, LazyUser):
        object.__getattribute__(user, "__dict__")["_as_error"] = as_error


def ensure_loaded(user: object) -> None:
    """Read the row of *user* if it is lazy and was not read yet; raise what an attribute would raise."""
    if isinstance(user, LazyUser):
        user._ensure()  # noqa: SLF001 - this module's own
