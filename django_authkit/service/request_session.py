"""
``request.session`` with the auth session behind it: what the session engine adds to Django's session.

Who is logged in is in the record and never in the session data, which is read, changed, and written
back as one blob: two racing requests can lose each other's cart, but no logout. Django's three
security fields are shown in the dict as Django expects. They are made from the record, and are
removed again before the data is written.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError

from django_authkit.conf import get_settings
from django_authkit.errors import (
    BindingMismatch,
    CredentialRejected,
    DeviceMismatch,
    DpopProofInvalid,
    DpopRefused,
    SessionEnded,
    StoreUnavailable,
    TokenInvalid,
)
from django_authkit.http.client_info import device_of
from django_authkit.service.device_keys import check_device, check_device_key, shown_by
from django_authkit.service.django_session import CookieAction, DjangoSession
from django_authkit.service.dpop import HEADER
from django_authkit.service.session_reading import SessionReading
from django_authkit.session_keys import SessionKey
from django_authkit.stores.outcomes import NOTHING_ASKED, Absent, Found
from django_authkit.users.loading import without_mark
from django_authkit.wiring import get_session_strategy, get_store

SECURITY_FIELDS = frozenset({SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY})
_T = TypeVar("_T")
EXPIRY_FIELD = "_session_expiry"
"""Where Django's ``set_expiry`` keeps its value."""


