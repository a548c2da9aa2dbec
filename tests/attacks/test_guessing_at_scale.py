"""Guessers with many processes, spellings or addresses, in numbers that a real attack has."""

import time
from collections.abc import Callable
from functools import partial
from itertools import islice, product

import pytest
from django.test import Client, RequestFactory

from django_authkit.errors import Throttled
from django_authkit.throttling.attempts import count_login
from django_authkit.types import Mode, Transport
from support.client import PASSWORD, code
from support.live_site import LiveSite, by_cookie, by_header, in_session_mode
from support.parallel import parallel_threads
from support.profile import rounds
from support.web_server import RemoteDevice, processes_serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

CONNECTIONS = 50
PROCESSES = min(rounds(8) + 1, 8)
TRIES = rounds(1_000)
MANY = 10_000 if rounds(10) == 10 else 200
OFF = {"LOGIN_ADDRESS": None, "LOGIN_ACCOUNT": None}


def reaches_the_check(name: str, address: str = "192.0.2.66") -> bool:
    """Tell whether a login with *name* would have its password checked."""
    try:
        count_login(RequestFactory().post("/", REMOTE_ADDR=address), name)
    except Throttled:
        return False
    return True


@by_header
@in_session_mode
def test_tries_at_many_processes(live: LiveSite, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a thousand on fifty connections to eight processes, exactly the allowed number is checked."""
    live.add_user("ada")
    live.configure(RATES={"LOGIN": "20/hour", **OFF})

    def guess(device: RemoteDevice) -> tuple[int, str | None]:
        return code(device.log_in("ada", "wrong"))

    found = []
    begun = time.perf_counter()
    with processes_serving(PROCESSES) as addresses, parallel_threads(CONNECTIONS) as threads:
        devices = [
            RemoteDevice.of(live.device(), addresses[number % PROCESSES]) for number in range(CONNECTIONS)
        ]
        for _ in range(TRIES // CONNECTIONS):
            found += threads.at_once([partial(guess, device) for device in devices])
    with capsys.disabled():
        took = time.perf_counter() - begun
        print(f"\n{len(found)} tries at {PROCESSES} processes in {took:.0f} s")  # noqa: T201
    assert set(found) == {(401, "login_failed"), (429, "throttled")}
    assert found.count((401, "login_failed")) == 20


@by_header
@in_session_mode
def test_ten_thousand_spellings(live: LiveSite) -> None:
    """Whatever case, accents, width and invisible characters a guesser varies, one allowance is used up."""
    live.add_user("oooo")
    live.configure(RATES={"LOGIN": "20/hour", **OFF})
    forms = [
        "o",
        "O",
        "\u00f6",
        "\u00d3",
        "o\u0308",
        "\uff4f",
        "o\u200d",
        "\u00ado",
        "o\u0300\u0301",
        "\u014d",
    ]
    spellings = ["".join(letters) for letters in islice(product(forms, repeat=4), MANY)]
    assert len(set(spellings)) == MANY
    assert sum(map(reaches_the_check, spellings)) == 20


@by_cookie
@in_session_mode
def test_ten_thousand_addresses(live: LiveSite, capsys: pytest.CaptureFixture[str]) -> None:
    """All together get the account's allowance an hour; the owner's browser logs in at once meanwhile."""
    live.add_user("ada")
    live.configure(RATES={"LOGIN": "20/min", "LOGIN_ACCOUNT": "100/hour", "LOGIN_ADDRESS": "120/min"})
    owner = live.logged_in()
    owner.log_out()
    addresses = [f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in range(MANY)]
    assert sum(reaches_the_check("ada", address) for address in addresses) == 99  # and the owner
    begun = time.perf_counter()
    assert owner.log_in(password=PASSWORD).status_code == 200
    took = time.perf_counter() - begun
    with capsys.disabled():
        print(f"\n99 of {MANY} guesses were checked; the owner logged in within {took * 1000:.0f} ms")  # noqa: T201
    assert live.device().log_in(password=PASSWORD).status_code == 429


@by_cookie
@pytest.mark.parametrize("mode", list(Mode), ids=str, indirect=True)
def test_refreshing_beside_another_sites_posts(live: LiveSite) -> None:
    """While a page sends 500 POSTs to ``refresh/``, with cookies and without, each valid refresh works."""
    live.add_user("ada")
    live.configure(RATES={"REFRESH": "5/min"})
    device, senders = live.logged_in(), 4
    cookies = dict(device.cookies)

    def attack(number: int) -> set[int]:
        client = Client(enforce_csrf_checks=True)
        if number % 2:
            client.cookies.load(cookies)
        elsewhere = {"Origin": "https://evil.example"}
        return {
            client.post(
                "/auth/refresh/", secure=True, REMOTE_ADDR=device.address, headers=elsewhere
            ).status_code
            for _ in range(500 // senders)
        }

    def refresh_honestly() -> set[int]:
        return {device.refresh().status_code for _ in range(20)}

    with parallel_threads(senders + 1) as threads:
        calls: list[Callable[[], set[int]]] = [partial(attack, number) for number in range(senders)]
        *answers, honest = threads.at_once([*calls, refresh_honestly])
    assert honest == {200}
    assert set().union(*answers) <= {401, 403, 415}
    assert device.logged_in()
    junk = [
        live.device(Transport.HEADER, device.address).post("/auth/refresh/", {"refresh": "x"})
        for _ in "123456"
    ]
    assert [answer.status_code for answer in junk] == [401] * 5 + [429]
