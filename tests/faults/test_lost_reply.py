"""
The server executed a command, but the reply was lost: it is repeated, and clients notice nothing.

The line between site and server loses one answer, and then either breaks or stays silent.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import sleep

import pytest
from django.http import HttpResponse

from django_authkit import revoke, signals
from django_authkit.types import Mode, ReuseClass, Transport
from faults.conftest import SiteOn
from faults.stoppable_servers import StoppableValkey
from stores.redis.valkey_server import LossyLine
from support.client import ACCESS_COOKIE, PASSWORD, Device, body, code
from support.live_site import LiveSite
from support.pages import LINKED, PAGE, opened, user_of
from support.parallel import parallel_threads
from support.signals import heard

session_mode_only = pytest.mark.parametrize("mode", [Mode.SESSION], ids=str, indirect=True)
jwt_mode_only = pytest.mark.parametrize("mode", [Mode.JWT], ids=str, indirect=True)
cookies_only = pytest.mark.parametrize("transport", [Transport.COOKIE], ids=str, indirect=True)


@pytest.fixture
def lossy(line: LossyLine, transport: Transport) -> LossyLine:
    """Return a connection that breaks (for browsers) or goes silent, which takes longer (for apps)."""
    line.closing = transport is Transport.COOKIE
    return line


@pytest.fixture
def live(lossy: LossyLine, site_on: SiteOn, mode: Mode, transport: Transport) -> Iterator[LiveSite]:
    """Return a site on that connection with its scripts loaded, and a user; the grace is 0."""
    site = site_on(f"redis://127.0.0.1:{lossy.port}", mode, transport)
    site.configure(LIFETIMES={"REFRESH_GRACE": timedelta(0)})
    site.add_user()
    rehearsal = site.logged_in()
    rehearsal.get("/plain/visits/")
    rehearsal.refresh()
    rehearsal.log_out()
    lost = lossy.lost
    yield site
    assert lossy.lost == lost + 1, "no answer got lost"


def test_log_in(live: LiveSite, lossy: LossyLine) -> None:
    """One auth session starts, and the client has its credential."""
    device = live.device()
    device.who()
    with heard(signals.session_started) as started:
        lossy.lose_next()
        assert device.log_in().status_code == 200
    assert device.logged_in()
    assert [said["session"].sid for said in started] == [live.sid(device)]


def test_log_in_at_the_limit(live: LiveSite, lossy: LossyLine) -> None:
    """The repetition revokes no additional session, and each revocation is reported once."""
    live.configure(MAX_SESSIONS=2)
    former, latter = live.logged_in(), live.logged_in()
    device = live.device()
    device.who()
    with heard(signals.session_revoked) as revoked:
        lossy.lose_next(after=1)  # the new store's client introduces itself first
        assert device.log_in().status_code == 200
    assert [one.logged_in() for one in (former, latter, device)] == [False, True, True]
    assert len(revoked) == 1


@jwt_mode_only
def test_refresh(live: LiveSite, lossy: LossyLine) -> None:
    """The caller gets the one successor, even with a grace of 0, and the family continues."""
    device = live.logged_in()
    before = device.copy()
    with heard(signals.session_refreshed) as refreshed, heard(signals.refresh_repeated) as repeated:
        lossy.lose_next()
        assert device.refresh().status_code == 200
    assert (len(refreshed), len(repeated)) == (1, 0)
    assert refreshed[0]["session"].generation == 2
    assert device.django_session != before.django_session
    for _ in range(2):
        assert device.refresh().status_code == 200
    assert device.logged_in()


@jwt_mode_only
def test_reuse(live: LiveSite, lossy: LossyLine) -> None:
    """The reuse is reported exactly once."""
    device = live.logged_in()
    thief = device.copy()
    device.refresh()
    with heard(signals.refresh_reused) as reused, heard(signals.session_revoked) as revoked:
        lossy.lose_next()
        assert code(thief.refresh()) == (401, "refresh_reused")
    assert (len(reused), len(revoked)) == (1, 1)
    assert code(device.refresh()) == (401, "session_ended")


def test_log_out(live: LiveSite, lossy: LossyLine) -> None:
    """The auth session is revoked once, and reported with its user."""
    device = live.logged_in()
    thief, sid = device.copy(), live.sid(device)
    with heard(signals.session_revoked) as revoked:
        lossy.lose_next()
        assert device.log_out().status_code == 204
    assert [said["session"].sid for said in revoked] == [sid]
    assert not thief.logged_in()


def test_revoke(live: LiveSite, lossy: LossyLine) -> None:
    """The operator is told that it was live."""
    device = live.logged_in()
    sid = live.sid(device)
    lossy.lose_next()
    assert revoke(sid)
    assert not device.logged_in()


def test_password_change(live: LiveSite, lossy: LossyLine) -> None:
    """All of the user's auth sessions are revoked, and each is reported once."""
    ada = live.add_user("eve")
    devices = [live.logged_in("eve") for _ in range(2)]
    ada.set_password("another")
    with heard(signals.session_revoked) as revoked:
        lossy.lose_next()
        ada.save()
    assert len(revoked) == 2
    assert not any(device.logged_in() for device in devices)


