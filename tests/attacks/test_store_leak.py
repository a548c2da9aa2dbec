"""A copy of the store gives nobody a credential, even with ``SECRET_KEY``; nor do logs and reprs."""

import json
import logging
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connections
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

import django_authkit
from attacks.store_contents import forms_of, pieces_of, read_all, strings_in, windows
from django_authkit import signals
from django_authkit.errors import AuthKitError, CredentialRejected
from django_authkit.http.request_state import state_of
from django_authkit.session_keys import SessionKey, digest
from django_authkit.stores.protocol import Store
from django_authkit.tokens import RefreshClaims
from django_authkit.types import Mode, RevocationReason, Transport
from django_authkit.wiring import get_codec, get_jwt_strategy, get_store
from support.client import PASSWORD, REFRESH_COOKIE, SESSION_COOKIE, Device, code
from support.live_site import LiveSite
from support.signals import heard

jwt_mode_only = pytest.mark.parametrize("mode", [Mode.JWT], ids=str, indirect=True)
session_mode_only = pytest.mark.parametrize("mode", [Mode.SESSION], ids=str, indirect=True)
apps_only = pytest.mark.parametrize("transport", [Transport.HEADER], ids=str, indirect=True)
browsers_only = pytest.mark.parametrize("transport", [Transport.COOKIE], ids=str, indirect=True)


def claims_of(token: str) -> dict[str, Any]:
    """Return the payload of a JWT."""
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


@dataclass(frozen=True)
class Story:
    """
    Some days in the life of a site.

    Attributes:
        living: Devices that are still logged in.
        held: Every credential that anybody was ever handed.
        anonymous_keys: Keys of anonymous sessions that never logged in.
    """

    living: tuple[Device, ...]
    held: frozenset[str]
    anonymous_keys: frozenset[str]

    @property
    def secrets(self) -> set[str]:
        """What must not be readable in the store: credentials, and their secret parts."""
        found = set(self.held | self.anonymous_keys)
        for text in self.held | self.anonymous_keys:
            key = SessionKey.parse(text)
            if key is not None:
                found.add(key.secret)
            else:
                found.add(text.rpartition(".")[2])
                if "aud" not in claims_of(text):  # the jti of an access token opens nothing
                    found.add(claims_of(text)["jti"])
        return found

    @property
    def digests(self) -> list[bytes]:
        """The digests of the current secrets of those who are logged in."""
        return [digest(_secret_of(device.django_session)) for device in self.living]


def _secret_of(django_session: str) -> str:
    key = SessionKey.parse(django_session)
    return key.secret if key else str(claims_of(django_session)["jti"])


def told(live: LiveSite) -> Story:
    """Let users log in, refresh, repeat, be robbed, log out and visit."""
    held: set[str] = set()

    def note(*devices: Device) -> None:
        held.update(text for device in devices for text in (device.credential, device.django_session))

    live.add_user()
    fresh, rotated, repeated, left, robbed, revoked = devices = [live.logged_in() for _ in range(6)]
    note(*devices)
    twin = repeated.copy()
    for device in (rotated, rotated, rotated, repeated, twin, robbed, robbed):
        assert device.refresh().status_code == 200
        note(device)
    thief = robbed.copy()
    robbed.refresh()
    robbed.refresh()
    note(robbed)
    thief.refresh()
    django_authkit.revoke(live.sid(revoked))
    left.log_out()
    anonymous_keys = set()
    for _ in range(2):
        browser = live.device(Transport.COOKIE)
        browser.get("/plain/visits/")
        anonymous_keys.add(browser.cookies[SESSION_COOKIE])
    if fresh.is_browser:
        fresh.get("/plain/visits/")
    return Story((fresh, rotated, repeated), frozenset(held), frozenset(anonymous_keys))


@pytest.fixture
def story(live: LiveSite) -> Story:
    """Return what happened on the site before the store was copied."""
    live.configure(LIFETIMES={"TOUCH_INTERVAL": timedelta(0)})
    return told(live)


def test_no_secret_is_in_the_dump(live: LiveSite, story: Story) -> None:
    """No credential, and no secret part of one, is in it as text, bytes, base64 or hexadecimal."""
    loot = read_all(live)
    assert any(story.digests[0] in piece for piece in loot)  # otherwise the test looked in the wrong place
    for secret in story.secrets:
        for form in forms_of(secret):
            assert not any(form in piece for piece in loot)


