"""The request serializers of simplejwt's endpoints: same members, same fields, same errors."""

from typing import Any

from django.contrib.auth import get_user_model
from rest_framework import serializers


class ObtainPairSerializer(serializers.Serializer[Any]):
    """``{<USERNAME_FIELD>, "password"}``, both trimmed as simplejwt does."""

    password = serializers.CharField(write_only=True, style={"input_type": "password"})

    def get_fields(self) -> dict[str, Any]:
        """Add the ``USERNAME_FIELD`` of the project's user model."""
        name = get_user_model().USERNAME_FIELD
        return {name: serializers.CharField(write_only=True), **super().get_fields()}


class RefreshSerializer(serializers.Serializer[Any]):
    """``{"refresh"}``."""

    refresh = serializers.CharField()
    access = serializers.CharField(read_only=True)


class VerifySerializer(serializers.Serializer[Any]):
    """``{"token"}``, of either kind."""

    token = serializers.CharField(write_only=True)


class BlacklistSerializer(serializers.Serializer[Any]):
    """``{"refresh"}``."""

    refresh = serializers.CharField(write_only=True)
