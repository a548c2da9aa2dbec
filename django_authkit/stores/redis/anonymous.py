"""Anonymous Django sessions in Redis."""

from django_authkit.stores.redis.buckets import Buckets


class AnonymousKeys(Buckets):
    """The keys ``a:<handle>``."""

    def create_anonymous(self, handle: str, key_digest: bytes, data: str, lifetime: int) -> bool:
        """Store *data* under a new handle: one round trip."""
        return bool(self._for_handle("create_anonymous", handle, key_digest, data, lifetime))

    def load_anonymous(self, handle: str, key_digest: bytes) -> str | None:
        """Return the data: one round trip."""
        data: bytes | None = self._for_handle("load_anonymous", handle, key_digest)
        return None if data is None else data.decode()

    def save_anonymous(self, handle: str, key_digest: bytes, data: str, lifetime: int) -> bool:
        """Replace the data and move the expiry: one round trip."""
        return bool(self._for_handle("save_anonymous", handle, key_digest, data, lifetime))

    def delete_anonymous(self, handle: str, key_digest: bytes) -> None:
        """Delete it: one round trip."""
        self._for_handle("delete_anonymous", handle, key_digest)
