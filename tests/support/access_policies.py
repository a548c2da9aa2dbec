"""The site under each way to check access tokens and load users."""

import itertools
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings as django_settings
from redis import Redis

from django_authkit.types import Mode
from django_authkit.wiring import get_replica
from support.client import Device
from support.live_site import LiveSite, Trips
from support.waiting import until

BOUND = 1.0
"""``REPLICA["MAX_STALENESS"]``, in seconds."""


@dataclass(frozen=True)
class Policy:
    """The store, the issued mode, and the two settings."""

    store: str
    mode: Mode
    check: str
    loading: str

    def __str__(self) -> str:
        return f"{self.store}-{self.mode}-{self.check}-{self.loading}"

    @property
    def is_lazy(self) -> bool:
        """Whether the row is read when needed; from a database it comes with the record."""
        return self.loading == "lazy" and not (self.store == "sqlite" and self.reads_record)

    @property
    def reads_record(self) -> bool:
        """Whether each request reads the record, however often the process has seen its credential."""
        return self.check == "store" or (self.mode is Mode.SESSION and self.check == "none")

    def set_up(self, site: LiveSite) -> None:
        """Configure *site*; a blacklist, if there is one, began a while ago."""
        if self.check == "replica":
            begin_list()
        site.configure(
            ACCESS_CHECK=self.check, USER_LOADING=self.loading, RATES={"LOGIN": None, "REFRESH": None}
        )

    def warm(self, device: Device) -> None:
        """Let the process see the credential once, and wait until its copy of the blacklist is fresh."""
        assert device.get("/drf/key/").status_code == 200
        if self.check == "replica":
            until(lambda: get_replica().age < BOUND)
        if self.check == "replica" and self.mode is Mode.SESSION:
            until(lambda: device.get("/drf/key/").status_code == 200 and get_replica().remembered > 0)


def begin_list() -> None:
    """Make the blacklist of the test's server ten seconds old."""
    with Redis.from_url(django_settings.CACHES["authkit"]["LOCATION"]) as direct:
        run = direct.info("server")["run_id"]
        birth = int(time.time() * 1000) - 10_000
        direct.hset("authkit:{AA}:m", mapping={"began": birth, "birth": birth, "run": run})


def commands_of_requests(trips: Trips) -> list[str]:
    """Return the calls of the store's scripts, without those of the thread that follows the blacklist."""
    return [command for command in trips.commands if command.startswith("EVALSHA ")]


def _all() -> list[Policy]:
    checks = ("store", "replica", "none")
    every = itertools.starmap(
        Policy, itertools.product(("valkey", "sqlite"), Mode, checks, ("eager", "lazy"))
    )
    return [policy for policy in every if (policy.store, policy.check) != ("sqlite", "replica")]


POLICIES: list[Any] = _all()
JWT_POLICIES = [policy for policy in POLICIES if policy.mode is Mode.JWT]
