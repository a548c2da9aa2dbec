"""``MAX_SESSIONS`` and ``ON_LIMIT``: who may log in, who is logged out, and which logins count."""

import pytest
from django.contrib.auth.models import AbstractBaseUser, User

from django_authkit import signals
from django_authkit.types import RevocationReason
from support.client import PASSWORD, body, code
from support.live_site import LiveSite, by_cookie
from support.pages import OLD_BROWSER, SUBMITTED, submit
from support.signals import heard

POLICIES = ["evict", "refuse", "revoke_others"]


def two_for_most(user: AbstractBaseUser) -> int | None:
    """Allow the staff any number."""
    return None if getattr(user, "is_staff", False) else 2


def none_at_all(user: AbstractBaseUser) -> int:
    """Return 0, which makes no sense: the login itself is one."""
    return 0


def test_the_least_recently_seen_goes(site: LiveSite, ada: User) -> None:
    """With "evict" the least recently used one is revoked, whatever its age."""
    site.configure(MAX_SESSIONS=2)
    first = site.logged_in()
    second = site.logged_in()
    site.advance(minutes=2)
    first.refresh()
    third = site.logged_in()
    assert [device.logged_in() for device in (first, second, third)] == [True, False, True]


def test_the_log_in_is_refused(site: LiveSite, ada: User) -> None:
    """With "refuse" one too many is 403 ``session_limit``; after a logout a login works again."""
    site.configure(MAX_SESSIONS=2, ON_LIMIT="refuse")
    first, second, third = site.logged_in(), site.logged_in(), site.device()
    assert code(third.log_in()) == (403, "session_limit")
    assert first.logged_in()
    assert second.logged_in()
    assert not third.logged_in()
    first.log_out()
    assert third.log_in().status_code == 200


def test_all_others_go(site: LiveSite, ada: User) -> None:
    """With "revoke_others" and 1 there is one device at a time."""
    site.configure(MAX_SESSIONS=1, ON_LIMIT="revoke_others")
    first, second = site.logged_in(), site.logged_in()
    assert [device.logged_in() for device in (first, second)] == [False, True]


@pytest.mark.parametrize("policy", POLICIES)
def test_who_is_told(site: LiveSite, ada: User, policy: str) -> None:
    """``limit_reached`` has the user, whether the login was refused, and which ones were revoked."""
    site.configure(MAX_SESSIONS=2, ON_LIMIT=policy)
    with heard(signals.limit_reached) as reached:
        site.logged_in()
        site.logged_in()
    assert reached == []
    old = set(site.sids(ada))
    with heard(signals.limit_reached) as reached, heard(signals.session_revoked) as revoked:
        site.device().log_in()
    (said,) = reached
    assert said["user"] == ada
    assert said["refused"] is (policy == "refuse")
    gone = {"evict": 1, "refuse": 0, "revoke_others": 2}[policy]
    assert len(said["revoked"]) == gone
    assert {each.sid for each in said["revoked"]} == {each["session"].sid for each in revoked} <= old
    assert {each["reason"] for each in revoked} <= {RevocationReason.LIMIT}


def test_a_function_decides_for_each_user(site: LiveSite, ada: User, bob: User) -> None:
    """``MAX_SESSIONS`` may name a function of the user; if it returns ``None``, there is no limit."""
    site.configure(MAX_SESSIONS=f"{__name__}.two_for_most")
    bob.is_staff = True
    bob.save()
    for _ in range(4):
        site.logged_in("ada")
        site.logged_in("bob")
    assert len(site.sids(ada)) == 2
    assert len(site.sids(bob)) == 4


@pytest.mark.parametrize("policy", POLICIES)
def test_a_function_that_allows_none_is_a_mistake(site: LiveSite, ada: User, policy: str) -> None:
    """Less than 1 is an error, since the login itself is one, and nobody is logged out."""
    device = site.logged_in()
    site.configure(MAX_SESSIONS=f"{__name__}.none_at_all", ON_LIMIT=policy)
    with pytest.raises(ValueError, match="none_at_all returned 0"):
        site.device().log_in()
    assert device.logged_in()


