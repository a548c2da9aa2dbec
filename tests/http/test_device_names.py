"""The page on which users name their devices, without scripts."""

import pytest
from django.contrib.auth.models import User
from django.utils.html import escape

from django_authkit import sessions_of, signals
from support.client import Device
from support.live_site import LiveSite, by_cookie, in_session_mode
from support.signals import heard

PAGE = "/account/devices/"
RENAME = f"{PAGE}rename/"

pytestmark = [in_session_mode, by_cookie, pytest.mark.parametrize("where", ["valkey"], indirect=True)]


def labels_of(user: User) -> dict[str, str]:
    """Return the names of the user's devices by sid."""
    return {session.sid: session.label for session in sessions_of(user)}


def test_a_user_names_a_device(site: LiveSite, ada: User, device: Device) -> None:
    """The list links to a form with the name it has; then the list has the new one, and a message."""
    other = site.sid(site.logged_in("ada", user_agent="curl/8"))
    assert f'href="{RENAME}?device={other}"' in device.get(PAGE).content.decode()
    form = device.get(f"{RENAME}?device={other}").content.decode()
    assert f'value="{labels_of(ada)[other]}"' in form
    name = "Kitchen <b>radio</b>"
    with heard(signals.device_renamed) as renamed:
        answer = device.submit(RENAME, device=other, label=f" {name}\n")
    assert (answer.status_code, answer.headers["Location"]) == (302, PAGE)
    assert [sent["session"].label for sent in renamed] == [name]
    assert labels_of(ada)[other] == name
    page = device.get(PAGE).content.decode()
    assert f"The device is now called {escape(name)}." in page
    assert f'<h3 id="device-{other}">{escape(name)}</h3>' in page


def test_a_name_of_nothing_is_refused(site: LiveSite, ada: User, device: Device) -> None:
    """The form says so, and the device keeps its name."""
    sid, before = site.sid(device), labels_of(ada)
    page = device.submit(RENAME, device=sid, label=" \t\0").content.decode()
    assert "Enter a name for the device." in page
    assert f'name="device" value="{sid}"' in page
    assert labels_of(ada) == before


@pytest.mark.parametrize("guess", ["bob's", "A" * 16, ""])
def test_nobody_elses_is_renamed(site: LiveSite, device: Device, bob: User, guess: str) -> None:
    """Another user's device and one that does not exist get the same answer."""
    bobs = site.sid(site.logged_in("bob"))
    sid, before = bobs if guess == "bob's" else guess, labels_of(bob)
    for answer in (device.get(f"{RENAME}?device={sid}"), device.submit(RENAME, device=sid, label="mine")):
        assert (answer.status_code, answer.headers["Location"]) == (302, PAGE)
    assert device.get(PAGE).content.decode().count("That device was logged out already.") == 2
    assert labels_of(bob) == before


def test_a_form_of_another_site_renames_nothing(site: LiveSite, ada: User, device: Device) -> None:
    """It has no CSRF token; and nobody who is logged out sees the form."""
    before = labels_of(ada)
    body = f"device={site.sid(device)}&label=theirs".encode()
    form = "application/x-www-form-urlencoded"
    assert device.send("POST", RENAME, body, content_type=form).status_code == 403
    assert labels_of(ada) == before
    assert site.device().get(RENAME).headers["Location"].startswith("/accounts/login/")
