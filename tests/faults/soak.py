#!/usr/bin/env python3
"""
Mixed traffic for a long time, with what could grow measured all the while.

    python tests/faults/soak.py --minutes 60 --store valkey --mode jwt --check replica

Prints a line for each sample. The exit status is 1 if something grew: the least of the last third of the
samples is compared with the least of the first one, without those of the first four minutes, in which caches
fill and the first records of revoked auth sessions have not expired. So run it for ten minutes at least.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "projects.site")
    import django

    django.setup()

import psycopg

from django_authkit.types import Mode
from faults.matrix import Kind, Site, site_of
from faults.servers_of_stores import STORES, backing_of
from faults.stoppable_servers import StoppablePostgres, StoppableValkey
from faults.traffic import PAUSE, Promise, Traffic

Sample = dict[str, float]
_ACCESS: Final = 60
"""Seconds that an access token lives: records of revoked auth sessions go two minutes later."""
_SETTLING: Final = 240
"""Seconds after which as many records go as are made; the samples before that are not compared."""
_ALLOWED: Final = {"memory": 1.1, "descriptors": 1.05, "threads": 1.25, "records": 1.25}
"""By which factor the least of each may be larger at the end; a worker starts threads as it needs them."""


def _processes(parent: int) -> list[Path]:
    """Return the directories of a process's children in /proc."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [Path("/proc", child) for child in children]


def _memory(process: Path) -> int:
    (line,) = (e for e in (process / "status").read_text().splitlines() if e.startswith("VmRSS"))
    return int(line.split()[1])


def records_of(server: Any) -> float:
    """Return how many keys or rows the store has."""
    if isinstance(server, StoppableValkey):
        return float(server.direct.dbsize())
    if isinstance(server, StoppablePostgres):
        with psycopg.connect(
            host=server.host, port=server.port, user="postgres", dbname="postgres"
        ) as connection:
            row = connection.execute("SELECT count(*) FROM authkit_session").fetchone()
            return float(row[0]) if row else 0.0
    return 0.0


def sample(site: Site, server: Any) -> Sample:
    """Measure the workers together, and the store."""
    workers = [worker for process in site.processes for worker in _processes(process)]
    return {
        "memory": sum(map(_memory, workers)),
        "descriptors": sum(len(list((worker / "fd").iterdir())) for worker in workers),
        "threads": sum(len(list((worker / "task").iterdir())) for worker in workers),
        "records": records_of(server),
    }


def grown(samples: list[Sample], clients: int) -> list[str]:
    """
    Name what was larger in the last third of *samples* than in the first, by more than is allowed.

    Clients that happen to go in step are all logged in at each sample, or all logged out.
    """
    third = len(samples) // 3
    early, late = samples[:third], samples[-third:]
    least = {name: (min(e[name] for e in early), min(e[name] for e in late)) for name in _ALLOWED}
    most = {
        name: a * _ALLOWED[name] + (clients if name == "records" else 0) for name, (a, _) in least.items()
    }
    return [f"{name}: {a:.0f} → {b:.0f}" for name, (a, b) in least.items() if b > most[name]]


def run(
    kind: Kind, *, minutes: float, clients: int, every: float, rate: float | None = None
) -> Iterator[Sample]:
    """
    Let clients use a site of *kind*, and give a sample every so many seconds.

    Args:
        kind: The kind of site.
        minutes: For how long.
        clients: How many there are.
        every: Seconds between two samples.
        rate: Most requests a second of all clients together; ``None`` for as many as they can.

    Raises:
        RuntimeError: Something happened to a client that must not.
    """
    with backing_of(kind.store) as backing, site_of(kind, backing, clients, access=_ACCESS) as site:
        pause = clients / rate if rate else PAUSE
        traffic = Traffic(clients, kind.mode, site.addresses, Promise(kind.bound), pause)
        traffic.start()
        traffic.wait_for_logouts()
        deadline = time.monotonic() + minutes * 60
        while time.monotonic() < deadline:
            time.sleep(every)
            if backing.redis is None:
                site.manage("authkit_prune", "--verbosity=0")
            yield sample(site, backing.server) | {"requests": traffic.findings.requests}
        findings = traffic.conclude()
        if not findings.clean:
            raise RuntimeError([*findings.unexpected, *findings.refused, *findings.lost, *findings.revived])


def main() -> int:
    """Print the samples; return the exit status."""
    asked = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    asked.add_argument("--minutes", type=float, default=60.0)
    asked.add_argument("--store", choices=STORES, default="valkey")
    asked.add_argument("--mode", choices=[str(mode) for mode in Mode], default="jwt")
    asked.add_argument("--check", choices=["store", "replica", "none"], default="store")
    asked.add_argument("--clients", type=int, default=12)
    asked.add_argument("--every", type=float, default=15.0, help="seconds between two samples")
    asked.add_argument("--rate", type=float, help="most requests a second (as many as the clients can)")
    told = asked.parse_args()
    settled = int(_SETTLING // told.every)
    if told.minutes * 60 // told.every < settled + 3:
        asked.error("too short to compare: three samples are needed after the first four minutes")
    # So that the servers end with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    samples: list[Sample] = []
    kind = Kind(told.store, Mode(told.mode), told.check)
    size = {"minutes": told.minutes, "clients": told.clients, "every": told.every, "rate": told.rate}
    for each in run(kind, **size):
        samples.append(each)
        print("  ".join(f"{name} {value:.0f}" for name, value in each.items()), flush=True)
    found = grown(samples[settled:], told.clients)
    print("grown: " + "; ".join(found) if found else "nothing has grown")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
