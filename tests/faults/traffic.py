"""
Clients that use a running site all the time, and a record of what they were promised.

Each logs in, calls, refreshes and logs out, over and over, and repeats what was not answered. Every
credential that was ended is tried again, for as long as the site runs.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from threading import Event, Lock, Thread

from django.http import HttpResponse

from django_authkit.types import Mode, Transport
from support.client import code
from support.web_server import Address, RemoteDevice

PAUSE = 0.05
"""Seconds between two requests of a client, unless it is told otherwise."""
_KEPT = 40
"""Ended credentials that one client tries again, the latest of all."""
_PATIENCE = 60.0
"""Seconds for which to wait for what has to happen."""


@dataclass
class Findings:
    """
    What the clients saw.

    Attributes:
        statuses: How many answers had each status; 0 for a connection that broke.
        unexpected: Answers of 500 and above that are not the 503 of a store that is down.
        refused: Credentials of live auth sessions that were rejected.
        lost: Logins that succeeded, and whose credentials were rejected from the first request on.
        revived: Ended credentials that were accepted after the bound.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    revived: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    @property
    def requests(self) -> int:
        """All requests."""
        return self.statuses.total()

    @property
    def clean(self) -> bool:
        """Whether nothing happened that must not."""
        return not (self.unexpected or self.refused or self.lost or self.revived)

    def add(self, to: list[str], what: str) -> None:
        """Add a line to one of the lists."""
        with self.lock:
            to.append(what)


@dataclass(frozen=True)
class Ended:
    """A device with the credentials that it had when it was logged out, and when the answer came."""

    device: RemoteDevice
    at: float


@dataclass(frozen=True)
class Promise:
    """
    What holds for the site and the fault.

    Attributes:
        bound: Seconds after which an ended access credential is rejected; ``None`` for when it expires.
        loses_data: Whether the store forgets live auth sessions.
    """

    bound: float | None = 0.0
    loses_data: bool = False


