"""``BIND``: an auth session is used from another browser or another network."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client

from django_authkit import sessions_of, signals
from django_authkit.service import device_binding
from django_authkit.service.device_binding import same_network
from django_authkit.types import AuthSession, RevocationReason
from support.client import DEVICE_COOKIE, FIREFOX, SAFARI, Device, body, code
from support.live_site import LiveSite, Trips, by_cookie, by_header, in_jwt_mode, in_session_mode
from support.signals import heard

HOME, SAME_NETWORK, ELSEWHERE = "198.51.100.7", "198.51.100.200", "203.0.113.9"
NEWER_FIREFOX = FIREFOX.replace("130.0", "131.0.2")


@pytest.fixture
def phone(site: LiveSite, ada: User) -> Device:
    """Return ada's browser, logged in from home."""
    return site.logged_in(user_agent=FIREFOX)


def record(user: User) -> AuthSession:
    """Return the user's one auth session."""
    (session,) = sessions_of(user)
    return session


def look(site: LiveSite, device: Device) -> Any:
    """Make a request that checks the binding: any in session mode, a refresh in JWT mode."""
    return device.refresh() if site.is_jwt else device.call()


def told(sent: list[dict[str, Any]]) -> list[tuple[tuple[str, ...], str]]:
    """Return what was reported to differ, and from where."""
    return [(each["what"], each["address"]) for each in sent]


def test_another_network_is_reported_once(site: LiveSite, ada: User, phone: Device) -> None:
    """By default a change sends one signal, the record has the new values, and nobody is logged out."""
    phone.address = ELSEWHERE
    with heard(signals.binding_mismatch) as sent:
        for _ in range(3):
            assert look(site, phone).status_code == 200
    assert told(sent) == [(("address",), ELSEWHERE)]
    assert sent[0]["session"].address == HOME
    assert record(ada).address == ELSEWHERE
    assert phone.logged_in()


def test_another_browser_is_reported_once(site: LiveSite, ada: User, phone: Device) -> None:
    """The same for another browser or system; both changes at once send one signal."""
    phone.user_agent = SAFARI
    with heard(signals.binding_mismatch) as sent:
        look(site, phone)
        look(site, phone)
        phone.user_agent, phone.address = FIREFOX, ELSEWHERE
        look(site, phone)
    assert told(sent) == [(("user_agent",), HOME), (("user_agent", "address"), ELSEWHERE)]
    assert record(ada).label == "Firefox on Linux"


def test_a_phone_that_changes_networks(site: LiveSite, ada: User, phone: Device) -> None:
    """Each change between two networks is reported, and nothing is revoked unless configured."""
    with heard(signals.binding_mismatch) as sent:
        for address in (ELSEWHERE, HOME, "2001:db8::1", HOME):
            phone.address = address
            assert look(site, phone).status_code == 200
            site.advance(minutes=2)
    assert [address for _, address in told(sent)] == [ELSEWHERE, HOME, "2001:db8::1", HOME]
    assert phone.logged_in()


@pytest.mark.parametrize("policy", ["notice", "revoke"])
def test_ordinary_changes_are_no_mismatch(site: LiveSite, ada: User, phone: Device, policy: str) -> None:
    """A new version of the browser and another address of the network are recorded without a report."""
    site.configure(BIND={"USER_AGENT": policy, "ADDRESS": policy})
    phone.user_agent, phone.address = NEWER_FIREFOX, SAME_NETWORK
    mark = record(ada).browser_mark
    with heard(signals.binding_mismatch) as sent:
        assert look(site, phone).status_code == 200
        assert look(site, phone).status_code == 200
    assert sent == []
    assert (record(ada).browser_mark, record(ada).address) == (mark, SAME_NETWORK)


