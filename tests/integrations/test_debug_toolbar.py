"""django-debug-toolbar: it reads the session when the response is there, and hides no error."""

import pytest
from django.contrib.auth.models import User

from support.client import Device, code
from support.live_site import LiveSite, by_cookie, by_header, in_jwt_mode

SHOWN = {"X-Show-Toolbar": "1"}


@by_cookie
def test_it_is_shown_on_pages(site: LiveSite, ada: User, device: Device) -> None:
    """Below what the user sees; the session goes on as without it."""
    for _ in range(2):
        content = device.get("/page/", headers=SHOWN).content
        assert b"<body>ada" in content
        assert b'id="djDebug"' in content
    assert device.logged_in()


@by_header
def test_it_leaves_the_api_as_it_is(site: LiveSite, ada: User, device: Device) -> None:
    """Who sends a bearer is seen, and no cookie comes of it."""
    answer = device.get("/api/whoami/", headers=SHOWN)
    assert answer.status_code == 200
    assert not answer.cookies


@in_jwt_mode
@by_header
@pytest.mark.parametrize("path", ["/page/", "/api/whoami/"])
def test_an_expired_bearer_is_401_with_its_code(site: LiveSite, device: Device, path: str) -> None:
    """The toolbar looks at the session after the view."""
    site.advance(minutes=10)
    assert code(device.get(path, headers=SHOWN)) == (401, "token_expired")
