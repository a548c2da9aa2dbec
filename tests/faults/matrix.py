#!/usr/bin/env python3
"""
The fault matrix: every fault of every store, in each mode and with each check, under traffic.

    python tests/faults/matrix.py                       # everything: about half an hour
    python tests/faults/matrix.py --store valkey --fault full --seconds 3

Each line is a site of its own kind on real servers (gunicorn, two workers of eight threads) that meets a
fault while clients use it. The exit status is 1 if a line has an unexpected answer of 500 or above, a live
auth session that was refused, or an ended one that was accepted after the bound.
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
from tempfile import TemporaryDirectory
from typing import Any, Final

TESTS: Final = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path.insert(0, str(TESTS))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "projects.site")
    import django

    django.setup()

from django_authkit.types import Mode  # noqa: E402 - after the path
from faults.faults_of_stores import FAULTS, Fault, last  # noqa: E402
from faults.stoppable_servers import StoppablePostgres, StoppableValkey  # noqa: E402
from faults.traffic import Findings, Promise, Traffic  # noqa: E402
from support.client import PASSWORD  # noqa: E402
from support.servers import free_port, start_postgres  # noqa: E402
from support.web_server import Address  # noqa: E402

STORES: Final = tuple(FAULTS)
_STALENESS: Final = 1.0
"""Seconds; the default of ``REPLICA["MAX_STALENESS"]``."""
_COLUMNS: Final = (
    "store", "mode", "check", "fault", "requests", "503", "broken off", "other 5xx", "live refused",
    "ended accepted",
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
        if self.mode is Mode.SESSION or self.check == "store":
            return 0.0
        return _STALENESS if self.check == "replica" else None


@dataclass(frozen=True)
class Site:
    """A running site: its address, the process that the workers are children of, and how to run commands."""

    address: Address
    process: int
    environment: dict[str, str]

    def manage(self, *command: str) -> None:
        """Run a management command of the site."""
        subprocess.run([sys.executable, "-m", "django", *command], env=self.environment, check=True)


@dataclass(frozen=True)
class Line:
    """What one fault did to one kind of site."""

    kind: Kind
    fault: Fault
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
            str(found.requests),
            str(statuses[503]),
            str(statuses[0]),
            str(len(found.unexpected)),
            "(forgotten)" if self.fault.loses_data and not found.refused else str(len(found.refused)),
            str(len(found.revived)),
        )


def kinds(store: str) -> list[Kind]:
    """Return all kinds of site on *store*."""
    checks = ("store", "replica", "none") if store == "valkey" else ("store", "none")
    return [Kind(store, Mode.SESSION, "store"), *(Kind(store, Mode.JWT, check) for check in checks)]


@contextmanager
def server_of(store: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Run a server for *store*; give what faults happen to, and the settings that differ."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="authkit-")))
        file = str(directory / "site.sqlite3")
        users = {"NAME": file, "OPTIONS": {"timeout": 1, "init_command": "PRAGMA journal_mode = WAL"}}
        if store == "valkey":
            valkey = stack.enter_context(StoppableValkey.running())
            cache = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": f"{valkey.url}/0"}
            memory = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
            yield valkey, {"DATABASE": users, "CACHES": {"default": memory, "authkit": cache}}
        elif store == "postgresql":
            start_postgres(stack, directory)
            postgres = StoppablePostgres(directory / "postgres")
            where = {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "postgres"}
            options = {"options": "-c lock_timeout=1000"}
            yield (
                postgres,
                {"DATABASE": {**where, "HOST": postgres.host, "PORT": postgres.port, "OPTIONS": options}},
            )
        else:
            yield file, {"DATABASE": users}


@contextmanager
def site_of(kind: Kind, changed: dict[str, Any], clients: int, *, access: int = 300) -> Iterator[Site]:
    """Run a site with so many users, and access tokens of so many seconds; wait until it answers."""
    authkit: dict[str, Any] = {
        "STORE": "redis" if kind.store == "valkey" else "database",
        "REDIS": {"ALIAS": "authkit"},
        "ACCESS_CHECK": kind.check,
        "RATES": {"LOGIN": None, "REFRESH": None},
    }
    told = {**changed, "AUTHKIT_MODE": str(kind.mode), "AUTHKIT": authkit, "ACCESS_SECONDS": access}
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "projects.under_fire",
        "AUTHKIT_UNDER_FIRE": json.dumps(told),
        "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")]),
    }
    prepare = _MAKE_USERS.format(many=clients, password=PASSWORD)
    subprocess.run([sys.executable, "-c", prepare], env=environment, check=True)
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "2"]
    command += ["--threads", "8", "--timeout", "60", "--log-level", "critical"]
    server = subprocess.Popen(
        [*command, "django.core.wsgi:get_wsgi_application()"], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(("127.0.0.1", port))
        yield Site(("127.0.0.1", port), server.pid, environment)
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


def run(kind: Kind, faults: tuple[Fault, ...], *, seconds: float, clients: int) -> Iterator[Line]:
    """
    Let each fault happen to a site of *kind*, one after the other, and give a line for each.

    Every client logs in and out at least once before the fault and once after it.

    Args:
        seconds: How long a fault lasts.
        clients: How many clients there are.
    """
    with server_of(kind.store) as (server, changed), site_of(kind, changed, clients) as site:
        for fault in faults:
            traffic = Traffic(clients, kind.mode, site.address, Promise(kind.bound, fault.loses_data))
            traffic.start()
            traffic.wait_for_logouts()
            last(fault, server, seconds)
            traffic.wait_for_logouts()
            yield Line(kind, fault, traffic.conclude())


def main() -> int:
    """Print the table; return the exit status."""
    asked = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    asked.add_argument("--store", choices=STORES, action="append", help="only this store")
    asked.add_argument("--fault", default="", help="only faults whose name contains this text")
    asked.add_argument("--seconds", type=float, default=4.0, help="how long each fault lasts (4)")
    asked.add_argument("--clients", type=int, default=12, help="how many clients there are (12)")
    told = asked.parse_args()
    print("| " + " | ".join(_COLUMNS) + " |\n|" + " --- |" * len(_COLUMNS), flush=True)
    clean = True
    for store in told.store or STORES:
        faults = tuple(fault for fault in FAULTS[store] if told.fault in fault.name)
        for kind in kinds(store):
            for line in run(kind, faults, seconds=told.seconds, clients=told.clients):
                print("| " + " | ".join(line.cells) + " |", flush=True)
                clean = clean and line.findings.clean
                for each in (line.findings.unexpected, line.findings.refused, line.findings.revived):
                    for what in each[:5]:
                        print(f"    {what}", file=sys.stderr)
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
