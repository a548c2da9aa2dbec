"""
What it costs to know who a request is from: every choice of ours beside what people use today.

Run it alone on a quiet machine, from the repository's root::

    python tests/benchmarks/authentication_cost.py [--rounds 9] [--requests 300] [--json FILE]

Each figure is a median over rounds of the mean time of one DRF request, less that of the same view with
no authentication measured in the same round; beside it the least and the most of any round. The variants
take turns in every round, so that what the machine does meanwhile hits all alike. Compare the ratios of
one run, never the microseconds of two. Round trips to Redis and SQL statements are counted, one request.

Needs the extra ``bench``.
"""

import argparse
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.peers_site"

import django
from django.conf import settings
from redis.connection import AbstractConnection

from servers import Servers

Request = Any
Call = Callable[[], None]
WARM_UP = 30


@dataclass
class Variant:
    """
    One way to authenticate.

    Attributes:
        name: As the table has it.
        prepare: Sets up what it needs, and returns how one request is made.
        authkit: Our settings, where it is one of ours.
    """

    name: str
    prepare: Callable[[], Callable[[], Request]]
    view: Callable[[Request], Any]
    mode: str = "jwt"
    authkit: dict[str, Any] | None = None
    costs: list[float] = field(default_factory=list)
    counts: tuple[int, int] = (0, 0)


def main() -> None:
    """Measure and print."""
    options = arguments()
    servers = Servers()
    try:
        point_settings(servers)
        django.setup()
        from benchmarks.subjects import empty_the_stores, subjects

        empty_the_stores()
        variants = subjects()
        baseline = measure_rounds(variants, options.rounds, options.requests)
        title = (
            f"Authentication of one request, µs above the bare view ({statistics.median(baseline):.0f} µs)"
        )
        report(title, variants, options.json)
        report("Whole requests, µs", measure_operations(options.rounds, options.requests // 3), None)
    finally:
        servers.stop()


def arguments() -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description="What it costs to know who a request is from.")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=300, help="of each variant in each round")
    parser.add_argument("--json", type=Path, help="write every sample there")
    return parser.parse_args()


def point_settings(servers: Servers) -> None:
    """Tell the settings where the servers are; everything of the site is on PostgreSQL."""
    at = servers.addresses
    postgres = {
        **settings.DATABASES["postgres"],
        "HOST": at.postgres_host,
        "PORT": str(at.postgres_port),
        "CONN_MAX_AGE": None,
    }
    settings.DATABASES = {"default": postgres}
    settings.CACHES["authkit"]["LOCATION"] = f"{at.valkey}/0"
    settings.CACHES["sessions"]["LOCATION"] = f"{at.valkey}/1"


def measure_rounds(variants: list[Variant], rounds: int, requests: int) -> list[float]:
    """Measure all variants in turn, *rounds* times; return the costs of the bare view."""
    from benchmarks.subjects import bare_request, bare_view

    bare: list[float] = []
    for number in range(rounds):
        for variant in variants:
            with configured(variant):
                make = variant.prepare()
                for _ in range(WARM_UP):
                    answer = variant.view(make())
                    assert answer.status_code == 200, (variant.name, answer.status_code, answer.data)
                settle(variant, make)
                without = mean_cost(bare_view, bare_request, requests)
                variant.costs.append(mean_cost(variant.view, make, requests) - without)
                bare.append(without)
                if number == 0:
                    variant.counts = count(lambda: variant.view(make()))  # noqa: B023 - called at once
        print(f"round {number + 1} of {rounds}", file=sys.stderr)  # noqa: T201 - a script
    return bare


def measure_operations(rounds: int, requests: int) -> list[Variant]:
    """Measure log-in, refresh and log-out in turn; return the variants with what they cost."""
    from benchmarks.operations import operations

    found = operations()
    for number in range(rounds):
        for variant, start in found:
            with configured(variant):
                act = start()
                for _ in range(WARM_UP):
                    act()
                begun = time.perf_counter()
                for _ in range(requests):
                    act()
                variant.costs.append((time.perf_counter() - begun) / requests * 1e6)
                if number == 0:
                    variant.counts = count(act)
    return [variant for variant, _ in found]


def settle(variant: Variant, make: Callable[[], Request]) -> None:
    """Wait until a copy of the blacklist is fresh."""
    if (variant.authkit or {}).get("ACCESS_CHECK") == "replica":
        deadline = time.monotonic() + 5
        while count(lambda: variant.view(make()))[0] and time.monotonic() < deadline:
            time.sleep(0.05)


def mean_cost(view: Callable[[Request], Any], make: Callable[[], Request], requests: int) -> float:
    """Return microseconds a request; making the requests is left out."""
    made = [make() for _ in range(requests)]
    begun = time.perf_counter()
    for request in made:
        view(request)
    return (time.perf_counter() - begun) / requests * 1e6


@contextmanager
def configured(variant: Variant) -> Iterator[None]:
    """Put our settings in force for a variant of ours."""
    from django.test import override_settings

    with ExitStack() as stack:
        if variant.authkit is not None:
            stack.enter_context(
                override_settings(
                    AUTHKIT_MODE=variant.mode,
                    AUTHKIT={"LOGIN_RATE": None, "REFRESH_RATE": None, **variant.authkit},
                )
            )
        yield


def count(call: Callable[[], Any]) -> tuple[int, int]:
    """Return the round trips to Redis that this thread makes in one call, and its SQL statements."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    sent = 0
    thread, send = threading.get_ident(), AbstractConnection.send_packed_command

    def counting(self: Any, command: Any, check_health: bool = True) -> None:
        nonlocal sent
        sent += threading.get_ident() == thread
        send(self, command, check_health)  # type: ignore[no-untyped-call]

    with (
        mock.patch.object(AbstractConnection, "send_packed_command", counting),
        CaptureQueriesContext(connection) as queries,
    ):
        call()
    return sent, len(queries)


def report(title: str, variants: list[Variant], path: Path | None) -> None:
    """Print the table, dearest first, and write the samples."""
    width = max(len(variant.name) for variant in variants)
    lines = ["", title, ""]
    lines.append(f"{'variant':<{width}}  {'median':>8}  {'least':>8}  {'most':>8}  redis  sql")
    for variant in sorted(variants, key=lambda each: -statistics.median(each.costs)):
        low, middle, high = min(variant.costs), statistics.median(variant.costs), max(variant.costs)
        redis, sql = variant.counts
        lines.append(
            f"{variant.name:<{width}}  {middle:>8.1f}  {low:>8.1f}  {high:>8.1f}  {redis:>5}  {sql:>3}"
        )
    print("\n".join(lines))  # noqa: T201 - a script
    if path is not None:
        samples = {variant.name: variant.costs for variant in variants}
        path.write_text(json.dumps(samples, indent=2))


if __name__ == "__main__":
    main()
