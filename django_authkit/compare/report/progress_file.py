"""Keeps a file that says how far a comparison is, for a program that shows it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django_authkit.compare.run import Display, Tick


class ProgressFile:
    """
    Shows progress as *shown* does, and keeps *file* up to date: JSON with ``phase``, ``step`` and ``steps``.

    The file is replaced as a whole, so nobody reads half of it.
    """

    def __init__(self, shown: Display, file: Path) -> None:
        self._shown, self._file = shown, file
        self._new = file.with_name(f"{file.name}.new")

    @contextmanager
    def phase(self, name: str, steps: int) -> Iterator[Tick]:
        """Yield a function to call after each step."""
        done = 0
        with self._shown.phase(name, steps) as tick:

            def tick_both() -> None:
                nonlocal done
                done += 1
                self._write(name, done, steps)
                tick()

            self._write(name, done, steps)
            yield tick_both

    def note(self, sentence: str) -> None:
        """Show a note to the reader."""
        self._shown.note(sentence)

    def _write(self, phase: str, step: int, steps: int) -> None:
        self._new.write_text(json.dumps({"phase": phase, "step": step, "steps": steps}), "utf-8")
        self._new.replace(self._file)
