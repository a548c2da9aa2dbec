"""``authkit_unblock``: allows attempts again that were refused because there were too many."""

import pytest
from django.core.management import call_command

from support.client import Device, code
from support.live_site import LiveSite


def guess(site: LiveSite, address: str, username: str) -> int:
    """Log in with a wrong password; return the status."""
    device: Device = site.device(address=address)
    return code(device.log_in(username, "wrong"))[0]


@pytest.mark.parametrize(("what", "unblocked"), [("ADA", "ada"), ("192.0.2.66", "bob")])
def test_it_deletes_the_counters_of_a_name_or_an_address(
    site: LiveSite, capsys: pytest.CaptureFixture[str], what: str, unblocked: str
) -> None:
    """Any spelling of the name works; other names and addresses stay blocked."""
    site.configure(RATES={"LOGIN": "1/hour", "LOGIN_ADDRESS": None, "LOGIN_ACCOUNT": None})
    places = [("192.0.2.66", "bob"), ("198.51.100.7", "ada"), ("198.51.100.8", "carl")]
    assert [guess(site, *place) for place in places * 2] == [401] * 3 + [429] * 3
    call_command("authkit_unblock", what)
    assert capsys.readouterr().out == f"Deleted 1 counter of {what}.\n"
    assert {name: guess(site, address, name) for address, name in places} == {
        "ada": 429,
        "bob": 429,
        "carl": 429,
        unblocked: 401,
    }
