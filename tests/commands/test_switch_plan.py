"""``authkit_switch plan``, and what ``authkit_status`` prints about a form that is no longer issued."""

import json

from django.contrib.auth.models import User

from commands.conftest import Run
from support.live_site import LiveSite

BOTH = ["session", "jwt"]


def test_before_the_switch_all_steps_are_pending(site: LiveSite, run: Run) -> None:
    """The steps are those from the current mode to the other, with this project's own values."""
    told = run("authkit_switch", "plan")
    assert "From jwt to session." in told
    assert "[done]" not in told
    assert 'AUTHKIT_MODE = "session"' in told
    assert "idle timeout (14 days)" in told
    assert "absolute lifetime (90 days)" in told


def test_under_way_it_says_where(site: LiveSite, ada: User, run: Run) -> None:
    """Completed steps are marked; the output says how many have the old form, and until when."""
    site.logged_in("ada")
    site.settings.AUTHKIT_MODE = "session"
    site.configure(ACCEPT=BOTH)
    told = run("authkit_switch", "plan")
    assert "From jwt to session." in told
    assert told.count("[done]") == 2
    assert "jwt: 1 were last seen with it" in told
    old = json.loads(run("authkit_status", "--json"))["old_form"]
    assert (old["mode"], old["live"], old["can_be_dropped"]) == ("jwt", 1, False)
    assert old["unless_used"] < old["at_the_latest"]


def test_when_none_is_left_it_can_be_dropped(site: LiveSite, ada: User, run: Run) -> None:
    """But not before all have been switched."""
    site.configure(ACCEPT=BOTH, SWITCH_SHARE=50)
    assert "but SWITCH_SHARE is 50" in run("authkit_status")
    site.configure(SWITCH_SHARE=100)
    assert "it can be dropped from ACCEPT" in run("authkit_status")
    site.configure(ACCEPT=["jwt"])
    assert json.loads(run("authkit_status", "--json"))["old_form"] is None


def test_the_other_direction(site: LiveSite, run: Run) -> None:
    """``--to`` names the target mode; issuing it is then not a step."""
    told = run("authkit_switch", "plan", "--to", "jwt")
    assert "From session to jwt." in told
    assert told.count("[done]") == 3
    assert "a revoked access token is refused on the next request" in told
    assert "Login pages that use Django's login(): change them now." in told