@pytest.mark.parametrize(
    ("what", "value", "shown"),
    [("address", ELSEWHERE, ELSEWHERE), ("user_agent", SAFARI, "Mobile Safari on iOS")],
)
def test_off_is_off(site: LiveSite, ada: User, phone: Device, what: str, value: str, shown: str) -> None:
    """If switched off, nothing is reported or revoked; the list has the new values anyway."""
    site.configure(BIND={"USER_AGENT": "revoke", "ADDRESS": "revoke", what.upper(): "off"})
    setattr(phone, what, value)
    with heard(signals.binding_mismatch) as sent:
        assert look(site, phone).status_code == 200
    assert sent == []
    assert shown in {record(ada).address, record(ada).label}


@pytest.mark.parametrize(("what", "value"), [("address", ELSEWHERE), ("user_agent", SAFARI)])
def test_revoke_revokes_it(site: LiveSite, ada: User, phone: Device, what: str, value: str) -> None:
    """With "revoke" it is 401 ``binding_mismatch``, and the auth session is revoked for its owner, too."""
    site.configure(BIND={what.upper(): "revoke"})
    thief = phone.copy()
    setattr(thief, what, value)
    with heard(signals.binding_mismatch) as sent, heard(signals.session_revoked) as revoked:
        answer = look(site, thief)
    assert code(answer) == (401, "binding_mismatch")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert [each["what"] for each in sent] == [(what,)]
    assert [each["reason"] for each in revoked] == [RevocationReason.BINDING]
    assert site.sids(ada) == []
    assert not phone.logged_in()
    assert code(phone.refresh()) == (401, "session_ended")


def test_a_notice_beside_a_revoke(site: LiveSite, ada: User, phone: Device) -> None:
    """A difference that is only reported does not revoke, even if the other setting is "revoke"."""
    site.configure(BIND={"USER_AGENT": "revoke", "ADDRESS": "notice"})
    phone.address = ELSEWHERE
    assert look(site, phone).status_code == 200
    phone.user_agent = SAFARI
    assert code(look(site, phone)) == (401, "binding_mismatch")


def test_a_receiver_that_fails_prevents_no_revocation(site: LiveSite, ada: User, phone: Device) -> None:
    """The revocation comes before the signal: a receiver that raises does not prevent it."""
    site.configure(BIND={"ADDRESS": "revoke"})
    phone.address = ELSEWHERE

    def fail(sender: Any, **said: Any) -> None:
        raise LookupError

    signals.binding_mismatch.connect(fail)
    try:
        with pytest.raises(LookupError):
            look(site, phone)
    finally:
        signals.binding_mismatch.disconnect(fail)
    assert site.sids(ada) == []


@in_session_mode
@by_cookie
def test_a_session_whose_user_was_not_read(site: LiveSite, ada: User, phone: Device) -> None:
    """A plain view that only reads ``request.session`` sees nothing of a session bound elsewhere."""
    site.configure(BIND={"ADDRESS": "revoke"})
    phone.post("/django/cart/", "a book")
    thief = phone.copy()
    thief.address = ELSEWHERE
    with heard(signals.binding_mismatch) as sent:
        assert body(thief.get("/django/cart/")) == {"cart": [], "id": None}
    assert len(sent) == 1
    assert site.sids(ada) == []


@in_session_mode
@by_cookie
@pytest.mark.parametrize("path", ["/plain/whoami/", "/plain/whoami-async/"])
def test_plain_views_by_cookie_are_anonymous(site: LiveSite, ada: User, phone: Device, path: str) -> None:
    """As with any invalid cookie."""
    site.configure(BIND={"USER_AGENT": "revoke"})
    phone.user_agent = SAFARI
    assert body(phone.get(path))["id"] is None
    assert site.sids(ada) == []


@in_session_mode
@by_header
@pytest.mark.parametrize("path", ["/plain/whoami/", "/plain/whoami-async/"])
def test_plain_views_by_bearer_are_a_401(site: LiveSite, ada: User, phone: Device, path: str) -> None:
    """An invalid bearer is an error."""
    site.configure(BIND={"USER_AGENT": "revoke"})
    phone.user_agent = SAFARI
    assert code(phone.get(path)) == (401, "binding_mismatch")
    assert site.sids(ada) == []


