"""Anonymous Django sessions in the database."""

from collections.abc import Sequence
from functools import reduce
from operator import or_

from django.db import IntegrityError

from django_authkit.models import AuthSessionRow
from django_authkit.stores.database.table import Rows, SessionTable, raises_unavailable


class AnonymousTable(SessionTable):
    """
    The rows without a user.

    Their primary key is ``~`` and the handle, so that a sid is never the key of one.
    """

    @raises_unavailable
    def create_anonymous(
        self,
        handle: str,
        key_digest: bytes,
        data: str,
        lifetime: int,
        *,
        durable: bool = False,  # noqa: ARG002 - a database keeps every write
    ) -> bool:
        """Store *data* under a new handle. One statement."""
        expiry = self.instant(lifetime)
        row = AuthSessionRow(
            sid=_key(handle),
            key_digest=key_digest,
            data=data,
            created_ms=self.instant(),
            idle_expires_ms=expiry,
            expires_ms=expiry,
        )
        try:
            with self.step(needed=False):
                self.insert(row)
        except IntegrityError:
            return self._take_over(row)
        return True

    def _take_over(self, row: AuthSessionRow) -> bool:
        """Replace an expired row by *row*; or tell whether this is a repeated call."""
        taken = self.rows.filter(pk=row.pk)
        fields = {
            name: getattr(row, name)
            for name in ("key_digest", "data", "created_ms", "idle_expires_ms", "expires_ms")
        }
        if taken.filter(idle_expires_ms__lte=self.instant()).update(**fields):
            return True
        return taken.filter(key_digest=row.key_digest).exists()

    @raises_unavailable
    def load_anonymous(self, handle: str, key_digest: bytes) -> str | None:
        """Return the data. One query."""
        return self._live_anonymous(handle, key_digest).values_list("data", flat=True).first()

    @raises_unavailable
    def load_anonymous_together(self, places: Sequence[tuple[str, bytes]]) -> list[str | None]:
        """Return the data of each of *places*. One query."""
        live = reduce(or_, (self._live_anonymous(*place) for place in places))
        rows = live.values_list("pk", "key_digest", "data")
        found = {(pk, bytes(key_digest or b"")): data for pk, key_digest, data in rows}
        return [found.get((_key(handle), key_digest)) for handle, key_digest in places]

    @raises_unavailable
    def save_anonymous(
        self,
        handle: str,
        key_digest: bytes,
        data: str,
        lifetime: int,
        *,
        durable: bool = False,  # noqa: ARG002 - a database keeps every write
    ) -> bool:
        """Replace the data and move the expiry. One statement."""
        expiry = self.instant(lifetime)
        live = self._live_anonymous(handle, key_digest)
        return live.update(data=data, idle_expires_ms=expiry, expires_ms=expiry) == 1

    @raises_unavailable
    def delete_anonymous(self, handle: str, key_digest: bytes) -> None:
        """Delete it."""
        self.rows.filter(pk=_key(handle), key_digest=key_digest).delete()

    def _live_anonymous(self, handle: str, key_digest: bytes) -> Rows:
        return self.rows.filter(pk=_key(handle), key_digest=key_digest, idle_expires_ms__gt=self.instant())


def _key(handle: str) -> str:
    return f"~{handle}"
