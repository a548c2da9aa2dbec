"""Pages in JWT mode: a form that was open when the access cookie expired is processed."""

from urllib.parse import urlencode

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group, User
from django.test import AsyncClient

from django_authkit import revoke_user, sessions_of
from django_authkit.signals import session_refreshed
from support.client import CSRF_COOKIE, PASSWORD, Device, credential_cookies, is_cleared
from support.live_site import LiveSite, by_cookie, in_jwt_mode
from support.pages import OLD_BROWSER, PAGE, SUBMITTED, TOKENS, opened, submit, user_of
from support.signals import heard

pytestmark = [in_jwt_mode, by_cookie]

ADD = "/admin/auth/group/add/"
OWN_ORIGIN = OLD_BROWSER | {"Origin": "https://testserver", "Referer": "https://testserver/"}


@pytest.fixture
def ada(site: LiveSite) -> User:
    """Return an administrator."""
    return site.add_user("ada", is_staff=True, is_superuser=True)


@pytest.fixture
def stale(site: LiveSite, device: Device) -> Device:
    """Return ada's browser, with a form of the admin that has been open for hours."""
    assert opened(device, ADD).status_code == 200
    site.advance(hours=3)
    return device


@pytest.mark.parametrize("headers", [SUBMITTED, OWN_ORIGIN], ids=["fetch-metadata", "origin"])
def test_an_open_form_is_saved(site: LiveSite, ada: User, stale: Device, headers: dict[str, str]) -> None:
    """The admin saves it for the user, and the same response renews the login, with one rotation."""
    with heard(session_refreshed) as refreshed:
        answer = submit(stale, ADD, headers, name="Typists")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/admin/auth/group/"
    assert Group.objects.filter(name="Typists").delete()[0]
    assert credential_cookies(answer) == TOKENS
    assert len(refreshed) == 1
    assert user_of(opened(stale)) == ada.pk
    assert stale.refresh().status_code == 200
    assert len(sessions_of(ada)) == 1


@pytest.mark.parametrize("csrf", ["token", "fetch-metadata"])
def test_the_csrf_token_is_required(site: LiveSite, stale: Device, csrf: str) -> None:
    """Without it the response is 403 and nothing is renewed, except with Fetch Metadata."""
    site.configure(CSRF=csrf)
    before = dict(stale.cookies)
    answer = submit(stale, ADD, csrfmiddlewaretoken="", name="Typists")
    if csrf == "token":
        assert answer.status_code == 403
        assert stale.cookies == before
        assert not Group.objects.filter(name="Typists").exists()
    else:
        assert answer.status_code == 302
        assert Group.objects.filter(name="Typists").delete()[0]
    assert user_of(opened(stale)) is not None


def test_a_page_after_the_form_is_the_same_login(site: LiveSite, ada: User, stale: Device) -> None:
    """Submitted twice at once, as by a double click, it is one rotation and one repeat."""
    twice = stale.copy()
    assert submit(stale, ADD, name="Typists").status_code == 302
    assert submit(twice, ADD, name="Typists").status_code == 200  # the name is taken
    assert twice.secret == stale.secret
    assert len(sessions_of(ada)) == 1
    Group.objects.all().delete()


def test_a_password_form_keeps_its_own_login(site: LiveSite, ada: User, stale: Device) -> None:
    """The form that changes the password revokes the others, and its browser stays logged in."""
    other = site.logged_in()
    answer = submit(
        stale,
        "/django/password-change/",
        old_password=PASSWORD,
        new_password1="a much longer one",
        new_password2="a much longer one",
    )
    assert answer.status_code == 302
    assert user_of(opened(stale)) == ada.pk
    assert user_of(opened(other)) is None


def test_a_logout_form_logs_out(site: LiveSite, ada: User, stale: Device) -> None:
    """A logout after the access cookie expired revokes the auth session, and renews nothing."""
    answer = submit(stale, "/django/leave/")
    assert all(is_cleared(answer.cookies[name]) for name in TOKENS)
    assert sessions_of(ada) == ()


def test_a_form_of_a_revoked_session_is_refused(site: LiveSite, ada: User, stale: Device) -> None:
    """The request is anonymous, and the user is asked to log in."""
    revoke_user(ada)
    answer = submit(stale, ADD, name="Typists")
    assert "/login/" in answer.headers["Location"]
    assert not Group.objects.filter(name="Typists").exists()


def test_it_can_be_turned_off(site: LiveSite, stale: Device) -> None:
    """With ``PAGE_RENEWAL`` off the request is anonymous."""
    site.configure(PAGE_RENEWAL=False)
    answer = submit(stale, ADD, name="Typists")
    assert "/login/" in answer.headers["Location"]
    assert credential_cookies(answer) == set()


def test_a_browser_that_sends_no_origin_is_not_renewed(site: LiveSite, stale: Device) -> None:
    """Then only the referrer says where the form comes from."""
    answer = submit(stale, ADD, OLD_BROWSER | {"Referer": "https://testserver/"}, name="Typists")
    assert "/login/" in answer.headers["Location"]
    assert credential_cookies(answer) == set()
    assert user_of(opened(stale, PAGE)) is not None


def test_under_asgi(site: LiveSite, stale: Device) -> None:
    """Under ASGI the form is processed, too."""

    @async_to_sync
    async def post() -> str:
        client = AsyncClient(enforce_csrf_checks=True)
        for name, value in stale.cookies.items():
            client.cookies[name] = value
        fields = urlencode({"csrfmiddlewaretoken": stale.cookies[CSRF_COOKIE], "name": "Typists"})
        kind = "application/x-www-form-urlencoded"
        answer = await client.post(ADD, fields, content_type=kind, secure=True, headers=SUBMITTED)
        assert credential_cookies(answer) == TOKENS  # type: ignore[arg-type]
        return answer.headers["Location"]

    assert post() == "/admin/auth/group/"
    Group.objects.all().delete()
