"""
Measures the cost of authenticating a request, for each of our configurations and for other packages.

Run it alone on a quiet machine, from the repository's root::

    python benchmarks [--quick] [--only SECTION ...] [--rounds N] [--calls N] [--json FILE]

=============  ========================================================================================
section        what is measured
=============  ========================================================================================
``requests``   a DRF request, compared with the same view without authentication: ours, simplejwt, knox,
               DRF's token, Django's sessions, allauth headless; and lower bounds
``proofs``     requests of apps that prove a key (DPoP), compared with the same as bearers
``bound``      requests of browsers whose logins are bound to a device, compared with the same unbound, and
               renewals compared with refreshes
``operations`` login (without hashing), refresh and logout; the same for simplejwt with rotation and blacklist
``sizes``      requests, refresh and logout with no, 10^4 and 10^6 auth sessions, and with 10^5 revoked ones
``memory``     bytes of a live auth session
``delays``     from the response of a logout in one process to the first 401 in another
=============  ========================================================================================

All variants take turns in every round, so that other load of the machine affects all of them. A figure is
the median over the rounds of a round's median call. Next to it are the minimum and maximum of the rounds and
the mean of this process's CPU time. A ratio compares two costs in units of the view without authentication,
which is measured in short turns with each. Compare the ratios of one run, never the microseconds of two runs.
Round trips to Redis and SQL statements are counted. All variants use one PostgreSQL and one Valkey, which are
started for the run.

It needs the extra ``bench``.
"""

import argparse
import json
import os
import platform
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))  # its servers and its site
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.peers_site"

import django
from django.conf import settings

from support.servers import Servers

SECTIONS = ("requests", "proofs", "bound", "operations", "sizes", "memory", "delays")


def main() -> None:
    """Measure the selected sections, and print the results."""
    options = arguments()
    servers = Servers()
    try:
        point_settings(servers)
        django.setup()
        from benchmarks.crowds import one_user

        one_user()
        run = Run(options.rounds, options.calls, options.quick)
        for section in options.only or SECTIONS:
            getattr(run, section)()
        if options.json:
            options.json.write_text(json.dumps(run.found, indent=2))
    finally:
        servers.stop()


def arguments() -> argparse.Namespace:
    """Return the command line arguments."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        prog="python benchmarks",
    )
    parser.add_argument(
        "--quick", action="store_true", help="few rounds and few auth sessions: about two minutes"
    )
    parser.add_argument(
        "--only", action="append", choices=SECTIONS, help="only this section; may be repeated"
    )
    parser.add_argument("--rounds", type=int, help="default: 11, or 3 with --quick")
    parser.add_argument(
        "--calls", type=int, help="calls of each variant per round; default: 200, or 60 with --quick"
    )
    parser.add_argument("--json", type=Path, help="write all samples to this file")
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 11)
    options.calls = options.calls or (60 if options.quick else 200)
    return options


def point_settings(servers: Servers) -> None:
    """Set the addresses of the servers in the settings."""
    at = servers.addresses
    postgres = {
        **settings.DATABASES["postgres"],
        "HOST": at.postgres_host,
        "PORT": str(at.postgres_port),
        "CONN_MAX_AGE": None,
    }
    settings.DATABASES = {"default": postgres}
    settings.CACHES["authkit"]["LOCATION"] = f"{at.valkey}/0"
    settings.CACHES["sessions"]["LOCATION"] = f"{at.valkey}/1"


@dataclass
class Run:
    """
    One run. Each section prints its tables.

    Attributes:
        found: All measurements, as JSON data.
    """

    rounds: int
    calls: int
    quick: bool
    found: dict[str, Any] = field(
        default_factory=lambda: {"python": platform.python_version(), "machine": platform.machine()}
    )

    def requests(self) -> None:
        """Measure the authentication of one request."""
        from benchmarks.subjects import BARE, floors, ours, peers
        from benchmarks.targets import REQUESTS

        bare = self.variant("the bare view", lambda: BARE)
        variants = [bare, *ours(), *peers(), *floors()]
        self.measure("requests", "Authentication of one request", variants, REQUESTS)

    def proofs(self) -> None:
        """Measure requests that prove a key, beside the same as bearers."""
        from benchmarks.proofs import proofs
        from benchmarks.subjects import ours
        from benchmarks.targets import PROOFS

        found = proofs()
        plain = [each for each in ours() if f"{each.name}, DPoP" in {proved.name for proved in found}]
        self.measure("proofs", "Requests that prove a key (DPoP)", [*plain, *found], PROOFS)

    def bound(self) -> None:
        """Measure requests and renewals of browsers with a bound login, beside those without."""
        from benchmarks.bound import bound
        from benchmarks.targets import BOUND

        self.measure("bound", "Browsers with a login bound to their device", bound(), BOUND)

    def operations(self) -> None:
        """Measure whole requests to the endpoints."""
        from benchmarks.operations import operations
        from benchmarks.targets import OPERATIONS

        self.measure("operations", "Whole requests", operations(), OPERATIONS)

    def sizes(self) -> None:
        """Measure with different numbers of auth sessions."""
        from benchmarks.crowds import sizes

        variants = sizes(10**5 if self.quick else 10**6)
        self.measure("sizes", "The same with many auth sessions", variants, [], ordered=False)

    def memory(self) -> None:
        """Measure the memory of an auth session."""
        from benchmarks import report
        from benchmarks.crowds import memory

        self.found["memory"] = memory(10**4 if self.quick else 10**5)
        report.memory(self.found["memory"])

    def delays(self) -> None:
        """Measure how soon a revocation takes effect."""
        from benchmarks import report
        from benchmarks.delays import delays

        self.found["delays"] = delays(20 if self.quick else 200)
        report.delays(self.found["delays"])

    def variant(self, name: str, start: Any) -> Any:
        """Return a variant."""
        from benchmarks.measuring import Variant

        return Variant(name, start)

    def measure(
        self, section: str, title: str, variants: list[Any], targets: list[Any], *, ordered: bool = True
    ) -> None:
        """Measure the variants in turns, and print the results."""
        from benchmarks import report
        from benchmarks.measuring import say, take_turns
        from benchmarks.subjects import BARE

        say(section)
        take_turns(variants, BARE, self.rounds, self.calls)
        report.table(title, variants, ordered=ordered)
        samples = {
            each.name: {"wall": each.wall, "cpu": each.cpu, "paced": each.paced, "trips": each.trips}
            for each in variants
        }
        self.found[section] = {"samples": samples}
        if targets:
            self.found[section]["targets"] = report.verdicts(targets, variants)


if __name__ == "__main__":
    main()
