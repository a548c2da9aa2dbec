"""Log records for each event, and an e-mail about a new device."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django import VERSION as DJANGO_VERSION
from django.contrib.auth.models import User
from django.core import mail

from django_authkit import signals
from django_authkit.notifications import mail_new_device
from support.client import FIREFOX, SAFARI, Device
from support.live_site import LiveSite, by_cookie, in_jwt_mode

LOGGER = "django_authkit.sessions"
HOME, ELSEWHERE = "198.51.100.7", "203.0.113.9"
NOBODY_LISTENS = {
    "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
    "OPTIONS": {"host": "127.0.0.1", "port": 1, "timeout": 1},
}


class Keeper(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record."""
        self.records.append(record)


@pytest.fixture
def records() -> Iterator[list[logging.LogRecord]]:
    """Return the records of our logger, as they come."""
    keeper, logger = Keeper(), logging.getLogger(LOGGER)
    logger.addHandler(keeper)
    logger.setLevel(logging.INFO)
    yield keeper.records
    logger.setLevel(logging.NOTSET)
    logger.removeHandler(keeper)


def told(records: list[logging.LogRecord]) -> list[dict[str, Any]]:
    """Return the content of each of our records, and clear them."""
    names = ("event", "sid", "user_id", "address", "reason", "reuse", "age", "refused", "what")
    said = [{name: getattr(each, name) for name in names if hasattr(each, name)} for each in records]
    records.clear()
    return said


def test_a_log_in_and_a_log_out(site: LiveSite, ada: User, records: list[logging.LogRecord]) -> None:
    """Each is one record with event, sid, user and address; the revocation has its reason."""
    device = site.logged_in()
    who = {"sid": site.sid(device), "user_id": str(ada.pk), "address": HOME}
    assert told(records) == [{"event": "session_started", **who}]
    device.log_out()
    assert told(records) == [{"event": "session_revoked", **who, "reason": "logout"}]


@in_jwt_mode
def test_refreshes_and_reuse(
    site: LiveSite, ada: User, device: Device, records: list[logging.LogRecord]
) -> None:
    """Refresh, repeat and reuse are three events; reuse is a warning with its class, age and address."""
    who = {"sid": site.sid(device), "user_id": str(ada.pk), "address": HOME}
    thief = device.copy()
    thief.address = ELSEWHERE
    device.refresh()
    device.refresh()
    assert told(records) == [{"event": "session_refreshed", **who}] * 2
    site.advance(seconds=11)
    thief.refresh()
    levels = [record.levelno for record in records]
    reused, revoked = told(records)
    assert 11 <= reused.pop("age") < 15
    assert reused == {"event": "refresh_reused", **who, "reuse": "older", "address": ELSEWHERE}
    assert revoked == {"event": "session_revoked", **who, "reason": "reuse"}
    assert levels == [logging.WARNING, logging.INFO]


@in_jwt_mode
def test_a_repeat(site: LiveSite, ada: User, device: Device, records: list[logging.LogRecord]) -> None:
    """The second of two tabs is an event of its own."""
    tab = device.copy()
    device.refresh()
    tab.refresh()
    assert [each["event"] for each in told(records)] == ["session_refreshed", "refresh_repeated"]


def test_a_limit(site: LiveSite, ada: User, records: list[logging.LogRecord]) -> None:
    """A reached limit is a warning with the user and the client address."""
    site.configure(MAX_SESSIONS=1)
    site.logged_in()
    told(records)
    stranger = site.device(address=ELSEWHERE)
    stranger.log_in()
    levels = [record.levelno for record in records]
    reached, revoked, started = told(records)
    assert reached == {
        "event": "limit_reached",
        "user_id": str(ada.pk),
        "address": ELSEWHERE,
        "refused": False,
    }
    assert (revoked["event"], revoked["reason"], revoked["address"]) == ("session_revoked", "limit", HOME)
    assert started["event"] == "session_started"
    assert levels == [logging.WARNING, logging.INFO, logging.INFO]


@pytest.mark.parametrize("policy", ["notice", "revoke"])
def test_a_device_elsewhere(
    site: LiveSite, ada: User, device: Device, records: list[logging.LogRecord], policy: str
) -> None:
    """A mismatch is a warning that says what differs and where."""
    site.configure(BIND={"ADDRESS": policy})
    sid = site.sid(device)
    device.address = ELSEWHERE
    device.refresh()
    assert told(records)[0] == {
        "event": "binding_mismatch",
        "sid": sid,
        "user_id": str(ada.pk),
        "address": ELSEWHERE,
        "what": ["address"],
    }


def test_messages_say_who_from_where_and_why(
    site: LiveSite, ada: User, records: list[logging.LogRecord]
) -> None:
    """The text of a record has the user, the address, the session and the reason."""
    site.configure(MAX_SESSIONS=1)
    old = site.sid(site.logged_in())
    records.clear()
    device = site.device(address=ELSEWHERE)
    device.log_in()
    new = site.sid(device)
    device.log_out()
    assert [each.getMessage() for each in records] == [
        f"limit_reached: user {ada.pk} from {ELSEWHERE}, refused: False",
        f"session_revoked: user {ada.pk} from {HOME}, session {old}, reason: limit",
        f"session_started: user {ada.pk} from {ELSEWHERE}, session {new}",
        f"session_revoked: user {ada.pk} from {ELSEWHERE}, session {new}, reason: logout",
    ]


