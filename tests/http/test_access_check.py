"""Each ``ACCESS_CHECK`` with each ``USER_LOADING``: cost of a request, and effect of a revocation."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoDbBlocker, Settings

from django_authkit import revoke, revoke_all
from django_authkit.types import Mode, Transport
from support.access_policies import BOUND, JWT_POLICIES, POLICIES, Policy, commands_of_requests
from support.client import Device, body, code
from support.clock import Clock
from support.live_site import LiveSite
from support.replica_followers import followers
from support.waiting import until
from testapp.user_views import KEY_VIEWS, NAME_VIEWS

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
ALL_USERS = "django.contrib.auth.backends.AllowAllUsersModelBackend"


@pytest.fixture(params=POLICIES, ids=str)
def policy(request: pytest.FixtureRequest) -> Policy:
    """Return each combination in turn."""
    policy: Policy = request.param
    return policy


@pytest.fixture
def site(
    settings: Settings,
    clock: Clock,
    policy: Policy,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[LiveSite]:
    """Return the site under that policy, empty; all its clients are apps."""
    settings.ROOT_URLCONF = "testapp.user_views"
    with django_db_blocker.unblock():
        site = LiveSite(settings, clock, store=policy.store, mode=policy.mode, transport=Transport.HEADER)
        site.clear()
        policy.set_up(site)
        yield site
        site.configure(ACCESS_CHECK="store")  # ends the thread
        site.clear()


@pytest.fixture
def ada(site: LiveSite) -> User:
    """Return a user who may do everything."""
    return site.add_user("ada", is_staff=True)


@pytest.fixture
def device(site: LiveSite, policy: Policy, ada: User) -> Device:
    """Return ada's device, logged in; this process has seen its token before."""
    device = site.logged_in("ada")
    policy.warm(device)
    return device


jwt_only = pytest.mark.parametrize("policy", JWT_POLICIES, ids=str, indirect=True)


@pytest.mark.parametrize("path", KEY_VIEWS)
def test_what_a_request_costs(site: LiveSite, policy: Policy, device: Device, path: str) -> None:
    """The round trips and queries of a view that needs only the user's key are those of the table."""
    with site.counted() as trips:
        for _ in range(3):
            assert device.get(path).status_code == 200
    on_redis = policy.store == "valkey"
    assert len(commands_of_requests(trips)) == 3 * (on_redis and policy.reads_record), trips
    reads = (not on_redis and policy.reads_record) or not policy.is_lazy
    assert len(trips.queries) == 3 * reads, trips
    assert len(followers()) == (policy.check == "replica")


@pytest.mark.parametrize("path", NAME_VIEWS)
def test_the_row_is_read_once(site: LiveSite, policy: Policy, device: Device, path: str) -> None:
    """A view that needs the row costs one more query, in every kind of view."""
    with site.counted() as trips:
        assert device.get(path).status_code == 200
    assert len(trips.queries) == 1, trips


def _log_out(site: LiveSite, device: Device, ada: User) -> None:
    assert device.copy().log_out().status_code == 204


def _revoke(site: LiveSite, device: Device, ada: User) -> None:
    for sid in site.sids(ada):
        assert revoke(sid)


def _revoke_all(site: LiveSite, device: Device, ada: User) -> None:
    revoke_all()


def _deactivate(site: LiveSite, device: Device, ada: User) -> None:
    ada.is_active = False
    ada.save()


def _change_password(site: LiveSite, device: Device, ada: User) -> None:
    ada.set_password("another one entirely")
    ada.save()


def _delete(site: LiveSite, device: Device, ada: User) -> None:
    ada.delete()


Event = Callable[[LiveSite, Device, User], None]
ENDS: list[Event] = [_log_out, _revoke, _revoke_all, _deactivate, _change_password, _delete]


@pytest.mark.parametrize("event", ENDS, ids=lambda event: event.__name__)
def test_when_a_revocation_takes_effect(
    site: LiveSite, policy: Policy, device: Device, ada: User, event: Event
) -> None:
    """At once, within the bound, or when the token expires; loading the user reveals some sooner."""
    event(site, device, ada)
    if policy.reads_record:
        assert code(device.get("/drf/key/")) == (401, "session_ended")
    elif policy.check == "replica":
        until(lambda: code(device.get("/drf/key/")) == (401, "session_ended"), BOUND)
    else:
        sees = not policy.is_lazy and event in {_deactivate, _change_password, _delete}
        ended = "token_expired" if event is _change_password else "session_ended"
        assert code(device.get("/drf/key/")) == ((401, ended) if sees else (200, None))
        site.advance(minutes=5, seconds=6)
        assert code(device.get("/drf/key/")) == (401, "token_expired")
    assert code(device.copy().refresh()) == (401, "session_ended")


