"""Sessions of Django's own engines: a key in a cookie, the login in the session's data."""

from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property
from importlib import import_module
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.cache import SessionStore as CacheSessions
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions
from django.contrib.sessions.backends.file import SessionStore as FileSessions
from django.contrib.sessions.backends.signed_cookies import SessionStore as SignedCookies
from django.core.cache import caches
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone

from django_authkit.adoption.adapter import Adapter, ExternalCookie, ExternalLogin, Place
from django_authkit.errors import SessionEnded
from django_authkit.http.transports import cookie_of
from django_authkit.problems import Problem
from django_authkit.session_keys import SessionKey
from django_authkit.users.query import users_alias

_SECURITY_FIELDS = frozenset({SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY})


class DjangoSessions(Adapter):
    """
    Adopts at the first request of a browser.

    The old cookie may have the name of the new one: what is in it tells them apart.

    Args:
        engine: What ``SESSION_ENGINE`` was. Its own settings (``SESSION_CACHE_ALIAS``,
            ``SESSION_FILE_PATH``, ``SESSION_SERIALIZER``, ``SESSION_COOKIE_AGE``) stay as they are.
        cookie_name, cookie_path, cookie_domain: What ``SESSION_COOKIE_NAME`` and so on were.
    """

    name: ClassVar[str] = "django_sessions"
    place: ClassVar[Place] = Place.BROWSER

    def __init__(
        self,
        *,
        engine: str = "django.contrib.sessions.backends.db",
        cookie_name: str = "sessionid",
        cookie_path: str = "/",
        cookie_domain: str | None = None,
    ) -> None:
        self._engine = engine
        self._cookie = ExternalCookie(cookie_name, cookie_path, cookie_domain)

    @property
    def cookie(self) -> ExternalCookie | None:
        """The cookie of the old sessions."""
        return self._cookie

    def find(self, request: HttpRequest) -> str | None:
        """Return the old session key; a key of ours under the same name is none."""
        key = cookie_of(request, self._cookie.name)
        return None if not key or SessionKey.parse(key) else key

    def open(self, credential: str) -> ExternalLogin:
        """Return the login in the session's data. One lookup for it, and one for the user."""
        session = self._session(credential)
        data = dict(session.items())
        if SESSION_KEY not in data:
            _see_that_the_cache_answers(session)
            raise SessionEnded
        idle_expires_at = expires_at = session.get_expiry_date()
        if isinstance(session, SignedCookies):
            # It looks at the age of the signature alone, whatever ``set_expiry`` said.
            idle_expires_at = max(
                idle_expires_at, timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE)
            )
        return ExternalLogin(
            user=_user(data[SESSION_KEY]),
            backend=data.get(BACKEND_SESSION_KEY, ""),
            auth_hash=data.get(HASH_SESSION_KEY, ""),
            # A save moves the end of a Django session, and this is its last one.
            idle_expires_at=idle_expires_at,
            expires_at=None if settings.SESSION_SAVE_EVERY_REQUEST else expires_at,
            remember=not session.get_expire_at_browser_close(),
            data={name: value for name, value in data.items() if name not in _SECURITY_FIELDS},
        )

    def retire(self, credential: str) -> bool:
        """
        Delete the session.

        For good only with engines of Django's that write no session back which was deleted meanwhile. Signed
        cookies are all in the browser; a cache, that of ``cached_db`` too, takes what a worker of the old
        engine still has in hand; of another engine nothing is known.
        """
        self._session(None).delete(credential)
        return self._sessions in (DatabaseSessions, FileSessions)

    def _session(self, key: str | None) -> SessionBase:
        session = self._sessions(session_key=key)
        if isinstance(session, FileSessions):  # which names its files after what the cookie is called today
            session.file_prefix = self._cookie.name
        return session

    @cached_property
    def _sessions(self) -> type[SessionBase]:
        return import_module(self._engine).SessionStore  # type: ignore[no-any-return]

    def problems(self) -> Iterator[Problem]:
        """Yield what is wrong with the engine."""
        hint = 'Set "engine" to the old SESSION_ENGINE, and SESSION_ENGINE to ours.'
        try:
            sessions: object = self._sessions
        except (ImportError, AttributeError):
            sessions = None
        if sessions is None:
            yield Problem(
                "authkit.E102",
                f"ADOPT adopts the sessions of {self._engine!r}, which is not a session engine.",
                hint,
            )
        elif self.place is Place.BROWSER and self._engine == settings.SESSION_ENGINE:
            yield Problem(
                "authkit.E102",
                f"ADOPT adopts the sessions of {self._engine!r}, but that is still the SESSION_ENGINE.",
                hint,
            )
        elif not _has_its_table(sessions):
            yield Problem(
                "authkit.E101",
                f"ADOPT adopts the sessions of {self._engine!r}, but the app of its table is not in "
                "INSTALLED_APPS.",
                'Keep "django.contrib.sessions" there as long as ADOPT needs it.',
            )


def _has_its_table(sessions: Any) -> bool:
    """Tell whether the model of an engine that keeps sessions in the database can be imported."""
    try:
        getattr(sessions, "get_model_class", lambda: None)()
    except RuntimeError:  # Django's: it is in no installed app
        return False
    return True


def _see_that_the_cache_answers(session: SessionBase) -> None:
    """Raise what the cache raises: Django's engine takes a cache that is down for an empty session."""
    if isinstance(session, CacheSessions):
        caches[settings.SESSION_CACHE_ALIAS].get(session.cache_key_prefix)


def _user(written: Any) -> AbstractBaseUser:
    """Return the user of that primary key, as Django's sessions write it."""
    model = get_user_model()
    try:
        return model._base_manager.using(users_alias()).get(pk=model._meta.pk.to_python(written))
    except (model.DoesNotExist, ValidationError) as error:
        raise SessionEnded from error
