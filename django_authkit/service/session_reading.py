"""
Reading ``request.session`` before it is known what is behind it.

A browser that has tokens may be about to get a session key, and packages ask the session for the Django auth
backend of its user. So a read may have to authenticate the request.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from django_authkit.errors import CredentialRejected, DeviceBindingRequired
from django_authkit.http.request_state import known_authentication
from django_authkit.service.authentication import authenticate
from django_authkit.service.mode_switch import key_is_due
from django_authkit.service.running import run
from django_authkit.session_keys import SessionKey


class SessionReading(SessionBase):
    """
    The dict of a request's session, and its key, which is kept in parts so that it is parsed once.

    Attributes:
        request: Returns the request it belongs to, if there is one.
    """

    request: Callable[[], HttpRequest | None] = staticmethod(lambda: None)
    _inherits: bool | None = None

    def _get_session_key(self) -> str | None:
        return None if self._key is None else self._key.text

    def _set_session_key(self, text: str | None) -> None:
        self._key = None if text is None else SessionKey.parse(text)

    session_key = property(_get_session_key)
    _session_key = property(_get_session_key, _set_session_key)

    def __getitem__(self, key: str) -> Any:
        return self._fields_with(key)[key]

    def get(self, key: str, default: Any = None) -> Any:
        """Do what Django's does, and return the backend of a user whom tokens have logged in, too."""
        return self._fields_with(key).get(key, default)

    async def aget(self, key: str, default: Any = None) -> Any:
        """Do what ``get`` does."""
        if key == BACKEND_SESSION_KEY:  # the user may have to be read
            return await run(self.get, key, default)
        return await super().aget(key, default)

    def _fields_with(self, key: str) -> dict[str, Any]:
        """
        Return where *key* is read from.

        Django's ``RemoteUserMiddleware`` and packages read the backend of a user who is logged in from the
        session, and the session of a browser with tokens is an anonymous one.
        """
        fields: dict[str, Any] = self._get_session()
        if key != BACKEND_SESSION_KEY or key in fields:
            return fields
        known = known_authentication(self.request())
        backend = None if known is None else getattr(known.user, "backend", None)
        return fields if backend is None else {key: backend}

    def _get_session(self, no_load: bool = False) -> dict[str, Any]:
        if self._inherits is None and not no_load and self._may_inherit():
            self._authenticate_request()
        fields: dict[str, Any] = super()._get_session(no_load)  # type: ignore[misc]
        return fields

    _session = property(_get_session)  # Django's holds Django's function

    async def _aget_session(self, no_load: bool = False) -> dict[str, Any]:
        if self._inherits is None and not no_load and self._may_inherit():
            await run(self._authenticate_request)
        fields: dict[str, Any] = await super()._aget_session(no_load)  # type: ignore[misc]
        return fields

    def _may_inherit(self) -> bool:
        """Tell whether there may be an auth session behind it whose key the browser does not have yet."""
        own = self._key is not None and not self._key.anonymous
        request = None if own else self.request()
        self._inherits = request is not None and key_is_due(request)
        return self._inherits

    def _authenticate_request(self) -> None:
        """Authenticate the request first: that may give it a session key, and this session with it."""
        request = self.request()
        if request is not None:
            # Raised again where a view authenticates the request.
            with suppress(CredentialRejected, DeviceBindingRequired):
                authenticate(request)
