"""The variants that are compared, and how they are selected."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

BASELINE = "baseline"
AUTHKIT = "authkit"
DJANGO = "django"
SIMPLEJWT = "simplejwt"
KNOX = "knox"
ALLAUTH = "allauth"

MODES = ("session", "jwt")
STORES = ("database", "redis")
CHECKS = ("store", "replica", "none")
STATELESS = "simplejwt-stateless"
PEERS = (DJANGO, SIMPLEJWT, STATELESS, KNOX, ALLAUTH)
MODULES = {
    **dict.fromkeys((SIMPLEJWT, STATELESS), "rest_framework_simplejwt"),
    KNOX: "knox",
    ALLAUTH: "allauth",
}
"""The packages among them that have to be installed."""

PLACES = {"database": "the database", "redis": "Redis"}
_PEER_NAMES = {
    DJANGO: "Django's sessions in {}",
    SIMPLEJWT: "simplejwt",
    KNOX: "knox",
    ALLAUTH: "allauth's session tokens",
}
_CHECKED = {"store": "checked in {}", "replica": "checked in a local copy", "none": "unchecked until expiry"}
_PEERS_DO = {
    DJANGO: "Django's own login: an opaque key, and the session in {}.",
    SIMPLEJWT: "djangorestframework-simplejwt with its blacklist app: signed tokens, only refreshing asks "
    "the database.",
    STATELESS: "The same with its stateless authentication: a request asks nobody, and has no user row.",
    KNOX: "django-rest-knox: an opaque token, looked up in the database on each request.",
    ALLAUTH: "django-allauth's headless API for apps: the key of a Django session, in a header.",
}
_CHECKS_DO = {
    "store": "A signed token; each request also asks {} whether it was revoked.",
    "replica": "A signed token; each process follows the list of revoked logins in Redis.",
    "none": "A signed token that works until it expires, revoked or not; refreshing it asks {}.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """
    One way to keep users logged in.

    Attributes:
        kind: ``authkit``, one of ``PEERS``, or ``baseline``: no login, the user is given.
        mode: ``session`` or ``jwt`` for ``authkit``, else empty.
        store: ``database`` or ``redis``; empty for the baseline.
        check: ``ACCESS_CHECK`` in JWT mode; in session mode ``replica``, or empty for ``store``. ``none``
            for simplejwt's stateless authentication.
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
        return self._named() + (f" ({self.entry})" if self.entry > 1 else "")

    @property
    def in_prose(self) -> str:
        """The display name for within a sentence, where its commas would mislead."""
        return self.name.replace(",", "")

    def _named(self) -> str:
        place = PLACES.get(self.store, "")
        if self.kind == BASELINE:
            return "No login"
        if self.kind != AUTHKIT:
            named = _PEER_NAMES[self.kind].format(place)
            return f"{named}, no user loaded" if self.check else named
        if self.mode == "session":
            return f"Sessions, {_CHECKED['replica']}" if self.check else f"Sessions in {place}"
        told = f"JWT, {_CHECKED[self.check].format(place)}"
        return f"{told} (database)" if (self.store, self.check) == ("database", "none") else told

    @property
    def about(self) -> str:
        """One sentence on how it works."""
        place = PLACES.get(self.store, "")
        if self.kind == BASELINE:
            return "The same view without a login: what the others take more is the cost of the login."
        if self.kind != AUTHKIT:
            return _PEERS_DO[STATELESS if self.check else self.kind].format(place)
        if self.mode == "jwt":
            return _CHECKS_DO[self.check].format(place)
        if self.check:
            return "An opaque key; each process remembers its record, and follows what changes in Redis."
        return f"An opaque key; each request looks its record up in {place}."

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
    def is_unchecked(self) -> bool:
        """Whether it is ours with ``ACCESS_CHECK = "none"``, which promises a revocation at expiry only."""
        return self.kind == AUTHKIT and self.check == "none"

    @property
    def is_stateless(self) -> bool:
        """Whether it is simplejwt's stateless authentication."""
        return self.kind == SIMPLEJWT and self.check == "none"

    @property
    def refreshes(self) -> bool:
        """Whether the variant has a refresh."""
        return self.kind in {AUTHKIT, SIMPLEJWT}

    @property
    def records(self) -> "Variant":
        """The variant that stands for all whose records have the same form."""
        return replace(self, check="store" if self.mode == "jwt" else "", entry=1)


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
            for check in checks if mode == "jwt" else _of_sessions(checks):
                if (store, check) != ("database", "replica"):  # only Redis has a list to follow
                    yield Variant(kind=AUTHKIT, mode=mode, store=store, check=check)


def _of_sessions(checks: Sequence[str]) -> list[str]:
    """Return the checks that differ for a session key, which says nothing by itself."""
    return ["", *(["replica"] if "replica" in checks else [])]


def _peers(stores: Sequence[str], beside: Sequence[str]) -> Iterator[Variant]:
    for kind in beside:
        if kind == DJANGO:
            yield from (Variant(kind=kind, store=store) for store in dict.fromkeys(stores))
        elif kind == STATELESS:
            yield Variant(kind=SIMPLEJWT, store="database", check="none")
        else:
            yield Variant(kind=kind, store="database")
