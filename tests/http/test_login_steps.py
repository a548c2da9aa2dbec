"""A login in steps: until the last step there is nothing but a handle, which works once."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.core.management import call_command
from django.http import HttpResponse

from django_authkit import sessions_of
from django_authkit.signals import session_started
from support.client import CSRF_COOKIE, Device, body, code, credential_cookies
from support.live_site import LiveSite, by_cookie, by_header, in_jwt_mode, in_session_mode
from support.signals import heard
from testapp.login_steps import Code

on_sqlite = pytest.mark.parametrize("where", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def with_a_code(site: LiveSite) -> None:
    """Ask for a code."""
    Code.sent.clear()
    site.configure(LOGIN={"STEPS": ["testapp.login_steps.Code"]})


def step(device: Device, handle: str, **members: Any) -> HttpResponse:
    """Take a step, and keep what comes."""
    return device.log_in_step({"handle": handle, **members})


def handle_of(answer: HttpResponse) -> str:
    """Return the handle that a 401 gives."""
    assert answer.status_code == 401, answer.content
    return str(body(answer)["handle"])


def test_a_login_goes_on_with_a_handle(site: LiveSite, ada: User) -> None:
    """Nothing of the auth session exists before the last step; then it is as any other."""
    device = site.device()
    with heard(user_logged_in) as logged_in, heard(session_started) as started:
        asked = device.log_in(remember=True, device="Ada's phone")
        assert code(asked) == (401, "step_required")
        assert not credential_cookies(asked)
        assert {"access", "session", "user"}.isdisjoint(body(asked))
        assert (body(asked)["step"], body(asked)["question"]) == ("code", {"ends_in": "7"})
        assert 295 < body(asked)["expires_in"] <= 300
        assert "1234567" not in asked.content.decode()
        assert (sessions_of(ada), logged_in, started) == ((), [], [])
        assert step(device, handle_of(asked), code="1234567").status_code == 200
    (session,) = sessions_of(ada)
    assert (session.amr, session.remember, session.label) == (("pwd", "otp", "mfa"), True, "Ada's phone")
    assert (len(logged_in), len(started)) == (1, 1)
    assert device.logged_in()
    assert device.refresh().status_code == 200


def test_a_user_without_a_second_factor_is_logged_in_at_once(site: LiveSite, bob: User) -> None:
    """``is_needed`` decides."""
    assert site.logged_in("bob").logged_in()
    assert Code.sent == []


def test_a_handle_works_once(site: LiveSite, ada: User) -> None:
    """After a wrong answer there is another one, for the same question; after a right one, none."""
    device = site.device()
    first = handle_of(device.log_in())
    site.advance(seconds=1)
    with heard(user_login_failed) as failed:
        wrong = step(device, first, code="0000000")
    assert code(wrong) == (401, "step_failed")
    assert body(wrong)["expires_in"] <= 300
    assert [call["credentials"] for call in failed] == [{"username": "ada", "step": "code"}]
    assert Code.sent == ["ada"]
    assert code(step(device, first, code="1234567")) == (401, "step_ended")
    second = handle_of(wrong)
    assert step(device, second, code="1234567").status_code == 200
    assert code(step(site.device(), second, code="1234567"))[1] in {"step_ended", "csrf_failed"}
    assert len(sessions_of(ada)) == 1


def test_a_handle_expires(site: LiveSite, ada: User) -> None:
    """After ``LOGIN["STEP_LIFETIME"]``."""
    device = site.device()
    handle = handle_of(device.log_in())
    site.advance(minutes=5, seconds=1)
    assert code(step(device, handle, code="1234567")) == (401, "step_ended")
    assert sessions_of(ada) == ()


@on_sqlite
@by_header
@in_session_mode
@pytest.mark.parametrize("handle", ["", "x", "A" * 39, "A" * 16 + "." + "A" * 23])
def test_a_forged_handle_is_refused(site: LiveSite, ada: User, handle: str) -> None:
    """With the code of one that has ended; an empty one is no handle."""
    expected = (401, "step_ended") if handle else (400, "invalid_request")
    assert code(step(site.device(), handle, code="1234567")) == expected


@on_sqlite
def test_a_handle_is_no_credential(site: LiveSite, ada: User) -> None:
    """It opens no view and no Django session, in whatever form it is presented."""
    device = site.device()
    handle = handle_of(device.log_in())
    for text in (handle, f"{handle[:16]}.{handle[16:]}", f"{handle[:16]}~{handle[16:]}"):
        thief = site.device()
        thief.access = thief.refresh_token = text
        thief.cookies["__Host-sessionid"] = text
        assert not thief.logged_in()
    assert step(device, handle, code="1234567").status_code == 200


@on_sqlite
def test_a_password_change_ends_a_login_in_progress(site: LiveSite, ada: User) -> None:
    """And so does the deactivation of its user."""
    device = site.device()
    handle, other = handle_of(device.log_in()), handle_of(device.log_in())
    ada.set_password("quite another")
    ada.save()
    assert code(step(device, handle, code="1234567")) == (401, "step_ended")
    ada.is_active = False
    ada.save()
    assert code(step(device, other, code="1234567")) == (401, "step_ended")
    assert sessions_of(ada) == ()


@on_sqlite
@by_header
@in_session_mode
def test_attempts_at_a_step_are_counted_for_the_user(site: LiveSite, ada: User) -> None:
    """Whatever address, device or handle they come from."""
    site.configure(RATES={"LOGIN_STEP": "2/hour"})
    devices = [site.device(address=f"203.0.113.{number}") for number in range(3)]
    answers = [step(device, handle_of(device.log_in()), code="0") for device in devices[:2]]
    answers.append(step(devices[2], handle_of(answers[0]), code="0"))
    codes = [code(answer)[1] for answer in answers]
    assert codes == ["step_failed", "step_failed", "throttled"]


@on_sqlite
@by_header
@in_session_mode
def test_a_user_is_asked_so_often_and_no_more(site: LiveSite, ada: User) -> None:
    """Logins that ask for a step are counted for the user, so nobody gets any number of codes."""
    site.configure(RATES={"LOGIN_STEP": "2/hour"})
    codes = [code(site.device(address=f"203.0.113.{number}").log_in())[1] for number in range(3)]
    assert codes == ["step_required", "step_required", "throttled"]


@on_sqlite
@by_header
@in_session_mode
def test_a_user_with_a_similar_name_has_attempts_of_their_own(site: LiveSite, ada: User) -> None:
    """Whoever signs up under the name of somebody else with an accent cannot keep them from logging in."""
    site.configure(RATES={"LOGIN_STEP": "2/hour"})
    site.add_user("ad\u00e1")
    thief, owner = site.device(address="203.0.113.9"), site.device()
    handle, codes = handle_of(thief.log_in("ad\u00e1")), []
    for _ in range(3):
        answer = step(thief, handle, code="0")
        codes.append(code(answer)[1])
        handle = body(answer).get("handle", "")
    assert codes == ["step_failed", "step_failed", "throttled"]
    assert code(step(owner, handle_of(owner.log_in()), code="0")) == (401, "step_failed")
    call_command("authkit_unblock", "ada")
    assert code(step(thief, handle_of(thief.log_in("ad\u00e1")), code="0")) == (401, "step_failed")


@on_sqlite
def test_several_steps_are_taken_in_order(site: LiveSite, ada: User) -> None:
    """Each with a handle of its own; what a step adds to ``amr`` is kept."""
    site.configure(LOGIN={"STEPS": ["testapp.login_steps.Code", "testapp.login_steps.Terms"]})
    device = site.device()
    second = step(device, handle_of(device.log_in()), code="1234567")
    assert (code(second), body(second)["step"]) == ((401, "step_required"), "terms")
    assert code(step(device, handle_of(second), code="1234567")) == (401, "step_failed")
    assert sessions_of(ada) == ()
    second = step(device, handle_of(device.log_in()), code="1234567")
    assert step(device, handle_of(second), accepted=True).status_code == 200
    assert sessions_of(ada)[0].amr == ("pwd", "otp", "mfa")


@on_sqlite
@by_cookie
def test_a_step_over_cookies_needs_the_csrf_proof(site: LiveSite, ada: User) -> None:
    """Another site cannot finish a login in the browser of its reader; the handle is not used up."""
    device = site.device()
    handle = handle_of(device.log_in())
    proof, device.cookies[CSRF_COOKIE] = device.cookies[CSRF_COOKIE], "x"
    assert code(step(device, handle, code="1234567")) == (403, "csrf_failed")
    device.cookies[CSRF_COOKIE] = proof
    assert step(device, handle, code="1234567").status_code == 200


@on_sqlite
@by_header
@in_jwt_mode
def test_simplejwts_endpoint_asks_for_the_step_too(site: LiveSite, ada: User) -> None:
    """Its login is not finished by a password; our endpoint takes the step."""
    device = site.device()
    answer = device.post("/compat/token/", {"username": "ada", "password": "correct horse battery staple"})
    assert body(answer)["code"] == "step_required"
    assert sessions_of(ada) == ()
