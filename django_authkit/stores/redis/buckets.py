"""
The buckets of a store in Redis: all records of a user are in one, and each is one hash slot.

A key begins with the store's prefix and the hash tag of its bucket; ``lua/records.lua`` says which keys there
are.
"""

from collections.abc import Callable, Iterator
from copy import copy
from typing import Any, Self, TypeVar

from django_authkit.session_keys import bucket_of, is_sid, tag_of
from django_authkit.stores.redis.failures import CLIENT_ERRORS
from django_authkit.stores.redis.records import flag_of, number_of
from django_authkit.stores.redis.repetition import Repetition, Revocation
from django_authkit.stores.redis.scripts import Scripts, Wait
from django_authkit.stores.redis.sending import Argument, Client
from django_authkit.stores.redis.server_names import no_answer

T = TypeVar("T")


class Buckets:
    """
    The buckets of one store, and the scripts that run in them.

    Args:
        client: A client that returns bytes and does not repeat on its own; see ``connect``.
        prefix: First part of every key.
        buckets: Number of hash slot groups. Fixed once chosen: a user's records are looked for in the
            one bucket that follows from it.
        wait: How many replicas have to acknowledge a login, a rotation or a revocation, and the milliseconds
            that they have for that.

    Attributes:
        clock_offset: As the protocol says.
        buckets: Likewise.

    Raises:
        ValueError: *prefix* has a brace, which would be taken for the hash tag.
    """

    def __init__(
        self, client: Client, *, prefix: str = "authkit", buckets: int = 1, wait: Wait | None = None
    ) -> None:
        self.clock_offset = 0
        self.buckets = buckets
        self._client = client
        self._repetition = Repetition(client)
        self._scripts = Scripts(client, wait=wait, replaced=self._repetition.ask_for_it)
        self._begin_keys_with(prefix)

    def _begin_keys_with(self, prefix: str) -> None:
        if "{" in prefix or "}" in prefix:
            message = "a key prefix must not contain braces"
            raise ValueError(message)
        self._prefix = prefix
        # What every key of a bucket begins with: its hash tag keeps them in one slot.
        self._base = (prefix + ":{{{}}}").format
        self._first = self._base(tag_of(0))
        self._bases = {tag: self._base(tag) for tag in map(tag_of, range(self.buckets))}

    def part(self, name: str) -> Self:
        """Return a store with keys of its own, below those of this one, and the same connections."""
        part = copy(self)
        part._begin_keys_with(f"{self._prefix}:{name}")  # noqa: SLF001 - our own
        return part

    @property
    def is_awaitable(self) -> bool:
        """As the protocol says."""
        return self._scripts.is_awaitable()

    def recorded_buckets(self) -> frozenset[int]:
        """
        Return how many buckets there were at the first login, as each bucket has recorded it.

        Empty before the first login. A number other than ``buckets`` means that there are auth sessions which
        this store does not find. One round trip for each bucket.

        Raises:
            StoreUnavailable: No answer.
        """
        try:
            said = [self._client.hget(f"{base}:m", "buckets") for base in self._bases.values()]
            return frozenset(int(number) for number in said if number is not None)
        except CLIENT_ERRORS as error:
            raise no_answer(self._client, error) from error

    def now(self) -> int:
        """Return the clock of the server that holds the first bucket: one round trip."""
        return self._run(number_of, "now", tag_of(0))

    def _for_handle(self, read: Callable[[Any], T], script: str, handle: str, *arguments: Argument) -> T:
        """Run *script* in the bucket of *handle*, or in the first one if it has another form."""
        base = self._bases.get(handle[:2])
        if base is None:  # perhaps of a time with more buckets
            base = self._base(handle[:2]) if is_sid(handle) else self._first
        repeated = self._repetition.done
        reply = self._scripts.run(read, script, base, self.clock_offset, handle, *arguments)
        if repeated == self._repetition.asked:
            return reply
        return self._again(read, script, base, handle, *arguments)

    def _for_user(self, read: Callable[[Any], T], script: str, user_id: str, *arguments: Argument) -> T:
        return self._run(read, script, tag_of(bucket_of(user_id, self.buckets)), user_id, *arguments)

    def _run(self, read: Callable[[Any], T], script: str, tag: str, *arguments: Argument) -> T:
        base, repeated = self._base(tag), self._repetition.done
        reply = self._scripts.run(read, script, base, self.clock_offset, *arguments)
        if repeated == self._repetition.asked:
            return reply
        return self._again(read, script, base, *arguments)

    def _run_each(
        self, read: Callable[[Any], T], script: str, *arguments: Argument
    ) -> Iterator[tuple[str, T]]:
        """Run *script* in each bucket, many in one round trip; yield the tag of each, and the answer."""
        tags, repeated = {base: tag for tag, base in self._bases.items()}, self._repetition.done
        for base, reply in self._scripts.run_each(read, script, tags, self.clock_offset, *arguments):
            if repeated == self._repetition.asked:
                yield tags[base], reply
            else:
                yield tags[base], self._again(read, script, base, *arguments)

    def _again(self, read: Callable[[Any], T], script: str, base: str, *arguments: Argument) -> T:
        """Run *script* again, since the server may have lost revocations before: those are repeated first."""
        self._repetition.repeat_if_due()
        return self._scripts.run(read, script, base, self.clock_offset, *arguments)

    def _revoke_again(self, revocation: Revocation) -> bool:
        """Repeat one that this process has made, and return whether the server had lost it."""
        what, revoked_at = revocation
        sid = "" if revoked_at else what
        arguments = (self.clock_offset, sid, 0, "", revoked_at)
        return self._scripts.run(flag_of, "revoke_again", self._base(what[:2]), *arguments)
