"""
A claim on an external credential, which the first caller makes, so that it is adopted once.

A claim holds the auth session that the credential becomes: its sid and its first secret, sealed so that
only a holder of the external credential can open it. The adoption uses these, and can be repeated by the
next request with the credential: parallel requests, and a request after an interrupted one, all get the same
auth session and the same response.

Claims are stored as anonymous sessions: text under a handle, with a lifetime of its own, created by the first
caller. Nobody can present one as a session, since its digest is not that of a possible session key.
"""

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from django_authkit.errors import TokenInvalid
from django_authkit.session_keys import bucket_of, handle_from
from django_authkit.tokens.sealing import seal, unseal
from django_authkit.types import Mode
from django_authkit.wiring import get_store

_SALT = "django_authkit.adoption"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """
    The auth session that an external credential becomes.

    Attributes:
        mode: The form of its first credential.
        sid: Its handle.
        secret: The secret of its session key, or the ``jti`` of its first refresh token.
        rotates: Whether its first refresh token is exchanged when it is used. If not, the external one stands
            for it until the auth session ends.
        began: When the record was created, on the store's clock; 0 while that is not known.
    """

    mode: Mode
    sid: str
    secret: str = field(repr=False)
    rotates: bool = True
    began: int = 0


class Claim:
    """
    The claim on one external credential.

    Args:
        space: Which package's credential it is. An identifier in one package may be a secret in another: who
            knows a token's ``jti`` does not hold the token.
        identity: What identifies the credential; a secret.
    """

    def __init__(self, space: str, identity: str) -> None:
        identity = f"{space}\0{identity}"
        digest = sha256(f"{_SALT}\0{identity}".encode()).digest()
        self._handle = handle_from(bucket_of(identity, get_store().buckets), digest)
        self._digest = sha256(digest).digest()
        # With SECRET_KEY, so that copies of the store and of the other package's tables cannot open it.
        self._keys = [
            salted_hmac(_SALT, identity, secret=secret, algorithm="sha256").hexdigest()
            for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        ]

    def read(self) -> Proposal | None:
        """
        Return what was claimed, or ``None``. One round trip.

        Raises:
            TokenInvalid: ``SECRET_KEY`` was replaced since without a fallback, so that it cannot be opened.
        """
        text = get_store().load_anonymous(self._handle, self._digest)
        return None if text is None else self._decoded(json.loads(text))

    def stake(self, proposal: Proposal, lifetime: int) -> Proposal:
        """
        Claim the credential for *proposal*, unless it is claimed; return the claimed one. Two round trips.

        Args:
            lifetime: How long it is remembered; milliseconds.
        """
        get_store().create_anonymous(self._handle, self._digest, self._encoded(proposal), lifetime)
        return self.read() or proposal

    def settle(self, proposal: Proposal, began: int, lifetime: int) -> None:
        """Record when the auth session was created. One round trip."""
        text = self._encoded(replace(proposal, began=began))
        get_store().save_anonymous(self._handle, self._digest, text, lifetime)

    def release(self) -> None:
        """Delete the claim, so that the credential can be adopted again."""
        get_store().delete_anonymous(self._handle, self._digest)

    def _encoded(self, proposal: Proposal) -> str:
        return json.dumps(
            {
                "mode": proposal.mode,
                "sid": proposal.sid,
                "sealed": b64encode(seal(proposal.secret, under=self._keys[0])).decode(),
                "began": proposal.began,
                **({} if proposal.rotates else {"rotates": False}),
            }
        )

    def _decoded(self, fields: dict[str, Any]) -> Proposal:
        sealed = b64decode(fields["sealed"])
        opened = (unseal(sealed, under=key) for key in self._keys)
        secret = next((each for each in opened if each is not None), None)
        if secret is None:
            raise TokenInvalid
        return Proposal(
            mode=Mode(fields["mode"]),
            sid=fields["sid"],
            secret=secret,
            rotates=fields.get("rotates", True),
            began=fields["began"],
        )