def presented(live: LiveSite, text: str) -> list[int]:
    """Return the statuses of *text* as bearer, as each cookie, and in the body of ``refresh/``."""
    thief = live.device(Transport.HEADER)
    bearer = {"Authorization": f"Bearer {text}"}
    answers = [
        thief.send("GET", "/api/whoami/", headers=bearer),
        thief.send("POST", "/auth/refresh/", headers=bearer),
        thief.post("/auth/refresh/", {"refresh": text}, anonymous=True),
    ]
    browser = live.device(Transport.COOKIE)
    browser.who()
    for name in (SESSION_COOKIE, "__Host-authkit_access", REFRESH_COOKIE):
        tab = browser.copy()
        tab.cookies[name] = text
        answers += [tab.call(), tab.copy().refresh()]
    return [answer.status_code for answer in answers]


def opens(text: str) -> bool:
    """Tell whether *text* authenticates a view as a bearer credential, or opens a Django session."""
    request = RequestFactory().get("/", headers={"Authorization": f"Bearer {text}"})
    try:
        return django_authkit.authenticate(request) is not None
    except CredentialRejected:
        return False


@pytest.mark.slow
@apps_only
def test_nothing_in_the_dump_is_a_credential(live: LiveSite, story: Story) -> None:
    """Any string or blob of it is refused, however it is presented, and affects nobody."""
    texts = strings_in(pieces_of(live))
    texts |= {form.decode("latin-1") for mark in story.digests for form in (mark.hex().encode(), _b64(mark))}
    for text in sorted(texts):
        if text.isprintable() and len(text) < 2000:
            assert set(presented(live, text)) <= {400, 401}, text
    assert all(device.logged_in() for device in story.living)
    assert 200 in presented(live, story.living[0].credential)  # the same call with the real secret works


@pytest.mark.slow
@apps_only
def test_no_session_key_can_be_made_of_the_dump(live: LiveSite, story: Story) -> None:
    """A sid followed by any 23 characters of the dump opens nothing, as either kind of key."""
    texts = strings_in(pieces_of(live)) | {_b64(mark).decode() for mark in story.digests}
    secrets = windows(texts, 23)
    assert len(secrets) > 100
    sid, handle = live.sid(story.living[0]), min(story.anonymous_keys)[:16]
    assert not any(opens(f"{sid}.{secret}") for secret in secrets)
    assert not any(get_store().load_anonymous(handle, digest(secret)) for secret in secrets)
    assert opens(story.living[0].credential)
    assert all(device.logged_in() for device in story.living)


