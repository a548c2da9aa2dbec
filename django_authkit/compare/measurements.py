"""The raw measurements of each variant: the JSON contains them, and figures derive from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from django_authkit.compare.variants import Variant


@dataclass(slots=True)
class Requests:
    """
    Authenticated requests of one path; one member a round.

    Attributes:
        latencies: Of single requests one after the other, ns.
        rates: Requests per second at the requested concurrency.
        cpu: CPU time of the workers a request, ns.
        store_cpu: CPU time of the Redis server a request, ns; empty where none is compared.
        failures: How many responses were not successful.
        trips, queries: Of each request that was counted: round trips to Redis, SQL statements.
        request_bytes, response_bytes: Of one request.
    """

    latencies: list[list[int]] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    store_cpu: list[float] = field(default_factory=list)
    failures: int = 0
    trips: list[int] = field(default_factory=list)
    queries: list[int] = field(default_factory=list)
    request_bytes: int = 0
    response_bytes: int = 0


@dataclass(slots=True)
class Operation:
    """Logins, refreshes or logouts; the attributes mean what they mean for ``Requests``."""

    latencies: list[list[int]] = field(default_factory=list)
    failures: int = 0
    trips: list[int] = field(default_factory=list)
    queries: list[int] = field(default_factory=list)
    request_bytes: int = 0
    response_bytes: int = 0


OPERATIONS = ("login", "refresh", "logout")


@dataclass(slots=True, eq=False)
class Samples:
    """
    All of one variant.

    Attributes:
        left_out: Why it was not measured; empty if it was.
        paths: By path.
        operations: By name, of ``OPERATIONS``.
        credential_bytes: What credentials add to each request, by transport.
        background_trips: Round trips to Redis a second of one worker outside of requests.
        memory: ``{"sessions": …, "bytes": …}`` at each size.
        behavior: Results of the behavior tests, by name.
    """

    variant: Variant
    left_out: str = ""
    paths: dict[str, Requests] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)
    credential_bytes: int = 0
    background_trips: float = 0.0
    memory: list[dict[str, Any]] = field(default_factory=list)
    behavior: dict[str, Any] = field(default_factory=dict)


def restored(told: Mapping[str, Any]) -> Samples:
    """Return the samples of a variant from the JSON of a report."""

    def members(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
        return {each.name: values[each.name] for each in fields(kind) if each.name in values}

    found = Samples(**{**members(Samples, told), "variant": Variant(**told["variant"])})
    found.paths = {path: Requests(**members(Requests, kept)) for path, kept in told["paths"].items()}
    found.operations = {
        name: Operation(**members(Operation, kept)) for name, kept in told["operations"].items()
    }
    return found


def usual(counts: Sequence[int]) -> int | None:
    """Return the count that most requests had: the first on a new connection has a few more."""
    return max(set(counts), key=list(counts).count) if counts else None
