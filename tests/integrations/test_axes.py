"""django-axes with its defaults: it counts the logins that fail, and locks what has failed too often."""

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User

from support.client import PASSWORD, Device
from support.live_site import LiveSite, by_cookie

ON_FORMS = ["/admin/login/", "/accounts/login/"]
LIMIT = 3
"""AXES_FAILURE_LIMIT."""


def failed(device: Device, path: str, password: str) -> int:
    """Log in by a form or by our endpoint; return the status."""
    device.get("/auth/session/")
    if path.startswith("/auth/"):
        return device.log_in(password=password).status_code
    return device.submit(path, username="ada", password=password).status_code


@by_cookie
@pytest.mark.parametrize("path", ON_FORMS)
def test_a_login_by_a_form_counts_and_stays(site: LiveSite, ada: User, path: str) -> None:
    """Its receivers touch the session at login: the login stays."""
    device = site.device()
    assert failed(device, path, PASSWORD) == 302
    assert device.get("/seen/").content.count(b'"ada"') == 1
    assert failed(device, "/auth/login/", PASSWORD) == 200
    assert device.logged_in()


@by_cookie
@pytest.mark.parametrize("path", ON_FORMS)
def test_a_form_is_locked(site: LiveSite, ada: User, path: str) -> None:
    """After three failures the right password does not help, neither there nor at ``login/``."""
    device = site.device()
    statuses = [failed(device, path, "wrong") for _ in range(LIMIT)]
    assert statuses[:-1] == [200] * (LIMIT - 1)
    assert statuses[-1] == 429
    assert AccessAttempt.objects.get().failures_since_start == LIMIT
    assert failed(device, path, PASSWORD) == 429
    assert failed(device, "/auth/login/", PASSWORD) == 429
    assert not site.sids(ada)


def test_our_endpoint_is_locked(site: LiveSite, ada: User) -> None:
    """Failures at ``login/`` count too, and lock both."""
    device = site.device()
    statuses = [failed(device, "/auth/login/", "wrong") for _ in range(LIMIT)]
    assert statuses[:-1] == [401] * (LIMIT - 1)
    assert AccessAttempt.objects.get().failures_since_start == LIMIT
    assert failed(device, "/auth/login/", PASSWORD) == 429
    assert not site.sids(ada)


def test_a_login_that_succeeds_resets_nothing_else(site: LiveSite, ada: User) -> None:
    """Two failures and a success are logged, and the device stays logged in."""
    device = site.device()
    for password in ("wrong", "wrong"):
        assert failed(device, "/auth/login/", password) == 401
    assert failed(device, "/auth/login/", PASSWORD) == 200
    assert device.logged_in()