@by_cookie
def test_djangos_own_log_in_is_bound_too(site: LiveSite, ada: User) -> None:
    """In both modes a login by Django's ``login`` is checked whenever its session is."""
    site.configure(BIND={"ADDRESS": "revoke"})
    browser = site.device()
    browser.get("/django/switch/ada/")
    assert body(browser.get("/plain/whoami/"))["id"] == ada.pk
    browser.address = ELSEWHERE
    assert body(browser.get("/plain/whoami/"))["id"] is None
    assert site.sids(ada) == []


@in_jwt_mode
def test_access_tokens_are_not_checked(site: LiveSite, ada: User, phone: Device) -> None:
    """In JWT mode the binding is checked at refresh and re-authentication, not on each request."""
    site.configure(BIND={"ADDRESS": "revoke"})
    phone.address = ELSEWHERE
    assert phone.call().status_code == 200
    assert code(phone.reauthenticate()) == (401, "binding_mismatch")
    assert code(phone.call()) == (401, "session_ended")


@by_cookie
@in_session_mode
def test_a_record_without_a_device_takes_the_first(site: LiveSite, ada: User) -> None:
    """After ``force_login`` of the test client the user is logged in, and no mismatch is reported."""
    site.configure(BIND={"ADDRESS": "revoke", "USER_AGENT": "revoke"})
    client = Client()
    client.force_login(ada)
    with heard(signals.binding_mismatch) as mismatches:
        for _ in range(2):
            assert client.get("/api/whoami/", secure=True, REMOTE_ADDR=HOME).status_code == 200
        assert client.get("/api/whoami/", secure=True, REMOTE_ADDR=ELSEWHERE).status_code == 401
    assert len(mismatches) == 1


@in_jwt_mode
@pytest.mark.parametrize("ago", [None, 1, 11], ids=["current", "within_the_grace", "too_late"])
def test_a_refresh_from_elsewhere_exchanges_nothing(
    site: LiveSite, ada: User, phone: Device, ago: int | None
) -> None:
    """The device is checked before the refresh token is used up; a superseded one stays reuse."""
    site.configure(BIND={"ADDRESS": "revoke"})
    thief = phone.copy()
    thief.address = ELSEWHERE
    if ago is not None:
        phone.refresh()
        site.advance(seconds=ago)
    before = record(ada)
    with heard(signals.session_refreshed) as refreshed, heard(signals.session_revoked) as revoked:
        answer = thief.refresh()
    assert code(answer) == (401, "refresh_reused" if ago == 11 else "binding_mismatch")
    (said,) = revoked
    assert said["session"] == before
    assert refreshed == []


@in_jwt_mode
@by_cookie
def test_a_refresh_that_revokes_clears_the_cookies(site: LiveSite, phone: Device) -> None:
    """They can never work again."""
    site.configure(BIND={"ADDRESS": "revoke"})
    phone.address = ELSEWHERE
    phone.refresh()
    assert set(phone.cookies) - {DEVICE_COOKIE} == {"csrftoken"}


def test_a_refresh_in_session_mode_checks(site: LiveSite, phone: Device) -> None:
    """``refresh/`` checks in both modes."""
    site.configure(BIND={"ADDRESS": "revoke"})
    phone.address = ELSEWHERE
    assert code(phone.refresh()) == (401, "binding_mismatch")


def test_a_forged_address_changes_nothing(site: LiveSite, ada: User, phone: Device) -> None:
    """By default ``X-Forwarded-For`` is ignored: it neither revokes, nor prevents it, nor is recorded."""
    site.configure(BIND={"ADDRESS": "revoke"})
    with heard(signals.binding_mismatch) as sent:
        assert phone.get("/auth/session/", {"X-Forwarded-For": ELSEWHERE}).status_code == 200
        assert phone.refresh().status_code == 200
    assert sent == []
    assert record(ada).address == HOME
    thief = phone.copy()
    thief.address = ELSEWHERE
    token = None if thief.is_browser else {"refresh": thief.django_session}
    proof = thief.csrf() if thief.is_browser else {}
    forged = thief.post("/auth/refresh/", token, headers={**proof, "X-Forwarded-For": HOME}, anonymous=True)
    assert code(forged) == (401, "binding_mismatch")


