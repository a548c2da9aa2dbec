"""Anonymous Django sessions in Redis."""

from collections.abc import Sequence
from functools import partial

from django_authkit.stores.redis.buckets import Buckets
from django_authkit.stores.redis.records import flag_of, texts_of

_CREATE = {False: "create_anonymous", True: "create_durable"}
_SAVE = {False: "save_anonymous", True: "save_durable"}


class AnonymousKeys(Buckets):
    """The keys ``a:<handle>``."""

    def create_anonymous(
        self,
        handle: str,
        key_digest: bytes,
        data: str,
        lifetime: int,
        *,
        durable: bool = False,
    ) -> bool:
        """Store *data* under a new handle: one round trip."""
        return self._for_handle(flag_of, _CREATE[durable], handle, key_digest, data, lifetime)

    def load_anonymous(self, handle: str, key_digest: bytes) -> str | None:
        """Return the data: one round trip."""
        return self.load_anonymous_together([(handle, key_digest)])[0]

    def load_anonymous_together(self, places: Sequence[tuple[str, bytes]]) -> list[str | None]:
        """Return the data of each of *places*, which are in one bucket: one round trip."""
        (handle, key_digest), *others = places
        arguments = (key_digest, *(each for place in others for each in place))
        return self._for_handle(partial(texts_of, len(places)), "load_anonymous", handle, *arguments)

    def save_anonymous(
        self,
        handle: str,
        key_digest: bytes,
        data: str,
        lifetime: int,
        *,
        durable: bool = False,
    ) -> bool:
        """Replace the data and move the expiry: one round trip."""
        return self._for_handle(flag_of, _SAVE[durable], handle, key_digest, data, lifetime)

    def delete_anonymous(self, handle: str, key_digest: bytes) -> None:
        """Delete it: one round trip."""
        self._for_handle(flag_of, "delete_anonymous", handle, key_digest)
