"""Clients that log in, call, refresh and log out at the same time, and present again what they logged out."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Self

from django.db import connections
from django.http import HttpResponse

from support.client import Device
from support.live_site import LiveSite

_CLIENTS = 3
_PATIENCE = 60


class Traffic:
    """
    What clients ask of a site, and what became of it.

    Attributes:
        answers: How often each request got each status.
        wrong: Requests whose answer was neither the one that is due nor 503.
        accepted_for: The longest time for which a credential was accepted after its logout, in seconds.
        live, ended: Clients who were told that they are logged in; and logged out, with the time of that.
    """

    def __init__(self, site: LiveSite) -> None:
        self.answers: Counter[tuple[str, int]] = Counter()
        self.wrong: list[tuple[str, int]] = []
        self.accepted_for = 0.0
        self.live: list[Device] = []
        self.ended: list[tuple[Device, float]] = []
        self._site = site
        self._over = Event()

    @property
    def unanswered(self) -> int:
        """How many answers were 503."""
        return sum(number for (_, status), number in self.answers.items() if status == 503)

    def _got(self, what: str, answer: HttpResponse, due: int) -> bool:
        asked = (what, answer.status_code)
        self.answers[asked] += 1
        if answer.status_code not in {due, 503}:
            self.wrong.append(asked)
        return answer.status_code == due

    def _one_client(self) -> None:
        device = self._site.device()
        if not self._got("log in", device.log_in(), 200):
            return
        for _ in range(random.randrange(4)):
            if random.random() < 0.5:
                self._got("call", device.call(), 200)
            else:
                self._got("refresh", device.refresh(), 200)
        if random.random() < 0.3:
            self.live.append(device)
        elif self._got("log out", device.log_out(), 204):
            self.ended.append((device, time.monotonic()))
        else:
            self.live.append(device)

    def _ended_client(self) -> None:
        device, since = random.choice(self.ended)
        asked = time.monotonic()
        answer = device.call()
        self.answers["after logout", answer.status_code] += 1
        if answer.status_code == 200:
            self.accepted_for = max(self.accepted_for, asked - since)

    def _keep_on(self) -> None:
        while not self._over.is_set():
            self._one_client()
            if self.ended:
                self._ended_client()
        connections.close_all()

    @classmethod
    @contextmanager
    def on(cls, site: LiveSite) -> Iterator[Self]:
        """Let clients ask during the block."""
        traffic = cls(site)
        threads = [Thread(target=traffic._keep_on) for _ in range(_CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield traffic
        finally:
            traffic._over.set()
            for thread in threads:
                thread.join(_PATIENCE)

    def assert_nothing_lost(self, accepted_for: float) -> None:
        """Check all answers, and that everybody is still what they were told they are."""
        assert not self.wrong, self.answers
        assert self.accepted_for <= accepted_for
        assert self.live
        assert self.ended
        assert all(device.logged_in() for device in self.live)
        assert all(device.refresh().status_code == 200 for device in self.live)
        time.sleep(accepted_for)
        assert not any(device.logged_in() for device, _ in self.ended)