def _b64(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")


@jwt_mode_only
def test_the_secret_key_and_the_dump_give_no_refresh(live: LiveSite, story: Story) -> None:
    """
    A well-signed refresh token with any value of the dump as its ``jti`` gets no successor.

    A mismatched ``jti`` of the current generation is reuse by design: the signing key is enough to revoke an
    auth session, but not to continue it. A later generation revokes nothing.
    """
    pieces = pieces_of(live)
    for device, mark in zip(story.living, story.digests, strict=True):
        genuine = RefreshClaims.from_payload(claims_of(device.django_session))
        assert any(mark in piece for piece in pieces)
        later = replace(genuine, generation=genuine.generation + 1, jti=_b64(mark).decode())
        assert code(_refreshed(live, later)) == (401, "session_ended")
        assert device.logged_in()
        with heard(signals.refresh_reused) as reused:
            forged = [_b64(mark).decode(), mark.hex(), mark.decode("latin-1"), genuine.sid]
            told = [code(_refreshed(live, replace(genuine, jti=jti))) for jti in forged]
        assert told == [(401, "refresh_reused")] + [(401, "session_ended")] * 3
        assert len(reused) == 1
        assert code(device.refresh())[0] == 401


@jwt_mode_only
@apps_only
@pytest.mark.parametrize("generation", [1, 2])
def test_the_sealed_successor_is_of_no_use(live: LiveSite, generation: int) -> None:
    """Within the grace the store has the sealed successor, which ``SECRET_KEY`` alone does not open."""
    live.configure(MAX_SESSIONS=None)  # which has a row of its own
    live.add_user()
    device = live.logged_in()
    before = claims_of(device.django_session)
    assert device.refresh().status_code == 200
    sealed = _sealed(live)
    assert claims_of(device.django_session)["jti"].encode() not in sealed
    genuine = RefreshClaims.from_payload(before if generation == 1 else claims_of(device.django_session))
    forged = replace(genuine, jti=_b64(sealed).decode())
    assert code(_refreshed(live, forged)) == (401, "refresh_reused")


def _sealed(live: LiveSite) -> bytes:
    if live.on_redis:
        packed = re.compile(
            rb"(?:\xd9\x47|\xda\x00\x47)(.{71})", re.DOTALL
        )  # a string of that length in a record
        return next(match[1] for piece in pieces_of(live) if (match := packed.search(piece)))
    (row,) = live.snapshot()
    return bytes(row["sealed"])


def _refreshed(live: LiveSite, claims: RefreshClaims) -> Any:
    token = get_codec().issue_refresh(claims)
    return live.device(Transport.HEADER).post("/auth/refresh/", {"refresh": token}, anonymous=True)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Return the content of every record of every logger, at every level."""
    with caplog.at_level(logging.DEBUG):
        yield caplog


def _all_of(record: logging.LogRecord) -> str:
    """Return everything in *record* that a handler might write, including a traceback."""
    said = logging.Formatter("%(message)s").format(record)
    return f"{said} {record.args!r} {record.__dict__!r}"


def test_no_log_has_a_secret(live: LiveSite, logged: pytest.LogCaptureFixture) -> None:
    """Not at DEBUG, with every SQL statement logged, and whether requests succeed or fail."""
    with CaptureQueriesContext(connections[live.alias]):
        story = told(live)
        (device, *_) = story.living
        for text in (*sorted(story.held)[::4], *story.anonymous_keys, device.credential[:-1] + "AA"):
            presented(live, text)
        live.device().log_in(password=PASSWORD + "!")
    said = "\n".join(map(_all_of, logged.records))
    assert "Unauthorized" in said
    found = [secret for secret in {*story.secrets, PASSWORD, django_settings.SECRET_KEY} if secret in said]
    assert not found


def _what_is_passed_around(device: Device, store: Store) -> Iterator[object]:
    """Yield the objects with secrets that our layers pass to each other."""
    request = RequestFactory().post("/", headers={"Authorization": f"Bearer {device.credential}"})
    yield django_authkit.authenticate(request)
    yield state_of(request)
    grant = django_authkit.refresh(request, token=device.django_session)
    yield grant
    yield grant.session
    device.access, device.refresh_token = grant.access, grant.refresh or ""
    yield store.load(grant.session.sid)
    yield SessionKey.parse(grant.access)
    if grant.refresh:
        strategy = get_jwt_strategy()
        yield get_codec().read_access(grant.access)
        yield get_codec().read_refresh(grant.refresh)
        renewed = strategy.renew(grant.refresh)
        yield renewed
        yield strategy.issue(renewed.found, grant.user, renewed.secret, grant.transport)
        yield get_codec()
    yield store.revoke(grant.session.sid, RevocationReason.REVOKED)


@apps_only
def test_no_repr_has_a_secret(live: LiveSite) -> None:
    """Neither these objects nor the store, the codec or its keys show a secret in their repr."""
    live.add_user()
    device = live.logged_in()
    held = {device.credential, device.django_session}
    said = []
    for thing in _what_is_passed_around(device, get_store()):
        said.append(f"{thing!r} {thing}")
        held |= {device.credential, device.django_session}
    assert len(said) >= 7
    for secret in Story((), frozenset(held), frozenset()).secrets:
        for form in forms_of(secret) | {repr(digest(secret))[2:-1].encode()}:
            assert form.decode("latin-1") not in "\n".join(said)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@apps_only
def test_no_exception_has_a_secret(live: LiveSite) -> None:
    """A refused credential is not in the error, nor in the error that caused it."""
    live.add_user()
    device = live.logged_in()
    good = {device.credential, device.django_session}
    bad = {text[:-1] + ("A" if text[-1] != "A" else "B") for text in good} | {device.credential + "A"}
    live.logged_in().log_out()
    django_authkit.revoke(live.sid(device))
    raised = 0
    for text in good | bad:
        for act in (_authenticate, _refresh):
            with pytest.raises(AuthKitError) as caught:
                act(text)
            for error in _chain(caught.value):
                raised += 1
                said = f"{error!r} {error} {error.args!r}"
                assert not any(part in said for part in (text, text[24:], text.rpartition(".")[2]))
    assert raised >= 6


def _authenticate(text: str) -> None:
    django_authkit.authenticate(RequestFactory().get("/", headers={"Authorization": f"Bearer {text}"}))


def _refresh(text: str) -> None:
    django_authkit.refresh(RequestFactory().post("/"), token=text)
