"""The target costs of the package compared with others, as ratios within one run."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from benchmarks.measuring import Variant
from benchmarks.proofs import PROVED, VERIFY
from benchmarks.subjects import DECODE, FIRST_SIGHT, RAW
from django_authkit.compare.analysis.intervals import quantile


@dataclass(frozen=True)
class Target:
    """*ours* may cost at most *most* times as much as *other*, with *trips* round trips, if given."""

    ours: str
    most: float
    other: str
    trips: tuple[int, int] | None = None

    def verdict(self, rows: Mapping[str, Variant]) -> dict[str, object]:
        """Return the ratio: the median over the rounds, its quartiles, and the ratio of CPU time."""
        ours, other = rows[self.ours], rows[self.other]
        ratios = sorted(_ratio(*pair) for pair in zip(ours.paced, other.paced, strict=True))
        low, middle, high = (quantile(ratios, share) for share in (0.25, 0.5, 0.75))
        met = middle <= self.most and self.trips in (None, ours.trips)
        return {
            "ours": self.ours,
            "other": self.other,
            "target": self.most,
            "ratio": middle,
            "from": low,
            "to": high,
            "least": _ratio(min(ours.paced), min(other.paced)),
            "cpu": _ratio(min(ours.cpu), min(other.cpu)),
            "met": met,
        }


def _ratio(one: float, other: float) -> float:
    return one / other if other > 0 else inf


CACHE = "Django session, cache"
REQUESTS = [
    Target("jwt, redis, replica, lazy", 1 / 8, "simplejwt, stateless", (0, 0)),
    Target("jwt, redis, replica, lazy", 1 / 40, "simplejwt", (0, 0)),
    Target(FIRST_SIGHT, 1.3, DECODE, (0, 0)),
    Target("session cookie, redis, replica, lazy", 1 / 15, CACHE, (0, 0)),
    Target("session cookie, redis, replica, lazy", 1.6, "jwt, redis, replica, lazy", (0, 0)),
    Target("session cookie, redis, lazy", 1 / 4, CACHE, (1, 0)),
    Target("jwt, redis, store, lazy", 1 / 5, CACHE, (1, 0)),
    Target("session cookie, redis, eager", 1 / 2, CACHE, (1, 1)),
    Target("jwt, redis, store, eager", 1 / 2, CACHE, (1, 1)),
    Target("session cookie, redis, lazy", 2, RAW, (1, 0)),
    Target("jwt, redis, store, lazy", 2, RAW, (1, 0)),
    Target("session, database, eager", 1, "simplejwt", (0, 1)),
    Target("jwt, database, store, eager", 1, "simplejwt", (0, 1)),
]
PROOFS = [Target(PROVED, 5, VERIFY, (0, 0))]
BOUND = [
    Target("session, cookie, bound", 1.25, "session, cookie", (1, 0)),
    Target("jwt, cookie, bound", 1.1, "jwt, cookie", (1, 0)),
    Target("renewal: session", 1.5, "refresh: session", (1, 0)),
    Target("renewal: jwt", 1.5, "refresh: jwt", (1, 1)),
]
OPERATIONS = [
    Target("refresh: jwt, redis", 1 / 7, "refresh: simplejwt", (1, 1)),
    Target("refresh: jwt, database", 1 / 2, "refresh: simplejwt"),
]
MOST_BYTES = {"redis: session": 350, "redis: jwt": 400, "database: jwt, with indexes": 450}
"""Bytes of an auth session with an IPv6 address and a label, including the indexes."""
DELAY_P99 = 50.0
"""Milliseconds, with a copy of the blacklist, on an idle machine."""
