"""The example project, run as by a newcomer: its commands in processes of their own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from textwrap import dedent

PROJECT = Path(__file__).resolve().parents[2] / "example_project"
LAST_LINE = "Press Ctrl-C to stop."
PASSWORDS = {"ada": "analytical-engine", "grace": "nanoseconds", "admin": "only-for-this-demo"}
KINDS = ("session-redis", "session-database", "jwt-redis", "jwt-database")


def options_of(kind: str) -> list[str]:
    """Return the options of the demo for one of ``KINDS``."""
    mode, store = kind.split("-")
    return ["--mode", mode, "--store", store]


def command(*arguments: str, project: Path = PROJECT) -> list[str]:
    """Return the command line of ``manage.py`` with *arguments*."""
    return [sys.executable, str(project / "manage.py"), *arguments]


def environment(data: Path, **more: str) -> dict[str, str]:
    """
    Return a newcomer's environment: separate data, and the settings of another project.

    Coverage is not measured there: it would take twice as long, and other tests run the same code.
    """
    ours = {name: value for name, value in os.environ.items() if name != "COVERAGE_PROCESS_START"}
    return {**ours, "DJANGO_SETTINGS_MODULE": "of.another.project", "EXAMPLE_DATA": str(data), **more}


def run(
    data: Path, *arguments: str, project: Path = PROJECT, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run ``manage.py`` until it exits."""
    return subprocess.run(
        command(*arguments, project=project),
        env=environment(data, **more),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@dataclass(frozen=True)
class Demo:
    """A demo that has printed its welcome text."""

    process: subprocess.Popen[str]
    printed: str

    @property
    def url(self) -> str:
        """The address that it printed."""
        return self._find(r"The notes site is up:  (http://127\.0\.0\.1:\d+|https://localhost:\d+)/")

    @property
    def ports(self) -> list[int]:
        """The ports of the site and of its Valkey."""
        return [int(self.url.rpartition(":")[2]), int(self._find(r"a Valkey on port (\d+)"))]

    @property
    def redis_url(self) -> str:
        """The address of its Valkey with the secret, which only its processes and their user know."""
        pid, name = self.process.pid, b"EXAMPLE_REDIS_URL="
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        environments = b"".join(Path(f"/proc/{child}/environ").read_bytes() for child in children)
        return next(
            each.removeprefix(name).decode() for each in environments.split(b"\0") if each.startswith(name)
        )

    def block(self, title: str) -> str:
        """Return the shell lines below the line that ends with *title*."""
        below = self.printed.split(f"{title}\n\n", 1)[1].splitlines()
        return dedent("\n".join(takewhile(lambda line: line.startswith("    "), below)))

    def _find(self, pattern: str) -> str:
        found = re.search(pattern, self.printed)
        assert found, self.printed
        return found[1]


@contextmanager
def demo_running(data: Path, *arguments: str, **more: str) -> Iterator[Demo]:
    """Run a demo on a free port; stop it as Ctrl-C does."""
    with subprocess.Popen(
        command("demo", "--port", "0", *arguments),
        env=environment(data, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout
        try:
            printed = "".join(takewhile(lambda line: not line.startswith(LAST_LINE), process.stdout))
            assert process.poll() is None, printed
            yield Demo(process, printed)
        finally:
            process.send_signal(signal.SIGINT)
