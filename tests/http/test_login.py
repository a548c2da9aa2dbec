"""Login: through Django, one response for every failure, and revocation of the old auth session."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest
from django.test import RequestFactory
from django.urls import path
from pytest_django import Settings
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_authkit import log_in, sessions_of
from django_authkit.signals import session_revoked, session_started
from django_authkit.types import RevocationReason, Transport
from projects import urls
from support.client import PASSWORD, Device, body, code, credential_cookies
from support.live_site import LiveSite, by_header, in_jwt_mode
from support.signals import heard


def test_every_failure_has_the_same_response(site: LiveSite, ada: User) -> None:
    """Unknown user, wrong password and inactive account cannot be distinguished."""
    site.add_user("ina", is_active=False)
    answers = [
        site.device().log_in("ada", "wrong"),
        site.device().log_in("nobody", PASSWORD),
        site.device().log_in("ina", PASSWORD),
        site.device().log_in("ina", "wrong"),
    ]
    assert {code(answer) for answer in answers} == {(401, "login_failed")}
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1
    assert all(answer.headers["WWW-Authenticate"] == 'Bearer realm="api"' for answer in answers)
    assert not any(credential_cookies(answer) for answer in answers)


def test_a_backend_is_known_by_the_path_that_the_project_lists(site: LiveSite, ada: User) -> None:
    """A backend listed under the path it is re-exported at authenticates by that path."""
    site.settings.AUTHENTICATION_BACKENDS = ["testapp.backends.Reexported"]
    grant = log_in(RequestFactory().get("/"), ada, transport=Transport.HEADER)
    assert grant.session.backend == "testapp.backends.Reexported"
    assert site.logged_in().logged_in()


def test_log_in_sends_djangos_signal_and_updates_last_login(site: LiveSite, ada: User) -> None:
    """``user_logged_in`` is sent once, with the request; ``last_login`` is now."""
    with heard(user_logged_in) as said, heard(session_started) as started:
        site.logged_in()
    (call,) = said
    assert call["user"] == ada
    assert isinstance(call["request"], HttpRequest)
    assert call["request"].user == ada
    assert [s["session"].sid for s in started] == site.sids(ada)
    ada.refresh_from_db()
    assert ada.last_login is not None


def test_a_failed_log_in_sends_djangos_signal(site: LiveSite, ada: User) -> None:
    """``user_login_failed`` is sent with the request and without the password."""
    with heard(user_login_failed) as said:
        site.device().log_in(password="wrong password of mine")
    (call,) = said
    assert isinstance(call["request"], HttpRequest)
    assert call["credentials"]["username"] == "ada"
    assert "wrong password of mine" not in str(call["credentials"])


def test_log_out_sends_djangos_signal(site: LiveSite, ada: User, device: Device) -> None:
    """``user_logged_out`` is sent once with request and user, ``session_revoked`` once with the reason."""
    with heard(user_logged_out) as said, heard(session_revoked) as revoked:
        device.log_out()
    (call,) = said
    assert call["user"] == ada
    assert isinstance(call["request"], HttpRequest)
    assert [e["reason"] for e in revoked] == [RevocationReason.LOGOUT]


def again(site: LiveSite, device: Device, username: str) -> str:
    """Log in on a device that is logged in, presenting its credential; return the new sid."""
    headers = {"X-Authkit-Transport": str(site.transport)}
    answer = device.post("/auth/login/", {"username": username, "password": PASSWORD}, headers=headers)
    assert answer.status_code == 200
    return str(body(answer)["session"]["sid"])


def test_login_revokes_the_auth_session_that_was_presented(site: LiveSite, ada: User, device: Device) -> None:
    """A second login on a device starts another auth session and revokes the first, and no other."""
    elsewhere = site.logged_in()
    thief = device.copy()
    new = again(site, device, "ada")
    assert set(site.sids(ada)) == {new, site.sid(elsewhere)}
    assert not thief.logged_in()
    assert elsewhere.logged_in()


def test_login_revokes_another_users_auth_session(
    site: LiveSite, ada: User, bob: User, device: Device
) -> None:
    """Even another user's presented auth session is revoked; that user's others are not."""
    elsewhere = site.logged_in("ada")
    thief = device.copy()
    new = again(site, device, "bob")
    assert site.sids(bob) == [new]
    assert site.sids(ada) == [site.sid(elsewhere)]
    assert not thief.logged_in()


def test_a_failed_log_in_changes_nothing(site: LiveSite, ada: User, device: Device) -> None:
    """With a wrong password the presented auth session is kept."""
    before = site.snapshot()
    headers = {"X-Authkit-Transport": str(site.transport)}
    answer = device.post("/auth/login/", {"username": "ada", "password": "wrong"}, headers=headers)
    assert code(answer) == (401, "login_failed")
    assert not credential_cookies(answer)
    assert site.snapshot() == before
    assert device.logged_in()


def test_log_in_records_the_device(site: LiveSite, ada: User) -> None:
    """The record holds address, device, method, and whether to remember."""
    device = site.device(address="203.0.113.99")
    device.who()
    proof = device.csrf() if device.is_browser else {}
    device.post(
        "/auth/login/",
        {"username": "ada", "password": PASSWORD, "remember": True},
        headers={**proof, "X-Authkit-Transport": str(site.transport), "User-Agent": "Curl/8"},
    )
    (session,) = sessions_of(ada)
    assert (session.address, session.label) == ("203.0.113.99", "Curl/8")
    assert (session.amr, session.remember, session.mode) == (("pwd",), True, site.mode)


@in_jwt_mode
@by_header
def test_the_token_of_a_login_is_short(site: LiveSite) -> None:
    """
    Its header line has at most 330 characters; after a refresh, 42 more for ``auth_time`` and ``gen``.

    That is so for a user whose primary key has four digits.
    """
    site.add_user(pk=1234)
    device = site.logged_in()
    assert len(f"Authorization: Bearer {device.access}") <= 330
    site.advance(minutes=1)
    device.refresh()
    assert len(f"Authorization: Bearer {device.access}") <= 330 + 42


def test_names_are_normalized_as_django_stores_them(site: LiveSite) -> None:
    """A username in another Unicode form (NFKC) finds its user, as in Django's own form."""
    user = site.add_user("\u210celen")
    assert user.username == "Helen"
    assert site.device().log_in("\u210celen").status_code == 200


