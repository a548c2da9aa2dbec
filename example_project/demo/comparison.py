"""
The comparison that the front page starts: a process of its own, and files that say how far it is.

``demo`` starts it, so that it goes on when the server is replaced by one in the other mode. The process holds
a lock for as long as it runs. So there is one at a time, and the server knows when it has ended,
in whatever way.
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path
from typing import IO, Any

from django.conf import settings

_MANAGE = Path(__file__).resolve().parent.parent / "manage.py"
_PATIENCE = 30
"""Seconds that the process gets to remove its scratch data."""
_PAUSE, _TRIES = 0.02, 250
"""Five seconds: one that has written down how it ended still has to exit."""
RUNNING, DONE, FAILED, NONE = "running", "done", "failed", "none"
_ENDED = "It ended unexpectedly. The terminal of the demo shows the reason."


@dataclass(frozen=True, slots=True)
class Files:
    """The files of the comparison, below the directory *data* of the site."""

    data: Path

    @classmethod
    def of_this_site(cls) -> "Files":
        """Return those of the site whose settings are loaded."""
        return cls(Path(settings.DATABASES["default"]["NAME"]).parent)

    @property
    def progress(self) -> Path:
        """What ``authkit_compare --progress`` writes."""
        return self._directory / "progress.json"

    @property
    def report(self) -> Path:
        """The page with the results."""
        return self._directory / "report.html"

    def begin(self) -> IO[str] | None:
        """Return the lock of a new comparison, or ``None`` if one is running."""
        self._directory.mkdir(exist_ok=True)
        lock = self._lock.open("w", encoding="utf-8")
        tries = 0
        while not _locked(lock, LOCK_EX):
            tries += 1
            if tries == _TRIES:
                lock.close()
                return None
            time.sleep(_PAUSE)
        for each in (self.progress, self.report):
            each.unlink(missing_ok=True)
        self._write({"is": RUNNING, "began": time.time_ns() // 1_000_000})
        return lock

    def end(self, why: str = "") -> None:
        """Write down that the comparison has ended, and why it failed if it did."""
        self._write({**self._state(), "is": FAILED if why else DONE, "why": why})

    def read(self) -> dict[str, Any]:
        """Return ``is``, ``why`` and ``began`` (milliseconds), the progress, and if there is a report."""
        state = self._state()
        if state["is"] == RUNNING and not self._somebody_runs():
            state = self._state()  # it may have ended meanwhile
            if state["is"] == RUNNING:
                state |= {"is": FAILED, "why": _ENDED}
        return {**_read(self.progress), **state, "has_report": self.report.is_file()}

    @property
    def _directory(self) -> Path:
        return self.data / "comparison"

    @property
    def _lock(self) -> Path:
        return self._directory / "lock"

    def _state(self) -> dict[str, Any]:
        return _read(self._directory / "state.json") or {"is": NONE}

    def _somebody_runs(self) -> bool:
        with self._lock.open(encoding="utf-8") as lock:
            return not _locked(lock, LOCK_SH)

    def _write(self, state: dict[str, Any]) -> None:
        new = self._directory / "state.new"
        new.write_text(json.dumps(state), "utf-8")
        new.replace(self._directory / "state.json")


def _read(file: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return found


def _locked(file: IO[str], how: int) -> bool:
    """Lock *file* until it is closed; return whether nobody else has it."""
    try:
        flock(file, how | LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Comparison:
    """
    Starts comparisons, one at a time.

    Args:
        files: Where they say how far they are.
        kept_open: File descriptors that each keeps open for as long as it runs.
    """

    def __init__(self, files: Files, kept_open: tuple[int, ...] = ()) -> None:
        self._files, self._kept_open = files, kept_open
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, environment: Mapping[str, str], log: IO[str] | None) -> None:
        """Start one with the site's *environment*, unless one is running."""
        lock = self._files.begin()
        if lock is None:
            return
        with lock:
            self._process = subprocess.Popen(
                [sys.executable, str(_MANAGE), "demo_comparison"],
                pass_fds=[lock.fileno(), *self._kept_open],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=environment,
                start_new_session=True,
            )

    def close(self) -> None:
        """Stop the one that is running; it removes its scratch data."""
        if self._process is None:
            return
        try:
            self._process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
