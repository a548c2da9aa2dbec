"""``reauthenticate/``: recent authentication, a new credential, and views that require it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AbstractBaseUser, User
from django.http import HttpRequest
from rest_framework.test import APIClient

from django_authkit import sessions_of
from django_authkit.types import AuthSession
from support.client import PASSWORD, REFRESH_COOKIE, SESSION_COOKIE, Device, body, code, credential_cookies
from support.live_site import LiveSite, by_cookie, by_header, in_jwt_mode, in_session_mode

VAULTS = ["/api/vault/", "/plain/vault/", "/plain/vault-async/", "/plain/vault-class/"]
STRICT = ["/api/strict-vault/", "/plain/strict-vault/"]
PATH = "/auth/reauthenticate/"
SLACK = 5_000


def record(user: User) -> AuthSession:
    """Return the user's one auth session."""
    (session,) = sessions_of(user)
    return session


def grown_old(site: LiveSite, device: Device, minutes: int = 11) -> Device:
    """Make the authentication of *device* old, but not its credential."""
    site.advance(minutes=minutes)
    assert device.refresh().status_code == 200
    return device


def by_pin(request: HttpRequest, user: AbstractBaseUser, data: Mapping[str, Any]) -> bool:
    """Authenticate by a PIN, as a project's own ``REAUTHENTICATOR`` might."""
    return user.get_username() == "ada" and data.get("pin") == "1234"


class ByPasswordAlone(ModelBackend):
    """Finds the user by the password alone, as with a smart card."""

    def authenticate(self, request: Any, *args: Any, password: Any = None, **kwargs: Any) -> Any:
        """Return the user who has that password."""
        return next((user for user in User.objects.all() if user.check_password(password)), None)


def test_the_password_again_moves_auth_time(site: LiveSite, ada: User, device: Device) -> None:
    """The response is that of a login for the same auth session, authenticated a moment ago."""
    before = record(ada)
    site.advance(minutes=3)
    answer = device.reauthenticate()
    assert answer.status_code == 200
    assert body(answer)["session"]["sid"] == before.sid
    assert body(answer)["user"] == {"id": ada.pk, "username": "ada"}
    after = record(ada)
    assert abs(after.auth_time_ms - before.auth_time_ms - 3 * 60_000) < SLACK
    assert (after.created_ms, after.expires_ms, after.sid) == (
        before.created_ms,
        before.expires_ms,
        before.sid,
    )
    assert device.logged_in()
    assert device.refresh().status_code == 200


def test_the_new_credential_travels_as_the_old_one_did(site: LiveSite, device: Device) -> None:
    """A browser gets cookies and no token in the body; an app gets a body and no cookie."""
    before = device.credential
    answer = device.reauthenticate()
    assert device.credential != before
    assert answer.headers["Cache-Control"] == "no-store"
    if device.is_browser:
        assert set(body(answer)) == {"session", "user"}
        assert {SESSION_COOKIE, REFRESH_COOKIE} & credential_cookies(answer)
    else:
        assert {"access", "token_type", "expires_in"} < set(body(answer))
        assert not credential_cookies(answer)


@in_session_mode
def test_the_old_session_key_is_dead(site: LiveSite, device: Device) -> None:
    """The key is a new one, and a copy of the old one is refused."""
    thief = device.copy()
    device.reauthenticate()
    assert code(thief.call()) == (401, "session_ended")
    assert code(thief.refresh()) == (401, "session_ended")
    assert device.logged_in()


@in_session_mode
@by_cookie
def test_the_data_of_the_session_stays(site: LiveSite, device: Device) -> None:
    """``request.session`` has the same data afterwards."""
    device.post("/django/cart/", "a book")
    device.reauthenticate()
    assert body(device.post("/django/cart/", "a pen"))["cart"] == ["a book", "a pen"]
    assert body(device.get("/django/cart/"))["cart"] == ["a book", "a pen"]


@in_jwt_mode
def test_it_is_a_rotation(site: LiveSite, ada: User, device: Device) -> None:
    """The refresh token is exchanged; the new one is used as any other, and is theft if it comes too late."""
    assert device.reauthenticate().status_code == 200
    assert record(ada).generation == 2
    late = device.copy()
    device.refresh()
    site.advance(seconds=11)
    assert code(late.refresh()) == (401, "refresh_reused")


