"""
What a run creates, written down before it is created, and how it is removed.

The run itself removes it at its end; if the run was killed, the next one does. A lock on the journal, which
the kernel releases when the process ends in whatever way, tells a killed run from one that still runs.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

from django.db import connections

from django_authkit.compare import processes, redis_server
from django_authkit.compare.errors import CannotCompare
from django_authkit.compare.variants import BASELINE, Variant
from django_authkit.compare.worker.config import WorkerConfig

_FILE = "journal"
_DIRECTORY = re.compile(r"\.authkit-compare-([0-9a-f]{8})")


@dataclass(slots=True)
class Journal:
    """
    The journal of a run, in the run's directory, which only this user can read.

    Attributes:
        directory: Where the run keeps its files.
        settings: Dotted path of the project's settings module.
        token: Part of the names of all that the run creates.
    """

    directory: Path
    settings: str
    token: str
    _file: IO[str]

    @classmethod
    def begin(cls, settings: str, parent: Path) -> "Journal":
        """Make the directory of a new run in *parent*."""
        token = token_hex(4)
        directory = parent / f".authkit-compare-{token}"
        directory.mkdir(mode=0o700)
        file = (directory / f"{_FILE}.new").open("w+", encoding="utf-8")
        flock(file, LOCK_EX)
        journal = cls(directory, settings, token, file)
        journal._write({"settings": settings})
        (directory / f"{_FILE}.new").rename(directory / _FILE)  # nobody sees it without its lock
        return journal

    @property
    def prefix(self) -> str:
        """Prefix of the run's Redis keys."""
        return f"authkit-compare-{self.token}"

    def database_name(self, alias: str) -> str:
        """Return the name of the run's database for *alias*: on SQLite a file."""
        if connections[alias].vendor == "sqlite":
            return str(self.directory / f"{alias}.sqlite3")
        return f"authkit_compare_{self.token}_{alias}"[:60]

    def will_create_database(self, alias: str) -> None:
        """Write down that a database for *alias* is about to be created on its server."""
        self._write({"database": alias, "server": _server_of(alias)})

    def will_write_keys(self, alias: str) -> None:
        """Write down that keys are about to be written to the project's Redis of cache *alias*."""
        self._write({"redis": alias})

    def remove(self) -> list[str]:
        """
        Remove all that the journal names, then its directory; return what was removed.

        Raises:
            CannotCompare: A server does not allow it. The directory is kept, for the next run to try again.
        """
        databases, aliases = [], []
        for entry in self._entries():
            databases += [entry["database"]] if "database" in entry else []
            aliases += [entry["redis"]] if "redis" in entry else []
        try:
            removed = self._drop(databases) + [told for each in aliases for told in self._clear(each)]
        except CannotCompare as error:
            self._file.close()
            message = (
                f"What a run created on a server could not be removed ({error}). The next run tries again: "
                f"{self.directory / _FILE} names it."
            )
            raise CannotCompare(message) from error
        shutil.rmtree(self.directory, ignore_errors=True)
        self._file.close()
        return [f"the directory {self.directory}", *removed]

    def _drop(self, aliases: list[str]) -> list[str]:
        if not aliases:
            return []
        names = {alias: {"NAME": self.database_name(alias)} for alias in connections}
        config = WorkerConfig(
            settings=self.settings, variant=Variant(kind=BASELINE), prefix=self.prefix, databases=names
        )
        dropped = processes.run("scratch_database", config, {"aliases": aliases}, "destroy")
        return [f"the database {self.database_name(alias)}" for alias in dropped]

    def _clear(self, alias: str) -> list[str]:
        keys = redis_server.clear_alias(alias, self.prefix)
        return [f"{keys} keys in Redis"] if keys else []

    def _write(self, entry: dict[str, Any]) -> None:
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()

    def _entries(self) -> Iterator[dict[str, Any]]:
        self._file.seek(0)
        for line in self._file:
            if line.endswith("\n"):  # else the run was killed before it created what the line names
                yield json.loads(line)

    def is_of_this_project(self) -> bool:
        """Return whether the settings and the servers that it names are those of this project."""
        entries = list(self._entries())
        return bool(entries) and all(
            entry.get("settings", self.settings) == self.settings
            and ("database" not in entry or entry["server"] == _server_of(entry["database"]))
            for entry in entries
        )


def parent_directory() -> Path:
    """Return where directories of runs are: on the disk of the project's SQLite file, if it has one."""
    name = str(connections["default"].settings_dict["NAME"])
    if connections["default"].vendor == "sqlite" and is_file_name(name):
        parent = Path(name).resolve().parent
        if parent.is_dir() and os.access(parent, os.W_OK):
            return parent
    return Path(tempfile.gettempdir())


def is_file_name(name: str) -> bool:
    """Return whether *name* of an SQLite database is a file."""
    return ":memory:" not in name and "mode=memory" not in name and not name.startswith("file:")


def remove_leftovers(settings: str) -> list[str]:
    """
    Remove what killed runs of this project have left behind; return a sentence for each.

    A run that still runs, another project's and another user's are left alone.
    """
    told = []
    for directory in sorted(parent_directory().glob(".authkit-compare-*")):
        if journal := _abandoned(directory, settings):
            try:
                removed = ", ".join(journal.remove())
            except CannotCompare as error:
                told.append(str(error))
            else:
                told.append(f"A run that was killed had left something behind. Removed: {removed}.")
    return told


def _abandoned(directory: Path, settings: str) -> Journal | None:
    match = _DIRECTORY.fullmatch(directory.name)
    try:
        if not match or directory.is_symlink() or directory.stat().st_uid != os.geteuid():
            return None
        file = (directory / _FILE).open("r+", encoding="utf-8")
    except OSError:  # gone meanwhile, or no directory of a run
        return None
    journal = Journal(directory, settings, match[1], file)
    try:
        flock(file, LOCK_EX | LOCK_NB)
    except BlockingIOError:  # it runs
        file.close()
        return None
    if not (directory / _FILE).exists() or not journal.is_of_this_project():
        file.close()
        return None
    return journal


def _server_of(alias: str) -> list[str]:
    if alias not in connections:
        return []
    at = connections[alias].settings_dict
    return [str(at.get(name) or "") for name in ("ENGINE", "HOST", "PORT")]
