"""Tokens of Django REST framework's own ``rest_framework.authtoken``: one for each user, without an end."""

from typing import ClassVar

from django.http import HttpRequest
from rest_framework.authentication import TokenAuthentication
from rest_framework.authtoken.models import Token

from django_authkit.adoption.adapter import Adapter, ExternalLogin, Place
from django_authkit.adoption.authorization import credentials_of
from django_authkit.errors import TokenInvalid


class DRFTokens(Adapter):
    """
    Adopts at ``adopt/`` what comes as ``Authorization: Token …``.

    Args:
        shared: All devices of a user have the same token, so the first one to be adopted would log the
            others out. With True the token is kept, and each device that presents it gets an auth session
            of its own, until the project ends that.
    """

    name: ClassVar[str] = "drf_tokens"
    place: ClassVar[Place] = Place.HEADER
    app: ClassVar[str | None] = "rest_framework.authtoken"

    def __init__(self, *, shared: bool = False) -> None:
        self.shared = shared

    def find(self, request: HttpRequest) -> str | None:
        """Return the token."""
        return credentials_of(request, TokenAuthentication.keyword)

    def open(self, credential: str) -> ExternalLogin:
        """Return the login. One lookup."""
        token = Token._base_manager.select_related("user").filter(key=credential).first()
        if token is None:
            raise TokenInvalid
        return ExternalLogin(user=token.user, authenticated_at=token.created)

    def retire(self, credential: str) -> bool:
        """Delete the token, unless the user's devices share it."""
        if not self.shared:
            Token._base_manager.filter(key=credential).delete()
        return True