@in_jwt_mode
@by_header
@pytest.mark.parametrize("given", ["nothing", "bobs", "other_device", "junk"])
def test_it_needs_the_refresh_token_of_this_session(
    site: LiveSite, ada: User, bob: User, device: Device, given: str
) -> None:
    """Without it, or with another's, it is 400, and neither of the two auth sessions changes."""
    bobs, other = site.logged_in("bob"), site.logged_in()
    sent = {"bobs": bobs.refresh_token, "other_device": other.refresh_token, "junk": "a.b.c"}
    members = {"refresh": sent[given]} if given in sent else {}
    before = site.snapshot()
    assert code(device.post(PATH, {"password": PASSWORD, **members})) == (400, "invalid_request")
    assert site.snapshot() == before


@in_jwt_mode
@by_header
def test_an_access_token_is_not_a_refresh_token(site: LiveSite, device: Device) -> None:
    """An access token instead is refused, and nothing changes."""
    before = site.snapshot()
    answer = device.post(PATH, {"password": PASSWORD, "refresh": device.access})
    assert code(answer) == (401, "token_invalid")
    assert site.snapshot() == before


@in_jwt_mode
@by_cookie
def test_a_browser_needs_its_refresh_cookie(site: LiveSite, device: Device, bob: User) -> None:
    """It is read only from the browser's own cookie, not from a body."""
    own, other = device.cookies.pop(REFRESH_COOKIE), site.logged_in("bob")
    body_of_app = {"password": PASSWORD, "refresh": own}
    assert code(device.post(PATH, body_of_app)) == (400, "invalid_request")
    device.cookies[REFRESH_COOKIE] = other.cookies[REFRESH_COOKIE]
    assert code(device.post(PATH, {"password": PASSWORD})) == (400, "invalid_request")
    device.cookies[REFRESH_COOKIE] = own
    assert device.reauthenticate().status_code == 200


@pytest.mark.parametrize("password", ["wrong", PASSWORD + " ", "bob's own"])
def test_a_wrong_password_changes_nothing(
    site: LiveSite, ada: User, bob: User, device: Device, password: str
) -> None:
    """401 ``login_failed``, also for another user's password; record and device do not change."""
    bob.set_password("bob's own")
    bob.save()
    before = site.snapshot()
    assert code(device.reauthenticate(password)) == (401, "login_failed")
    assert site.snapshot() == before
    assert device.logged_in()


def test_another_users_credentials_are_refused(site: LiveSite, ada: User, bob: User, device: Device) -> None:
    """The credentials of another user are refused, whichever Django auth backend accepts them."""
    bob.set_password("bob's own")
    bob.save()
    site.settings.AUTHENTICATION_BACKENDS = [
        *site.settings.AUTHENTICATION_BACKENDS,
        f"{__name__}.ByPasswordAlone",
    ]
    before = record(ada)
    assert code(device.reauthenticate("bob's own")) == (401, "login_failed")
    assert record(ada) == before


@pytest.mark.parametrize("members", [{}, {"password": ""}, {"password": 7}, {"password": None}])
def test_a_body_without_a_password(site: LiveSite, device: Device, members: dict[str, Any]) -> None:
    """400, and ``fields`` says so."""
    answer = device.post(PATH, members)
    assert code(answer) == (400, "invalid_request")
    assert set(body(answer)["fields"]) == {"password"}


def test_guessing_is_throttled(site: LiveSite, device: Device) -> None:
    """Beyond ``RATES["LOGIN"]`` it is 429, with the right password, too; other devices are not affected."""
    site.configure(RATES={"LOGIN": "3/min"})
    other = site.logged_in()
    for _ in range(3):
        assert code(device.reauthenticate("wrong")) == (401, "login_failed")
    answer = device.reauthenticate()
    assert code(answer) == (429, "throttled")
    assert int(answer.headers["Retry-After"]) > 0
    device.address = "192.0.2.1"  # another address does not help
    assert code(device.reauthenticate()) == (429, "throttled")
    assert other.reauthenticate().status_code == 200


@by_cookie
def test_another_site_cannot_use_the_allowance_up(site: LiveSite, device: Device) -> None:
    """A forged request is 403 and is not counted."""
    site.configure(RATES={"LOGIN": "2/min"})
    for _ in range(5):
        answer = device.send("POST", PATH, b'{"password": "x"}')
        assert code(answer) == (403, "csrf_failed")
    assert device.reauthenticate().status_code == 200


def test_anonymous_users_are_401(site: LiveSite, device: Device) -> None:
    """Without a login it is 401 ``not_authenticated``; with a dead one ``session_ended``."""
    old = device.copy()
    device.log_out()
    assert code(site.device().send("POST", PATH, b"{}")) == (401, "not_authenticated")
    assert code(old.reauthenticate()) == (401, "session_ended")


def test_an_inactive_user_is_refused(site: LiveSite, ada: User, device: Device) -> None:
    """A user deactivated without a signal is refused."""
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert device.reauthenticate().status_code == 401


