"""What somebody gains from a login whose response fails: an auth session that nobody knows of."""

from typing import Any

import pytest
from django.contrib.auth.signals import user_logged_in

from django_authkit import signals
from support.live_site import LiveSite


class ReceiverFailed(Exception):
    """What a project's receiver raises."""


@pytest.mark.parametrize("path", ["/auth/login/", "/compat/token/"])
def test_keeping_a_session_of_a_login_that_failed(live: LiveSite, path: str) -> None:
    """A login whose response is a server error delivers no credential, so its auth session is revoked."""
    ada = live.add_user()
    device = live.device()
    device.who()
    begun: list[str] = []

    def note(session: Any, **_said: Any) -> None:
        begun.append(session.sid)

    def fail(**_said: Any) -> None:
        raise ReceiverFailed

    signals.session_started.connect(note)
    user_logged_in.connect(fail)
    try:
        with pytest.raises(ReceiverFailed):
            device.post(
                path,
                {"username": "ada", "password": "correct horse battery staple"},
                headers={"X-Authkit-Transport": str(device.transport)},
            )
    finally:
        user_logged_in.disconnect(fail)
        signals.session_started.disconnect(note)
    assert len(begun) == 1
    assert live.sids(ada) == []
