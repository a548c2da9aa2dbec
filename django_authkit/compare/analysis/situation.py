"""What a project's own settings say about the choice."""

from dataclasses import dataclass

from django.apps import apps

from django_authkit.conf import get_settings
from django_authkit.types import Transport
from django_authkit.wiring import get_key_ring


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """
    The project, as far as it matters for the choice.

    Attributes:
        store: ``STORE``.
        check: ``ACCESS_CHECK``.
        access_seconds: How long an access token lives.
        has_admin: Whether Django's admin is installed.
        prefers_header: Whether clients get their credentials outside cookies unless they ask.
        has_key_pair: Whether access tokens are signed with a private key, which a public one verifies.
    """

    store: str = "database"
    check: str = "store"
    access_seconds: float = 300.0
    has_admin: bool = False
    prefers_header: bool = False
    has_key_pair: bool = False

    @property
    def for_sessions(self) -> list[str]:
        """What suggests sessions, a reason each."""
        return (
            ["the admin is installed, and only with sessions does a login to it count for the API too"]
            if self.has_admin
            else []
        )

    @property
    def for_jwt(self) -> list[str]:
        """What suggests JWTs, a reason each."""
        reasons = []
        if self.has_key_pair:
            reasons.append("SIGNING_KEYS has a key pair, so another service can verify tokens by itself")
        if self.prefers_header:
            reasons.append(
                "clients keep their credentials themselves (TRANSPORTS), and a copied one is noticed"
            )
        return reasons


def of_this_project() -> Situation:
    """Return what the settings of this process say."""
    chosen = get_settings()
    return Situation(
        store=chosen.store,
        check=chosen.access_check,
        access_seconds=chosen.lifetimes.access.total_seconds(),
        has_admin=apps.is_installed("django.contrib.admin"),
        prefers_header=chosen.transports[0] is Transport.HEADER,
        has_key_pair=not get_key_ring().signing.is_secret,
    )
