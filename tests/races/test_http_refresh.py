"""One refresh token presented over HTTP by many clients at once: all get its one successor."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.http import HttpResponse

from django_authkit import signals
from django_authkit.types import Mode, Transport
from support.client import Device, body, code
from support.live_site import LiveSite
from support.parallel import ParallelThreads, parallel_threads
from support.profile import rounds
from support.signals import heard
from support.web_server import RemoteDevice, processes_serving, serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("mode", [Mode.JWT], ids=str, indirect=True),
]
apps_only = pytest.mark.parametrize("transport", [Transport.HEADER], ids=str, indirect=True)

THREADS = 64
PROCESSES = 4


def refresh_at_once(threads: ParallelThreads, twins: Sequence[Device]) -> list[HttpResponse]:
    """Refresh with each of *twins* at once; return the responses."""
    return threads.at_once([twin.refresh for twin in twins])


def assert_one_family(twins: Sequence[Device], answers: Sequence[HttpResponse], before: str) -> None:
    """Check that all got the same refresh token, and a new one."""
    assert Counter(answer.status_code for answer in answers) == {200: len(twins)}
    assert len({twin.secret for twin in twins}) == 1
    assert twins[0].django_session != before


def assert_one_winner(answers: Sequence[HttpResponse]) -> None:
    """Check that one got a successor, one the reuse error, and the rest ``session_ended``."""
    told = Counter((answer.status_code, body(answer).get("code")) for answer in answers)
    assert told == {
        (200, None): 1,
        (401, "refresh_reused"): 1,
        (401, "session_ended"): len(answers) - 2,
    }


def test_threads_get_the_same_refresh_token(live: LiveSite) -> None:
    """In each round all get the same token, which works for each of them in the next."""
    live.configure(LIFETIMES={"REFRESH_GRACE": timedelta(seconds=60)})
    ada = live.add_user()
    device = live.logged_in()
    sid = live.sid(device)
    with parallel_threads(THREADS) as threads:
        for _ in range(rounds(30)):
            twins = [device.copy() for _ in range(THREADS)]
            with heard(signals.session_refreshed) as refreshed, heard(signals.refresh_repeated) as repeated:
                answers = refresh_at_once(threads, twins)
            assert_one_family(twins, answers, device.django_session)
            assert (len(refreshed), len(repeated)) == (1, THREADS - 1)
            assert threads.at_once([twin.logged_in for twin in twins]) == [True] * THREADS
            device = twins[-1]
    assert live.sids(ada) == [sid]
    assert device.refresh().status_code == 200


@apps_only
def test_threads_without_a_grace(live: LiveSite) -> None:
    """With a grace of 0 one wins; then the auth session is revoked, with one alarm."""
    live.configure(LIFETIMES={"REFRESH_GRACE": timedelta(0)})
    ada = live.add_user()
    with parallel_threads(THREADS) as threads:
        for _ in range(rounds(30)):
            device = live.logged_in()
            twins = [device.copy() for _ in range(THREADS)]
            with heard(signals.refresh_reused) as reused, heard(signals.session_revoked) as revoked:
                answers = refresh_at_once(threads, twins)
            assert_one_winner(answers)
            assert (len(reused), len(revoked)) == (1, 1)
            winner = next(twin for twin, got in zip(twins, answers, strict=True) if got.status_code == 200)
            assert not device.logged_in()
            assert not winner.logged_in()
            assert code(winner.refresh()) == (401, "session_ended")
            assert live.sids(ada) == []


@apps_only
@pytest.mark.parametrize("grace", [60, 0])
def test_over_sockets(live: LiveSite, grace: int) -> None:
    """The same from threads of a web server, which opens a database connection for each request."""
    live.configure(LIFETIMES={"REFRESH_GRACE": timedelta(seconds=grace)})
    live.add_user()
    with serving() as address, parallel_threads(THREADS) as threads:
        for _ in range(rounds(20)):
            device = RemoteDevice.of(live.logged_in(), address)
            twins = [device.copy() for _ in range(THREADS)]
            answers = refresh_at_once(threads, twins)
            if grace:
                assert_one_family(twins, answers, device.django_session)
                assert twins[0].refresh().status_code == 200
            else:
                assert_one_winner(answers)


@apps_only
def test_processes_get_the_same_refresh_token(live: LiveSite) -> None:
    """Web servers that share only the store agree on the successor; without a grace, on one winner."""
    live.add_user()
    for grace in (60, 0):
        live.configure(LIFETIMES={"REFRESH_GRACE": timedelta(seconds=grace)})
        with processes_serving(PROCESSES) as addresses, parallel_threads(THREADS) as threads:
            for _ in range(rounds(20)):
                device = live.logged_in()
                twins = [RemoteDevice.of(device, addresses[number % PROCESSES]) for number in range(THREADS)]
                answers = refresh_at_once(threads, twins)
                if grace:
                    assert_one_family(twins, answers, device.django_session)
                    assert twins[0].refresh().status_code == 200
                else:
                    assert_one_winner(answers)