class TrafficClient:
    """
    One client. ``run`` returns after ``stopping`` is set; ``conclude`` asks everything once more.

    Attributes:
        logouts: How many times it was logged out.
    """

    def __init__(
        self,
        username: str,
        mode: Mode,
        transport: Transport,
        site: Address,
        sites: Sequence[Address],
        findings: Findings,
        promise: Promise,
        stopping: Event,
        pause: float,
    ) -> None:
        self._username, self._findings, self._promise, self._stopping = username, findings, promise, stopping
        self._pause = pause
        self._device = RemoteDevice(mode, transport)
        self._device.address_of_site, self._sites = site, sites
        self._is_live = self._is_ending = self._was_used = False
        self._ended: list[Ended] = []
        self._tried = self.logouts = 0

    def run(self) -> None:
        """Log in, call, refresh, call, log out; and try what was ended."""
        while not self._stopping.is_set():
            if not self._is_live:
                self._log_in()
                continue
            self._repeat(self._call)
            self._repeat(self._refresh)
            self._repeat(self._call)
            self._repeat(self._log_out)

    def _repeat(self, act: Callable[[], bool]) -> None:
        """Act until there is an answer, as clients do after a 503, and then try what was ended."""
        while self._is_live and not self._stopping.is_set() and not act():
            pass
        self._try_an_ended_one()

    def conclude(self) -> None:
        """Check, with the site at rest, that what is live works and that what was ended does not."""
        self._pause = PAUSE
        if self._is_ending:
            self._until_answered(self._log_out)
        if self._is_live:
            self._until_answered(self._call)
        if self._is_live:
            self._until_answered(self._refresh)
        for ended in self._ended:
            self._until_answered(lambda ended=ended: self._try(ended))  # type: ignore[misc]

    def _log_in(self) -> None:
        """Log in as somebody who holds nothing."""
        self._device.cookies.clear()
        self._device.access = self._device.refresh_token = ""
        answer = self._ask("login", self._device, lambda device: device.log_in(self._username))
        if answer is not None and answer.status_code == 200:
            self._is_live, self._was_used = True, False
        elif answer is not None:
            self._findings.add(self._findings.refused, f"login {_said(answer)}")

    def _call(self) -> bool:
        return self._use("call", lambda device: device.call())

    def _refresh(self) -> bool:
        return self._use("refresh", lambda device: device.refresh())

    def _use(self, name: str, act: Callable[[RemoteDevice], HttpResponse]) -> bool:
        """Use the live credential; tell whether there was an answer."""
        answer = self._ask(name, self._device, act)
        if answer is None:
            return False
        if answer.status_code != 200:
            self._is_live = False
            if not self._promise.loses_data:
                kind = self._findings.refused if self._was_used else self._findings.lost
                self._findings.add(kind, f"{name} {_said(answer)}")
        self._was_used = True
        return True

    def _log_out(self) -> bool:
        """Log out; tell whether there was an answer. Until there is one, nobody knows what was done."""
        before = self._device.copy()
        self._is_ending = True
        answer = self._ask("logout", self._device, lambda device: device.log_out())
        if answer is None:
            return False
        self._is_live = self._is_ending = False
        if answer.status_code == 204:
            self.logouts += 1
            self._ended = [*self._ended[-_KEPT:], Ended(before, time.monotonic())]
        else:
            self._findings.add(self._findings.refused, f"logout {_said(answer)}")
        return True

    def _try_an_ended_one(self) -> None:
        if self._ended:
            self._tried += 1
            self._try(self._ended[-1 - self._tried % len(self._ended)])

    def _try(self, ended: Ended) -> bool:
        """Try an ended credential; tell whether there were answers."""
        begun = time.monotonic()
        kinds: list[tuple[str, Callable[[RemoteDevice], HttpResponse]]] = [("refresh", RemoteDevice.refresh)]
        if self._promise.bound is not None and begun > ended.at + self._promise.bound:
            kinds.append(("call", RemoteDevice.call))
        answered = True
        device = ended.device.copy()
        device.address_of_site = random.choice(self._sites)
        for name, act in kinds:
            answer = self._ask(name, device.copy(), act)
            answered = answered and answer is not None
            if answer is not None and answer.status_code == 200:
                later = begun - ended.at
                self._findings.add(self._findings.revived, f"{name} {later:.2f} s after its logout")
        return answered

    def _until_answered(self, act: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not act():
            if time.monotonic() > deadline:
                self._findings.add(self._findings.refused, "no answer after the fault was over")
                return
            time.sleep(PAUSE)

    def _ask(
        self, name: str, device: RemoteDevice, act: Callable[[RemoteDevice], HttpResponse]
    ) -> HttpResponse | None:
        """Return the answer, or ``None`` if the store was down or the connection broke."""
        time.sleep(self._pause)
        try:
            answer = act(device)
        except (OSError, HTTPException):
            answer = None
        with self._findings.lock:
            self._findings.statuses[0 if answer is None else answer.status_code] += 1
        if answer is None or _is_unavailable(answer):
            return None
        if answer.status_code >= 500:
            self._findings.add(self._findings.unexpected, f"{name} {_said(answer)}")
            return None
        return answer


def _is_unavailable(answer: HttpResponse) -> bool:
    return answer.status_code == 503 and answer.headers.get("Retry-After", "").isdigit()


def _said(answer: HttpResponse) -> str:
    try:
        return " ".join(map(str, code(answer)))
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.content[:80]!r}"


class Traffic:
    """
    So many clients at once, half of them browsers and half apps, each with a user of its own.

    Args:
        clients: How many.
        mode: The mode of the site.
        sites: Its addresses; each client keeps to one of them, except for what was ended.
        promise: What holds for it.
        pause: Seconds between two requests of a client.
    """

    def __init__(
        self, clients: int, mode: Mode, sites: Sequence[Address], promise: Promise, pause: float = PAUSE
    ) -> None:
        self.findings, self._stopping = Findings(), Event()
        self._clients = [
            TrafficClient(
                f"user{number}",
                mode,
                list(Transport)[number % 2],
                sites[number // 2 % len(sites)],
                sites,
                self.findings,
                promise,
                self._stopping,
                pause,
            )
            for number in range(clients)
        ]
        self._threads: list[Thread] = []

    def start(self) -> None:
        """Start all clients."""
        self._threads = [Thread(target=client.run, daemon=True) for client in self._clients]
        for thread in self._threads:
            thread.start()

    def wait_for_logouts(self, patience: float = _PATIENCE) -> None:
        """Wait until each client was logged out once more than now."""
        goals = [(client, client.logouts + 1) for client in self._clients]
        deadline = time.monotonic() + patience
        while any(client.logouts < goal for client, goal in goals):
            if time.monotonic() > deadline:
                message = f"not all clients were logged out in {patience:.0f} seconds"
                self.findings.add(self.findings.unexpected, message)
                return
            time.sleep(PAUSE)

    def conclude(self) -> Findings:
        """Stop the clients, ask everything once more, and return what was found."""
        self._stopping.set()
        self._join()
        self._threads = [Thread(target=client.conclude, daemon=True) for client in self._clients]
        for thread in self._threads:
            thread.start()
        self._join()
        return self.findings

    def _join(self) -> None:
        for thread in self._threads:
            thread.join()
