"""
Django's ``SESSION_ENGINE`` over the store: ``request.session`` with an auth session behind it.

Who is logged in is the record's business and never part of the session data, which is read, changed
and written back as one blob: two racing requests can lose each other's cart, but no logout. Django's
three security fields are shown in the dict as Django expects, made from the record, and taken out
again on the way back.

A visitor who is not logged in has an anonymous session: no auth session, a key of its own kind, and
the life that ``SESSION_COOKIE_AGE`` gives it.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from secrets import randbelow
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from django_authkit.errors import BindingMismatch, CredentialRejected, LoginFailed, SessionEnded
from django_authkit.service.authentication import authenticate
from django_authkit.service.device_binding import check_binding
from django_authkit.service.django_session import DjangoSession
from django_authkit.service.login import LoginRequest, begin
from django_authkit.service.mode_switch import key_is_due
from django_authkit.service.revocation import revoke_session
from django_authkit.session_keys import SessionKey, new_handle
from django_authkit.stores.outcomes import Absent, Found
from django_authkit.types import RevocationReason
from django_authkit.users.loading import auth_hash_of
from django_authkit.wiring import get_session_strategy, get_store

_SECURITY_FIELDS = frozenset({SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY})
_EXPIRY_FIELD = "_session_expiry"
"""Where Django's ``set_expiry`` keeps its value."""
_PRUNE_BATCH = 1000


