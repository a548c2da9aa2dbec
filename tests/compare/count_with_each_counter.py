"""
A program in which each variant logs in, sends requests, refreshes and logs out, and prints all counts.

The workers' own tally, and beside it Valkey's ``INFO commandstats`` and Django's query log, which a
middleware of the site writes to ``QUERY_LOG``. Run with the site's settings and a Valkey of its own.
"""

import json
import os
import sys
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import django
from redis import Redis

from django_authkit.compare import processes
from django_authkit.compare.http_client import WHO_AM_I, Client
from django_authkit.compare.processes import Workers
from django_authkit.compare.scratch_data import Scratch, scratch
from django_authkit.compare.variants import AUTHKIT, DJANGO, SIMPLEJWT, Variant
from django_authkit.compare.worker.config import TICKET

VARIANTS = (
    Variant(kind=AUTHKIT, mode="session", store="redis"),
    Variant(kind=AUTHKIT, mode="jwt", store="redis", check="store"),
    Variant(kind=AUTHKIT, mode="jwt", store="redis", check="none"),
    Variant(kind=AUTHKIT, mode="jwt", store="database", check="store"),
    Variant(kind=DJANGO, store="redis"),
    Variant(kind=SIMPLEJWT, store="database"),
)
_OF_CONNECTIONS = ("info", "ping", "hello", "client", "select", "script")


def main(variants: tuple[Variant, ...]) -> dict[str, list[dict[str, Any]]]:
    """Return the counts of each act for each variant."""
    django.setup()
    with scratch(variants, user=None, fixtures=[]) as made:
        return {variant.key: acts_of(variant, made) for variant in variants}


def status_without_ticket(port: int) -> int:
    """Return the status for another client on this machine."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/admin/", headers={TICKET: ""})
    status = connection.getresponse().status
    connection.close()
    return status


def acts_of(variant: Variant, made: Scratch) -> list[dict[str, Any]]:
    """Serve *variant*, do everything twice, and return the counts of the second time."""
    log = Path(os.environ["QUERY_LOG"])
    with ExitStack() as stack:
        served = processes.start(stack, made.for_variant(variant), Workers(workers=1), made.directory)
        processes.wait_until_up(served)
        assert status_without_ticket(served.port) == 403
        client = Client(
            variant,
            served.port,
            transport="cookie",
            username=made.username,
            password=made.password,
            ticket=served.config.ticket,
        )
        for _ in range(2):  # the first time it connects and sends the scripts
            client.prepare()
            found = []
            for name, act in acts(client):
                log.write_text("")
                before = commands(made, variant)
                answer = act()
                found.append(
                    {
                        "act": name,
                        "fine": answer.fine,
                        "tally": [answer.trips, answer.queries],
                        "others": [
                            commands(made, variant) - before,
                            sum(int(line) for line in log.read_text().split()),
                        ],
                    }
                )
    return found


def acts(client: Client) -> list[tuple[str, Any]]:
    """Return what a client of its variant can do."""
    ask = ("request", lambda: client.get(WHO_AM_I))
    if not client.variant.logs_in:
        return [ask]
    refresh = [("refresh", client.refresh)] if client.variant.refreshes else []
    return [("login", client.log_in), ask, *refresh, ("logout", client.log_out)]


def commands(made: Scratch, variant: Variant) -> int:
    """Return how many commands clients have sent, by name, since those of scripts are counted too."""
    if not isinstance(made.redis, Redis):
        return 0
    told: Any = made.redis.info("commandstats")
    calls = {name.removeprefix("cmdstat_").partition("|")[0]: 0 for name in told}
    for name, each in told.items():
        calls[name.removeprefix("cmdstat_").partition("|")[0]] += each["calls"]
    if variant.kind == AUTHKIT:
        return calls.get("evalsha", 0) + calls.get("eval", 0)
    return sum(count for name, count in calls.items() if name not in _OF_CONNECTIONS)


if __name__ == "__main__":
    json.dump(main(VARIANTS), sys.stdout)