def test_a_user_deactivated_without_a_signal(
    site: LiveSite, policy: Policy, device: Device, ada: User
) -> None:
    """``queryset.update()`` is noticed where the row is read, and at each refresh, but not in other views."""
    User.objects.using(site.alias).filter(pk=ada.pk).update(is_active=False)
    for _ in range(2):
        expected = (200, None) if policy.is_lazy else (401, "session_ended")
        assert code(device.get("/drf/key/")) == expected
        for path in NAME_VIEWS:
            assert code(device.get(path)) == (401, "session_ended"), path
    assert code(device.copy().refresh()) == (401, "session_ended")
    if policy.check == "replica":
        until(lambda: device.get("/drf/key/").status_code == 401, BOUND)
    known = policy.check == "none" and policy.mode is Mode.JWT and policy.is_lazy
    assert device.get("/drf/key/").status_code == (200 if known else 401)


def test_a_password_changed_without_a_signal(
    site: LiveSite, policy: Policy, device: Device, ada: User
) -> None:
    """
    ``queryset.update()`` of the hash is noticed, too; only the record says that the auth session is revoked.

    In session mode, whatever loads the user revokes the auth session, and so a view of the key alone sees it.
    """
    ada.set_password("another one entirely")
    User.objects.using(site.alias).filter(pk=ada.pk).update(password=ada.password)
    ended = "session_ended" if policy.reads_record or policy.mode is Mode.SESSION else "token_expired"
    for path in NAME_VIEWS:
        answer = device.get(path)
        assert code(answer) == (401, ended), path
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    unseen = policy.is_lazy and policy.mode is Mode.JWT
    expected = (200, None) if unseen else (401, ended)
    until(lambda: code(device.get("/drf/key/")) == expected, BOUND)
    assert code(device.copy().refresh()) == (401, "session_ended")


def test_a_deleted_row(site: LiveSite, policy: Policy, device: Device, ada: User) -> None:
    """A deletion without a signal is a 401 at the first access to the row, wherever that is."""
    User.objects.using(site.alias).filter(pk=ada.pk)._raw_delete(site.alias)  # noqa: SLF001
    for path in NAME_VIEWS:
        answer = device.get(path)
        assert code(answer) == (401, "session_ended"), path
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


@jwt_only
def test_endpoints_that_return_the_record(site: LiveSite, policy: Policy, device: Device, ada: User) -> None:
    """``session/`` and ``verify/`` read the record under every policy, and report when it is gone."""
    told = body(device.who())
    assert told["session"]["sid"] in site.sids(ada)
    assert told["user"]["username"] == "ada"
    assert device.verify(device.access)["active"] is True
    _revoke(site, device, ada)
    assert code(device.who()) == (401, "session_ended")
    assert device.verify(device.access) == {"active": False}


@jwt_only
def test_a_log_out_under_every_policy(site: LiveSite, policy: Policy, device: Device, ada: User) -> None:
    """Logout works twice and without a live record; a login afterwards starts a new auth session."""
    assert device.log_out().status_code == 204
    assert device.log_out().status_code == 204
    assert site.sids(ada) == []
    assert site.logged_in("ada").get("/drf/name/").status_code == 200


@jwt_only
def test_the_backend_is_named_if_there_are_several(
    site: LiveSite, settings: Settings, policy: Policy, ada: User
) -> None:
    """A token names the Django auth backend only if the project has several."""
    assert "backend" not in _payload(site.logged_in("ada").access)
    settings.AUTHENTICATION_BACKENDS = [ALL_USERS, MODEL_BACKEND]
    device = site.logged_in("ada")
    assert _payload(device.access)["backend"] == ALL_USERS
    assert device.get("/drf/name/").status_code == 200
    settings.AUTHENTICATION_BACKENDS = [MODEL_BACKEND]
    assert code(device.get("/drf/name/")) == (401, "session_ended")


def _payload(token: str) -> Any:
    part = token.split(".")[1]
    return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
