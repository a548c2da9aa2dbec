"""
How the scripts pack a record: derived from the fields of ``types.AuthSession``.

A packed record is the array ``{version, {private fields}, public fields...}``. The public fields are those of
``AuthSession`` without the sid, which is in the key. The private ones never leave the server. Memory counts:
instants are packed relative to ``created_ms``, hexadecimal digits and IPv6 addresses as bytes, and what
nearly all records have as 0 (``lua/reply.lua``).

Two releases may share a server while a deployment is in progress. So a later release adds a field only at
the end of ``AuthSession`` or of ``PRIVATE_FIELDS``, and with a default. An earlier release keeps such a field
when it rewrites the record, and a later one uses the default where it is missing. ``VERSION`` rises only when
the meaning of a position changes. A record of a later version raises ``StoreUnavailable``.
"""

import json
import re
from dataclasses import MISSING, Field, dataclass, fields
from functools import cached_property
from typing import Any, Final

from django_authkit.types import STOCK_BACKEND, AuthSession, Mode

VERSION: Final = 1
PRIVATE_FIELDS: Final = (
    "key_digest",
    "jti_digest",
    "previous_digest",
    "idle_limit_ms",
    "revoke_reason",
    "revoked_ms",
    "revoked_by",
    "user_epoch",
    "rotated_copy",
    "rotated_by",
    "forks",
    "forked_generation",
    "sealed",
)
_FIRST: Final = 3
"""Position of the first public field: the version and the private fields come before it."""
_PLACEHOLDER: Final = re.compile(r"@(\w+)")


@dataclass(frozen=True)
class Layout:
    """
    The fields of a packed record.

    Attributes:
        record: The dataclass of the record.
        private: The names of the private fields, in order.
        version: The version that records are written with.
    """

    record: type[AuthSession] = AuthSession
    private: tuple[str, ...] = PRIVATE_FIELDS
    version: int = VERSION

    @cached_property
    def public(self) -> tuple[Field[Any], ...]:
        """The public fields, in order."""
        return tuple(each for each in fields(self.record) if each.name != "sid")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the fields in a reply, in order: the sid and the public ones."""
        return ("sid", *(each.name for each in self.public))

    @property
    def _times(self) -> tuple[str, ...]:
        """The instants that are packed relative to ``created_ms``."""
        return tuple(n for n in self.names if n.endswith("_ms") and n != "created_ms")

    @cached_property
    def _replacements(self) -> dict[str, str]:
        """What the placeholders in the scripts stand for."""
        public = [each.name for each in self.public]
        positions = {name: at for at, name in enumerate(public, _FIRST)}
        positions |= {name: at for at, name in enumerate(self.private, 1)}
        defaults = [f"{each.name} = {_lua(each)}" for each in self.public if each.default is not MISSING]
        return {
            "version": str(self.version),
            "stock_backend": STOCK_BACKEND,
            "first_position": str(_FIRST),
            "last_position": str(_FIRST + len(public) - 1),
            "public_fields": ", ".join(f"'{name}'" for name in public),
            "private_fields": ", ".join(f"'{name}'" for name in self.private),
            "defaults": ", ".join(defaults),
            "positions_of_times": ", ".join(str(positions[name]) for name in self._times),
            **{f"position_of_{name}": str(at) for name, at in positions.items()},
        }

    def fill(self, text: str) -> str:
        """
        Return a script with its placeholders replaced.

        Raises:
            KeyError: There is no such field.
        """
        return _PLACEHOLDER.sub(lambda match: self._replacements[match[1]], text)

    def session(self, values: list[Any]) -> AuthSession:
        """Return the record of the *values* in a reply. Values of fields that are not known are ignored."""
        given: dict[str, Any] = dict(zip(self.names, values, strict=False))
        given["mode"] = Mode(given["mode"])
        given["amr"] = tuple(given["amr"])  # Lua writes an empty list as an empty object
        return self.record(**given)


def _lua(field: Field[Any]) -> str:
    """Return the default of *field* in Lua. JSON writes numbers, booleans and plain strings alike."""
    return json.dumps(field.default)


LAYOUT: Final = Layout()
"""The layout of this release."""
