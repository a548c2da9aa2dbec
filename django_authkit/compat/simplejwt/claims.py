"""``EXTRA_CLAIMS`` for clients and services that read simplejwt's claims in an access token."""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser

from django_authkit.types import AuthSession


def simplejwt_claims(user: AbstractBaseUser, session: AuthSession) -> dict[str, Any]:
    """Return ``user_id``, which is a string as since simplejwt 5.5.1, and ``token_type``."""
    return {"user_id": str(user.pk), "token_type": "access"}
