"""
Measures the pages of the admin over a PostgreSQL table with very many auth sessions.

Run it from the repository's root::

    python benchmarks/admin_pages.py [--rows N]

One in ten auth sessions is live, one in ten was revoked, and the others have expired. Each user has twenty.
Every page is requested five times by Django's test client; the slowest and the median are printed, with the
number of SQL statements and the time that the database took for them in the median request.
"""

import argparse
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))  # its servers
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.peers_site"

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from support.servers import start_postgres

FIRST = 10**6
"""The first user's primary key."""
OF_A_USER = 20
"""Auth sessions."""
TIMES = 5
_say = print

_FILL = """
INSERT INTO authkit_session ({columns})
SELECT {values} FROM generate_series(1, {rows}) AS n
"""


def main() -> None:
    """Fill a database, measure, and print the results."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=2_000_000)
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        host, port = start_postgres(stack, directory)
        postgres = {**settings.DATABASES["postgres"], "HOST": host, "PORT": str(port)}
        settings.DATABASES = {"default": postgres}
        django.setup()
        with override_settings(AUTHKIT_MODE="session", AUTHKIT={"STORE": "database"}):
            call_command("migrate", verbosity=0)
            _fill(options.rows)
            _measure(options.rows)
        connection.close()


def _fill(rows: int) -> None:
    """Insert *rows* auth sessions and their users, in one statement each."""
    from django.contrib.auth.models import User

    from django_authkit.stores.database.expressions import CurrentEpoch, evaluate

    now, day = int(time.time() * 1000), 24 * 3600 * 1000
    epoch = evaluate(CurrentEpoch(), "default")
    people = [User(pk=FIRST + n, username=f"user{n}", password="!") for n in range(rows // OF_A_USER)]
    User.objects.bulk_create(people, batch_size=5_000)
    # Every tenth is live, and the next one was revoked.
    values = {
        "sid": "'AA' || left(translate(encode(sha256(n::text::bytea), 'base64'), '+/', '-_'), 14)",
        "address": "'10.' || n % 250 || '.' || n / 250 % 250 || '.' || n / 62500 % 250",
        "user_id": f"{FIRST} + n % {len(people)}",
        "epoch": f"CASE n % 10 WHEN 1 THEN -1 ELSE {epoch} END",
        "idle_expires_ms": f"CASE n % 10 WHEN 0 THEN {now + day} + n ELSE {now - day} - n END",
        "expires_ms": f"{now + 30 * day}",
        "last_seen_ms": f"{now - 2 * day}",
        "created_ms": f"{now - 5 * day}",
        "auth_time_ms": f"{now - 5 * day}",
        "mode": "CASE n % 3 WHEN 0 THEN 'jwt' ELSE 'session' END",
        "label": "'Chrome Mobile on Android'",
        "browser_mark": "'Ch1aB-'",
        "amr": "'[\"pwd\"]'",
        "auth_hash": f"'{'h' * 64}'",
        **dict.fromkeys(("backend", "data", "revoke_reason"), "''"),
        **dict.fromkeys(("access_until_ms", "generation", "rotated_ms"), "0"),
        "remember": "TRUE",
    }
    with connection.cursor() as cursor:
        filled = _FILL.format(columns=", ".join(values), values=", ".join(values.values()), rows=rows)
        cursor.execute(filled)
        cursor.execute("ANALYZE")


def _pages() -> dict[str, str]:
    """Return the address of each page that an operator opens, by its name."""
    from django.contrib.auth.models import User

    from django_authkit.models import AuthSessionRow

    row = AuthSessionRow.objects.exclude(user=None).order_by("-epoch", "-idle_expires_ms")[500]
    page = reverse("admin:django_authkit_authsessionrow_changelist")
    return {
        "the list": page,
        "its last page": f"{page}?p=10",
        "live": f"{page}?state=live",
        "revoked": f"{page}?state=revoked",
        "expired": f"{page}?state=expired",
        "mode": f"{page}?mode=jwt",
        "search: login name": f"{page}?q={User.objects.get(pk=str(row.user_id)).username}",
        "search: sid": f"{page}?q={row.sid}",
        "search: address": f"{page}?q={row.address}",
        "search: beginning of an address": f"{page}?q=10.1",
        "search: nothing found": f"{page}?q=nobody",
        "search and filter": f"{page}?q=10.1&state=live&mode=jwt",
        "one auth session": reverse("admin:django_authkit_authsessionrow_change", args=[row.sid]),
        "the page of a user": reverse("admin:django_authkit_authsessionrow_by_user", args=[row.user_id]),
        "the front page": reverse("admin:index"),
    }


def _measure(rows: int) -> None:
    from django.contrib.auth.models import User

    client = Client()
    client.force_login(User.objects.create_superuser("operator"))
    _say(f"{rows:,} auth sessions; milliseconds\n")
    _say(f"{'page':34} {'median':>7} {'slowest':>8} {'SQL':>4} {'in the database':>16}")
    for name, address in _pages().items():
        taken: list[tuple[float, int, float]] = []
        for _ in range(TIMES):
            with CaptureQueriesContext(connection) as queries:
                began = time.perf_counter()
                response: Any = client.get(address, secure=True)
                took = (time.perf_counter() - began) * 1e3
            assert response.status_code == 200, (address, response.status_code)
            taken.append((took, len(queries), sum(float(each["time"]) for each in queries)))
        walls = [each[0] for each in taken]
        _, statements, seconds = min(taken, key=lambda each: abs(each[0] - median(walls)))
        _say(f"{name:34} {median(walls):7.0f} {max(walls):8.0f} {statements:4} {seconds * 1e3:16.0f}")


if __name__ == "__main__":
    main()