class RequestSession(SessionReading, DjangoSession):
    """
    One request's session.

    Attributes:
        deliverable: A new key would reach the client. That of a bearer would not, since it reads no cookie:
            its auth session keeps the key, so that a change of password does not log it out.
        is_in_body: Its key came neither in a cookie nor in the ``Authorization`` header, so that a proof
            (DPoP) cannot name it.
        is_answered: The response has passed our middleware. Another one that only reads afterwards, as
            debugging tools do, must not turn it into a 500.
    """

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        key = self._key
        self.presented = () if key is None or key.anonymous else (key,)
        self.rejection = None
        self.cookie = CookieAction.LEAVE
        self.deliverable = True
        self.is_new_login = self.is_answered = self.is_in_body = False
        self._found: Found | Absent | None = None
        self._written: bytes | None = None
        self._had_expiry = False

    def open_with(self, keys: tuple[SessionKey, ...]) -> None:
        """Take the keys that came with the request: several of auth sessions, or one that is anonymous."""
        self._key = keys[0]
        self.presented = () if keys[0].anonymous else keys

    @property
    def is_anonymous(self) -> bool:
        """Whether it has the key of an anonymous session."""
        return self._key is not None and self._key.anonymous

    @property
    def own_key(self) -> SessionKey | None:
        """The key of its auth session, as far as is known without a lookup."""
        key = self._key
        return None if key is None or key.anonymous else key

    # -- the auth session behind it ---------------------------------------------------------------

    @property
    def bound(self) -> Found | None:
        """The auth session behind it, as far as it was looked up."""
        return self._found if isinstance(self._found, Found) else None

    @property
    def may_write(self) -> bool:
        """
        Whether a save can do no harm.

        The cookie of an anonymous session must not replace one that is on its way. And a bearer is given
        no cookie: a record that is made for one could never be found again.
        """
        if self.bound is not None:
            return True
        return self.deliverable and not (self.cookie is CookieAction.KEEP and SESSION_KEY not in self)

    def look_up(self, *, again: bool = False) -> Found | Absent | None:
        """Do what ``DjangoSession`` says. The data of a record that the process remembers is not read yet."""
        key = self.own_key
        if key is None or self._is_loaded:
            self._get_session()
        elif self._found is None or (again and self._is_remembered):
            self.accessed = True
            self._forgiving(lambda: self._find_bound(key, is_remembered_enough=not again))
        return self._found

    @property
    def _is_loaded(self) -> bool:
        return hasattr(self, "_session_cache")

    @property
    def _is_remembered(self) -> bool:
        """Whether the auth session behind it is known from the memory of the process only."""
        return self.bound is not None and self.bound.is_remembered

    def anonymous_data(self) -> str:
        """Return the encoded data of an anonymous session; empty for an auth session, or without data."""
        if self._key is None and not hasattr(self, "_session_cache"):
            return ""
        data = dict(self.items())
        return self._encode(data) if self.bound is None else ""

    def move_to(self, key: SessionKey, found: Found) -> None:
        """Become the Django session of that auth session, and move the data there from the anonymous one."""
        self._become(key, found, self._data_for(found))

    def _data_for(self, found: Found) -> dict[str, Any]:
        """Return the project's own data; as the store says if that of the auth session was not read yet."""
        unread = self._found is not None and not self._is_loaded
        return self._decode(found.data) if unread else self._own_data()

    def switch_to(self, key: SessionKey, found: Found) -> None:
        """Become the Django session of that auth session, with its data; delete the anonymous one."""
        self._become(key, found, self._decode(found.data))

    def _become(self, key: SessionKey, found: Found, data: dict[str, Any]) -> None:
        previous = self._key
        self._bind(key, found, data)
        self.cookie = CookieAction.SET
        if data.get(EXPIRY_FIELD):
            self.modified = True  # the record does not know of set_expiry() yet
        else:
            self._written = self.serializer().dumps(self._decode(found.data))
        self._delete_anonymous(previous)

    def encoded_with(self, data: Mapping[str, Any]) -> str:
        """Return *data* encoded; the anonymous session's own data overrides it."""
        return self._encode({**data, **self._own_data()})

    def merge_data(self, data: Mapping[str, Any]) -> None:
        """Add *data*; the anonymous session's own data overrides it."""
        if data:
            self.update({**data, **self._own_data()})

    def inherit(self, key: SessionKey, found: Found) -> None:
        """
        Become the Django session of an auth session that goes on under this key, with the data it has.

        The data of an anonymous session is added, and its record is deleted.
        """
        self._inherits = False
        previous, newer = self._key, self._own_data()
        self._bind(key, found, {**self._decode(found.data), **newer})
        if newer:
            self._save_bound(found)
        self._delete_anonymous(previous)

    def follow(self, key: SessionKey, found: Found) -> None:
        """Go on under another key of the same auth session."""
        self._bind(key, found, self._data_for(found))

    def detach(self) -> None:
        """Go on as an anonymous session with the same data: the auth session is about to lose its key."""
        data = self._own_data()
        if self.own_key is not None:
            self._found = self._key = None
            self._session_cache: dict[str, Any] = data
            self.modified = bool(data)
            self.cookie = CookieAction.DELETE

    def release(self) -> None:
        """Forget the auth session behind it, which was revoked; an anonymous session stays as it is."""
        key = self._key
        if key is not None and not key.anonymous:
            self._found = self._key = None
            self._session_cache = {}
            self.cookie = CookieAction.DELETE

    def _bind(self, key: SessionKey, found: Found, data: dict[str, Any]) -> dict[str, Any]:
        session = found.session
        self._found, self._key = found, key
        self._had_expiry = EXPIRY_FIELD in data
        if self.cookie is CookieAction.DELETE:
            self.cookie = CookieAction.LEAVE
        self._session_cache = {
            **data,
            SESSION_KEY: session.user_id,
            BACKEND_SESSION_KEY: session.backend,
            HASH_SESSION_KEY: without_mark(session.auth_hash),
        }
        return self._session_cache

    def load(self) -> dict[str, Any]:
        """Return the data; empty when the session has ended. A store that is down is an error."""
        return self._forgiving(self._load) or {}

    def _forgiving(self, read: Callable[[], _T]) -> _T | None:
        """Return what *read* does; ``None`` if that is an error, and the request was answered already."""
        try:
            return read()
        except (StoreUnavailable, CredentialRejected):
            if not self.is_answered:
                raise
            return None

    def _load(self) -> dict[str, Any]:
        key = self._key
        if key is None:
            return {}
        if key.anonymous:
            data = get_store().load_anonymous(key.handle, key.digest)
            if data is None:
                self._key = None
            return self._decode(data or "")
        found, was_remembered = self.bound, self._is_remembered
        if found is None or was_remembered or self._is_loaded:
            found = self._find_bound(key)
        if was_remembered and found is None:  # the view has been told who is logged in
            raise self.rejection or SessionEnded
        if found is None or self._key is None:
            return {}
        return self._bind(self._key, found, self._decode(found.data))

    def _find_bound(self, key: SessionKey, *, is_remembered_enough: bool = False) -> Found | None:
        """
        Look the auth session up: that of the first valid one of the keys that came with the request.

        Once the process remembered who one of them belongs to, only that one counts: the view was told.
        """
        superseded = False
        was_told = self._found is not None and self._is_remembered
        for each in (key,) if was_told or key not in self.presented else self.presented:
            self._found = found = self._find(each, is_remembered_enough)
            if isinstance(found, Found):
                self._key = each
                return found
            superseded = superseded or found is Absent.SUPERSEDED
        if superseded:
            self.cookie = CookieAction.KEEP
        self._key = None
        return None

    def _find(self, key: SessionKey, is_remembered_enough: bool) -> Found | Absent:
        """Return the auth session, unless it is bound to another device than the request's."""
        request, strategy = self.request(), get_session_strategy()
        if not (self.deliverable or strategy.by_header):  # the key of a bearer
            self.rejection = TokenInvalid()
            return Absent.GONE
        may_recall = is_remembered_enough and strategy.remembers
        device = device_of(request) if may_recall and request is not None else None
        is_shown = strategy.asks_for_cookie or (request is not None and HEADER in request.META)
        in_body = self.is_in_body
        shown = shown_by(request, key.text, is_in_body=in_body) if is_shown else NOTHING_ASKED
        try:
            found = strategy.look_up(key, device=device, shown=shown)
        except DpopProofInvalid as error:  # it was used before
            self.rejection = error
            return Absent.SUPERSEDED
        if isinstance(found, Absent):
            return found
        is_plain = request is None or (HEADER not in request.META and get_settings().dpop.mode != "require")
        if is_plain and found.is_remembered and not found.session.device_key:
            return found
        try:
            if request is None:  # it was opened with the key alone
                check_device_key(None, found)
            else:
                check_device(request, found, is_in_body=in_body)
        except (BindingMismatch, DeviceMismatch, DpopRefused) as error:
            self.rejection = error
            # The session cookie of a browser that is about to prove its device must not be replaced.
            return Absent.GONE if isinstance(error, BindingMismatch) else Absent.SUPERSEDED
        return found

    # -- writing ----------------------------------------------------------------------------------

    def _save_bound(self, bound: Found) -> None:
        fields, key = self._get_session(), self._key
        assert key is not None
        stamp = fields.get(HASH_SESSION_KEY, "")
        if stamp != without_mark(bound.session.auth_hash) and not get_store().restamp(key.handle, stamp):
            raise UpdateError
        data = self._encode(self._own_data())
        if not get_store().save_data(key.handle, key.digest, data, idle_limit=self._idle_limit_ms()):
            raise UpdateError

    def _delete_anonymous(self, key: SessionKey | None) -> None:
        if key is not None and key.anonymous:
            get_store().delete_anonymous(key.handle, key.digest)

    def _own_data(self) -> dict[str, Any]:
        """Return the project's own data in the dict."""
        fields = self._get_session()
        return {name: value for name, value in fields.items() if name not in SECURITY_FIELDS}

    def _encode(self, data: dict[str, Any]) -> str:
        return self.encode(data) if data else ""

    def _decode(self, text: str | None) -> dict[str, Any]:
        if text is None:
            raise ValueError("The data was not read from the store.")
        return self.decode(text) if text else {}

    def _idle_limit_ms(self) -> int | None:
        """Return the idle timeout of its own that ``set_expiry`` gave it."""
        if not self.get(EXPIRY_FIELD):  # 0 means: until the browser is closed
            return None
        return self._anonymous_life_ms()

    def _anonymous_life_ms(self) -> int:
        return max(1, int(self.get_expiry_age() * 1000))
