"""An adapter of a project's own, as the reference describes them."""

from typing import ClassVar

from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpRequest

from django_authkit.adoption import Adapter, ExternalLogin, Place
from django_authkit.errors import TokenInvalid


class CachedTokens(Adapter):
    """Tokens that a project kept in its cache."""

    name: ClassVar[str] = "cached_tokens"
    place: ClassVar[Place] = Place.HEADER

    def find(self, request: HttpRequest) -> str | None:
        """Return the credential in the project's own header."""
        return request.headers.get("X-Api-Token")

    def open(self, credential: str) -> ExternalLogin:
        """Return the login that the cache knows."""
        user = User.objects.filter(pk=cache.get(f"token:{credential}")).first()
        if user is None:
            raise TokenInvalid
        return ExternalLogin(user=user)

    def retire(self, credential: str) -> bool:
        """Delete it."""
        cache.delete(f"token:{credential}")
        return True
