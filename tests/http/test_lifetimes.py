"""Idle timeout and absolute lifetime: the same meaning in both modes."""

from datetime import datetime, timedelta

import jwt
import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.test import RequestFactory
from django.utils import timezone

from django_authkit import log_in, sessions_of
from django_authkit.session_engine import SessionStore
from django_authkit.types import Transport
from support.client import Device, body, code
from support.live_site import LiveSite, by_header, in_jwt_mode, in_session_mode


def ended(site: LiveSite, device: Device) -> bool:
    """Tell whether no credential of the device works."""
    return not device.copy().logged_in() and device.copy().refresh().status_code == 401


def test_an_idle_device_is_logged_out(site: LiveSite, ada: User, device: Device) -> None:
    """After ``LIFETIMES["IDLE"]`` without activity the auth session has expired."""
    site.advance(days=14, seconds=5)
    assert ended(site, device)
    assert code(device.refresh()) == (401, "session_ended")
    assert site.sids(ada) == []


def test_a_device_in_use_stays(site: LiveSite, ada: User, device: Device) -> None:
    """Activity extends the idle timeout: requests in session mode, refreshes in JWT mode."""
    for _ in range(4):
        site.advance(days=13)
        if site.is_jwt:
            assert device.refresh().status_code == 200
        assert device.logged_in()
    site.advance(days=14, seconds=5)
    assert ended(site, device)


def test_nothing_reaches_past_the_absolute_end(site: LiveSite, ada: User, device: Device) -> None:
    """After ``LIFETIMES["ABSOLUTE"]`` it has expired, despite activity."""
    for _ in range(8):
        site.advance(days=11)
        assert device.refresh().status_code == 200
    site.advance(days=2, minutes=-1)
    assert device.refresh().status_code == 200
    assert device.logged_in()
    site.advance(minutes=2)
    assert ended(site, device)
    assert site.sids(ada) == []


@in_jwt_mode
def test_an_access_token_does_not_outlive_its_auth_session(site: LiveSite, device: Device) -> None:
    """Near the absolute end tokens are shorter, ``expires_in`` too; ``exp`` is never later."""
    site.configure(LIFETIMES={"ABSOLUTE": timedelta(hours=1), "IDLE": timedelta(hours=1)})
    device = site.logged_in()
    ends = datetime.fromisoformat(body(device.who())["session"]["expires_at"]).timestamp()
    site.advance(minutes=57)
    answer = device.refresh()
    assert answer.status_code == 200
    for token in (device.credential, device.django_session):
        assert jwt.decode(token, options={"verify_signature": False})["exp"] <= ends
    if site.transport is Transport.HEADER:
        assert 0 < body(answer)["expires_in"] <= 180
    site.advance(minutes=4)
    assert ended(site, device)


@in_session_mode
def test_the_time_to_the_idle_end_is_told(site: LiveSite, ada: User) -> None:
    """In session mode ``expires_in`` is the time until the idle expiry, or less near the absolute end."""
    if site.transport is Transport.COOKIE:
        site.configure(TRANSPORTS=("header",))
    site.configure(LIFETIMES={"ABSOLUTE": timedelta(days=20)})
    device = site.device(Transport.HEADER)
    device.log_in()
    site.advance(days=10)
    assert abs(body(device.refresh())["expires_in"] - 10 * 86400) <= 5


@in_session_mode
def test_requests_slide_at_most_once_per_interval(site: LiveSite, ada: User, device: Device) -> None:
    """Activity is written at most once per ``LIFETIMES["TOUCH_INTERVAL"]``."""
    before = site.snapshot()
    site.advance(seconds=50)
    assert device.logged_in()
    assert site.snapshot() == before
    site.advance(seconds=15)
    assert device.logged_in()
    assert site.snapshot() != before


@in_jwt_mode
def test_requests_write_nothing_in_jwt_mode(site: LiveSite, device: Device) -> None:
    """In JWT mode activity counts at refresh; a request does not change the store."""
    site.advance(minutes=4)
    before = site.snapshot()
    assert device.logged_in()
    assert site.snapshot() == before


@pytest.mark.parametrize("lifetime", [timedelta(minutes=1), timedelta(minutes=30)])
@in_jwt_mode
def test_access_lifetime_is_a_setting(site: LiveSite, ada: User, lifetime: timedelta) -> None:
    """An access token works for ``LIFETIMES["ACCESS"]`` plus the leeway."""
    site.configure(LIFETIMES={"ACCESS": lifetime})
    device = site.logged_in()
    site.advance(seconds=lifetime.total_seconds() - 5)
    assert device.logged_in()
    site.advance(seconds=15)
    assert code(device.call()) == (401, "token_expired")


