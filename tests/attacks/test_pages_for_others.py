"""Attackers try to see another user's page with an invalid credential."""

from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User

from django_authkit.types import Mode
from support.client import Device, code
from support.live_site import LiveSite, by_cookie, by_header, in_jwt_mode

GUARDED = [
    "{% if not user.is_authenticated %}nobody{% else %}SECRET{% endif %}",
    "{% if not user.is_staff %}nobody{% else %}SECRET{% endif %}",
    "{% if user.is_anonymous == True %}nobody{% else %}SECRET{% endif %}",
    "{% if not perms.auth.add_user %}nobody{% else %}SECRET{% endif %}",
]


def page(template: str) -> str:
    """Return the address of a plain page with that template."""
    return f"/plain/template/?{urlencode({'text': template})}"


def shown(device: Device, template: str) -> tuple[int, str]:
    """Return status and text of a plain page with that template."""
    answer = device.get(page(template))
    return answer.status_code, answer.content.decode()


@by_header
@pytest.mark.parametrize("template", GUARDED)
@pytest.mark.parametrize("mode", list(Mode), ids=str, indirect=True)
def test_a_bearer_that_is_not_valid(live: LiveSite, template: str) -> None:
    """``{% if %}`` treats an error as false; the response is 401 anyway."""
    stranger = live.device()
    assert shown(stranger, template) == (200, "nobody")
    stranger.access = "junk"
    assert code(stranger.get(page(template))) == (401, "token_malformed")


@by_cookie
@in_jwt_mode
@pytest.mark.parametrize("template", GUARDED[1:2])
def test_a_lazy_user_who_was_deactivated(live: LiveSite, template: str) -> None:
    """A user who was deactivated without a signal does not see pages for staff."""
    live.configure(USER_LOADING="lazy", PAGE_RENEWAL=False)
    ada = live.add_user("ada")
    device = live.logged_in()
    assert shown(device, template) == (200, "nobody")
    User.objects.using(live.alias).filter(pk=ada.pk).update(is_active=False)
    status, text = shown(device, template)
    assert status == 401 or text == "nobody"  # without the row there is no user
