"""Logout revokes the auth session of any genuine credential, and reveals nothing."""

import pytest
from django.contrib.auth.models import User

from django_authkit.types import Transport
from support.client import Device, body, code
from support.live_site import LiveSite, in_jwt_mode


def test_after_log_out_no_credential_works(site: LiveSite, ada: User, device: Device) -> None:
    """Session key, access token and refresh token are refused at once; the record is gone."""
    thief = device.copy()
    assert device.log_out().status_code == 204
    assert code(thief.call()) == (401, "session_ended")
    assert code(thief.refresh()) == (401, "session_ended")
    assert site.sids(ada) == []


def test_logout_revokes_no_other_auth_session(site: LiveSite, ada: User, device: Device) -> None:
    """The user's other devices are not affected."""
    elsewhere = site.logged_in()
    device.log_out()
    assert elsewhere.logged_in()
    assert site.sids(ada) == [site.sid(elsewhere)]


def test_a_second_log_out_is_answered_alike(site: LiveSite, device: Device) -> None:
    """Logout is idempotent: 204 with the dead credential, and 204 without one."""
    stale = device.copy()
    for client in (device, stale, site.device()):
        answer = client.log_out()
        assert (answer.status_code, answer.content) == (204, b"")


def test_an_expired_access_token_logs_out(site: LiveSite, ada: User, device: Device) -> None:
    """A logout works after the access token has expired."""
    site.advance(hours=1)
    device.cookies.pop("__Host-authkit_refresh", None)
    assert device.log_out().status_code == 204
    assert site.sids(ada) == []


@in_jwt_mode
def test_a_superseded_refresh_token_logs_out(site: LiveSite, ada: User, device: Device) -> None:
    """A refresh token that has a successor can revoke its auth session, in body and cookie."""
    old = device.copy()
    device.refresh()
    site.advance(minutes=10)
    if old.is_browser:
        del old.cookies["__Host-authkit_access"]
        assert old.log_out().status_code == 204
    else:
        content = {"refresh": old.django_session}
        assert old.post("/auth/logout/", content, anonymous=True).status_code == 204
    assert site.sids(ada) == []
    assert code(device.refresh()) == (401, "session_ended")


def test_the_credential_in_the_body_logs_out(site: LiveSite, ada: User, device: Device) -> None:
    """The body of ``refresh/`` works for ``logout/``, too."""
    app = site.device(Transport.HEADER)
    assert app.post("/auth/logout/", {"refresh": device.django_session}).status_code == 204
    assert site.sids(ada) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"null", b"{", b"[]", b'{"refresh": 7}', b'{"refresh": null}', b'{"refresh": "x"}', b"\xff"],
)
def test_junk_is_answered_alike(site: LiveSite, ada: User, device: Device, content: bytes) -> None:
    """Junk in the body revokes nothing and is 204 or a 4xx with a code that reveals nothing."""
    answer = site.device(Transport.HEADER).send("POST", "/auth/logout/", content)
    assert answer.status_code == 204 or (answer.status_code == 400 and body(answer)["code"])
    assert device.logged_in()


def test_log_out_is_no_oracle(site: LiveSite, device: Device) -> None:
    """A genuine credential, a tampered one and junk get the same response."""
    credential = device.credential
    tampered = credential[:-3] + ("AAA" if credential[-3:] != "AAA" else "BBB")
    answers = []
    for token in ("junk", tampered, credential):
        client = site.device(Transport.HEADER)
        client.access = token
        answers.append(client.log_out())
    assert len({(a.status_code, a.content, tuple(sorted(a.headers.items()))) for a in answers}) == 1
    assert not device.logged_in()


def test_a_bearer_logs_out_its_own_auth_session_alone(site: LiveSite, ada: User, bob: User) -> None:
    """With a bearer, cookies in the same request are neither revoked nor cleared."""
    browser, other = site.logged_in("ada"), site.logged_in("bob")
    answer = browser.post("/auth/logout/", headers={"Authorization": f"Bearer {other.credential}"})
    assert answer.status_code == 204
    assert site.sids(bob) == []
    assert browser.logged_in()


def test_a_tampered_credential_logs_nobody_out(site: LiveSite, ada: User, device: Device) -> None:
    """Knowing the sid, or half of a key, is not enough to revoke an auth session."""
    credential = device.credential
    place = len(credential) - 5
    tampered = credential[:place] + ("A" if credential[place] != "A" else "B") + credential[place + 1 :]
    client = site.device(Transport.HEADER)
    client.access = tampered
    client.log_out()
    assert device.logged_in()