@pytest.mark.parametrize("password", [" leading", "trailing ", "pass\tword", "ümläut ", "日本語" * 20])
def test_passwords_are_taken_as_they_are(site: LiveSite, ada: User, password: str) -> None:
    """No character of a password is trimmed or changed."""
    ada.set_password(password)
    ada.save()
    assert site.device().log_in(password=password).status_code == 200
    assert code(site.device().log_in(password=password.strip() + "x")) == (401, "login_failed")


def test_an_unknown_user_takes_as_long(site: LiveSite, ada: User) -> None:
    """For an unknown user as many passwords are hashed as for a wrong password."""
    from django.contrib.auth.hashers import MD5PasswordHasher

    counts = []
    encode = MD5PasswordHasher.encode
    for username in ("ada", "nobody"):
        calls: list[str] = []

        def counted(self: Any, password: str, salt: str, calls: list[str] = calls) -> str:
            calls.append(salt)
            return encode(self, password, salt)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(MD5PasswordHasher, "encode", counted)
            site.device().log_in(username, "wrong")
        counts.append(len(calls))
    assert counts[0] == counts[1] == 1


class OwnLogIn(APIView):
    """A login that the project decides itself."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def post(self, request: Request) -> Response:
        """Log ada in, and return the same as our endpoint."""
        grant = log_in(request, User.objects.get(username="ada"), amr=("swk",))
        response = Response({"id": request.user.pk, **grant.credentials()})
        grant.attach(response)
        return response


urlpatterns = [*urls.urlpatterns, path("own/login/", OwnLogIn.as_view())]


def test_a_drf_view_may_log_in_with_the_request_it_has(site: LiveSite, ada: User, settings: Settings) -> None:
    """``log_in`` accepts DRF's request and Django's; one auth session starts, with the given ``amr``."""
    settings.ROOT_URLCONF = __name__
    device = site.device()
    answer = device.post("/own/login/", {}, headers={"X-Authkit-Transport": str(site.transport)})
    assert answer.status_code == 200
    assert [session.amr for session in sessions_of(ada)] == [("swk",)]
