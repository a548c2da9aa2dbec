"""``DEVICE_BOUND = "require"``, and a function that says so: who may go on without a binding."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from django_authkit import sessions_of
from support.bound_browser import BOUND, bind, challenge_of, offered, proof, register, renew
from support.client import ACCESS_COOKIE, PASSWORD, Device, code
from support.client_keys import new_key
from support.live_site import LiveSite, by_cookie, by_header, in_jwt_mode

PAGE = {"Accept": "text/html"}


@pytest.fixture
def device(site: LiveSite, ada: User, bob: User) -> Device:
    """Return a browser, and the site that requires the binding."""
    site.configure(DEVICE_BOUND="require")
    return site.device()


@by_cookie
def test_a_browser_that_binds_notices_nothing(site: LiveSite, device: Device) -> None:
    """From the login on, and after each renewal."""
    key, registered = bind(device, device.log_in())
    site.advance(seconds=40)
    sid = sessions_of(User.objects.get(username="ada"))[0].sid
    if site.is_jwt:
        assert renew(device, sid, proof(key, challenge_of(registered))).status_code == 200
    site.advance(seconds=240)
    assert device.call().status_code == 200
    assert device.get("/plain/whoami/", PAGE).status_code == 200
    assert device.refresh().status_code == 200


@by_cookie
def test_a_browser_without_it_is_refused_and_told(site: LiveSite, device: Device) -> None:
    """After half a minute: by a page or a code; the login ends, so that the user can log in again."""
    device.log_in()
    assert device.call().status_code == 200
    assert device.get("/plain/whoami/", PAGE).status_code == 200
    site.advance(seconds=36)
    if site.is_jwt:
        assert code(device.call()) == (401, "token_expired")
        assert code(device.refresh()) == (403, "device_binding_required")
    else:
        answer = device.get("/plain/whoami/", PAGE)
        assert answer.status_code == 403
        assert b"binds logins to its device" in answer.content
        assert code(device.call()) == (401, "session_ended")
    assert not sessions_of(User.objects.get(username="ada"))
    assert device.log_in().status_code == 200
    assert device.call().status_code == 200


@by_cookie
def test_each_kind_of_view_refuses_it(site: LiveSite, device: Device) -> None:
    """DRF's views, plain ones, and our own endpoints: always by the same code."""
    for path in ("/api/whoami/", "/plain/whoami/", "/auth/session/", "/auth/sessions/", "refresh"):
        device.log_in()
        site.advance(seconds=36)
        if site.is_jwt:
            device.cookies.pop(ACCESS_COOKIE)
        if site.is_jwt or path == "refresh":
            answer = device.refresh()
        else:
            answer = device.get(path, {"Accept": "application/json"})
        assert code(answer) == (403, "device_binding_required"), path


@by_cookie
def test_a_page_that_is_renewed_needs_it_too(site: LiveSite, device: Device) -> None:
    """The refresh cookie of an unbound login opens no page."""
    device.log_in()
    site.advance(minutes=6)
    navigation = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "same-origin"}
    answer = device.get("/plain/whoami/", {**navigation, **PAGE})
    assert answer.status_code == 403
    assert not sessions_of(User.objects.get(username="ada"))


@by_cookie
def test_a_registration_that_comes_late_is_still_in_time(site: LiveSite, device: Device) -> None:
    """Until something is refused, the browser may register its key."""
    answer = device.log_in()
    site.advance(seconds=27)
    assert register(device, new_key(), offered(answer)["challenge"]).status_code == 200
    assert device.call().status_code == 200


@by_cookie
def test_a_function_decides_by_user_and_view(site: LiveSite, device: Device) -> None:
    """Ada's browser is refused in one view and her login stays; Bob's is not even offered the binding."""
    site.configure(DEVICE_BOUND="testapp.policies.only_views_of_the_api")
    assert offered(device.log_in())["challenge"]
    old = site.device()
    assert "Secure-Session-Registration" not in old.log_in("bob")
    site.advance(seconds=36)
    assert code(device.call()) == (403, "device_binding_required")
    assert device.get("/plain/whoami/", PAGE).status_code == 200
    assert old.call().status_code == 200
    other = site.device()
    bind(other, other.log_in())
    site.advance(seconds=36)
    assert other.call().status_code == 200
    assert device.submit("/plain/logout/").status_code == 204  # a view that the function excepts
    assert not device.logged_in()


def reads_the_user(get_response: Any) -> Any:
    """Return a middleware that looks at the user, as many do."""

    def middleware(request: Any) -> Any:
        str(request.user)
        return get_response(request)

    return middleware


@by_cookie
@in_jwt_mode
def test_a_second_look_at_the_user_is_refused_too(site: LiveSite, device: Device) -> None:
    """A login by Django's ``login`` opens no view without a binding, whatever a middleware did before."""
    site.settings.MIDDLEWARE = [*site.settings.MIDDLEWARE, f"{__name__}.reads_the_user"]
    site.configure(DEVICE_BOUND="testapp.policies.of_all_users")
    device.who()
    assert device.submit("/plain/login/", username="ada", password=PASSWORD).status_code == 204
    assert device.get("/plain/whoami/", PAGE).status_code == 200
    site.advance(seconds=36)
    assert device.get("/plain/whoami/", PAGE).status_code == 403


@by_cookie
def test_a_refused_browser_finds_a_login_page(site: LiveSite, device: Device) -> None:
    """Django's login views show their form, and a login there is a new one, with a new half minute."""
    User.objects.create_superuser("root", password=PASSWORD)
    site.configure(DEVICE_BOUND="testapp.policies.of_all_users")
    device.log_in()
    site.advance(seconds=36)
    assert device.get("/plain/whoami/", PAGE).status_code == 403
    page = device.get("/admin/login/?next=/admin/", PAGE)
    assert page.status_code == 200
    assert b'name="password"' in page.content
    assert device.submit("/admin/login/?next=/admin/", username="root", password=PASSWORD).status_code == 302
    assert device.get("/admin/", PAGE).status_code == 200


@by_header
def test_header_clients_are_not_asked(site: LiveSite, device: Device) -> None:
    """DBSC is for browsers; ``DPOP`` is for the others."""
    device.log_in()
    site.advance(seconds=60)
    assert device.call().status_code == 200
    assert "Secure-Session-Registration" not in device.refresh()


@by_cookie
def test_a_copy_without_the_bound_cookie_is_refused(site: LiveSite, device: Device) -> None:
    """As in "offer": the owner's login stays."""
    bind(device, device.log_in())
    thief = device.copy()
    thief.cookies.pop(BOUND if not site.is_jwt else ACCESS_COOKIE)
    site.advance(seconds=36)
    assert thief.call().status_code == 401
    assert len(sessions_of(User.objects.get(username="ada"))) == 1
