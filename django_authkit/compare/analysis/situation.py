"""What a project's own settings say about the choice."""

from dataclasses import dataclass


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
        return ["the admin is installed and its pages need no refresh"] if self.has_admin else []

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
