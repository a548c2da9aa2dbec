"""What error reports show to their readers: those that Django mails, and those of trackers with locals."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from traceback import TracebackException
from typing import Any

import pytest
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.dispatch import Signal
from django.utils.log import AdminEmailHandler
from django.views.debug import ExceptionReporter

from django_authkit import signals
from support.client import CSRF_COOKIE, FIREFOX, PASSWORD, SAFARI, Device
from support.hidden_table import without_table
from support.live_site import LiveSite, by_cookie, in_jwt_mode, in_session_mode
from testapp.backends import Failing

WRONG = "a wrong but telling password"
NAMES = {"ACCESS_NAME": "__Host-a", "REFRESH_NAME": "__Host-r", "DEVICE_NAME": "__Host-d"}
"""Of cookies, which do not tell Django that they are secret."""


on_one_store = pytest.mark.parametrize("where", ["sqlite"], indirect=True)
"""For what does not depend on the store."""


class ReceiverFailed(Exception):
    """What a project's receiver raises."""


class Reports(AdminEmailHandler):
    """Keeps what is mailed to admins, and what a tracker that collects local variables gets."""

    def __init__(self) -> None:
        super().__init__(include_html=True)
        self.all: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Report *record* in each way."""
        super().emit(record)
        if record.exc_info and record.exc_info[1]:
            error = TracebackException.from_exception(record.exc_info[1], capture_locals=True)
            self.all += ["".join(error.format())]
            self.all += [
                ExceptionReporter(getattr(record, "request", None), *record.exc_info).get_traceback_text()
            ]

    def send_mail(self, subject: Any, message: Any, *_args: Any, **said: Any) -> None:
        """Keep the mail instead of sending it."""
        self.all += [subject, message, said.get("html_message") or ""]


@contextmanager
def reported(device: Device, *more: str) -> Iterator[None]:
    """Require that the block is reported, without a secret of the device's, of before or after."""
    reports = Reports()
    logging.getLogger().addHandler(reports)
    secrets = {*_secrets_of(device), PASSWORD, WRONG, *more}
    try:
        yield
    finally:
        logging.getLogger().removeHandler(reports)
    assert any("Traceback" in each for each in reports.all)
    secrets |= _secrets_of(device)
    for each in reports.all:
        for secret in secrets:
            position = each.find(secret)
            assert position < 0, each[max(0, position - 500) : position + 100]


def _secrets_of(device: Device) -> set[str]:
    """Return what it holds: whole, and the part that is no public handle."""
    jar = (value for name, value in device.cookies.items() if name != CSRF_COOKIE)
    held = {device.access, device.refresh_token, *jar} - {""}
    return held | {each.split(".")[-1] for each in held}


@contextmanager
def failing(*of: Signal) -> Iterator[None]:
    """Let a receiver of these signals fail."""

    def fail(**_said: Any) -> None:
        raise ReceiverFailed

    for each in of:
        each.connect(fail)
    try:
        yield
    finally:
        for each in of:
            each.disconnect(fail)


def send(device: Device, path: str, body: Any) -> None:
    """Send it, as an app or a page does, to an endpoint that fails."""
    with suppress(ReceiverFailed, RuntimeError):
        headers = {"X-Authkit-Transport": str(device.transport)}
        assert device.post(path, body, headers=headers).status_code == 503


@pytest.fixture(autouse=True)
def nothing_was_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test see the first report of an outage, which is logged once a minute."""
    monkeypatch.setattr("django_authkit.outages._logged_at", {})


@on_one_store
@pytest.mark.parametrize("path", ["/auth/login/", "/compat/token/"])
@pytest.mark.parametrize("signal", [user_logged_in, user_login_failed, signals.session_started])
def test_the_password_of_a_login(live: LiveSite, path: str, signal: Signal) -> None:
    """A receiver that fails at a login leaves no password in the report, and no new credential."""
    live.add_user()
    device = live.device()
    device.who()
    password = WRONG if signal is user_login_failed else PASSWORD
    with reported(device), failing(signal):
        send(device, path, {"username": "ada", "password": password})


@on_one_store
@pytest.mark.parametrize("path", ["/compat/token/", "/compat/token/refresh/", "/compat/token/verify/"])
def test_the_fields_of_a_form(live: LiveSite, path: str) -> None:
    """Neither do the fields of a form that a client of simplejwt's sends."""
    live.add_user()
    device = live.logged_in()
    held = device.django_session
    with (
        reported(device),
        failing(user_logged_in, signals.session_refreshed),
        pytest.MonkeyPatch.context() as patch,
        suppress(ReceiverFailed, RuntimeError),
    ):
        live.settings.AUTHENTICATION_BACKENDS = ["testapp.backends.Failing"]
        patch.setattr(Failing, "fails_at", "get_user")
        device.submit(path, username="ada", password=PASSWORD, refresh=held, token=held)


@on_one_store
@by_cookie
@pytest.mark.parametrize("path", ["/admin/login/", "/login/"])
@pytest.mark.parametrize("signal", [user_logged_in, user_login_failed])
def test_the_password_of_django_s_login(live: LiveSite, path: str, signal: Signal) -> None:
    """Neither do the reports about Django's own views."""
    live.settings.ROOT_URLCONF = "projects.redirecting_login"
    live.add_user(is_staff=True)
    device = live.device()
    device.who()
    password = WRONG if signal is user_login_failed else PASSWORD
    with reported(device), failing(signal), suppress(ReceiverFailed):
        device.submit(path, username="ada", password=password)


