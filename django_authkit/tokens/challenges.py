"""
The challenges that a browser signs to renew its cookie: encrypted, with all that checks the proof.

So a renewal does not have to read the record first, and nothing is stored. Nobody else can read a challenge:
whoever knows a sid is given one, and must not see by it when the owner is active.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Final, NamedTuple

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from django_authkit.tokens.keys.ring import derive_key

_LABEL: Final = "django-authkit/device/challenge"
_LIFE: Final = 3600
"""Seconds. A browser keeps the one that came with its cookie until that expires; else it gets a fresh one."""


class Challenge(NamedTuple):
    """
    What a challenge says.

    Attributes:
        sid: The auth session that it is for.
        nonce: That of the record when it was made. It is good until the record has another one.
        device_key: The public key that it has to be signed with.
    """

    sid: str
    nonce: str
    device_key: str


class Challenges:
    """
    Makes challenges, and reads them again.

    Args:
        secrets: The server's secrets. The first encrypts, all decrypt.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        keys = [derive_key(secret, _LABEL) for secret in secrets]
        self._fernet = MultiFernet([Fernet(urlsafe_b64encode(key)) for key in keys])

    def make(self, challenge: Challenge) -> str:
        """Return it as a text that says nothing to anybody else; each time another one."""
        return self._fernet.encrypt(json.dumps(challenge).encode()).decode()

    def read(self, text: str) -> Challenge | None:
        """Return what ``make`` was given, or ``None`` if this is not of it, or more than an hour old."""
        try:
            return Challenge(*json.loads(self._fernet.decrypt(text, ttl=_LIFE)))
        except (InvalidToken, ValueError):
            return None
