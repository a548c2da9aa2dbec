"""The variants that are compared, and how they are selected."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

BASELINE = "baseline"
AUTHKIT = "authkit"
DJANGO = "django"
SIMPLEJWT = "simplejwt"
KNOX = "knox"

MODES = ("session", "jwt")
STORES = ("database", "redis")
CHECKS = ("store", "replica", "none")
PEERS = (DJANGO, SIMPLEJWT, KNOX)

_PEER_NAMES = {DJANGO: "Django session", SIMPLEJWT: "simplejwt", KNOX: "knox"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """
    One way to keep users logged in.

    Attributes:
        kind: ``authkit``, one of ``PEERS``, or ``baseline``: no login, the user is given.
        mode: ``session`` or ``jwt`` for ``authkit``, else empty.
        store: ``database`` or ``redis``; empty for the baseline.
        check: ``ACCESS_CHECK`` in JWT mode, else empty.
        entry: 2 for the second entry of the same variant, and so on.
    """

    kind: str
    mode: str = ""
    store: str = ""
    check: str = ""
    entry: int = 1

    @property
    def name(self) -> str:
        """The display name."""
        if self.kind == BASELINE:
            words = ["no login"]
        elif self.kind == AUTHKIT:
            words = [self.mode, self.store, *([f"check {self.check}"] if self.check else [])]
        else:
            words = [_PEER_NAMES[self.kind], self.store]
        return ", ".join(words) + (f" ({self.entry})" if self.entry > 1 else "")

    @property
    def key(self) -> str:
        """The identifier: letters, digits and hyphens."""
        words = [self.kind, self.mode, self.store, self.check, str(self.entry) if self.entry > 1 else ""]
        return "-".join(word for word in words if word)

    @property
    def logs_in(self) -> bool:
        """Whether the variant has a login."""
        return self.kind != BASELINE

    @property
    def refreshes(self) -> bool:
        """Whether the variant has a refresh."""
        return self.kind in {AUTHKIT, SIMPLEJWT}

    @property
    def records(self) -> "Variant":
        """The variant that stands for all whose records have the same form."""
        return replace(self, check="store" if self.check else "", entry=1)


def choose(
    *, modes: Sequence[str], stores: Sequence[str], checks: Sequence[str], beside: Sequence[str]
) -> tuple[Variant, ...]:
    """
    Return the variants of every choice, the baseline first.

    A value passed twice is measured twice, which shows the noise.
    """
    found = [Variant(kind=BASELINE), *_ours(modes, stores, checks), *_peers(stores, beside)]
    entries: Counter[Variant] = Counter()
    for place, variant in enumerate(found):
        entries[variant] += 1
        found[place] = replace(variant, entry=entries[variant])
    return tuple(found)


def _ours(modes: Sequence[str], stores: Sequence[str], checks: Sequence[str]) -> Iterator[Variant]:
    for mode in modes:
        for store in stores:
            for check in checks if mode == "jwt" else [""]:
                if (store, check) != ("database", "replica"):  # only Redis has a list to follow
                    yield Variant(kind=AUTHKIT, mode=mode, store=store, check=check)


def _peers(stores: Sequence[str], beside: Sequence[str]) -> Iterator[Variant]:
    for kind in beside:
        if kind == DJANGO:
            yield from (Variant(kind=kind, store=store) for store in dict.fromkeys(stores))
        else:
            yield Variant(kind=kind, store="database")
