"""A Redis that refuses, hangs, is empty or full: 503 or a plain 401, soon, and nobody is logged out."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from time import monotonic, sleep
from typing import Any

import pytest
from django.http import HttpResponse
from pytest_django import Settings

from django_authkit import revoke
from django_authkit.types import Mode, Transport
from faults.conftest import BACKEND
from faults.stoppable_servers import StoppableValkey
from support.bound_browser import bind, challenge_of, proof, renew
from support.client import Device, body, code, credential_cookies
from support.live_site import LiveSite
from support.pages import PAGE, TOKENS, opened
from support.parallel import parallel_threads
from support.web_server import RemoteDevice, serving

AT_ONCE = 1.0
SOON = 3.0
"""Seconds that a response may take if the server refuses, and if it hangs."""
PAUSE = 0.4
"""Seconds for a request of each device to reach the store, far below its timeouts."""
ASKED_TO_END = ("login", "logout")
"""
Probes that ask to end the auth session that they present: a hung server was sent that, and when it wakes it
may do so, though the client was told 503.
"""

Probe = Callable[[Device], HttpResponse]
PROBES: dict[str, Probe] = {
    "login": lambda device: device.log_in("ada"),
    "refresh": lambda device: device.refresh(),
    "logout": lambda device: device.log_out(),
    "session": lambda device: device.who(),
    "verify": lambda device: device.post("/auth/verify/", {"token": device.credential}),
    "drf": lambda device: device.call(),
    "drf unsafe": lambda device: device.post("/api/notes/", {"text": "hi"}),
    "drf for everybody": lambda device: device.get("/api/open/"),
    "plain": lambda device: device.get("/plain/whoami/"),
    "async": lambda device: device.get("/plain/whoami-async/"),
    "request.session": lambda device: device.get("/plain/visits/"),
}


class Crowd:
    """A device that is logged in for each probe, and its responses."""

    def __init__(self, live: LiveSite, site: tuple[str, int] | None = None) -> None:
        live.add_user()
        self.devices: dict[str, Device] = {}
        for name in PROBES:
            device = live.logged_in()
            device.who()  # a browser gets its CSRF cookie there
            self.devices[name] = device if site is None else RemoteDevice.of(device, site)

    def ask(self) -> dict[str, tuple[HttpResponse, float]]:
        """Send all probes at once; return each response and the seconds it took."""
        calls = [partial(_timed, PROBES[name], device.copy()) for name, device in self.devices.items()]
        with parallel_threads(len(calls)) as threads:
            return dict(zip(self.devices, threads.at_once(calls), strict=True))

    def warm(self, valkey: StoppableValkey) -> None:
        """Open a connection to the store for each device, so that none is shared during a pause."""
        calls = [device.logged_in for device in self.devices.values()]
        with ThreadPoolExecutor(1) as aside, parallel_threads(len(calls)) as threads:
            with valkey.hung():
                asked = aside.submit(threads.at_once, calls)
                sleep(PAUSE)
            assert asked.result() == [True] * len(calls)
        assert len(valkey.direct.client_list()) > len(calls)

    def assert_well(self, but: tuple[str, ...] = ()) -> None:
        """Check that everybody is still logged in and can refresh, without logging in again."""
        for name, device in self.devices.items():
            if name not in but:
                assert device.logged_in(), name
                assert device.refresh().status_code == 200, name
                assert device.logged_in(), name


def _timed(probe: Probe, device: Device) -> tuple[HttpResponse, float]:
    begun = monotonic()
    return probe(device), monotonic() - begun


def assert_unavailable(answers: dict[str, tuple[HttpResponse, float]], within: float) -> None:
    """Check that each response is the 503 of the protocol, in time, and changes no cookie."""
    wrong: dict[str, Any] = {}
    for name, (answer, seconds) in answers.items():
        seen = (answer.status_code, answer.headers.get("Retry-After", ""), credential_cookies(answer))
        if seen[0] != 503 or not seen[1].isdigit() or seen[2] or code(answer)[1] != "store_unavailable":
            wrong[name] = (seen, answer.content[:200])
        elif seconds >= within:
            wrong[name] = f"{seconds:.2f} s"
    assert not wrong


def test_a_refusing_server(live: LiveSite, valkey: StoppableValkey) -> None:
    """All endpoints that need the store return 503 at once; afterwards all work as before."""
    crowd = Crowd(live)
    crowd.warm(valkey)
    with valkey.down():
        assert_unavailable(crowd.ask(), AT_ONCE)
    crowd.assert_well()


@pytest.mark.parametrize("pooled", [True, False], ids=["pooled", "fresh"])
def test_a_hanging_server(live: LiveSite, valkey: StoppableValkey, pooled: bool) -> None:
    """A server that accepts and does not reply is given up within three seconds, on every path."""
    crowd = Crowd(live)
    if pooled:
        crowd.warm(valkey)
    else:
        live.configure()  # a new store, which has no connection yet
    with valkey.hung():
        assert_unavailable(crowd.ask(), SOON)
    crowd.assert_well(but=ASKED_TO_END)


@pytest.mark.parametrize("transport", [Transport.COOKIE], ids=str, indirect=True)
def test_behind_a_web_server(live: LiveSite, valkey: StoppableValkey) -> None:
    """The same over sockets, from the threads of a real server, refusing and hanging."""
    with serving() as address:
        crowd = Crowd(live, address)
        crowd.warm(valkey)
        with valkey.down():
            assert_unavailable(crowd.ask(), AT_ONCE)
        crowd.assert_well()
        with valkey.hung():
            assert_unavailable(crowd.ask(), SOON)
        crowd.assert_well(but=ASKED_TO_END)


def test_requests_without_the_store_work(live: LiveSite, valkey: StoppableValkey) -> None:
    """Anonymous requests, and pages that do not use the user, work as usual."""
    live.add_user()
    known, stranger = live.logged_in(), live.device()
    with valkey.down():
        assert known.get("/nowhere/").status_code == 404
        assert body(stranger.get("/plain/whoami/")) == {"id": None}
        assert body(stranger.get("/plain/whoami-async/")) == {"id": None}
        assert body(stranger.get("/api/open/")) == {"id": None}
        assert code(stranger.who()) == (401, "not_authenticated")
        assert stranger.call().status_code == 401
        assert stranger.log_out().status_code == 204
        assert code(stranger.log_in(password="wrong")) == (401, "login_failed")
    assert known.logged_in()


def test_a_logout_that_got_503_can_be_repeated(live: LiveSite, valkey: StoppableValkey) -> None:
    """It has revoked nothing; repeated, it revokes the auth session."""
    live.add_user()
    device = live.logged_in()
    thief = device.copy()
    with valkey.down():
        assert device.log_out().status_code == 503
    assert thief.logged_in()
    assert device.log_out().status_code == 204
    assert not thief.logged_in()


def test_an_emptied_store(live: LiveSite, valkey: StoppableValkey) -> None:
    """All auth sessions are gone, and every credential is 401; a new login works."""
    live.add_user()
    devices = {name: live.logged_in() for name in PROBES}
    valkey.direct.flushall()
    for name in ("drf", "session", "refresh"):
        assert code(PROBES[name](devices[name])) == (401, "session_ended"), name
    plain = PROBES["plain"](devices["plain"])
    if live.transport is Transport.COOKIE:
        assert body(plain) == {"id": None}
    else:
        assert code(plain) == (401, "session_ended")
    assert body(PROBES["verify"](devices["verify"])) == {"active": False}
    assert PROBES["logout"](devices["logout"]).status_code == 204
    visits = PROBES["request.session"](devices["request.session"])
    assert visits.status_code == (200 if live.transport is Transport.COOKIE else 401)
    assert PROBES["login"](devices["login"]).status_code == 200
    assert devices["login"].logged_in()


def test_forgotten_scripts(live: LiveSite, valkey: StoppableValkey) -> None:
    """A server that lost its script cache gets the scripts again; no client notices."""
    crowd = Crowd(live)
    for name, device in crowd.devices.items():
        valkey.direct.script_flush()
        assert PROBES[name](device).status_code in {200, 201, 204}, name
    crowd.assert_well(but=("logout",))


def test_a_full_server(live: LiveSite, valkey: StoppableValkey) -> None:
    """Nothing can be added, so login returns 503; logout and revocation work."""
    ada = live.add_user()
    leaving, revoked, disabled, staying = (live.logged_in() for _ in range(4))
    sid = live.sid(revoked)
    newcomer = live.device()
    newcomer.who()
    with valkey.configured("maxmemory", 1):
        assert code(newcomer.log_in()) == (503, "store_unavailable")
        assert staying.logged_in()
        assert leaving.log_out().status_code == 204
        assert revoke(sid)
        assert not revoked.logged_in()
        ada.is_active = False
        ada.save()
        assert not disabled.logged_in()
    assert live.sids(ada) == []


def test_a_full_server_loses_nobody(live: LiveSite, valkey: StoppableValkey) -> None:
    """Refused requests work when there is room again."""
    crowd = Crowd(live)
    with valkey.configured("maxmemory", 1):
        answers = crowd.ask()
    assert {answer.status_code for answer, _ in answers.values()} <= {200, 201, 204, 503}
    assert answers["login"][0].status_code == 503
    crowd.assert_well(but=("login", "logout"))


@contextmanager
def _replica_of_nobody(valkey: StoppableValkey, *, serves: bool) -> Iterator[None]:
    """Demote the server, as in a failover that it has not noticed yet."""
    valkey.direct.config_set("replica-serve-stale-data", "yes" if serves else "no")
    valkey.direct.replicaof("127.0.0.1", 1)
    try:
        yield
    finally:
        valkey.direct.replicaof("NO", "ONE")
        valkey.direct.config_set("replica-serve-stale-data", "yes")


@pytest.mark.parametrize("serves", [True, False], ids=["read only", "silent"])
def test_a_demoted_server(live: LiveSite, valkey: StoppableValkey, serves: bool) -> None:
    """A primary that became a replica returns 503 for all writes; afterwards everybody is still logged in."""
    crowd = Crowd(live)
    with _replica_of_nobody(valkey, serves=serves):
        answers = crowd.ask()
    writes = ("login", "refresh", "logout")
    assert_unavailable({name: answers[name] for name in (writes if serves else PROBES)}, AT_ONCE)
    assert {answer.status_code for answer, _ in answers.values()} <= {200, 201, 503}
    crowd.assert_well()


def test_the_throttles_cache_is_down_too(live: LiveSite, valkey: StoppableValkey, settings: Settings) -> None:
    """A default cache on the same server makes the throttled endpoints return 503, not 500."""
    live.add_user()
    device = live.logged_in()
    settings.CACHES = {
        "default": {"BACKEND": BACKEND, "LOCATION": f"{valkey.url}/1"},
        "authkit": settings.CACHES["authkit"],
    }
    live.configure(RATES={"LOGIN": "100/min", "REFRESH": "100/min"})
    assert device.refresh().status_code == 200
    with valkey.down():
        throttled = {name: _timed(PROBES[name], device.copy()) for name in ("login", "refresh", "verify")}
    assert_unavailable(throttled, SOON)
    assert device.refresh().status_code == 200
    assert live.logged_in().logged_in()


def test_anonymous_sessions_are_kept(live: LiveSite, valkey: StoppableValkey) -> None:
    """An anonymous session is 503 while the store is down, and is there again afterwards."""
    anonymous = live.device(Transport.COOKIE)
    assert body(anonymous.get("/plain/visits/"))["visits"] == 1
    with valkey.down():
        answer = anonymous.get("/plain/visits/")
        assert code(answer) == (503, "store_unavailable")
        assert not credential_cookies(answer)
    assert body(anonymous.get("/plain/visits/"))["visits"] == 2


@pytest.mark.parametrize("change", ["password", "is_active", "deleted"])
def test_a_change_of_the_user_meanwhile(live: LiveSite, valkey: StoppableValkey, change: str) -> None:
    """It takes effect when the store is back, although the store still has the record."""
    ada = live.add_user()
    device = live.logged_in()
    old = device.copy()
    with valkey.down():
        if change == "deleted":
            ada.delete()
        else:
            ada.set_password("another") if change == "password" else setattr(ada, "is_active", False)
            ada.save()
    assert not device.logged_in()
    assert old.verify(old.credential) == {"active": False}
    assert code(old.refresh()) == (401, "session_ended")


@pytest.mark.parametrize("mode", [Mode.JWT], ids=str, indirect=True)
@pytest.mark.parametrize("transport", [Transport.COOKIE], ids=str, indirect=True)
def test_pages_that_would_renew_a_login(live: LiveSite, valkey: StoppableValkey) -> None:
    """They are 503 and never anonymous, and clear no cookie; pages that do not use the user are shown."""
    live.add_user()
    stale = live.logged_in()
    live.advance(minutes=6)
    with valkey.down():
        for path in (PAGE, "/plain/whoami-async/", "/api/whoami/"):
            answer = opened(stale.copy(), path)
            assert code(answer) == (503, "store_unavailable")
            assert credential_cookies(answer) == set()
        assert opened(stale.copy(), "/plain/csrf-token/").status_code == 200
    assert credential_cookies(opened(stale)) == TOKENS
    assert stale.logged_in()


@pytest.mark.parametrize("mode", [Mode.SESSION], ids=str, indirect=True)
@pytest.mark.parametrize("transport", [Transport.COOKIE], ids=str, indirect=True)
def test_a_bound_browser_outlives_an_outage(live: LiveSite, valkey: StoppableValkey) -> None:
    """Its renewal is 503, so the browser keeps its key, and the same proof counts when the store is back."""
    live.configure(DEVICE_BOUND="offer")
    live.add_user()
    device = live.device()
    key, registered = bind(device, device.log_in())
    sid = live.sid(device)
    text = proof(key, challenge_of(registered))
    with valkey.down():
        assert code(renew(device, sid, text)) == (503, "store_unavailable")
        assert code(renew(device, sid)) == (503, "store_unavailable")
    assert renew(device, sid, text).status_code == 200
    assert device.logged_in()