@in_session_mode
def test_behind_a_proxy_the_clients_address_counts(site: LiveSite, ada: User) -> None:
    """With ``TRUSTED_PROXIES`` it is the address that the proxy saw, however the proxy connects."""
    site.configure(BIND={"ADDRESS": "revoke"}, TRUSTED_PROXIES=1)
    device = site.logged_in()
    seen = {"X-Forwarded-For": HOME}
    with heard(signals.binding_mismatch) as sent:
        assert device.get("/auth/session/", seen).status_code == 200
        device.address = "10.0.0.9"
        forged = {"X-Forwarded-For": f"{ELSEWHERE}, {HOME}"}
        assert device.get("/auth/session/", forged).status_code == 200
        assert sent == []
        moved = {"X-Forwarded-For": f"{HOME}, {ELSEWHERE}"}
        assert code(device.get("/auth/session/", moved)) == (401, "binding_mismatch")


def test_networks(site: LiveSite) -> None:
    """The prefixes define a network; both notations of an IPv4 address are the same."""
    for one, other in (
        (HOME, SAME_NETWORK),
        ("2001:db8:0:1200::1", "2001:db8:0:12ff:ffff::9"),
        (f"::ffff:{HOME}", SAME_NETWORK),
        ("fe80::1%eth0", "fe80::2%eth1"),
        ("", ""),
        ("unknown", "unknown"),
    ):
        assert same_network(one, other), (one, other)
        assert same_network(other, one), (one, other)
    for one, other in (
        (HOME, ELSEWHERE),
        ("2001:db8:0:1200::1", "2001:db8:0:1300::1"),
        (HOME, "2001:db8::1"),
        (HOME, ""),
        ("::1", "127.0.0.1"),
        (HOME, "unknown"),
    ):
        assert not same_network(one, other), (one, other)
        assert not same_network(other, one), (one, other)
    site.configure(BIND={"IPV4_PREFIX": 32, "IPV6_PREFIX": 128})
    assert not same_network(HOME, SAME_NETWORK)
    assert not same_network("2001:db8::1", "2001:db8::2")
    site.configure(BIND={"IPV4_PREFIX": 0, "IPV6_PREFIX": 0})
    assert same_network(HOME, ELSEWHERE)
    assert same_network("::1", "2001:db8::1")


def test_what_is_stored_of_a_browser(site: LiveSite, ada: User, phone: Device) -> None:
    """The store has the label and the mark of a browser, not its user agent."""
    session = record(ada)
    assert (session.label, len(session.browser_mark)) == ("Firefox on Linux", 6)
    assert "Mozilla" not in repr(session)


def test_nothing_of_it_is_in_the_sessions_data(site: LiveSite, ada: User, phone: Device) -> None:
    """The values are in the record, not in the session data, which races can overwrite."""
    from django.contrib.sessions.backends.base import SessionBase

    if not phone.is_browser or site.is_jwt:
        phone = site.device()
        phone.get("/django/switch/ada/")
    seen: list[SessionBase] = []

    def keep(sender: Any, request: Any, **said: Any) -> None:
        seen.append(request.session)

    from testapp.django_views import midway

    midway.connect(keep)
    phone.address = ELSEWHERE
    phone.get("/django/cart/")
    midway.disconnect(keep)
    (session,) = seen
    assert not {HOME, ELSEWHERE, FIREFOX} & set(map(str, session.values()))


