#!/usr/bin/env python3
"""
The fault matrix: every fault of every store, in each mode and with each check, under traffic.

    python tests/faults/matrix.py                       # everything: about an hour
    python tests/faults/matrix.py --store valkey --fault full --seconds 3
    python tests/faults/matrix.py --store sentinel-redis --fault failover --rounds 20 --rate 15

Each line is a site of its own kind on real servers (gunicorn, two workers of eight threads) that meets a
fault while clients use it. The exit status is 1 if a line has an unexpected answer of 500 or above, a live
auth session that was refused, a login that was lost, or an ended one that was accepted after the bound.

The servers that Sentinels watch, and those of a cluster with replicas, run in network namespaces, each with a
web server, so that a primary can be cut off. Where this process may not make any, they run on this host, and
that line is left out.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final

TESTS: Final = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path.insert(0, str(TESTS))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "projects.site")
    import django

    django.setup()

from django_authkit.types import Mode  # noqa: E402 - after the path
from faults.faults_of_stores import FAULTS, Fault, last  # noqa: E402
from faults.places import Place  # noqa: E402
from faults.servers_of_stores import STORES, Backing, backing_of  # noqa: E402
from faults.traffic import PAUSE, Findings, Promise, Traffic  # noqa: E402
from support.client import PASSWORD  # noqa: E402
from support.servers import free_port  # noqa: E402
from support.web_server import Address  # noqa: E402

_STALENESS: Final = 1.0
"""Seconds; the default of ``REPLICA["MAX_STALENESS"]``."""
_COLUMNS: Final = (
    "store", "mode", "check", "fault", "rounds", "requests", "503", "broken off", "other 5xx", "live refused",
    "logins lost", "ended accepted",
)  # fmt: skip
_MAKE_USERS: Final = """
import django; django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
call_command("migrate", verbosity=0)
for number in range({many}):
    User.objects.filter(username=f"user{{number}}").delete()
    User.objects.create_user(f"user{{number}}", password={password!r})
"""


@dataclass(frozen=True)
class Kind:
    """A kind of site."""

    store: str
    mode: Mode
    check: str

    def __str__(self) -> str:
        return f"{self.store}-{self.mode}-{self.check}"

    @property
    def bound(self) -> float | None:
        """Seconds after which an ended access credential is rejected; ``None`` for when it expires."""
        if self.check == "replica":
            return _STALENESS
        return 0.0 if self.mode is Mode.SESSION or self.check == "store" else None


@dataclass(frozen=True)
class Site:
    """A running site: its addresses, the processes that workers are children of, and how to run commands."""

    addresses: list[Address]
    processes: list[int]
    environment: dict[str, str]

    def manage(self, *command: str) -> None:
        """Run a management command of the site."""
        subprocess.run([sys.executable, "-m", "django", *command], env=self.environment, check=True)


@dataclass(frozen=True)
class Line:
    """What one fault did to one kind of site."""

    kind: Kind
    fault: Fault
    rounds: int
    findings: Findings

    @property
    def cells(self) -> tuple[str, ...]:
        """The line's cells, in the order of the columns."""
        found, statuses = self.findings, self.findings.statuses
        return (
            self.kind.store,
            str(self.kind.mode),
            self.kind.check,
            self.fault.name,
            str(self.rounds),
            str(found.requests),
            str(statuses[503]),
            str(statuses[0]),
            str(len(found.unexpected)),
            "(forgotten)" if self.fault.loses_data and not found.refused else str(len(found.refused)),
            str(len(found.lost)),
            str(len(found.revived)),
        )


def kinds(store: str) -> list[Kind]:
    """Return all kinds of site on *store*."""
    fresh = ("store",) if store in {"postgresql", "sqlite"} else ("store", "replica")
    return [
        *(Kind(store, Mode.SESSION, check) for check in fresh),
        *(Kind(store, Mode.JWT, check) for check in (*fresh, "none")),
    ]


