"""
Tokens of django-rest-knox.

Its models cannot be imported where it is not in ``INSTALLED_APPS``; a check says so, so nothing of it is
imported before it is needed.
"""

from typing import Any, ClassVar

from django.http import HttpRequest
from django.utils import timezone

from django_authkit.adoption.adapter import Adapter, ExternalLogin, Place
from django_authkit.adoption.authorization import credentials_of
from django_authkit.errors import TokenExpired, TokenInvalid


class KnoxTokens(Adapter):
    """Adopts at ``adopt/`` what comes as ``Authorization: Token …`` (or what ``AUTH_HEADER_PREFIX`` says)."""

    name: ClassVar[str] = "knox"
    place: ClassVar[Place] = Place.HEADER
    app: ClassVar[str | None] = "knox"

    def find(self, request: HttpRequest) -> str | None:
        """Return the token."""
        return credentials_of(request, _settings().AUTH_HEADER_PREFIX)

    def open(self, credential: str) -> ExternalLogin:
        """Return the login. One lookup, by the digest, whatever number of tokens the user has."""
        token = _rows(credential).select_related("user").first()
        if token is None:
            raise TokenInvalid
        if token.expiry is not None and token.expiry <= timezone.now():
            raise TokenExpired
        return ExternalLogin(
            user=token.user,
            authenticated_at=token.created,
            idle_expires_at=token.expiry,
            expires_at=_latest_expiry_of(token),
        )

    def retire(self, credential: str) -> bool:
        """Delete the token."""
        _rows(credential).delete()
        return True


def _settings() -> Any:
    from knox.settings import knox_settings

    return knox_settings


def _rows(credential: str) -> Any:
    from knox.crypto import hash_token
    from knox.models import get_token_model

    return get_token_model()._base_manager.filter(digest=hash_token(credential))


def _latest_expiry_of(token: Any) -> Any:
    """Return when knox would end it whatever its use: with ``AUTO_REFRESH`` that moves its expiry."""
    if not _settings().AUTO_REFRESH or token.expiry is None:
        return token.expiry
    longest = _settings().AUTO_REFRESH_MAX_TTL
    return None if longest is None else token.created + longest