def test_it_costs_nothing_while_nothing_changes(site: LiveSite, phone: Device) -> None:
    """Unchanged values need no additional round trip; a new one is written once."""
    site.configure(BIND={"USER_AGENT": "revoke", "ADDRESS": "notice"})
    look(site, phone)
    with site.counted() as before:
        look(site, phone)
    phone.address = ELSEWHERE
    with site.counted() as moving:
        look(site, phone)
    with site.counted() as after:
        look(site, phone)

    assert cost(after) == cost(before)
    assert cost(moving) == cost(before) + 1


def test_addresses_that_alternate_are_recorded_once_in_an_interval(
    site: LiveSite, ada: User, phone: Device
) -> None:
    """An address that flaps costs one write and sends one signal for each address in the interval."""
    with heard(signals.binding_mismatch) as sent, site.counted() as trips:
        for number in range(20):
            phone.address = (ELSEWHERE, HOME)[number % 2]
            assert look(site, phone).status_code == 200
    assert told(sent) == [(("address",), ELSEWHERE), (("address",), HOME)]
    with heard(signals.binding_mismatch) as sent, site.counted() as steady:
        for _ in range(20):
            assert look(site, phone).status_code == 200
    assert cost(trips) <= cost(steady) + 2
    site.advance(minutes=2)
    phone.address = ELSEWHERE
    with heard(signals.binding_mismatch) as sent:
        look(site, phone)
    assert told(sent) == [(("address",), ELSEWHERE)]


def test_a_use_that_was_not_recorded_is_reported_later(
    site: LiveSite, ada: User, phone: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error on the way to the record keeps nobody's next use from being reported."""
    phone.address, phone.user_agent = ELSEWHERE, "nobody knows it"
    with monkeypatch.context() as broken:
        broken.setattr(device_binding, "label_at", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            look(site, phone)
    with heard(signals.binding_mismatch) as sent:
        assert look(site, phone).status_code == 200
    assert len(sent) == 1


def test_one_session_causes_few_writes_whatever_it_claims_to_be(
    site: LiveSite, ada: User, phone: Device
) -> None:
    """A client that claims to be elsewhere with each request costs ten writes and signals in an interval."""
    with heard(signals.binding_mismatch) as sent, site.counted() as trips:
        for number in range(50):
            phone.address = f"198.51.{number}.1"
            assert look(site, phone).status_code == 200
    with site.counted() as steady:
        for _ in range(50):
            assert look(site, phone).status_code == 200
    assert len(told(sent)) == 10
    assert cost(trips) <= cost(steady) + 10


def cost(trips: Trips) -> int:
    """Return the number of round trips."""
    return len(trips.commands) + len(trips.queries)


@pytest.fixture
def atomic_requests(site: LiveSite) -> Iterator[None]:
    """Wrap every view in a transaction, as the setting does."""
    settings_dict = connections[site.alias].settings_dict
    settings_dict["ATOMIC_REQUESTS"] = True
    yield
    settings_dict["ATOMIC_REQUESTS"] = False


@in_session_mode
@pytest.mark.usefixtures("atomic_requests")
@pytest.mark.parametrize("path", ["/api/whoami/", "/plain/vault/", "/plain/whoami/"])
def test_a_revocation_is_not_rolled_back(site: LiveSite, ada: User, phone: Device, path: str) -> None:
    """Under ``ATOMIC_REQUESTS`` the 401 rolls the view back, but not the revocation."""
    site.configure(BIND={"ADDRESS": "revoke"})
    thief = phone.copy()
    thief.address = ELSEWHERE
    thief.get(path)
    assert site.sids(ada) == []
    assert not phone.logged_in()


@in_session_mode
@pytest.mark.usefixtures("atomic_requests")
def test_a_change_is_noted_with_the_request(site: LiveSite, ada: User, phone: Device) -> None:
    """Under ``ATOMIC_REQUESTS`` it is written when the view has returned."""
    phone.address = ELSEWHERE
    assert phone.call().status_code == 200
    assert record(ada).address == ELSEWHERE