def test_no_record_has_a_secret(site: LiveSite, ada: User, caplog: pytest.LogCaptureFixture) -> None:
    """Neither key, token nor password is in a record or its attributes."""
    site.configure(MAX_SESSIONS=1, BIND={"ADDRESS": "revoke"})
    with caplog.at_level(logging.DEBUG):
        device = site.logged_in()
        secrets = {device.credential, device.django_session}
        device.refresh()
        device.reauthenticate()
        secrets |= {device.credential, device.django_session}
        site.logged_in()
        second = site.logged_in()
        secrets |= {second.credential, second.django_session}
        second.address = ELSEWHERE
        second.refresh()
    ours = [record for record in caplog.records if record.name.startswith("django_authkit")]
    assert len(ours) >= 6
    written = "\n".join(f"{record.getMessage()} {vars(record)}" for record in ours)
    assert not [secret for secret in secrets if secret in written]
    assert not [secret for secret in secrets if secret.rpartition(".")[2] in written]


@pytest.fixture
def mails_new_devices() -> Iterator[None]:
    """Connect the receiver that mails about new devices, as a project does."""
    signals.session_started.connect(mail_new_device)
    yield
    signals.session_started.disconnect(mail_new_device)


def test_no_mail_by_default(site: LiveSite, ada: User) -> None:
    """No e-mail is sent unless the project connects the receiver."""
    site.logged_in(user_agent=FIREFOX)
    assert mail.outbox == []


@pytest.mark.usefixtures("mails_new_devices")
def test_a_mail_about_a_new_device(site: LiveSite, ada: User) -> None:
    """If connected, a login from another browser than the live ones is mailed, with device and address."""
    site.logged_in(user_agent=FIREFOX)
    mail.outbox.clear()
    site.logged_in(user_agent=FIREFOX.replace("130", "131"))
    assert mail.outbox == []
    device = site.logged_in(user_agent=SAFARI)
    (sent,) = mail.outbox
    assert sent.to == ["ada@example.org"]
    assert sent.subject == "New login to your account"
    for said in ("ada", "Mobile Safari on iOS", HOME):
        assert said in sent.body
    assert device.credential not in sent.body


@pytest.mark.usefixtures("mails_new_devices")
def test_a_mail_says_when_in_the_project_s_time(site: LiveSite, ada: User) -> None:
    """The time is that of ``TIME_ZONE``, with ``USE_TZ`` on and off."""
    site.settings.TIME_ZONE = "Asia/Kathmandu"
    for aware in (True, False):
        site.settings.USE_TZ = aware
        mail.outbox.clear()
        site.logged_in(user_agent=SAFARI if aware else FIREFOX)
        assert "+0545" in mail.outbox[0].body


@pytest.mark.usefixtures("mails_new_devices")
def test_a_user_without_an_address(site: LiveSite, bob: User) -> None:
    """No e-mail is sent, and the login works."""
    site.logged_in("bob")
    assert mail.outbox == []


@pytest.mark.usefixtures("mails_new_devices")
def test_a_mail_server_that_is_down(site: LiveSite, ada: User, records: list[logging.LogRecord]) -> None:
    """The login works, and the log says that the notice was not sent."""
    if DJANGO_VERSION >= (6, 1):
        site.settings.MAILERS = {"default": NOBODY_LISTENS}
    else:
        site.settings.EMAIL_BACKEND = NOBODY_LISTENS["BACKEND"]
        site.settings.EMAIL_HOST, site.settings.EMAIL_PORT = "127.0.0.1", 1
    assert site.logged_in().logged_in()
    (failure,) = [each for each in records if each.exc_info]
    assert "could not be mailed" in failure.getMessage()


@pytest.mark.usefixtures("mails_new_devices")
@by_cookie
def test_djangos_own_log_ins_are_told_of_too(
    site: LiveSite, ada: User, records: list[logging.LogRecord]
) -> None:
    """A login by Django's ``login`` has its record and its e-mail."""
    browser = site.device()
    browser.get("/django/switch/ada/")
    assert [(each["event"], each["address"]) for each in told(records)] == [("session_started", HOME)]
    assert [sent.to for sent in mail.outbox] == [["ada@example.org"]]


def test_new_device_is_looked_up_only_when_asked(site: LiveSite, ada: User) -> None:
    """A login reads the list of devices only if a receiver uses the argument, which is then right."""
    site.logged_in(user_agent=FIREFOX)
    answers: list[bool] = []

    def ask(sender: Any, *, new_device: bool, **said: Any) -> None:
        answers.append(bool(new_device))

    def cost() -> int:
        device = site.device()
        device.user_agent = FIREFOX
        device.who()
        with site.counted() as trips:
            device.log_in()
        return len(trips.commands) + len(trips.queries)

    plain = cost()
    signals.session_started.connect(ask)
    try:
        asked = cost()
        site.logged_in(user_agent=SAFARI)
    finally:
        signals.session_started.disconnect(ask)
    assert asked == plain + 1
    assert answers == [False, True]


@pytest.mark.usefixtures("mails_new_devices")
def test_escaping(site: LiveSite, ada: User) -> None:
    """The mail contains nothing that the client sent, which could be a text or a link to lure with."""
    site.logged_in(user_agent="Call 555-0100 at once, https://evil.example")
    (sent,) = mail.outbox
    assert "evil" not in sent.body
    assert "555-0100" not in sent.body
