"""What a variant costs at a size that was not measured: straight lines through what was."""

from dataclasses import dataclass

from django_authkit.compare.analysis.contest import CPU, LATENCY
from django_authkit.compare.analysis.metrics import bytes_a_session
from django_authkit.compare.measurements import Samples, usual

FORMULAS = {
    "latency": "ms measured + (round trips + SQL statements) * distance",
    "cores": "requests a day * CPU ms / 1,000 / 86,400",
    "wire": "requests a day * bytes of the credential",
    "memory": "users * auth sessions of each * bytes of one",
}
"""How each cost follows from what was measured. The script of the page computes the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A site: requests a day, users, live auth sessions of each, and ms of a round trip to the store."""

    requests: float = 1_000_000
    users: float = 10_000
    sessions: float = 2
    distance: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Slopes:
    """What was measured of one variant: ms, CPU ms, trips and bytes of a request; bytes of a session."""

    ms: float
    cpu: float
    trips: int
    bytes: int
    stored: float | None

    def costs(self, size: Size) -> dict[str, float | None]:
        """Return latency (ms), cores, bytes a day on the wire, and bytes in the store."""
        return {
            "latency": self.ms + self.trips * size.distance,
            "cores": cores(size.requests, self.cpu),
            "wire": size.requests * self.bytes,
            "memory": None if self.stored is None else size.users * size.sessions * self.stored,
        }


def cores(requests: float, cpu: float) -> float:
    """Return how many cores *requests* a day need, at *cpu* ms each."""
    return requests * cpu / 1000 / 86_400


def slopes(samples: Samples, path: str) -> Slopes | None:
    """Return what was measured of *samples*; ``None`` if nothing was."""
    latency, cpu, kept = LATENCY.of(samples, path), CPU.of(samples, path), samples.paths[path]
    if latency is None or cpu is None:
        return None
    return Slopes(
        ms=latency.value,
        cpu=cpu.value,
        trips=(usual(kept.trips) or 0) + (usual(kept.queries) or 0),
        bytes=samples.credential_bytes,
        stored=bytes_a_session(samples),
    )