ASKED: dict[str, Callable[[Device], HttpResponse]] = {
    "drf": lambda device: device.call(),
    "plain": lambda device: device.get("/plain/whoami/"),
    "async": lambda device: device.get("/plain/whoami-async/"),
    "session": lambda device: device.who(),
    "refresh": lambda device: device.refresh(),
}


@pytest.mark.parametrize("how", ASKED)
def test_a_request(live: LiveSite, lossy: LossyLine, how: str) -> None:
    """A user who is logged in is authenticated, whether or not activity is written."""
    live.configure(LIFETIMES={"TOUCH_INTERVAL": timedelta(0)})
    device = live.logged_in()
    lossy.lose_next()
    assert ASKED[how](device).status_code == 200
    assert device.logged_in()


@session_mode_only
@cookies_only
@pytest.mark.parametrize("which", [0, 1])
def test_session_data(live: LiveSite, lossy: LossyLine, which: int) -> None:
    """Session data is read and written once, whichever of the two replies is lost."""
    device = live.logged_in()
    device.get("/plain/visits/")
    lossy.lose_next(after=which)
    assert body(device.get("/plain/visits/"))["visits"] == 2
    assert body(device.get("/plain/visits/"))["visits"] == 3


@session_mode_only
@cookies_only
@pytest.mark.parametrize("which", [0, 1])
def test_an_anonymous_session(live: LiveSite, lossy: LossyLine, which: int) -> None:
    """The same for anonymous sessions; the first write creates the record."""
    anonymous = live.device()
    if which:
        anonymous.get("/plain/visits/")
    lossy.lose_next(after=which)
    assert body(anonymous.get("/plain/visits/"))["visits"] == which + 1
    assert body(anonymous.get("/plain/visits/"))["visits"] == which + 2


@session_mode_only
@cookies_only
@pytest.mark.parametrize("which", range(3))
def test_django_s_login_again(live: LiveSite, lossy: LossyLine, which: int) -> None:
    """The session is re-keyed once; the browser has the valid key, and the old one is refused."""
    device = live.logged_in()
    sid, before = live.sid(device), device.copy()
    lossy.lose_next(after=which)
    answer = device.submit("/plain/login/", username="ada", password=PASSWORD)
    assert answer.status_code == 204
    assert device.logged_in()
    assert live.sid(device) == sid
    assert device.credential != before.credential
    assert not before.logged_in()


class TestKilled:
    """A server that dies in the middle of a rotation."""

    @pytest.fixture
    def live(self, valkey: StoppableValkey, site_on: SiteOn, transport: Transport) -> LiveSite:
        """Return a site on a Valkey that can be stopped, without a grace, and a user."""
        site = site_on(valkey.url, Mode.JWT, transport)
        site.configure(LIFETIMES={"REFRESH_GRACE": timedelta(0)})
        site.add_user()
        return site

    @pytest.mark.parametrize("back_at_once", [True, False])
    def test_and_comes_back_empty(self, live: LiveSite, valkey: StoppableValkey, back_at_once: bool) -> None:
        """The refresh is 503 or 401 ``session_ended``, and later ones are 401; never 500, never a fork."""
        device = live.logged_in()
        valkey.forget()
        with ThreadPoolExecutor(1) as aside, parallel_threads(1) as threads, valkey.hung():
            asked = aside.submit(threads.at_once, [device.copy().refresh])
            sleep(0.3)
            valkey.kill()
            if not back_at_once:
                asked.result()
            valkey.start()
            (answer,) = asked.result()
        assert code(answer) in {(503, "store_unavailable"), (401, "session_ended")}
        assert code(device.copy().refresh()) == (401, "session_ended")
        assert not device.logged_in()
        assert live.logged_in().refresh().status_code == 200

    def test_and_comes_back_with_older_data(self, live: LiveSite, valkey: StoppableValkey) -> None:
        """A token newer than the record is not theft: the client has to log in again, without an alarm."""
        device = live.logged_in()
        older = device.copy()
        valkey.save()
        assert device.refresh().status_code == 200
        valkey.kill()
        valkey.start()
        with heard(signals.refresh_reused) as reused:
            assert code(device.refresh()) == (401, "session_ended")
        assert reused == []
        assert older.refresh().status_code == 200
        assert older.logged_in()

    @cookies_only
    def test_and_a_generation_is_issued_again(self, live: LiveSite, valkey: StoppableValkey) -> None:
        """The token of that generation that was lost opens no page; presenting it is reuse."""
        owner = live.logged_in()
        thief = owner.copy()
        valkey.save()
        assert thief.refresh().status_code == 200
        valkey.kill()
        valkey.start()
        live.advance(seconds=2)
        assert owner.refresh().status_code == 200
        for device in (owner, thief):
            del device.cookies[ACCESS_COOKIE]
        assert user_of(owner.copy().send("GET", PAGE, headers=LINKED)) is not None
        assert user_of(thief.copy().send("GET", PAGE, headers=LINKED)) is None
        with heard(signals.refresh_reused) as reused:
            assert user_of(opened(thief)) is None
        assert [said["reuse"] for said in reused] == [ReuseClass.MISMATCHED]
