"""
A switch from sessions to tokens and back under load, with real worker processes in a rolling restart.

``AUTHKIT_TEST_PROFILE=full`` runs it with 200 clients. What it saw is printed (``pytest -s``).
"""

import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Lock, Thread
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connections

from django_authkit import revoke, sessions_of
from django_authkit.types import Mode, Transport
from support.client import body, code
from support.live_site import LiveSite
from support.parallel import PATIENCE
from support.web_server import RemoteDevice, serve_elsewhere

FULL = os.environ.get("AUTHKIT_TEST_PROFILE") == "full"
CLIENTS, PHASE, PAUSE = (200, 20.0, 3.0) if FULL else (32, 2.5, 0.7)
"""The number of clients, seconds of each state of the fleet, and seconds between a client's requests."""
PER_USER = 8
ACCESS = 10.0 if FULL else 3.0
"""Lifetime of an access token, in seconds."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("mode", [Mode.SESSION], ids=str, indirect=True),
    pytest.mark.parametrize("transport", [Transport.COOKIE], ids=str, indirect=True),
    pytest.mark.parametrize("where", ["valkey", "postgresql"] if FULL else ["valkey"], indirect=True),
]


class Fleet:
    """Two worker processes; a request goes to either of those in service."""

    def __init__(self, mode: Mode) -> None:
        self._context: Any = multiprocessing.get_context("spawn")
        self._workers = [self._started(mode) for _ in range(2)]

    def address(self) -> tuple[str, int]:
        """Return the address for the next request."""
        return random.choice(self._workers)[1]

    def roll(self, mode: Mode) -> None:
        """Replace one worker after the other by one of *mode*; both modes are served for a while."""
        for place in range(2):
            fresh = self._started(mode)
            before, self._workers[place] = self._workers[place], fresh
            time.sleep(1)  # requests in progress there are completed
            self._end(before)
            time.sleep(PHASE)

    def close(self) -> None:
        """Stop all workers."""
        for worker in self._workers:
            self._end(worker)

    def _started(self, mode: Mode) -> tuple[Any, tuple[str, int]]:
        changed = {
            "AUTHKIT": django_settings.AUTHKIT,
            "AUTHKIT_MODE": str(mode),
            "CACHES": django_settings.CACHES,
            "DATABASES": {alias: dict(connections[alias].settings_dict) for alias in connections},
            "DATABASE_ROUTERS": django_settings.DATABASE_ROUTERS,
            "ALLOWED_HOSTS": django_settings.ALLOWED_HOSTS,
        }
        ports = self._context.Queue()
        process = self._context.Process(target=serve_elsewhere, args=(changed, ports), daemon=True)
        process.start()
        return process, ("127.0.0.1", ports.get(timeout=PATIENCE))

    @staticmethod
    def _end(worker: tuple[Any, tuple[str, int]]) -> None:
        worker[0].terminate()
        worker[0].join(PATIENCE)


class Tab(RemoteDevice):
    """The cookies of a browser for one request, and those that its responses set."""

    def _store_cookies(self, answer: Any) -> None:
        super()._store_cookies(answer)
        self.received = {name: morsel.value for name, morsel in answer.cookies.items()}


class Client:
    """
    A client: a browser with two tabs, an app, a browser that stores no new cookies, or a slow one.

    Attributes:
        revoked: Set before its auth session was revoked, and again after: ``None``, ``False``, ``True``.
        seen: How many answers there were, by what they were.
        wrong: What should not have been.
    """

    def __init__(self, number: int, device: RemoteDevice, sid: str, fleet: Fleet) -> None:
        self.kind = ("tabs", "tabs", "tabs", "app", "app", "tabs", "forgetful", "slow")[number % 8]
        self.device, self.sid, self.fleet = device, sid, fleet
        self.revoked: bool | None = None
        self.seen: Counter[str] = Counter()
        self.wrong: list[object] = []
        self._lock = Lock()

    def threads(self, stop: Event) -> list[Thread]:
        """Return a thread for each tab."""
        return [Thread(target=self._live, args=(stop,)) for _ in range(2 if self.kind == "tabs" else 1)]

    def _live(self, stop: Event) -> None:
        while not stop.wait(random.uniform(0.5, 1.5) * PAUSE):
            try:
                self._ask()
            except Exception as error:  # noqa: BLE001 - a thread must say what broke it
                self.wrong.append(repr(error))

    def _ask(self) -> None:
        dead = self.revoked is True
        if self.kind == "app" and random.random() < 0.3:
            self._refresh()
        tab = self._tab()
        answer = tab.get(random.choice(("/api/whoami/", "/auth/session/", "/plain/visits/")))
        for _ in range(3):  # on a very busy machine, a token may expire on its way
            if answer.status_code == 503:  # "cannot tell" is no logout: a client waits and asks again
                self.seen[f"{self.kind} 503"] += 1
                time.sleep(1)
            elif not (self._is_expired(answer) and self._refresh()):
                break
            tab = self._tab()
            answer = tab.get("/api/whoami/")
        self._store(tab)
        self.seen[f"{self.kind} {answer.status_code}"] += 1
        in_use = answer.status_code == 200 and body(answer).get("id", True) is not None
        if dead and in_use:
            self.wrong.append("a revoked credential was accepted")
        if self.revoked is None and not in_use:
            self.wrong.append((self.kind, answer.status_code, body(answer), sorted(self.device.cookies)))

    def _is_expired(self, answer: Any) -> bool:
        if answer.status_code == 200:  # in a plain view, a stale cookie is an anonymous user
            return body(answer).get("id", True) is None
        return code(answer) == (401, "token_expired")

    def _refresh(self) -> bool:
        """Refresh once for all tabs, as a front end does."""
        with self._lock:
            tab = self._tab()
            answer = tab.refresh()
            self._store(tab)
            self.seen[f"{self.kind} refresh {answer.status_code}"] += 1
            if answer.status_code == 200 and self.kind == "app":
                self.device.access = body(answer)["access"]
                self.device.refresh_token = body(answer).get("refresh", "")
            elif answer.status_code not in {200, 503} and self.revoked is None:
                self.wrong.append((self.kind, "refresh", answer.status_code, body(answer)))
            return answer.status_code in {200, 503}

    def _tab(self) -> Tab:
        tab = Tab(self.device.mode, self.device.transport)
        tab.cookies, tab.access = dict(self.device.cookies), self.device.access
        tab.refresh_token, tab.address_of_site = self.device.refresh_token, self.fleet.address()
        return tab

    def _store(self, tab: Tab) -> None:
        """Store the cookies of a response, as browsers do; a slow one is late."""
        if self.kind == "forgetful":
            return
        if self.kind == "slow":
            time.sleep(random.uniform(0, PAUSE))
        self.device.cookies |= tab.received


@contextmanager
def fleet_of(mode: Mode) -> Iterator[Fleet]:
    """Give two workers of *mode*."""
    for alias in connections:
        connections[alias].close()
    fleet = Fleet(mode)
    try:
        yield fleet
    finally:
        fleet.close()


def clients_of(live: LiveSite, fleet: Fleet) -> list[Client]:
    """Return the clients, each logged in; a user has several of them."""
    clients = []
    for number in range(CLIENTS):
        if number % PER_USER == 0:
            name = f"user{number // PER_USER}"
            live.add_user(name)
        live.transport = Transport.HEADER if number % 8 in {3, 4} else Transport.COOKIE
        device = live.logged_in(name, remember=True)
        sid = live.sid(device)
        clients.append(Client(number, RemoteDevice.of(device, fleet.address()), sid, fleet))
    return clients


def everybody(live: LiveSite) -> dict[str, tuple[Any, ...]]:
    """Return the unchangeable values of each auth session, by sid."""
    from django.contrib.auth.models import User

    found = [session for user in User.objects.using(live.alias) for session in sessions_of(user)]
    return {
        each.sid: (each.user_id, each.created_ms, each.auth_time_ms, each.expires_ms, each.amr)
        for each in found
    }


def modes(live: LiveSite) -> Counter[Mode]:
    """Return the number of auth sessions last seen in each mode."""
    from django.contrib.auth.models import User

    return Counter(s.mode for user in User.objects.using(live.alias) for s in sessions_of(user))


@pytest.mark.parametrize("revoking", [False, True] if FULL else [True], ids=str)
def test_nobody_is_logged_out(live: LiveSite, revoking: bool) -> None:
    """
    There and back nobody is logged out, and no auth session changes; revoked ones stay revoked.

    With ``ACCESS_CHECK`` "store" the bound is zero: no request that began after a revocation is served.
    """
    live.configure(
        ACCEPT=["session", "jwt"],
        LIFETIMES={"ACCESS": timedelta(seconds=ACCESS)},
        LEEWAY=timedelta(0),
        MAX_SESSIONS=PER_USER,
    )
    with fleet_of(Mode.SESSION) as fleet:
        clients = clients_of(live, fleet)
        before = everybody(live)
        stop = Event()
        threads = [thread for client in clients for thread in client.threads(stop)]
        if revoking:
            threads.append(Thread(target=revoke_some, args=(clients[::4], stop)))
        for thread in threads:
            thread.start()
        try:
            time.sleep(PHASE)
            fleet.roll(Mode.JWT)
            time.sleep(PHASE)
            in_between = modes(live)
            fleet.roll(Mode.SESSION)
            time.sleep(PHASE)
        finally:
            stop.set()
            for thread in threads:
                thread.join(PATIENCE)
    revoked = {client.sid for client in clients if client.revoked is not None}
    after = everybody(live)
    seen = sum((client.seen for client in clients), Counter[str]())
    sys.stdout.write(
        f"\n{CLIENTS} clients, {sum(seen.values())} answers: {dict(sorted(seen.items()))}\n"
        f"in JWT mode: {dict(in_between)}; at the end: {dict(modes(live))}; revoked: {len(revoked)}\n"
    )
    assert [client.wrong for client in clients if client.wrong] == []
    assert after == {sid: what for sid, what in before.items() if sid not in revoked}
    assert in_between[Mode.JWT] > sum(in_between.values()) // 2
    assert bool(revoked) is revoking


def revoke_some(clients: list[Client], stop: Event) -> None:
    """Revoke the auth sessions of *clients* one after the other."""
    for client in clients:
        if stop.wait(PHASE * 4 / len(clients)):
            return
        client.revoked = False
        revoke(client.sid)
        client.revoked = True
    connections.close_all()
