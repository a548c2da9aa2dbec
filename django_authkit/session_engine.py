"""
Django's ``SESSION_ENGINE`` over the store: ``request.session`` with an auth session behind it.

The interface that Django documents for engines is here; what is behind it is in
``service.request_session``. A request that is not logged in has an anonymous session: no auth session,
a key of its own kind, and the life that ``SESSION_COOKIE_AGE`` gives it.
"""

from asgiref.sync import sync_to_async
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from django_authkit.errors import LoginFailed, SessionEnded
from django_authkit.service.django_session import CookieAction
from django_authkit.service.login import LoginRequest, begin
from django_authkit.service.request_session import SECURITY_FIELDS, RequestSession
from django_authkit.service.revocation import revoke_session
from django_authkit.session_keys import SessionKey
from django_authkit.stores.outcomes import Absent, Found
from django_authkit.types import RevocationReason
from django_authkit.users.loading import auth_hash_of
from django_authkit.users.query import users_alias
from django_authkit.wiring import get_session_strategy, get_store

_PRUNE_BATCH = 1000


class SessionStore(RequestSession):
    """One request's session, as Django's middleware, ``login()``, and views use it."""

    def save(self, must_create: bool = False) -> None:
        """
        Write the data: to the auth session, or to the anonymous session.

        A user's id in the dict without an auth session behind it starts one (Django's ``login`` does
        that). An auth session whose user's id was removed is revoked.

        Raises:
            UpdateError: The session was revoked during the request; nothing was written.
        """
        fields = self._get_session(no_load=must_create)
        if self._found is None and self.own_key is not None:  # after clear(), which loads nothing
            self._find_bound(self.own_key)
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

    def create(self) -> None:
        """Start an anonymous session without data."""
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
            self._delete_anonymous(key)
            self.modified = True

    def flush(self) -> None:
        """Forget data and key. An auth session behind it is revoked."""
        if self._found is None and len(self.presented) > 1 and self.own_key is not None:
            self._find_bound(self.own_key)  # of several cookies, revoke the session of the valid one
        super().flush()
        self._found = None
        self.cookie = CookieAction.DELETE

    async def aflush(self) -> None:
        """Do what ``flush`` does. Django's own repeats its steps instead of calling ``flush``."""
        await sync_to_async(self.flush)()

    async def acycle_key(self) -> None:
        """Do what ``cycle_key`` does."""
        await sync_to_async(self.cycle_key)()

    def delete(self, session_key: str | None = None) -> None:
        """Delete the record of *session_key*, or of the session's own key, if there is one."""
        key = self._key if session_key is None else SessionKey.parse(session_key)
        if key is None:
            return
        if key.anonymous:
            self._delete_anonymous(key)
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
        """Reclaim the space of what has expired (``manage.py clearsessions``)."""
        for _ in get_store().prune(_PRUNE_BATCH):
            pass

    # -- login and logout by Django's own functions ------------------------------------------------

    def establish(self, user: AbstractBaseUser | None = None) -> None:
        """
        Start an auth session from the security fields that Django's ``login`` has put into the dict.

        The data of an anonymous session moves with it, and its record is deleted.

        Args:
            user: The user who logged in, if the caller has loaded them.

        Raises:
            SessionLimitReached, LoginFailed: As ``log_in`` says.
        """
        fields = self._get_session()
        if user is None:
            pk = get_user_model()._meta.pk.to_python(fields[SESSION_KEY])
            user = get_user_model()._default_manager.using(users_alias()).get(pk=pk)
        if not constant_time_compare(fields.get(HASH_SESSION_KEY, ""), auth_hash_of(user)):
            raise LoginFailed  # the password was changed after the old one was checked
        wanted = LoginRequest(
            user=user,
            backend=fields[BACKEND_SESSION_KEY],
            remember=not self.get_expire_at_browser_close(),
            amr=(),  # Django's login does not say how the user authenticated
        )
        key = SessionKey.new(wanted.new_sid())
        data = self._encode(self._own_data())
        self.adopt(key, begin(self.request() or HttpRequest(), wanted, key=key, data=data))

    def forget_login(self) -> None:
        """Remove what Django's ``login`` put in, after it failed; a save must not try again."""
        for name in SECURITY_FIELDS:
            self.pop(name, None)

    def renew(self) -> None:
        """Re-key the auth session whose user has just logged in again; ``auth_time`` moves to now."""
        if self.deliverable:
            self._rekey(reauthenticated=True)

    def _rekey(self, *, reauthenticated: bool = False) -> None:
        key = self._key
        assert key is not None
        fresh = SessionKey.new(key.handle)
        found = get_store().rekey(key.handle, key.digest, fresh.digest, reauthenticated=reauthenticated)
        if isinstance(found, Absent):
            raise SessionEnded
        stamp = self._session_cache.get(HASH_SESSION_KEY)
        self._bind(fresh, found, self._own_data())[HASH_SESSION_KEY] = stamp  # maybe not saved yet
        self.cookie = CookieAction.SET
