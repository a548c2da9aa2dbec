"""A thief with a stolen pair who follows the owner's rotations is found; no honest client is."""

from datetime import timedelta
from random import Random
from time import perf_counter

import pytest

from django_authkit import signals
from django_authkit.types import Mode, ReuseClass
from support.client import FIREFOX, SAFARI, Device, code
from support.live_site import LiveSite
from support.profile import rounds
from support.signals import heard

pytestmark = pytest.mark.parametrize("mode", [Mode.JWT], ids=str, indirect=True)
REUSED = (401, "refresh_reused")
GRACE = 100
"""Seconds; ten times the default, so that a request that waits for its turn on a busy machine is in time."""


def restore(device: Device, before: Device) -> None:
    """Let *device* hold what *before* held: its answer was lost, or another one arrived later."""
    device.cookies = dict(before.cookies)
    device.access, device.refresh_token = before.access, before.refresh_token


@pytest.mark.parametrize("leads", [True, False], ids=["thief_first", "owner_first"])
def test_a_thief_who_follows_is_found_within_five_rotations(live: LiveSite, leads: bool) -> None:
    """From the same address and browser; one of the two presents a second copy, rotation after rotation."""
    live.add_user()
    owner = live.logged_in(user_agent=FIREFOX)
    thief = owner.copy()
    first, second = (thief, owner) if leads else (owner, thief)
    answer, followed = owner.who(), 0
    with heard(signals.refresh_reused) as reused:
        while answer.status_code == 200:
            followed += 1
            live.advance(minutes=5)
            assert first.refresh().status_code == 200
            live.advance(seconds=3)
            answer = second.refresh()
    assert code(answer) == REUSED
    assert followed == 4
    assert [said["reuse"] for said in reused] == [ReuseClass.FOLLOWED]
    assert not owner.logged_in()
    assert not thief.logged_in()


@pytest.mark.parametrize("leads", [True, False], ids=["thief_first", "owner_first"])
def test_a_thief_with_another_browser_is_found_at_the_first_rotation(live: LiveSite, leads: bool) -> None:
    """A repeat by another browser than the one that rotated is reuse."""
    live.add_user()
    owner = live.logged_in(user_agent=FIREFOX)
    thief = owner.copy()
    thief.user_agent = SAFARI
    first, second = (thief, owner) if leads else (owner, thief)
    with heard(signals.refresh_reused) as reused:
        assert first.refresh().status_code == 200
        assert code(second.refresh()) == REUSED
    assert [said["reuse"] for said in reused] == [ReuseClass.OTHER_DEVICE]
    assert not owner.logged_in()


def use_honestly(live: LiveSite, device: Device, chance: Random, rotations: int) -> None:
    """Refresh again and again: answers are lost, networks change, tabs race, and the app is updated."""
    live.configure(LIFETIMES={"REFRESH_GRACE": timedelta(seconds=GRACE)})
    since = perf_counter()

    def wait(seconds: float) -> None:
        """Let time pass, without the time that a busy machine takes."""
        nonlocal since
        took = perf_counter() - since
        since += took
        live.advance(seconds=seconds - took)

    for rotation in range(rotations):
        wait(300)
        before = device.copy()
        assert device.refresh().status_code == 200, rotation
        left = 0.9 * GRACE
        while chance.random() < 0.1 and left > 0:  # the response is lost
            restore(device, before)
            wait(waited := chance.uniform(0, min(left, 0.3 * GRACE)))
            left -= waited
            if chance.random() < 0.5:
                device.address = f"203.0.113.{chance.randrange(256)}"
            if chance.random() < 0.2:
                device.user_agent = FIREFOX.replace("130.0", f"{chance.randrange(131, 200)}.0")
            assert device.refresh().status_code == 200, rotation
        if chance.random() < 0.5:  # a second tab read the same cookies at the same time
            tab = before.copy()
            tab.address, tab.user_agent = device.address, device.user_agent
            wait(chance.uniform(0, min(left, 0.05 * GRACE)))
            assert tab.refresh().status_code == 200, rotation
            if chance.random() < 0.5:
                restore(device, tab)
    assert device.logged_in()


def test_nobody_honest_is_logged_out(live: LiveSite) -> None:
    """With 10 % lost answers, changes of network, racing tabs, and restarts after an update."""
    live.add_user()
    with heard(signals.refresh_reused) as reused:
        use_honestly(live, live.logged_in(user_agent=FIREFOX), Random(7), rounds(200))
    assert not reused


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("transport", ["cookie"], indirect=True)
def test_nobody_honest_is_logged_out_in_ten_thousand_rotations(live: LiveSite) -> None:
    """The same for a month of use by one browser; shorter than that unless the profile is full."""
    rotations = 10_000 if rounds(10) == 10 else 300
    live.add_user()
    with heard(signals.refresh_reused) as reused:
        use_honestly(live, live.logged_in(user_agent=FIREFOX), Random(11), rotations)
    assert not reused