@on_one_store
@pytest.mark.parametrize("path", ["/auth/login/", "/compat/token/", "/auth/reauthenticate/"])
def test_the_password_in_a_backend(live: LiveSite, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend of the project's that fails while it checks the password: nor are its variables shown."""
    live.settings.AUTHENTICATION_BACKENDS = ["testapp.backends.Failing"]
    live.add_user()
    device = live.logged_in()
    monkeypatch.setattr(Failing, "fails_at", "authenticate")
    body = {"username": "ada", "password": PASSWORD}
    with reported(device):
        send(device, path, body | ({"refresh": device.refresh_token} if device.refresh_token else {}))


@on_one_store
def test_the_password_of_a_reauthentication(live: LiveSite) -> None:
    """A receiver that fails while somebody proves again who they are."""
    live.add_user()
    device = live.logged_in()
    held = {"refresh": device.refresh_token} if device.refresh_token else {}
    with reported(device), failing(user_login_failed, signals.session_refreshed):
        send(device, "/auth/reauthenticate/", {"password": WRONG, **held})
        if live.is_jwt:
            send(device, "/auth/reauthenticate/", {"password": PASSWORD, **held})


@on_one_store
@in_jwt_mode
def test_the_tokens_of_a_refresh(live: LiveSite) -> None:
    """A receiver that fails at a rotation, a repeat and a reuse."""
    live.add_user()
    for path in ("/auth/refresh/", "/compat/token/refresh/"):
        device = live.logged_in()
        held = {"refresh": device.django_session}
        body = None if device.is_browser and "compat" not in path else held
        sent = (signals.session_refreshed, signals.refresh_repeated, signals.refresh_reused)
        with reported(device), failing(*sent):
            send(device, path, body)
            send(device, path, body)
            live.advance(seconds=60)
            send(device, path, body)


@on_one_store
@pytest.mark.parametrize("path", ["/auth/logout/", "/compat/token/blacklist/"])
def test_the_credential_of_a_logout(live: LiveSite, path: str) -> None:
    """A receiver that fails at a logout."""
    live.add_user()
    device = live.logged_in()
    with reported(device), failing(signals.session_revoked):
        send(device, path, {"refresh": device.django_session})


@on_one_store
@pytest.mark.parametrize("path", ["/auth/verify/", "/compat/token/verify/"])
def test_the_credential_in_question(live: LiveSite, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that fails where the credential in a body is inspected."""
    live.settings.AUTHENTICATION_BACKENDS = ["testapp.backends.Failing"]
    live.add_user()
    device = live.logged_in()
    monkeypatch.setattr(Failing, "fails_at", "get_user")
    with reported(device):
        send(device, path, {"token": device.credential})


@on_one_store
@pytest.mark.parametrize("path", ["/api/whoami/", "/plain/whoami/", "/plain/whoami-async/", "/auth/session/"])
@pytest.mark.parametrize("named", [{}, NAMES], ids=["", "other-cookies"])
def test_the_credential_that_opens_a_view(
    live: LiveSite, path: str, named: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backend that fails where a view asks for the user, whatever the cookies are called."""
    live.settings.AUTHENTICATION_BACKENDS = ["testapp.backends.Failing"]
    live.configure(COOKIE=named)
    live.add_user()
    device = live.logged_in()
    monkeypatch.setattr(Failing, "fails_at", "get_user")
    with reported(device), suppress(RuntimeError):
        device.get(path)


@on_one_store
@in_session_mode
def test_the_key_that_came_from_another_browser(live: LiveSite) -> None:
    """A receiver that fails at a mismatch of the browser."""
    live.add_user()
    live.configure(BIND={"USER_AGENT": "revoke"})
    device = live.logged_in(user_agent=FIREFOX)
    device.user_agent = SAFARI
    with reported(device), failing(signals.binding_mismatch), suppress(ReceiverFailed):
        device.get("/plain/whoami/")


@pytest.mark.parametrize("path", ["/auth/login/", "/auth/refresh/", "/auth/logout/"])
def test_the_secrets_of_an_outage(live: LiveSite, path: str) -> None:
    """A store that fails: its traceback shows no secret of the request, and no password of the store."""
    live.add_user()
    device = live.logged_in()
    body = {"username": "ada", "password": PASSWORD, "refresh": device.django_session, "token": "x"}
    with reported(device, "w0rds3cret"), broken_store(live):
        send(device, path, body)


@contextmanager
def broken_store(live: LiveSite) -> Iterator[None]:
    """Take the table away, or log in to Valkey with a wrong password."""
    if not live.on_redis:
        with without_table(live.alias):
            yield
        return
    caches = live.settings.CACHES
    where = caches["authkit"]["LOCATION"].replace("redis://", "redis://nobody:w0rds3cret@")
    live.settings.CACHES = {**caches, "authkit": {**caches["authkit"], "LOCATION": where}}
    live.configure()
    try:
        yield
    finally:
        live.settings.CACHES = caches
        live.configure()


@on_one_store
@in_jwt_mode
@by_cookie
def test_the_keys_that_sign(live: LiveSite) -> None:
    """Claims of a project's that are no JSON: neither the other claims nor the key are shown."""
    live.configure(EXTRA_CLAIMS="testapp.claims.unfit")
    live.add_user()
    device = live.device()
    device.who()
    with reported(device, live.settings.SECRET_KEY[:20]), suppress(TypeError):
        device.log_in()
