"""``ticket/``: what it issues stands for the auth session once, for a short time."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import RequestFactory

from django_authkit import revoke, sessions_of
from django_authkit.errors import SessionEnded, TokenInvalid
from django_authkit.service import redeem_ticket
from support.client import Device, body, code
from support.live_site import LiveSite, by_cookie

PATH = "/auth/ticket/"


def issued(device: Device) -> str:
    """Return a new ticket of *device*."""
    answer = device.post(PATH)
    assert answer.status_code == 200, answer.content
    ticket: str = body(answer)["ticket"]
    return ticket


def opening(**headers: Any) -> HttpRequest:
    """Return a request that opens a WebSocket."""
    return RequestFactory().get("/ws/", REMOTE_ADDR="198.51.100.7", **headers)


def test_a_ticket_stands_for_the_auth_session(site: LiveSite, ada: User, device: Device) -> None:
    """It says who it is from, once, and nothing of the auth session changes."""
    answer = device.post(PATH)
    assert answer["Cache-Control"] == "no-store"
    assert set(body(answer)) == {"ticket", "expires_in"}
    assert body(answer)["expires_in"] == 30
    before = sessions_of(ada)
    known = redeem_ticket(opening(), body(answer)["ticket"])
    assert (known.user, known.sid, known.mode) == (ada, before[0].sid, site.mode)
    assert sessions_of(ada) == before
    with pytest.raises(TokenInvalid):
        redeem_ticket(opening(), body(answer)["ticket"])


def test_a_ticket_expires(site: LiveSite, device: Device) -> None:
    """After thirty seconds it is worth nothing."""
    first, second = issued(device), issued(device)
    site.advance(seconds=28)
    redeem_ticket(opening(), first)
    site.advance(seconds=3)
    with pytest.raises(TokenInvalid):
        redeem_ticket(opening(), second)


def test_a_ticket_ends_with_its_auth_session(site: LiveSite, ada: User, device: Device) -> None:
    """Revoking the auth session makes it worthless."""
    ticket = issued(device)
    revoke(site.sid(device))
    with pytest.raises(SessionEnded):
        redeem_ticket(opening(), ticket)


def test_a_ticket_ends_with_the_credentials_of_its_time(device: Device) -> None:
    """After a re-authentication, no ticket that was issued before it counts."""
    before = issued(device)
    assert device.reauthenticate().status_code == 200
    after = issued(device)
    with pytest.raises(SessionEnded):
        redeem_ticket(opening(), before)
    redeem_ticket(opening(), after)


def test_a_ticket_of_a_user_who_was_disabled(ada: User, device: Device) -> None:
    """It is refused, also if no signal told of it."""
    ticket = issued(device)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    with pytest.raises(SessionEnded):
        redeem_ticket(opening(), ticket)


def test_a_ticket_opens_nothing_else(site: LiveSite, device: Device) -> None:
    """It is no bearer credential, no session key, and no handle of a login step."""
    ticket = issued(device)
    anybody = site.device()
    assert anybody.get("/api/whoami/", {"Authorization": f"Bearer {ticket}"}).status_code == 401
    assert code(device.log_in_step({"handle": ticket}))[1] == "step_ended"
    redeem_ticket(opening(), ticket)


@pytest.mark.parametrize("text", ["", "x", "A" * 39, "é" * 39, "A" * 10_000])
def test_what_is_no_ticket(site: LiveSite, text: str) -> None:
    """Whatever its form, it is not valid."""
    with pytest.raises(TokenInvalid):
        redeem_ticket(opening(), text)


def test_without_a_login_there_is_no_ticket(site: LiveSite) -> None:
    """The code is that of a missing credential."""
    device = site.device()
    device.who()
    assert code(device.post(PATH)) == (401, "not_authenticated")


@by_cookie
def test_another_site_gets_no_ticket(device: Device) -> None:
    """Over cookies it takes the CSRF proof."""
    assert code(device.send("POST", PATH)) == (403, "csrf_failed")


def test_tickets_are_counted(site: LiveSite, ada: User) -> None:
    """Of one auth session there are so many; another one of the same user has its own."""
    site.configure(RATES={"TICKET": "3/min"})
    device, other = site.logged_in(), site.logged_in()
    for _ in range(3):
        issued(device)
    assert code(device.post(PATH)) == (429, "throttled")
    issued(other)
    site.advance(minutes=1)
    issued(device)
