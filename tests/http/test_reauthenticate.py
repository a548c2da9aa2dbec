"""``reauthenticate/``: a fresh proof of the user, a new credential, and what opens only to that."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AbstractBaseUser, User
from django.http import HttpRequest

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
    """Let the proof of *device* grow old, but not its credential."""
    site.advance(minutes=minutes)
    assert device.refresh().status_code == 200
    return device


def by_pin(request: HttpRequest, user: AbstractBaseUser, data: Mapping[str, Any]) -> bool:
    """Prove it by a PIN, as a project's own ``REAUTHENTICATOR`` would."""
    return user.get_username() == "ada" and data.get("pin") == "1234"


class ByPasswordAlone(ModelBackend):
    """Finds the user by the password alone, as a card that says whose it is would."""

    def authenticate(self, request: Any, *args: Any, password: Any = None, **kwargs: Any) -> Any:
        """Return whoever has that password."""
        return next((user for user in User.objects.all() if user.check_password(password)), None)


def test_the_password_again_moves_auth_time(site: LiveSite, ada: User, device: Device) -> None:
    """The answer is that of a login for the same auth session, proved a moment ago."""
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
    """The key is a new one, and what was stolen before opens nothing any more."""
    thief = device.copy()
    device.reauthenticate()
    assert code(thief.call()) == (401, "session_ended")
    assert code(thief.refresh()) == (401, "session_ended")
    assert device.logged_in()


@in_session_mode
@by_cookie
def test_the_data_of_the_session_stays(site: LiveSite, device: Device) -> None:
    """``request.session`` is the same after it, with what was in it."""
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
@pytest.mark.parametrize("given", ["nothing", "foreign", "other_device", "junk"])
def test_it_takes_the_refresh_token_of_this_session(
    site: LiveSite, ada: User, bob: User, device: Device, given: str
) -> None:
    """Without it, or with another's, it is 400, and neither of the two auth sessions changes."""
    foreign, other = site.logged_in("bob"), site.logged_in()
    sent = {"foreign": foreign.refresh_token, "other_device": other.refresh_token, "junk": "a.b.c"}
    members = {"refresh": sent[given]} if given in sent else {}
    before = site.snapshot()
    assert code(device.post(PATH, {"password": PASSWORD, **members})) == (400, "invalid_request")
    assert site.snapshot() == before


@in_jwt_mode
@by_header
def test_an_access_token_is_no_refresh_token(site: LiveSite, device: Device) -> None:
    """The access token in its place is refused, and nothing changes."""
    before = site.snapshot()
    answer = device.post(PATH, {"password": PASSWORD, "refresh": device.access})
    assert code(answer) == (401, "token_invalid")
    assert site.snapshot() == before


@in_jwt_mode
@by_cookie
def test_a_browser_needs_its_refresh_cookie(site: LiveSite, device: Device, bob: User) -> None:
    """It is taken from the cookie alone: not from a body, not from another's."""
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
    """401 ``login_failed``, another user's password included; record and device are as they were."""
    bob.set_password("bob's own")
    bob.save()
    before = site.snapshot()
    assert code(device.reauthenticate(password)) == (401, "login_failed")
    assert site.snapshot() == before
    assert device.logged_in()


def test_a_proof_that_it_is_somebody_else(site: LiveSite, ada: User, bob: User, device: Device) -> None:
    """A good proof of another user is none, whichever Django auth backend takes it."""
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
    """Past ``RATES["LOGIN"]`` it is 429, to the right password too; other devices are not affected."""
    site.configure(RATES={"LOGIN": "3/min"})
    other = site.logged_in()
    for _ in range(3):
        assert code(device.reauthenticate("wrong")) == (401, "login_failed")
    answer = device.reauthenticate()
    assert code(answer) == (429, "throttled")
    assert int(answer.headers["Retry-After"]) > 0
    device.address = "192.0.2.1"  # moving does not help
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


def test_strangers_prove_nothing(site: LiveSite, device: Device) -> None:
    """Who is not logged in is 401 ``not_authenticated``; whose login is over ``session_ended``."""
    old = device.copy()
    device.log_out()
    assert code(site.device().send("POST", PATH, b"{}")) == (401, "not_authenticated")
    assert code(old.reauthenticate()) == (401, "session_ended")


def test_an_inactive_user_proves_nothing(site: LiveSite, ada: User, device: Device) -> None:
    """A user who was switched off past our signals is out."""
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert device.reauthenticate().status_code == 401


def test_a_proof_of_the_projects_own(site: LiveSite, ada: User, device: Device) -> None:
    """With ``REAUTHENTICATOR`` the function decides, from the user and the body, and no password is asked."""
    site.configure(REAUTHENTICATOR=f"{__name__}.by_pin")
    device = grown_old(site, site.logged_in())
    token = {"refresh": device.refresh_token} if device.refresh_token else {}
    assert code(device.post(PATH, {"pin": "4321", **token})) == (401, "login_failed")
    assert code(device.post(PATH, {"password": PASSWORD, **token})) == (401, "login_failed")
    assert code(device.get("/api/vault/"))[1] == "reauthentication_required"
    assert device.post(PATH, {"pin": "1234", **token}).status_code == 200


@pytest.mark.parametrize("path", VAULTS)
def test_what_needs_a_fresh_proof(site: LiveSite, device: Device, path: str) -> None:
    """It opens after a login, closes after ``MAX_AGE``, and opens again after a fresh proof."""
    assert device.get(path).status_code == 200
    grown_old(site, device)
    answer = device.get(path)
    assert code(answer) == (401, "reauthentication_required")
    challenge = 'Bearer realm="api", error="insufficient_user_authentication", max_age="600"'
    assert answer.headers["WWW-Authenticate"] == challenge
    assert device.logged_in()
    device.reauthenticate()
    assert device.get(path).status_code == 200


@pytest.mark.parametrize("path", [*VAULTS, *STRICT])
def test_a_stranger_at_such_a_view(site: LiveSite, path: str) -> None:
    """Nobody is asked to prove again who they never were."""
    answer = site.device().get(path)
    assert code(answer) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("path", [*VAULTS, *STRICT])
def test_an_ended_session_at_such_a_view(site: LiveSite, device: Device, path: str) -> None:
    """Whose login is over is told so."""
    old = device.copy()
    device.log_out()
    assert code(old.get(path)) == (401, "session_ended")


@pytest.mark.parametrize("path", STRICT)
def test_a_view_may_want_a_younger_proof(site: LiveSite, device: Device, path: str) -> None:
    """``max_age`` of the view counts, not the setting, and the challenge says it."""
    assert device.get(path).status_code == 200
    grown_old(site, device, minutes=2)
    answer = device.get(path)
    assert code(answer) == (401, "reauthentication_required")
    assert 'max_age="60"' in answer.headers["WWW-Authenticate"]
    assert device.get("/api/vault/").status_code == 200


def test_the_setting_says_how_fresh(site: LiveSite, device: Device) -> None:
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
    """Where no record is read, the new access token has the new ``auth_time`` and the old one has not."""
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
    """Where ``request.user`` is known by Django's own login, so is the proof, stale token cookie or not."""
    device.get("/django/switch/ada/")
    site.advance(minutes=6)
    assert body(device.get("/plain/whoami/"))["id"] == ada.pk
    assert device.get("/plain/vault/").status_code == 200
    assert code(device.get("/api/vault/")) == (401, "token_expired")
