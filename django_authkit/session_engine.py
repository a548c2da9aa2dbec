"""
Django's ``SESSION_ENGINE`` over the store: ``request.session`` with an auth session behind it.

The interface that Django documents for engines is here; what is behind it is in
``service.request_session``. A request that is not logged in has an anonymous session: no auth session,
a key of its own kind, and the life that ``SESSION_COOKIE_AGE`` gives it.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from secrets import randbelow
from typing import Any

from django.conf import settings as django_settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.backends.base import CreateError, UpdateError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from django_authkit.conf import get_settings, milliseconds
from django_authkit.errors import LoginFailed, SessionEnded
from django_authkit.http.request_state import state_of
from django_authkit.service.begin import LoginRequest, begin
from django_authkit.service.django_session import CookieAction
from django_authkit.service.request_session import EXPIRY_FIELD, SECURITY_FIELDS, RequestSession
from django_authkit.service.revocation import revoke_session
from django_authkit.service.running import run
from django_authkit.session_keys import SessionKey, new_handle
from django_authkit.stores.outcomes import Absent, Found
from django_authkit.types import RevocationReason
from django_authkit.users.loading import django_hash_of, load_user, without_mark
from django_authkit.wiring import get_session_strategy, get_store

_PRUNE_BATCH = 1000


class SessionStore(RequestSession):
    """One request's session, as Django's middleware, ``login()``, and views use it."""

    def save(self, must_create: bool = False) -> None:
        """
        Write the data: to the auth session, or to the anonymous session.

        A login in the dict without an auth session behind it starts one; if it is not valid, it is removed.
        An auth session whose user's id was removed is revoked, and so is one that expired by ``set_expiry``.

        Raises:
            UpdateError: The session was revoked during the request; nothing was written.
        """
        fields = self._get_session(no_load=must_create)
        if self._found is None and self.own_key is not None:  # after clear(), which loads nothing
            self._find_bound(self.own_key)
        if self.get_expiry_age() <= 0:
            self.flush()
            return
        bound = self.bound
        if bound is not None and str(fields.get(SESSION_KEY)) != bound.session.user_id:
            self._unbind(bound)
            bound = None
        if bound is not None:
            self._save_bound(bound)
        elif (user := self._user_of_login()) is not None:
            self.establish(user)
        elif must_create or self._key is None:
            self._create_anonymous()
        else:
            self._save_anonymous()

    def _unbind(self, bound: Found) -> None:
        """Revoke the auth session behind it; the data that is left belongs to an anonymous session."""
        revoke_session(bound.session.sid, RevocationReason.REPLACED)
        self._found = self._key = None

    def _create_anonymous(self) -> None:
        key = SessionKey.new(new_handle(randbelow(get_store().buckets)), anonymous=True)
        data = self._encode(self._own_data())
        if not get_store().create_anonymous(key.handle, key.digest, data, self._anonymous_life_ms()):
            raise CreateError
        self._key = key

    def _save_anonymous(self) -> None:
        key = self._key
        assert key is not None
        data = self._encode(self._own_data())
        if not get_store().save_anonymous(key.handle, key.digest, data, self._anonymous_life_ms()):
            raise UpdateError

    def create(self) -> None:
        """Give the data a new key: a new anonymous session's, or that of the auth session from now on."""
        if self.bound is not None:
            self.cycle_key()
        else:
            self.save(must_create=True)
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

    async def aload(self) -> dict[str, Any]:
        """Do what ``load`` does."""
        return await run(self.load)

    async def asave(self, must_create: bool = False) -> None:
        """Do what ``save`` does."""
        await run(self.save, must_create)

    async def acreate(self) -> None:
        """Do what ``create`` does."""
        await run(self.create)

    async def aflush(self) -> None:
        """Do what ``flush`` does. Django's own repeats its steps instead of calling ``flush``."""
        await run(self.flush)

    async def acycle_key(self) -> None:
        """Do what ``cycle_key`` does."""
        await run(self.cycle_key)

    async def adelete(self, session_key: str | None = None) -> None:
        """Do what ``delete`` does."""
        await run(self.delete, session_key)

    async def aexists(self, session_key: str) -> bool:
        """Do what ``exists`` does."""
        return await run(self.exists, session_key)

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

    # -- what the middleware asks -------------------------------------------------------------------

    @property
    def is_written(self) -> bool:
        """Whether the auth session that began with this request has the data already."""
        bound = self.bound
        return (
            bound is not None
            and self.get(HASH_SESSION_KEY) == without_mark(bound.session.auth_hash)
            and self._written == self.serializer().dumps(self._own_data())
        )

    @property
    def sets_expiry(self) -> bool:
        """Whether ``set_expiry`` decides when the cookie of an auth session expires, or did until now."""
        return self.bound is not None and (self._had_expiry or EXPIRY_FIELD in self)

    def extend(self) -> bool:
        """
        Extend an unchanged anonymous session's life, if ``SESSION_SAVE_EVERY_REQUEST`` asks for it.

        Returns:
            Whether it was extended. One that another request deleted meanwhile is not, and is no error.
        """
        if not (django_settings.SESSION_SAVE_EVERY_REQUEST and self.is_anonymous):
            return False
        self._get_session()  # forgets the key of one that has expired
        if self.modified or not self.is_anonymous:
            return False
        with suppress(UpdateError):
            self.save()
            return self.is_anonymous
        return False

    # -- its expiry -------------------------------------------------------------------------------

    def get_session_cookie_age(self) -> int:
        """Return how long it lasts without activity, in seconds; an auth session by its own ends."""
        bound = self.bound
        if bound is None:
            return int(super().get_session_cookie_age())
        idle, session = milliseconds(get_settings().lifetimes.idle), bound.session
        return min(idle, session.idle_timeout or idle, session.expires_ms - bound.now_ms) // 1000

    def get_expiry_age(self, **kwargs: Any) -> int:
        """Do what Django's does; an auth session lasts no longer than its idle and absolute ends."""
        return self._within_ends(super().get_expiry_age(**kwargs))

    async def aget_expiry_age(self, **kwargs: Any) -> int:
        """Do what ``get_expiry_age`` does."""
        return self._within_ends(await super().aget_expiry_age(**kwargs))

    def _within_ends(self, age: int) -> int:
        return age if self.bound is None else min(age, self.get_session_cookie_age())

    def get_expiry_date(self, **kwargs: Any) -> datetime:
        """Do what Django's does, within the ends of ``get_expiry_age``."""
        return self._before_end(super().get_expiry_date(**kwargs), **kwargs)

    async def aget_expiry_date(self, **kwargs: Any) -> datetime:
        """Do what ``get_expiry_date`` does."""
        return self._before_end(await super().aget_expiry_date(**kwargs), **kwargs)

    def _before_end(self, date: datetime, modification: datetime | None = None, **_: Any) -> datetime:
        if self.bound is None:
            return date
        return min(date, (modification or timezone.now()) + timedelta(seconds=self.get_session_cookie_age()))

    def get_expire_at_browser_close(self) -> bool:
        """Tell whether the cookie is gone with the browser: by ``set_expiry``, or as the login asked for."""
        own, bound = self.get(EXPIRY_FIELD), self.bound
        if own is None and bound is not None:
            return not bound.session.remember
        return bool(super().get_expire_at_browser_close())

    async def aget_expire_at_browser_close(self) -> bool:
        """Do what ``get_expire_at_browser_close`` does."""
        return await run(self.get_expire_at_browser_close)

    # -- login and logout by Django's own functions ------------------------------------------------

    def establish(self, user: AbstractBaseUser) -> None:
        """
        Start an auth session for *user* from the security fields that are in the dict.

        The data of an anonymous session moves with it, and its record is deleted.

        Raises:
            SessionLimitReached, LoginFailed: As ``log_in`` says.
        """
        fields = self._get_session()
        if not constant_time_compare(fields.get(HASH_SESSION_KEY, ""), django_hash_of(user)):
            raise LoginFailed  # the password was changed after the old one was checked
        strategy, request = get_session_strategy(), self.request() or HttpRequest()
        wanted = LoginRequest(
            user=user,
            backend=fields[BACKEND_SESSION_KEY],
            remember=not self.get_expire_at_browser_close(),
            amr=state_of(request).login_amr,  # Django's login does not say it
            by_header=state_of(request).app_key is not None,
            device_key=state_of(request).app_key or "",
        )
        secret, data = strategy.new_secret(), self._encode(self._own_data())
        found = begin(request, wanted, strategy, secret, data=data)
        self.move_to(SessionKey(found.session.sid, secret), found)
        self.is_new_login = True

    def _user_of_login(self) -> AbstractBaseUser | None:
        """
        Return the user whose login was put into the dict, as tests do that skip the login form.

        A login that Django would not accept is removed.
        """
        fields = self._get_session()
        backend, stamp = fields.get(BACKEND_SESSION_KEY), fields.get(HASH_SESSION_KEY) or ""
        if SESSION_KEY in fields and backend is not None:
            with suppress(SessionEnded):
                user = load_user(str(fields[SESSION_KEY]), backend)
                if constant_time_compare(stamp, django_hash_of(user)):
                    return user
        self.forget_login()
        return None

    def abandon_login(self) -> None:
        """Revoke the auth session that began with this request, because its key is not delivered."""
        if self.bound is not None:
            revoke_session(self.bound.session.sid, RevocationReason.REPLACED)

    def forget_login(self) -> None:
        """Remove what Django's ``login`` put in, after it failed; a save must not try again."""
        for name in SECURITY_FIELDS & self._get_session().keys():
            del self[name]

    def renew(self) -> None:
        """Re-key the auth session whose user has just logged in again; ``auth_time`` moves to now."""
        if self.deliverable:
            self._rekey(reauthenticated=True)

    def _rekey(self, *, reauthenticated: bool = False) -> None:
        fields, key = self._get_session(), self._key
        assert key is not None
        fresh = SessionKey.new(key.handle)
        found = get_store().rekey(key.handle, key.digest, fresh.digest, reauthenticated=reauthenticated)
        if isinstance(found, Absent):
            raise SessionEnded
        stamp = fields.get(HASH_SESSION_KEY)
        self._bind(fresh, found, self._own_data())[HASH_SESSION_KEY] = stamp  # maybe not saved yet
        self.cookie = CookieAction.SET
