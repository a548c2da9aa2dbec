"""A copied credential is useless after its owner authenticates again or changes the password."""

from collections.abc import Callable

import pytest
from django.http import HttpResponse

from django_authkit.types import Mode
from django_authkit.wiring import get_replica
from support.client import PASSWORD, REFRESH_COOKIE, SESSION_COOKIE, Device, code
from support.live_site import LiveSite, by_cookie, in_jwt_mode
from support.waiting import until

NEW = "another horse battery staple"
VAULTS = ["/api/vault/", "/plain/vault/", "/plain/vault-async/"]


def by_our_function(device: Device) -> HttpResponse:
    """Change the password in a view that calls our ``update_session_auth_hash``."""
    return device.post("/django/new-password/", NEW)


def by_djangos_view(device: Device) -> HttpResponse:
    """Change the password by Django's ``PasswordChangeView``."""
    fields = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    return device.submit("/django/password-change/", **fields)


def by_proof(device: Device) -> HttpResponse:
    """Re-authenticate."""
    return device.reauthenticate()


RENEWALS = pytest.mark.parametrize("renew", [by_proof, by_our_function, by_djangos_view])
Renew = Callable[[Device], HttpResponse]


def assert_goes_on(device: Device) -> None:
    """The device is logged in, and stays so after a refresh."""
    assert device.logged_in()
    assert device.refresh().status_code == 200
    assert device.logged_in()


@RENEWALS
def test_a_copy_is_dead_after_a_proof_or_a_password_change(live: LiveSite, renew: Renew) -> None:
    """The copied credentials open and renew nothing, at any time; the owner goes on with new ones."""
    live.add_user()
    owner = live.logged_in()
    thief = owner.copy()
    assert renew(owner).status_code in {200, 302}
    assert thief.call().status_code == 401
    assert thief.who().status_code == 401
    assert thief.verify(thief.credential) == {"active": False}
    assert code(thief.refresh()) == (401, "session_ended")
    live.advance(minutes=1)
    assert code(thief.refresh()) == (401, "session_ended")
    assert_goes_on(owner)


@in_jwt_mode
@pytest.mark.parametrize("policy", ["store", "none"])
@pytest.mark.parametrize("path", VAULTS)
def test_a_copied_access_token_does_not_become_fresh(live: LiveSite, policy: str, path: str) -> None:
    """What asks for a recent proof stays closed to it, whether or not the record is read."""
    live.configure(ACCESS_CHECK=policy)
    live.add_user()
    owner = live.logged_in()
    live.advance(minutes=11)
    owner.refresh()
    thief = owner.copy()
    assert owner.reauthenticate().status_code == 200
    assert thief.get(path).status_code == 401
    assert owner.get(path).status_code == 200


@in_jwt_mode
@by_cookie
def test_a_second_tab_keeps_the_cookies_of_a_proof(live: LiveSite) -> None:
    """A refresh that was sent before the proof and arrives after it is refused, and deletes no cookie."""
    live.add_user()
    owner = live.logged_in()
    tab = owner.copy()
    owner.reauthenticate()
    answer = tab.refresh()
    assert code(answer) == (401, "session_ended")
    assert REFRESH_COOKIE not in answer.cookies
    assert_goes_on(owner)


@in_jwt_mode
def test_a_proof_elevates_no_successor_that_was_issued_without_it(live: LiveSite) -> None:
    """A refresh and a proof with the same token: the proof gets its own pair, the other is dead."""
    live.add_user()
    owner = live.logged_in()
    thief = owner.copy()
    assert thief.refresh().status_code == 200
    assert owner.reauthenticate().status_code == 200
    assert owner.django_session != thief.django_session
    assert code(thief.call()) == (401, "token_expired")
    assert code(thief.refresh()) == (401, "session_ended")
    assert_goes_on(owner)


@RENEWALS
def test_the_form_of_before_a_switch_is_dead_too(live: LiveSite, renew: Renew) -> None:
    """After a switch of mode, the other form of the credential is revoked with the rest."""
    live.add_user()
    owner = live.logged_in()
    before = owner.copy()
    other = Mode.JWT if live.mode is Mode.SESSION else Mode.SESSION
    live.settings.AUTHKIT_MODE = str(other)
    live.configure(ACCEPT=["session", "jwt"])
    assert owner.refresh().status_code == 200
    owner.mode = other
    assert before.logged_in()
    assert renew(owner).status_code in {200, 302}
    if owner.is_browser and other is Mode.JWT:
        assert owner.cookies.get(SESSION_COOKIE) != before.cookies[SESSION_COOKIE]
    assert before.call().status_code == 401
    assert before.refresh().status_code == 401
    assert_goes_on(owner)


@by_cookie
@pytest.mark.parametrize("mode", [Mode.SESSION], ids=str, indirect=True)
def test_the_data_of_a_session_that_was_switched_stays(live: LiveSite) -> None:
    """``request.session`` of a browser that has tokens now keeps its data, though its old key is dead."""
    live.add_user()
    owner = live.logged_in()
    owner.post("/django/cart/", "a book")
    live.settings.AUTHKIT_MODE = str(Mode.JWT)
    live.configure(ACCEPT=["session", "jwt"])
    owner.refresh()
    owner.mode = Mode.JWT
    assert owner.reauthenticate().status_code == 200
    assert owner.post("/django/cart/", "a pen").json()["cart"] == ["a book", "a pen"]  # type: ignore[attr-defined]
    assert owner.get("/django/cart/").json()["cart"] == ["a book", "a pen"]  # type: ignore[attr-defined]


def test_a_header_client_gets_its_new_credentials_as_headers(live: LiveSite) -> None:
    """After a password change in a project's own view; a browser gets cookies only."""
    live.add_user()
    owner = live.logged_in()
    answer = by_our_function(owner)
    assert ("X-Authkit-Access" in answer.headers) is not owner.is_browser
    assert ("X-Authkit-Refresh" in answer.headers) is (live.is_jwt and not owner.is_browser)
    assert owner.is_browser or "no-store" in answer.headers["Cache-Control"]


@in_jwt_mode
@pytest.mark.parametrize("where", ["valkey"], indirect=True)
def test_processes_that_read_no_record_hear_of_a_proof(live: LiveSite) -> None:
    """With ``ACCESS_CHECK = "replica"`` a copied access token is refused as soon as a revoked one."""
    live.configure(ACCESS_CHECK="replica")
    live.add_user()
    owner = live.logged_in()
    thief = owner.copy()
    assert get_replica().wait_until_fresh(20)
    assert owner.reauthenticate().status_code == 200
    until(lambda: not thief.logged_in())
    assert_goes_on(owner)