def test_the_limit_is_each_users_own(site: LiveSite, ada: User, bob: User) -> None:
    """A login revokes no other user's auth sessions."""
    site.configure(MAX_SESSIONS=1)
    first, other = site.logged_in("ada"), site.logged_in("bob")
    assert first.logged_in()
    assert other.logged_in()


def test_logging_in_again_on_one_device_needs_no_room(site: LiveSite, ada: User) -> None:
    """The presented auth session is revoked first, so "refuse" does not refuse the user's own device."""
    site.configure(MAX_SESSIONS=1, ON_LIMIT="refuse")
    device = site.logged_in()
    headers = {**device.csrf(), "X-Authkit-Transport": str(device.transport)}
    answer = device.post(
        "/auth/login/",
        {"username": "ada", "password": PASSWORD},
        headers=headers if device.is_browser else {"X-Authkit-Transport": "header"},
    )
    assert answer.status_code == 200
    assert len(site.sids(ada)) == 1


def test_expired_sessions_do_not_count(site: LiveSite, ada: User) -> None:
    """Neither expired nor revoked ones count."""
    site.configure(MAX_SESSIONS=1, ON_LIMIT="refuse")
    site.logged_in()
    site.advance(days=15)
    device = site.logged_in()
    device.log_out()
    site.logged_in()


def test_re_authentication_and_refresh_do_not_count(site: LiveSite, ada: User) -> None:
    """They start no auth session."""
    site.configure(MAX_SESSIONS=1, ON_LIMIT="refuse")
    device = site.logged_in()
    assert device.refresh().status_code == 200
    assert device.reauthenticate().status_code == 200


@by_cookie
def test_djangos_own_log_ins_count(site: LiveSite, ada: User) -> None:
    """A login by ``login()``, by the admin for example, counts in both modes; a second one is the same."""
    site.configure(MAX_SESSIONS=1, ON_LIMIT="refuse")
    browser = site.device()
    assert browser.get("/django/switch/ada/").status_code == 200
    assert browser.get("/django/switch/ada/").status_code == 200
    assert code(site.device().log_in()) == (403, "session_limit")
    assert len(site.sids(ada)) == 1


@by_cookie
def test_djangos_own_log_ins_are_refused_too(site: LiveSite, ada: User) -> None:
    """At the limit ``login()`` is 403, too, and leaves nothing behind."""
    site.configure(MAX_SESSIONS=1, ON_LIMIT="refuse")
    device, browser = site.logged_in(), site.device()
    assert code(browser.get("/django/switch/ada/")) == (403, "session_limit")
    assert body(browser.get("/plain/whoami/"))["id"] is None
    assert device.logged_in()


@by_cookie
def test_a_form_past_the_limit_is_answered_with_a_page(site: LiveSite, ada: User) -> None:
    """A browser that submits the admin's login form past the limit is shown a page, and a client JSON."""
    User.objects.filter(pk=ada.pk).update(is_staff=True)
    site.configure(MAX_SESSIONS=1, ON_LIMIT="refuse")
    site.logged_in()
    browser = site.device()
    browser.get("/admin/login/")
    answer = submit(browser, "/admin/login/", SUBMITTED | OLD_BROWSER, username="ada", password=PASSWORD)
    assert answer.status_code == 403
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "The account has reached its limit of sessions." in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert code(submit(browser, "/admin/login/", username="ada", password=PASSWORD)) == (403, "session_limit")


@by_cookie
def test_anonymous_sessions_do_not_count(site: LiveSite, ada: User) -> None:
    """An anonymous session does not count, and becomes an auth session only by a login."""
    site.configure(MAX_SESSIONS=1, ON_LIMIT="refuse")
    anonymous = [site.device() for _ in range(3)]
    for device in anonymous:
        device.post("/django/cart/", "a book")
    assert site.sids(ada) == []
    assert anonymous[0].log_in().status_code == 200
    assert len(site.sids(ada)) == 1
    assert body(anonymous[1].get("/django/cart/"))["cart"] == ["a book"]