@contextmanager
def site_of(kind: Kind, backing: Backing, clients: int, *, access: int = 300) -> Iterator[Site]:
    """Run a site with so many users, and access tokens of so many seconds; wait until it answers."""
    authkit: dict[str, Any] = {
        "STORE": "database" if backing.redis is None else "redis",
        "REDIS": backing.redis or {},
        "ACCESS_CHECK": kind.check,
        "RATES": {"LOGIN": None, "REFRESH": None},
    }
    told = {
        **backing.settings,
        "ALLOWED_HOSTS": [place.reached_at for place in backing.places],
        "AUTHKIT_MODE": str(kind.mode),
        "AUTHKIT": authkit,
        "ACCESS_SECONDS": access,
    }
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "projects.under_fire",
        "AUTHKIT_UNDER_FIRE": json.dumps(told),
        "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")]),
    }
    prepare = _MAKE_USERS.format(many=clients, password=PASSWORD)
    subprocess.run([sys.executable, "-c", prepare], env=environment, check=True)
    with ExitStack() as stack:
        servers = [stack.enter_context(_web_server(place, environment)) for place in backing.places]
        for address, _ in servers:
            _wait_for(address)
        yield Site([address for address, _ in servers], [process for _, process in servers], environment)


@contextmanager
def _web_server(place: Place, environment: dict[str, str]) -> Iterator[tuple[Address, int]]:
    """Serve the site from a place; give the address and the process."""
    address = place.reached_at, free_port()
    command = [*place.prefix, sys.executable, "-m", "gunicorn", "--bind", "{}:{}".format(*address)]
    command += ["--workers", "2", "--threads", "8", "--timeout", "60", "--log-level", "critical"]
    server = subprocess.Popen(
        [*command, "django.core.wsgi:get_wsgi_application()"], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        yield address, server.pid
    finally:
        server.terminate()
        server.wait()


def _wait_for(site: Address) -> None:
    deadline = time.monotonic() + 60
    while True:
        connection = HTTPConnection(*site, timeout=5)
        try:
            connection.request("GET", "/plain/csrf-token/")
            connection.getresponse().read()
        except (OSError, HTTPException):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
        finally:
            connection.close()


def run(
    kind: Kind,
    faults: tuple[Fault, ...],
    *,
    seconds: float,
    clients: int,
    rounds: int = 1,
    rate: float | None = None,
) -> Iterator[Line]:
    """
    Let each fault happen to a site of *kind*, one after the other, and give a line for each.

    Every client logs in and out at least once before each round of a fault and once after the last.

    Args:
        kind: The kind of site.
        faults: What happens to it.
        seconds: How long a fault lasts.
        clients: How many clients there are.
        rounds: How many times each fault happens.
        rate: Most requests a second of all clients together; ``None`` for as many as they can.
    """
    pause = clients / rate if rate else PAUSE
    with backing_of(kind.store) as backing, site_of(kind, backing, clients) as site:
        for fault in faults:
            promise = Promise(kind.bound, fault.loses_data)
            traffic = Traffic(clients, kind.mode, site.addresses, promise, pause)
            traffic.start()
            for _ in range(rounds):
                traffic.wait_for_logouts()
                last(fault, backing.server, seconds)
            traffic.wait_for_logouts()
            yield Line(kind, fault, rounds, traffic.conclude())


def main() -> int:
    """Print the table; return the exit status."""
    asked = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    asked.add_argument("--store", choices=STORES, action="append", help="only this store")
    asked.add_argument("--fault", default="", help="only faults whose name contains this text")
    asked.add_argument("--seconds", type=float, default=4.0, help="how long each fault lasts (4)")
    asked.add_argument("--mode", default="", help="only this mode")
    asked.add_argument("--check", default="", help="only this ACCESS_CHECK")
    asked.add_argument("--clients", type=int, default=12, help="how many clients there are (12)")
    asked.add_argument("--rounds", type=int, default=1, help="how many times each fault happens (1)")
    asked.add_argument("--rate", type=float, help="most requests a second (as many as the clients can)")
    told = asked.parse_args()
    print("| " + " | ".join(_COLUMNS) + " |\n|" + " --- |" * len(_COLUMNS), flush=True)
    clean = True
    size = {"seconds": told.seconds, "clients": told.clients, "rounds": told.rounds, "rate": told.rate}
    for store in told.store or STORES:
        faults = tuple(each for each in FAULTS[store] if told.fault in each.name and each.is_possible())
        for kind in kinds(store):
            if told.mode not in {"", str(kind.mode)} or told.check not in {"", kind.check}:
                continue
            for line in run(kind, faults, **size):
                print("| " + " | ".join(line.cells) + " |", flush=True)
                found, clean = line.findings, clean and line.findings.clean
                for each in (found.unexpected, found.refused, found.lost, found.revived):
                    for what in each[:5]:
                        print(f"    {what}", file=sys.stderr)
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