def test_the_projects_own_reauthentication(site: LiveSite, ada: User, device: Device) -> None:
    """The function of ``REAUTHENTICATOR`` decides, from the user and the body, without a password."""
    site.configure(REAUTHENTICATOR=f"{__name__}.by_pin")
    device = grown_old(site, site.logged_in())
    token = {"refresh": device.refresh_token} if device.refresh_token else {}
    assert code(device.post(PATH, {"pin": "4321", **token})) == (401, "login_failed")
    assert code(device.post(PATH, {"password": PASSWORD, **token})) == (401, "login_failed")
    assert code(device.get("/api/vault/"))[1] == "reauthentication_required"
    assert device.post(PATH, {"pin": "1234", **token}).status_code == 200


@pytest.mark.parametrize("path", VAULTS)
def test_a_view_that_requires_recent_authentication(site: LiveSite, device: Device, path: str) -> None:
    """It works after a login, not after ``MAX_AGE``, and again after re-authentication."""
    assert device.get(path).status_code == 200
    grown_old(site, device)
    answer = device.get(path)
    assert code(answer) == (401, "reauthentication_required")
    challenge = 'Bearer realm="api", error="insufficient_user_authentication", max_age="600"'
    assert answer.headers["WWW-Authenticate"] == challenge
    assert device.logged_in()
    device.reauthenticate()
    assert device.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/api/vault/", "/api/strict-vault/"])
def test_a_test_can_force_the_login_of_such_a_view(site: LiveSite, ada: User, path: str) -> None:
    """DRF's ``force_authenticate`` replaces recent authentication as well."""
    client = APIClient()
    client.force_authenticate(ada)
    assert client.get(path, secure=True).status_code == 200
    client.force_authenticate(None)
    assert client.get(path, secure=True).status_code == 401


@pytest.mark.parametrize("path", [*VAULTS, *STRICT])
def test_an_anonymous_user_at_such_a_view(site: LiveSite, path: str) -> None:
    """It is 401, without a challenge to re-authenticate."""
    answer = site.device().get(path)
    assert code(answer) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("path", [*VAULTS, *STRICT])
def test_a_revoked_session_at_such_a_view(site: LiveSite, device: Device, path: str) -> None:
    """A revoked login is 401."""
    old = device.copy()
    device.log_out()
    assert code(old.get(path)) == (401, "session_ended")


@pytest.mark.parametrize("path", STRICT)
def test_a_view_may_require_a_lower_age(site: LiveSite, device: Device, path: str) -> None:
    """``max_age`` of the view has precedence over the setting, and the challenge has it."""
    assert device.get(path).status_code == 200
    grown_old(site, device, minutes=2)
    answer = device.get(path)
    assert code(answer) == (401, "reauthentication_required")
    assert 'max_age="60"' in answer.headers["WWW-Authenticate"]
    assert device.get("/api/vault/").status_code == 200


def test_the_setting_is_the_default_age(site: LiveSite, device: Device) -> None:
    """``RECENT_AUTH["MAX_AGE"]`` is read when it is used."""
    grown_old(site, device)
    site.configure(RECENT_AUTH={"MAX_AGE": timedelta(hours=1)})
    assert device.get("/api/vault/").status_code == 200
    assert device.get("/plain/vault/").status_code == 200


@in_jwt_mode
@pytest.mark.parametrize(
    ("policy", "where"),
    [("none", "valkey"), ("none", "sqlite"), ("none", "postgresql"), ("replica", "valkey")],
    indirect=["where"],
)
def test_without_the_record_the_token_says_when(site: LiveSite, device: Device, policy: str) -> None:
    """If no record is read, the new access token has the new ``auth_time``, and the old one does not."""
    site.configure(ACCESS_CHECK=policy)
    grown_old(site, device)
    old = device.copy()
    assert code(device.get("/api/vault/")) == (401, "reauthentication_required")
    assert device.reauthenticate().status_code == 200
    for path in VAULTS:
        assert device.get(path).status_code == 200
    if policy == "none":
        assert code(old.get("/plain/vault/")) == (401, "reauthentication_required")


@in_jwt_mode
@by_cookie
def test_djangos_log_in_counts_for_plain_views(site: LiveSite, ada: User, device: Device) -> None:
    """If Django's own login authenticates ``request.user``, its time counts, despite a stale token cookie."""
    device.get("/django/switch/ada/")
    site.advance(minutes=6)
    assert body(device.get("/plain/whoami/"))["id"] == ada.pk
    assert device.get("/plain/vault/").status_code == 200
    assert code(device.get("/api/vault/")) == (401, "token_expired")
