"""Session mode with ``ACCESS_CHECK = "replica"``: what is answered from memory, and what by the store."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoDbBlocker, Settings

from django_authkit.blacklist.memory import SessionMemory
from django_authkit.session_keys import SessionKey
from django_authkit.stores.outcomes import Found
from django_authkit.types import Mode, RevocationReason, Transport
from django_authkit.users.loading import auth_hash_of
from django_authkit.wiring import get_replica, get_store
from support.access_policies import Policy, commands_of_requests
from support.client import SESSION_COOKIE, Device, body, code
from support.clock import Clock
from support.live_site import LiveSite
from support.waiting import until
from testapp.user_views import KEY_VIEWS

POLICY = Policy("valkey", Mode.SESSION, "replica", "lazy")
EAGER = Policy("valkey", Mode.SESSION, "replica", "eager")


by_cookie_only = pytest.mark.parametrize("site", [Transport.COOKIE], ids=str, indirect=True)


@pytest.fixture(params=Transport, ids=str)
def site(
    request: pytest.FixtureRequest,
    settings: Settings,
    clock: Clock,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[LiveSite]:
    """Return the site in session mode, with browsers and then with apps."""
    settings.ROOT_URLCONF = "testapp.user_views"
    with django_db_blocker.unblock():
        site = LiveSite(settings, clock, store="valkey", mode=Mode.SESSION, transport=request.param)
        site.clear()
        POLICY.set_up(site)
        yield site
        site.configure(ACCESS_CHECK="store")  # ends the thread
        site.clear()


@pytest.fixture
def device(site: LiveSite, ada: User) -> Device:
    """Return ada's device, logged in, whose key the process remembers."""
    device = site.logged_in("ada")
    POLICY.warm(device)
    return device


def _key_of(device: Device) -> SessionKey:
    key = SessionKey.parse(device.credential)
    assert key is not None
    return key


@pytest.fixture
def unheard(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process hear of no change: the moment before an announcement arrives lasts for the test."""
    monkeypatch.setattr(SessionMemory, "forget", lambda *_: None)


@pytest.mark.parametrize("path", KEY_VIEWS)
def test_a_remembered_key_costs_no_round_trip(site: LiveSite, device: Device, path: str) -> None:
    """In each kind of view a warm request asks neither the store nor the database."""
    with site.counted() as trips:
        for _ in range(3):
            assert device.get(path).status_code == 200
    assert commands_of_requests(trips) == []
    assert trips.queries == []


def test_activity_is_written_once_in_an_interval(site: LiveSite, device: Device) -> None:
    """When the interval is over, one request asks the store, which writes; the next ones do not."""
    key = _key_of(device)
    before = get_store().load(key.handle)
    site.advance(seconds=61)
    with site.counted() as trips:
        for _ in range(3):
            assert device.get("/drf/key/").status_code == 200
    assert len(commands_of_requests(trips)) == 1
    after = get_store().load(key.handle)
    assert isinstance(before, Found)
    assert isinstance(after, Found)
    assert after.session.last_seen_ms - before.session.last_seen_ms >= 61_000


def test_the_data_is_read_when_a_view_needs_it(site: LiveSite, device: Device) -> None:
    """``request.session[...]`` is what the store holds now, in one round trip, and writing is as ever."""
    assert body(device.get("/plain/visits/"))["visits"] == 1
    until(lambda: device.get("/drf/key/").status_code == 200 and get_replica().remembered > 0)
    with site.counted() as trips:
        assert body(device.get("/plain/visits/"))["visits"] == 2
    assert len(commands_of_requests(trips)) == 2, trips  # read and written
    key = _key_of(device)
    get_store().save_data(key.handle, key.digest, "", idle_limit=None)  # in another process
    assert body(device.get("/plain/visits/"))["visits"] == 1


@pytest.mark.usefixtures("unheard")
def test_a_key_that_was_just_revoked_reads_no_data(site: LiveSite, device: Device, ada: User) -> None:
    """A view that knows the user, and then reads the data of what was revoked, is a 401 without a cookie."""
    get_store().revoke(_key_of(device).handle, RevocationReason.REVOKED)
    assert device.get("/drf/key/").status_code == 200
    answer = device.get("/django/name-and-cart/")
    assert code(answer) == (401, "session_ended")
    assert SESSION_COOKIE not in answer.cookies


@by_cookie_only
@pytest.mark.usefixtures("unheard")
@pytest.mark.parametrize("policy", [POLICY, EAGER], ids=["lazy", "eager"])
def test_a_key_that_was_just_revoked_gives_way_to_no_other_user(
    site: LiveSite, device: Device, ada: User, bob: User, policy: Policy
) -> None:
    """If a session of somebody else came too, a view that knows the user gets no data of theirs."""
    planted = site.logged_in("bob")
    policy.set_up(site)
    policy.warm(device)
    get_store().revoke(_key_of(device).handle, RevocationReason.REVOKED)
    both = "; ".join(f"{SESSION_COOKIE}={each.credential}" for each in (planted, device))
    answer = device.send("GET", "/django/name-and-cart/", headers={"Cookie": both})
    assert code(answer) == (401, "session_ended")


@pytest.mark.usefixtures("unheard")
def test_the_record_is_read_for_endpoints_that_return_it(site: LiveSite, device: Device) -> None:
    """``session/`` tells what the store holds, and that it is gone."""
    get_store().revoke(_key_of(device).handle, RevocationReason.REVOKED)
    assert code(device.who()) == (401, "session_ended")


@pytest.mark.usefixtures("unheard")
@pytest.mark.parametrize("path", ["/drf/name/", "/name/"])
def test_a_stale_record_does_not_log_out_its_user(
    site: LiveSite, device: Device, ada: User, path: str
) -> None:
    """If the remembered hash does not fit the user's, the record in the store decides."""
    ada.set_password("another one entirely")
    get_store().restamp(_key_of(device).handle, auth_hash_of(ada))
    User.objects.filter(pk=ada.pk).update(password=ada.password)
    assert device.get(path).status_code == 200


@pytest.mark.usefixtures("unheard")
def test_a_superseded_key_does_not_revoke_its_successor(site: LiveSite, device: Device, ada: User) -> None:
    """After a password change that kept the auth session, its former key is refused; the new one stays."""
    old, new = _key_of(device), SessionKey.new(_key_of(device).handle)
    ada.set_password("another one entirely")
    get_store().rekey(old.handle, old.digest, new.digest, auth_hash=auth_hash_of(ada))
    User.objects.filter(pk=ada.pk).update(password=ada.password)
    assert device.get("/drf/name/").status_code == 401
    assert isinstance(get_store().touch(new.handle, new.digest, idle=60_000, interval=60_000), Found)


def test_another_device_is_compared_on_each_request(site: LiveSite, device: Device) -> None:
    """``BIND`` is applied to a remembered key, too: a copy elsewhere is refused and revoked."""
    site.configure(BIND={"USER_AGENT": "revoke"})
    POLICY.warm(device)
    elsewhere = device.copy()
    elsewhere.user_agent = "Another/1.0"
    assert code(elsewhere.get("/drf/key/")) == (401, "binding_mismatch")
    until(lambda: device.get("/drf/key/").status_code == 401)


def test_a_login_of_the_same_browser_forgets_nothing(site: LiveSite, device: Device) -> None:
    """Logout and re-authentication work with a remembered key, and the data of the session stays."""
    device.get("/plain/visits/")
    assert device.reauthenticate().status_code == 200
    assert body(device.get("/plain/visits/"))["visits"] == 2
    assert device.copy().log_out().status_code == 204
    until(lambda: device.get("/drf/key/").status_code == 401)
