"""An auth session that was revoked while requests were in progress stays revoked, in every form."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import NamedTuple

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError
from django.http import HttpResponse

from django_authkit import revoke, revoke_user
from django_authkit.types import Mode, OnLimit, Transport
from races.pausing_backend import PATH, PausingBackend
from support.client import PASSWORD, Device, body, code, credential_cookies
from support.live_site import LiveSite
from support.parallel import parallel_threads
from support.profile import rounds

pytestmark = pytest.mark.slow
session_mode_only = pytest.mark.parametrize("mode", [Mode.SESSION], ids=str, indirect=True)
apps_only = pytest.mark.parametrize("transport", [Transport.HEADER], ids=str, indirect=True)
browsers_only = pytest.mark.parametrize("transport", [Transport.COOKIE], ids=str, indirect=True)

PARALLEL = 3
"""Devices with one credential for each activity; the auth session is revoked in between."""


class Target(NamedTuple):
    """The user, device and sid whose auth session is revoked."""

    user: User
    device: Device
    sid: str = ""


def _disable(user: User) -> None:
    user.is_active = False
    user.save()


def _change_password(user: User) -> None:
    user.set_password("another")
    user.save()


ENDINGS: dict[str, Callable[[Target], object]] = {
    "logout": lambda at: at.device.log_out(),
    "revoke": lambda at: revoke(at.sid),
    "revoke_user": lambda at: revoke_user(at.user),
    "deactivation": lambda at: _disable(at.user),
    "deletion": lambda at: at.user.delete(),
    "password change": lambda at: _change_password(at.user),
}
ACTIVITIES: dict[str, Callable[[Device], HttpResponse]] = {
    "call": lambda device: device.call(),
    "refresh": lambda device: device.refresh(),
    "write to the session": lambda device: device.get("/plain/visits/"),
}


def assert_dead(device: Device) -> None:
    """
    Check that no credential of *device* authenticates or renews anything.

    (Its browser may hold an anonymous session's key instead, from a request that came after the end.)
    """
    token = device.credential
    assert not device.copy().logged_in()
    assert device.verify(token) == {"active": False}
    assert device.copy().who().status_code == 401
    plain = device.copy().get("/plain/whoami/")
    assert plain.status_code == 401 or body(plain) == {"id": None}
    assert code(device.copy().refresh())[0] == 401
    assert not device.copy().logged_in()


@pytest.mark.parametrize("ending", ENDINGS)
def test_ended_stays_ended(live: LiveSite, ending: str) -> None:
    """In a race with requests that touch, refresh and write session data, every revocation is final."""
    live.configure(LIFETIMES={"TOUCH_INTERVAL": timedelta(0), "REFRESH_GRACE": timedelta(seconds=60)})
    acts = [act for act in ACTIVITIES.values() for _ in range(PARALLEL)]
    with parallel_threads(len(acts) + 1) as threads:
        for number in range(rounds(20)):
            user = live.add_user(f"user{number}")
            device = live.logged_in(user.username)
            sid, user_id = live.sid(device), user.pk
            twins = [device.copy() for _ in acts]
            calls: list[Callable[[], object]] = [
                partial(act, twin) for act, twin in zip(acts, twins, strict=True)
            ]
            calls.insert(len(calls) // 2, partial(ENDINGS[ending], Target(user, device.copy(), sid)))
            answers = threads.at_once(calls)
            statuses = {answer.status_code for answer in answers if isinstance(answer, HttpResponse)}
            assert statuses <= {200, 204, 401}
            for holder in (device, *twins):
                if _still_holds(holder):
                    assert_dead(holder)
            assert code(device.who()) == (401, "session_ended")
            user.pk = user_id
            assert live.sids(user) == []


def _still_holds(device: Device) -> bool:
    """Tell whether a device was not told to delete its credential."""
    try:
        return bool(device.credential)
    except KeyError:
        return False


def _try_to_log_in(device: Device, user: User) -> None:
    try:
        assert code(device.log_in(user.username)) in {(200, None), (401, "login_failed")}
    except DatabaseError:  # raised by Django's update_last_login if the user was deleted meanwhile
        assert not User.objects.filter(username=user.username).exists()


@pytest.mark.parametrize("change", ["password change", "deactivation", "deletion"])
@apps_only
def test_login_during_a_change_of_the_user(live: LiveSite, change: str) -> None:
    """A login with the old password during its change is not logged in afterwards."""
    with parallel_threads(5) as threads:
        for number in range(rounds(60)):
            user = live.add_user(f"user{number}")
            user_id = user.pk
            devices = [live.device() for _ in range(4)]
            calls: list[Callable[[], object]] = [partial(_try_to_log_in, device, user) for device in devices]
            calls.insert(2, partial(ENDINGS[change], Target(user, devices[0])))
            threads.at_once(calls)
            for device in devices:
                if device.access:
                    assert_dead(device)
            user.pk = user_id
            assert live.sids(user) == []


@session_mode_only
@browsers_only
def test_django_s_login_during_a_password_change(live: LiveSite) -> None:
    """The same through Django's own ``login``, which starts the auth session differently."""
    with parallel_threads(3) as threads:
        for number in range(rounds(60)):
            user = live.add_user(f"user{number}")
            browser = live.device()
            browser.who()
            log_in = partial(browser.submit, "/plain/login/", username=user.username, password=PASSWORD)
            calls: list[Callable[[], object]] = [partial(_change_password, user), log_in]
            _, answer = threads.at_once(calls)
            assert isinstance(answer, HttpResponse)
            assert answer.status_code in {204, 400, 401}
            assert not browser.logged_in()
            assert live.sids(user) == []


@pytest.fixture(params=["password change", "deactivation", "deletion"])
def meanwhile(request: pytest.FixtureRequest, live: LiveSite, monkeypatch: pytest.MonkeyPatch) -> User:
    """Return a user who is changed in each way in turn, right after the password check."""
    live.settings.AUTHENTICATION_BACKENDS = [PATH]
    user = live.add_user()

    def change(authenticated: User) -> None:
        mine = User.objects.get(pk=authenticated.pk)
        with parallel_threads(1) as elsewhere:
            elsewhere.at_once([partial(ENDINGS[request.param], Target(mine, live.device()))])

    monkeypatch.setattr(PausingBackend, "meanwhile", change, raising=False)
    return user


def test_a_change_between_check_and_record(live: LiveSite, meanwhile: User) -> None:
    """The login is refused, and leaves nothing behind."""
    device = live.device()
    answer = device.log_in()
    assert code(answer) == (401, "login_failed")
    assert not credential_cookies(answer)
    assert live.sids(meanwhile) == []


@browsers_only
def test_a_change_during_django_s_login(live: LiveSite, meanwhile: User) -> None:
    """The same for Django's ``login``, although the session middleware returns a response."""
    browser = live.device()
    browser.who()
    try:
        answer = browser.submit("/plain/login/", username=meanwhile.username, password=PASSWORD)
    except DatabaseError:
        assert not User.objects.filter(pk=meanwhile.pk).exists()
    else:
        assert code(answer) == (401, "login_failed")
        assert not credential_cookies(answer)
    assert live.sids(meanwhile) == []
    assert not browser.logged_in()
    assert body(browser.get("/plain/whoami/")) == {"id": None}


@apps_only
@pytest.mark.parametrize("policy", OnLimit)
def test_the_limit_holds(live: LiveSite, policy: OnLimit) -> None:
    """Many concurrent logins of one user never leave more auth sessions than allowed, for each policy."""
    limit, logins = 3, 16
    live.configure(MAX_SESSIONS=limit, ON_LIMIT=str(policy))
    with parallel_threads(logins) as threads:
        for number in range(rounds(10)):
            user = live.add_user(f"user{number}")
            devices = [live.device() for _ in range(logins)]
            answers = threads.at_once([partial(device.log_in, user.username) for device in devices])
            told = [code(answer) for answer in answers]
            living = [device for device in devices if device.access and device.logged_in()]
            assert len(living) == len(live.sids(user))
            assert 1 <= len(living) <= limit
            if policy is OnLimit.REFUSE:
                assert sorted(told) == [(200, None)] * limit + [(403, "session_limit")] * (logins - limit)
                assert len(living) == limit
            else:
                assert told == [(200, None)] * logins
            if policy is OnLimit.EVICT:
                assert len(living) == limit
