"""The number of calls of this package's functions in an authenticated request."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from django.contrib.auth.models import User

import django_authkit
from support.access_policies import Policy
from support.client import Device
from support.live_site import LiveSite

PACKAGE = str(Path(django_authkit.__file__).parent)
# By mode, transport and store. One that is not listed is not limited.
MOST = {
    ("session", "cookie", "valkey"): 90,
    ("session", "cookie", "sqlite"): 90,
    ("jwt", "header", "valkey"): 50,
    ("jwt", "header", "sqlite"): 55,
}
MOST_WITH_REPLICA = {("jwt", "header"): 40, ("session", "cookie"): 70, ("session", "header"): 70}


def calls_of(act: Callable[[], object]) -> list[str]:
    """Return the functions of the package that *act* calls, in order and with repetitions."""
    called = []

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            called.append(f"{frame.f_code.co_filename.removeprefix(PACKAGE)}:{frame.f_code.co_name}")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(before)
    return called


def request_calls(device: Device, path: str = "/api/whoami/") -> list[str]:
    """Return the calls of a warm request, without constructing the middleware, as on a server."""
    for _ in range(3):
        assert device.get(path).status_code == 200
    called = calls_of(lambda: device.get(path))
    return called[called.index("/middleware.py:process_request") :]


def test_an_authenticated_request_calls_few_functions(site: LiveSite, device: Device) -> None:
    """A warm GET is at most 90 calls with a session cookie, and about 50 with a JWT header."""
    most = MOST.get((str(site.mode), str(site.transport), site.store))
    if most is None:
        pytest.skip("not limited")
    called = request_calls(device)
    assert len(called) <= most, "\n".join(called)


def test_a_credential_that_is_checked_in_memory_calls_fewer(site: LiveSite, ada: User) -> None:
    """A warm GET with the replica and a lazy user is at most 40 calls with a JWT header, 70 with a key."""
    most = MOST_WITH_REPLICA.get((str(site.mode), str(site.transport)))
    if most is None or not site.on_redis:
        pytest.skip("the replica needs Redis, and JWT cookies are not limited")
    policy = Policy("valkey", site.mode, "replica", "lazy")
    policy.set_up(site)
    site.settings.ROOT_URLCONF = "testapp.user_views"
    device = site.logged_in("ada")
    policy.warm(device)
    called = request_calls(device, "/drf/primary-key/")
    site.configure(ACCESS_CHECK="store")  # ends the thread
    assert len(called) <= most, "\n".join(called)
    assert called.count("/blacklist/replica.py:" + ("verdict" if site.is_jwt else "recall")) == 1
    assert not [each for each in called if each.startswith("/stores/redis/")]


def test_each_call_is_counted() -> None:
    """The count is right: calls of the package are counted, and calls of the test are not."""
    called = calls_of(lambda: django_authkit.types.instant(0))
    assert called == ["/types.py:instant"]
