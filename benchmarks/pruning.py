"""
Measures how many auth sessions that are over the database store prunes in a second.

Run it from the repository's root::

    python benchmarks/pruning.py [--rows N] [--batch N]
"""

import argparse
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from secrets import token_bytes

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))  # its servers
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.peers_site"

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from benchmarks.filling import ADDRESS, LABEL, MARK, batches
from django_authkit.session_keys import new_handle
from support.servers import start_postgres

_say = print


def main() -> None:
    """Measure on PostgreSQL and on SQLite, and print the results."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=1000)
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        host, port = start_postgres(stack, directory)
        postgres = {**settings.DATABASES["postgres"], "HOST": host, "PORT": str(port)}
        sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(directory / "db.sqlite3")}
        settings.DATABASES = {"default": postgres, "sqlite": sqlite}
        django.setup()
        for alias in ("default", "sqlite"):
            _measure(alias, options.rows, options.batch)
            connections[alias].close()


def _measure(alias: str, rows: int, batch: int) -> None:
    from django_authkit.stores.database import DatabaseStore

    call_command("migrate", database=alias, verbosity=0)
    _fill(alias, rows)
    begin = time.monotonic()
    steps = list(DatabaseStore(alias).prune(batch))
    took = time.monotonic() - begin
    assert sum(steps) == rows
    step = took / len(steps) * 1e3
    _say(f"{connections[alias].vendor}: {rows / took:,.0f} rows a second, {step:.1f} ms a step")


def _fill(alias: str, rows: int) -> None:
    """Insert auth sessions that expired yesterday."""
    from django_authkit.models import AuthSessionRow
    from django_authkit.stores.database.expressions import CurrentEpoch, evaluate

    over = int(time.time() * 1000) - 24 * 3600 * 1000
    row = partial(
        AuthSessionRow,
        mode="jwt",
        backend="django.contrib.auth.backends.ModelBackend",
        auth_hash="h" * 64,
        amr=["pwd"],
        address=ADDRESS,
        label=LABEL,
        browser_mark=MARK,
        epoch=evaluate(CurrentEpoch(), alias),
        idle_expires_ms=over,
        expires_ms=over,
        generation=1,
    )
    for some in batches(range(rows)):
        people = (
            row(sid=new_handle(0), user_id=10**6 + number, jti_digest=token_bytes(32)) for number in some
        )
        AuthSessionRow.objects.using(alias).bulk_create(people)


if __name__ == "__main__":
    main()