@by_header
def test_a_login_can_last_less_long_than_others(site: LiveSite, ada: User) -> None:
    """It ends then in spite of activity, and its credential says so; never later than the setting."""
    device = site.device()
    grant = log_in(RequestFactory().get("/"), ada, transport=Transport.HEADER, lifetime=timedelta(minutes=20))
    device.access, device.refresh_token = grant.access, grant.refresh or ""
    assert grant.session.expires_ms - grant.session.created_ms == 20 * 60 * 1000
    assert grant.expires_in <= 20 * 60
    site.advance(minutes=19)
    assert device.refresh().status_code == 200
    site.advance(minutes=1, seconds=6)
    assert ended(site, device)
    log_in(RequestFactory().get("/"), ada, transport=Transport.HEADER, lifetime=timedelta(days=900))
    (session,) = sessions_of(ada)
    assert session.expires_ms - session.created_ms == 90 * 24 * 60 * 60 * 1000
    with pytest.raises(ValueError, match="a second or more"):
        log_in(RequestFactory().get("/"), ada, transport=Transport.HEADER, lifetime=timedelta(0))


@by_header
def test_a_login_can_have_an_idle_timeout_of_its_own(site: LiveSite, ada: User) -> None:
    """It ends after so long without activity; activity keeps it, and its credential says when it ends."""
    device, own = site.device(), timedelta(minutes=20)
    grant = log_in(RequestFactory().get("/"), ada, transport=Transport.HEADER, idle=own)
    device.access, device.refresh_token = grant.access, grant.refresh or ""
    assert grant.expires_in <= 20 * 60
    for _ in range(3):
        site.advance(minutes=19)
        assert device.refresh().status_code == 200
    site.advance(minutes=20, seconds=6)
    assert ended(site, device)
    log_in(RequestFactory().get("/"), ada, transport=Transport.HEADER, idle=timedelta(days=900))
    (session,) = sessions_of(ada)
    assert (session.idle_timeout, session.idle_expires_ms - session.created_ms) == (0, 14 * 86_400_000)
    for too_short in (timedelta(minutes=4), timedelta(seconds=-1)):
        with pytest.raises(ValueError, match="ACCESS"):
            log_in(RequestFactory().get("/"), ada, transport=Transport.HEADER, idle=too_short)


def test_a_login_that_is_not_remembered_can_live_less_long(site: LiveSite, ada: User) -> None:
    """``remember`` chooses between ``LIFETIMES`` and its ``NOT_REMEMBERED``, for both ends."""
    shorter = {"IDLE": timedelta(minutes=30), "ABSOLUTE": timedelta(hours=1)}
    site.configure(LIFETIMES={"NOT_REMEMBERED": shorter})
    kept, device = site.device(), site.device()
    assert kept.log_in(remember=True).status_code == 200
    assert device.log_in().status_code == 200
    site.advance(minutes=29)
    assert device.refresh().status_code == 200
    site.advance(minutes=29)
    assert device.refresh().status_code == 200
    site.advance(minutes=3)
    assert ended(site, device)
    assert device.log_in().status_code == 200
    site.advance(minutes=30, seconds=6)
    assert ended(site, device)
    assert kept.refresh().status_code == 200
    assert kept.logged_in()


@in_session_mode
@pytest.mark.parametrize("remember", [False, True])
def test_what_django_tells_of_the_expiry_is_when_it_ends(site: LiveSite, ada: User, remember: bool) -> None:
    """``get_expiry_age()`` and ``get_expiry_date()`` say how long a login lasts without activity."""
    site.configure(LIFETIMES={"NOT_REMEMBERED": {"IDLE": timedelta(hours=1), "ABSOLUTE": timedelta(hours=8)}})
    idle = 14 * 86400 if remember else 3600
    grant = log_in(RequestFactory().get("/"), ada, transport=Transport.HEADER, remember=remember)
    session = SessionStore(grant.access)
    assert session["_auth_user_id"] == str(ada.pk)
    now = timezone.now()
    session.set_expiry(15 * 86400)  # which is longer
    for _ in range(2):
        assert session.get_expiry_age() == async_to_sync(session.aget_expiry_age)() == idle
        for date in (session.get_expiry_date(modification=now), async_to_sync(session.aget_expiry_date)()):
            assert abs((date - now).total_seconds() - idle) < 5
        session.set_expiry(None)
    session.set_expiry(600)
    assert session.get_expiry_age() == 600
    assert session.get_expiry_date(modification=now) == now + timedelta(minutes=10)
