"""The device that an auth session is bound to, in the database."""

from django_authkit.stores.database.records import found_of
from django_authkit.stores.database.table import SessionTable, first_use, raises_unavailable
from django_authkit.stores.outcomes import Absent, Found


class DeviceKeyTable(SessionTable):
    """Keeps the public keys of devices, and the nonces of their challenges."""

    @raises_unavailable
    def bind_device(self, sid: str, device_key: str, nonce: str) -> Found | Absent:
        """Note the public key of its device. Two statements."""
        unused = self.live().filter(pk=sid, bound_ms=0)
        unused.update(device_key=device_key, device_nonce=nonce)
        return self._with_nonce(sid, nonce)

    @raises_unavailable
    def renew_binding(self, sid: str, presented: str, proposed: str) -> Found | Absent:
        """Replace the nonce of the challenge. Two statements."""
        same = self.live().filter(pk=sid, device_nonce__in=(presented, proposed))
        same.update(device_nonce=proposed, bound_ms=first_use(self.instant()))
        return self._with_nonce(sid, proposed)

    def _with_nonce(self, sid: str, nonce: str) -> Found | Absent:
        row = self.read(sid)
        if row is None:
            return Absent.GONE
        return found_of(row) if row.device_nonce == nonce else Absent.SUPERSEDED
