"""
The endpoints of ``compat.simplejwt``.

Operation ids and names of components are those that simplejwt's own have, so that a client that was generated
for it is generated again as it was.
"""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from django_authkit.api.serializers import LoginBody, login_serializer
from django_authkit.compat.simplejwt.serializers import (
    BlacklistSerializer,
    ObtainPairSerializer,
    VerifySerializer,
)
from django_authkit.conf import get_settings
from django_authkit.contrib.spectacular.endpoints import EndpointExtension

_VIEWS = "django_authkit.compat.simplejwt.views"


class SimpleJWTErrorSerializer(serializers.Serializer[Any]):
    """An error in simplejwt's format."""

    detail = serializers.CharField()
    code = serializers.CharField(required=False)


class TokenObtainPairSerializer(ObtainPairSerializer):
    """A name and a password; a refresh token and an access token."""

    access = serializers.CharField(read_only=True)
    refresh = serializers.CharField(read_only=True)


class TokenRefreshSerializer(serializers.Serializer[Any]):
    """A refresh token; an access token and, if it rotates, a new refresh token."""

    access = serializers.CharField(read_only=True)

    def get_fields(self) -> dict[str, Any]:
        """Describe the response with a new refresh token only where refresh tokens rotate."""
        rotates = get_settings().compat.simplejwt_rotation
        return {**super().get_fields(), "refresh": serializers.CharField(write_only=not rotates)}


class TokenVerifySerializer(VerifySerializer):
    """A token of either kind."""


class TokenBlacklistSerializer(BlacklistSerializer):
    """A refresh token."""


class SimpleJWTExtension(EndpointExtension):
    """
    What the four endpoints have in common.

    Attributes:
        body: The serializer of the request.
        answer: What describes the response.
        description: What the endpoint does.
    """

    body: Any
    answer: Any = OpenApiTypes.OBJECT
    description: str

    def operations(self) -> dict[str, dict[str, Any]]:
        """Return the operation."""
        refused = OpenApiResponse(SimpleJWTErrorSerializer)
        invalid = OpenApiResponse(OpenApiTypes.OBJECT, description="Messages by field.")
        responses = {200: self.answer, 400: invalid, **dict.fromkeys((401, 413, 415, 429, 503), refused)}
        return {"post": {"description": self.description, "request": self.body, "responses": responses}}


class ObtainPairExtension(SimpleJWTExtension):
    """``token/``."""

    target_class = f"{_VIEWS}.TokenObtainPairView"
    description = "Starts an auth session."
    answer = TokenObtainPairSerializer

    @property
    def body(self) -> Any:
        """The body of ``login/`` if it is a project's."""
        chosen = login_serializer()
        return TokenObtainPairSerializer if chosen is LoginBody else chosen


class TokenRefreshExtension(SimpleJWTExtension):
    """``token/refresh/``."""

    target_class = f"{_VIEWS}.TokenRefreshView"
    description = "Exchanges a refresh token."
    body = answer = TokenRefreshSerializer


class TokenVerifyExtension(SimpleJWTExtension):
    """``token/verify/``."""

    target_class = f"{_VIEWS}.TokenVerifyView"
    description = "Tells whether a token is valid."
    body = TokenVerifySerializer


class TokenBlacklistExtension(SimpleJWTExtension):
    """``token/blacklist/``."""

    target_class = f"{_VIEWS}.TokenBlacklistView"
    description = "Revokes the auth session of a refresh token."
    body = TokenBlacklistSerializer