class SessionStore(SessionBase, DjangoSession):
    """
    One request's session.

    Attributes:
        presented: The key it was opened with; what came in the cookie or the bearer header.
        superseded: The key was that of a live auth session once; a newer one is on its way to the
            browser, so nothing of this request may replace its cookie.
        rejection: Why an auth session that was live does not count: it came from elsewhere.
        flushed: Everything was forgotten during this request: the cookie is to go.
        key_changed: An auth session got its key during this request: the cookie is to be set.
        deliverable: A new key would reach the client. It would not a bearer's, who reads no cookie; so
            an auth session of one keeps its key, rather than log itself out by a change of password.
        request: The request it belongs to, for the device that a login comes from.
        alternatives: Keys of other session cookies that came; they count where the one before does not.
    """

    def __init__(self, session_key: str | None = None) -> None:
        key = SessionKey.parse(session_key)
        super().__init__(key.text if key else None)
        self.presented = key.text if key else None
        self.superseded = False
        self.rejection: CredentialRejected | None = None
        self.flushed = False
        self.key_changed = False
        self.deliverable = True
        self.request: Callable[[], HttpRequest | None] = lambda: None
        self.alternatives: tuple[str, ...] = ()
        self._found: Found | Absent | None = None
        self._sought = False

    # -- the auth session behind it ---------------------------------------------------------------

    def look_up(self) -> Found | Absent | None:
        """Return the auth session behind it, looked up once; ``None`` for an anonymous session."""
        self._get_session()
        return self._found

    def anonymous_data(self) -> str:
        """Return the encoded data of an anonymous session; empty for none and for an auth session's."""
        if self._key is None and not hasattr(self, "_session_cache"):
            return ""
        data = dict(self.items())
        return self._encode(data) if self.bound is None else ""

    def adopt(self, key: SessionKey, found: Found) -> None:
        """Become the Django session of that auth session; delete the record of the anonymous session."""
        self._become(key, found, self._own_data())

    def take_over(self, key: SessionKey, found: Found) -> None:
        """Become the Django session of that auth session with the data it has; else as ``adopt``."""
        self._become(key, found, self._decode(found.data))

    def _become(self, key: SessionKey, found: Found, data: dict[str, Any]) -> None:
        visitor = self._key
        self._bind(key, found, data)
        self.key_changed, self.modified = True, False
        if visitor is not None and visitor.anonymous:
            get_store().delete_anonymous(visitor.handle, visitor.digest)

    def encoded_with(self, data: Mapping[str, Any]) -> str:
        """Return *data* encoded, an anonymous session's own on top of it."""
        return self._encode({**data, **self._own_data()})

    def merge_data(self, data: Mapping[str, Any]) -> None:
        """Add *data* to an anonymous session's own, which stays as it is."""
        if data:
            self.update({**data, **self._own_data()})

    def spare_cookie(self) -> None:
        """Make no anonymous session during this request: the cookie that came with it is to stay."""
        self.superseded = True

    def inherit(self, key: SessionKey, found: Found) -> None:
        """
        Become the Django session of an auth session that goes on under this key, with the data it has.

        What an anonymous session holds beside is added; its record is gone afterwards.
        """
        self._sought = True
        visitor, newer = self._key, self._own_data()
        self._bind(key, found, {**self._decode(found.data), **newer})
        if newer:
            self._save_bound(found)
        if visitor is not None and visitor.anonymous:
            get_store().delete_anonymous(visitor.handle, visitor.digest)

    def release(self) -> None:
        """Let go of the auth session behind it, which was ended; an anonymous session stays as it is."""
        key = self._key
        if key is not None and not key.anonymous:
            self._found = None
            self._session_key = None
            self._session_cache: dict[str, Any] = {}
            self.flushed = True

    def _bind(self, key: SessionKey, found: Found, data: dict[str, Any]) -> dict[str, Any]:
        session = found.session
        self._found, self._session_key = found, key.text
        self.flushed = False
        self._session_cache = {
            **data,
            SESSION_KEY: session.user_id,
            BACKEND_SESSION_KEY: session.backend,
            HASH_SESSION_KEY: session.auth_hash,
        }
        return self._session_cache

    @property
    def bound(self) -> Found | None:
        """The auth session behind it, as far as it was looked up."""
        return self._found if isinstance(self._found, Found) else None

    @property
    def is_anonymous(self) -> bool:
        """Whether it has an anonymous session's key."""
        return self._key is not None and self._key.anonymous

    @property
    def may_write(self) -> bool:
        """
        Whether a save can do no harm.

        A visitor's cookie must not replace one that is on its way. And a bearer is given no cookie: a
        record made for one could never be found again.
        """
        if self.bound is not None:
            return True
        return self.deliverable and not (self.superseded and SESSION_KEY not in self)

    @property
    def own_key(self) -> SessionKey | None:
        """The key of the auth session that it has, as far as is known without looking it up."""
        key = self._key
        return None if key is None or key.anonymous else key

    @property
    def _key(self) -> SessionKey | None:
        return SessionKey.parse(self.session_key)

    # -- Django's interface -----------------------------------------------------------------------

    def _get_session(self, no_load: bool = False) -> dict[str, Any]:
        if not no_load and self._may_inherit():
            self._seek()
        fields: dict[str, Any] = super()._get_session(no_load)  # type: ignore[misc]
        return fields

    _session = property(_get_session)  # Django's holds Django's function

    async def _aget_session(self, no_load: bool = False) -> dict[str, Any]:
        if not no_load and self._may_inherit():
            await sync_to_async(self._seek)()
        fields: dict[str, Any] = await super()._aget_session(no_load)  # type: ignore[misc]
        return fields

    def _may_inherit(self) -> bool:
        """Tell whether there may be an auth session behind it whose key the browser does not have yet."""
        request = None if self._sought or self.own_key is not None else self.request()
        self._sought = True
        return request is not None and key_is_due(request)

    def _seek(self) -> None:
        """Find out who the request is from first: they may be handed a key, and this session with it."""
        request = self.request()
        if request is not None:
            with suppress(CredentialRejected):  # whoever asks who the request is from is told
                authenticate(request)

    def load(self) -> dict[str, Any]:
        """Return the data; empty when the session is over. An unreachable store is an error, not that."""
        key = self._key
        assert key is not None
        if key.anonymous:
            data = get_store().load_anonymous(key.handle, key.digest)
            if data is None:
                self._session_key = None
            return self._decode(data or "")
        for each in (key, *filter(None, map(SessionKey.parse, self.alternatives))):
            self._found = self._find(each)
            if isinstance(self._found, Found):
                return self._bind(each, self._found, self._decode(self._found.data))
        self.superseded = self._found is Absent.SUPERSEDED
        self._session_key = None
        return {}

    def save(self, must_create: bool = False) -> None:
        """
        Write the data: to the auth session, or to an anonymous session's record.

        A user's id in the dict without an auth session behind it starts one (that is what Django's
        ``login`` does); an auth session whose user's id was taken out ends.

        Raises:
            UpdateError: The session was ended while the request was under way; nothing was written.
        """
        fields = self._get_session(no_load=must_create)
        bound = self.bound
        if bound is not None and fields.get(SESSION_KEY) != bound.session.user_id:
            self._unbind(bound)
            bound = None
        if bound is not None:
            self._save_bound(bound)
        elif SESSION_KEY in fields:
            self.establish()
        elif must_create or self._key is None:
            self._create_anonymous()
        else:
            self._save_anonymous()

    def establish(self, user: AbstractBaseUser | None = None) -> None:
        """
        Start an auth session from the security fields that Django's ``login`` has put into the dict.

        A visitor's data moves with it, and the visitor's record is deleted.

        Args:
            user: The user who logged in, where the caller has them at hand.

        Raises:
            SessionLimitReached, LoginFailed: As ``log_in`` says.
        """
        fields = self._get_session()
        if user is None:
            pk = get_user_model()._meta.pk.to_python(fields[SESSION_KEY])
            user = get_user_model()._default_manager.get(pk=pk)
        if not constant_time_compare(fields.get(HASH_SESSION_KEY, ""), auth_hash_of(user)):
            raise LoginFailed  # the password was changed since somebody proved the old one
        wanted = LoginRequest(
            user=user,
            backend=fields[BACKEND_SESSION_KEY],
            remember=not self.get_expire_at_browser_close(),
            amr=(),  # Django's login does not say how the user proved who they are
        )
        key = SessionKey.new(wanted.new_sid())
        data = self._encode(self._own_data())
        self.adopt(key, begin(self.request() or HttpRequest(), wanted, key=key, data=data))

    def forget_login(self) -> None:
        """Take out what Django's ``login`` put in, after it came to nothing; a save must not try again."""
        for name in _SECURITY_FIELDS:
            self.pop(name, None)

    def renew(self) -> None:
        """Re-key the auth session whose user has just logged in again; ``auth_time`` moves to now."""
        if self.deliverable:
            self._rekey(reauthenticated=True)

    def create(self) -> None:
        """Start an anonymous session with no data."""
        self._found = None
        self._session_cache = {}
        self._create_anonymous()
        self.modified = True

    def cycle_key(self) -> None:
        """Change the key and keep the data; for an auth session in one step of the store."""
        self._get_session()
        key = self._key
        if self.bound is not None:
            if self.deliverable:
                self._rekey()
        elif key is not None:
            self._create_anonymous()
            get_store().delete_anonymous(key.handle, key.digest)
            self.modified = True

    def flush(self) -> None:
        """Forget data and key. An auth session behind it ends."""
        super().flush()
        self._found = None
        self.flushed = True

    async def aflush(self) -> None:
        """Do what ``flush`` does. Django writes its own out, past ours."""
        await sync_to_async(self.flush)()

    async def acycle_key(self) -> None:
        """Do what ``cycle_key`` does."""
        await sync_to_async(self.cycle_key)()

    def delete(self, session_key: str | None = None) -> None:
        """Forget the record of *session_key*, or of the own key. Nothing to forget is no error."""
        key = SessionKey.parse(session_key if session_key is not None else self.session_key)
        if key is None:
            return
        if key.anonymous:
            get_store().delete_anonymous(key.handle, key.digest)
        else:
            revoke_session(key.handle, RevocationReason.LOGOUT, key_digest=key.digest)

    def exists(self, session_key: str) -> bool:
        """Tell whether the key opens a session; nothing slides."""
        key = SessionKey.parse(session_key)
        if key is None:
            return False
        if key.anonymous:
            return get_store().load_anonymous(key.handle, key.digest) is not None
        return isinstance(get_session_strategy().look_up(key, slide=False), Found)

    @classmethod
    def clear_expired(cls) -> None:
        """Reclaim the space of what has ended (``manage.py clearsessions``)."""
        for _ in get_store().prune(_PRUNE_BATCH):
            pass

    # -- parts ------------------------------------------------------------------------------------

    def _find(self, key: SessionKey) -> Found | Absent:
        """Return the auth session, unless it is bound to another device than the request's."""
        found, request = get_session_strategy().look_up(key), self.request()
        if request is None or isinstance(found, Absent):
            return found
        try:
            check_binding(request, found.session)
        except BindingMismatch as error:
            self.rejection = error
            return Absent.GONE
        return found

    def _own_data(self) -> dict[str, Any]:
        """Return what is the project's own in the dict."""
        fields = self._get_session()
        return {name: value for name, value in fields.items() if name not in _SECURITY_FIELDS}

    def _encode(self, data: dict[str, Any]) -> str:
        return self.encode(data) if data else ""

    def _decode(self, text: str) -> dict[str, Any]:
        return self.decode(text) if text else {}

    def _idle_limit(self) -> int | None:
        """Return the idle timeout of its own that ``set_expiry`` gave it, in milliseconds."""
        if not self.get(_EXPIRY_FIELD):  # 0 means: while the browser runs
            return None
        return max(1, int(self.get_expiry_age() * 1000))

    def _save_bound(self, bound: Found) -> None:
        fields, key = self._get_session(), self._key
        assert key is not None
        stamp = fields.get(HASH_SESSION_KEY, "")
        if stamp != bound.session.auth_hash and not get_store().restamp(key.handle, stamp):
            raise UpdateError
        data = self._encode(self._own_data())
        limit = self._idle_limit()
        if not get_store().save_data(key.handle, key.digest, data, idle_limit=limit):
            raise UpdateError

    def _unbind(self, bound: Found) -> None:
        """Revoke the auth session behind it; the data that is left belongs to an anonymous session."""
        revoke_session(bound.session.sid, RevocationReason.REPLACED)
        self._found = None
        self._session_key = None

    def _rekey(self, *, reauthenticated: bool = False) -> None:
        key = self._key
        assert key is not None
        fresh = SessionKey.new(key.handle)
        found = get_store().rekey(key.handle, key.digest, fresh.digest, reauthenticated=reauthenticated)
        if isinstance(found, Absent):
            raise SessionEnded
        stamp = self._session_cache.get(HASH_SESSION_KEY)
        self._bind(fresh, found, self._own_data())[HASH_SESSION_KEY] = stamp  # maybe not saved yet
        self.key_changed = True

    def _create_anonymous(self) -> None:
        key = SessionKey.new(new_handle(randbelow(get_store().buckets)), anonymous=True)
        data = self._encode(self._own_data())
        if not get_store().create_anonymous(key.handle, key.digest, data, self._visitor_life()):
            raise CreateError
        self._session_key = key.text

    def _save_anonymous(self) -> None:
        key = self._key
        assert key is not None
        data = self._encode(self._own_data())
        if not get_store().save_anonymous(key.handle, key.digest, data, self._visitor_life()):
            raise UpdateError

    def _visitor_life(self) -> int:
        return max(1, int(self.get_expiry_age() * 1000))
