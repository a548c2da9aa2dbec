"""Attackers guess passwords, or try to lock other users out by guessing."""

import logging
from functools import partial
from typing import Any
from unicodedata import normalize
from urllib.parse import urlencode

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.test import Client, RequestFactory
from rest_framework import serializers

from django_authkit.api.serializers import LoginBody
from django_authkit.errors import LoginFailed
from django_authkit.service.password_login import PasswordCredentials, user_by_password
from django_authkit.stores.outcomes import AttemptStatistics
from django_authkit.throttling import attempts
from django_authkit.throttling.attempts import count_login, sources_of
from django_authkit.throttling.device_cookie import device_id_of, set_device_cookie
from django_authkit.throttling.names import account, exact, folded
from django_authkit.types import Mode, Transport
from django_authkit.wiring import get_store
from support.client import DEVICE_COOKIE, PASSWORD, Device, code
from support.live_site import LiveSite, by_cookie, by_header, in_session_mode
from support.parallel import parallel_threads
from support.signals import heard

on_sqlite = pytest.mark.parametrize("where", ["sqlite"], indirect=True)
OFF = {"LOGIN_ADDRESS": None, "LOGIN_ACCOUNT": None}


def guess(device: Device, username: str = "ada", password: str = "wrong") -> tuple[int, str | None]:
    """Try to log in once; return status and code."""
    answer = device.log_in(username, password)
    return (200, "") if answer.status_code == 200 else code(answer)


def stranger(live: LiveSite, address: str = "192.0.2.66") -> Device:
    """Return an app at an address from which nobody has logged in."""
    return live.device(Transport.HEADER, address=address)


@by_header
@in_session_mode
@pytest.mark.slow
def test_parallel_requests_allow_no_more_attempts(live: LiveSite) -> None:
    """Of 200 concurrent guesses on 50 connections, exactly five reach the password check."""
    live.add_user("ada")
    live.configure(RATES={"LOGIN": "5/min", **OFF})
    with heard(user_login_failed) as checked, parallel_threads(50) as threads:
        for _ in range(4):
            found = threads.at_once([partial(guess, stranger(live)) for _ in range(50)])
            assert set(found) <= {(401, "login_failed"), (429, "throttled")}
    assert len(checked) == 5


@by_header
@in_session_mode
def test_other_spellings_allow_no_more_attempts(live: LiveSite) -> None:
    """Spellings that find the same user share one allowance."""
    live.add_user("ada")
    live.configure(RATES={"LOGIN": "3/min", **OFF})
    spellings = ["ada", "ADA", " ada", "ad\u00e1", "\u00e1da", "a\u0301da", "\uff41da", "ad\u200ba"]
    found = [guess(stranger(live), name)[0] for name in spellings]
    assert found == [401, 401, 401, 429, 429, 429, 429, 429]


def test_ten_thousand_spellings_are_one_name() -> None:
    """Every combination of case, accents, width and invisible characters is normalized to the same name."""
    forms = [
        "o",
        "O",
        "\u00f6",
        "\u00d3",
        "o\u0308",
        "\uff4f",
        "o\u200d",
        "\u00ad" + "o",
        "o\u0300\u0301",
        "\u014d",
    ]
    spellings = {a + b + c + d for a in forms for b in forms for c in forms for d in forms}
    assert len(spellings) >= 10_000
    assert {folded(normalize("NFKC", name)) for name in spellings} == {"oooo"}


@by_header
@in_session_mode
def test_many_names_from_one_address(live: LiveSite) -> None:
    """One sender cannot try many names, or keep the CPU busy with hashing."""
    live.configure(RATES={"LOGIN": "3/min", "LOGIN_ADDRESS": "10/min"})
    with heard(user_login_failed) as checked:
        found = [guess(stranger(live), f"user{number}")[0] for number in range(15)]
    assert found == [401] * 10 + [429] * 5
    assert len(checked) == 10


@by_header
@in_session_mode
def test_many_networks_of_one_ipv6_site(live: LiveSite) -> None:
    """A /56 has 256 networks; together they are allowed four times as much as one."""
    live.configure(RATES={"LOGIN": "3/min", "LOGIN_ADDRESS": "5/min"})
    found = [guess(stranger(live, f"2001:db8:0:{number:x}::1"), f"u{number}")[0] for number in range(25)]
    assert found == [401] * 20 + [429] * 5


@by_cookie
@in_session_mode
def test_one_account_from_many_addresses(live: LiveSite) -> None:
    """Attempts are limited to the account's rate, and the owner's browser can log in at once."""
    live.add_user("ada")
    live.configure(RATES={"LOGIN": "3/min", "LOGIN_ACCOUNT": "20/hour", "LOGIN_ADDRESS": None})
    owner = live.logged_in()
    owner.log_out()
    with heard(user_login_failed) as checked:
        found = [guess(stranger(live, f"10.1.{number // 250}.{number % 250}"))[0] for number in range(300)]
    assert len(checked) == found.count(401) == 19  # the owner's own first login was one of the twenty
    assert guess(owner, password=PASSWORD)[0] == 200
    assert guess(live.device(), password=PASSWORD)[0] == 429


@by_header
@in_session_mode
def test_an_app_at_a_known_address_is_not_locked_out(live: LiveSite) -> None:
    """Where an account has logged in from, only the limit of that address applies."""
    live.add_user("ada")
    live.configure(RATES={"LOGIN": "5/min", "LOGIN_ACCOUNT": "5/hour", "LOGIN_ADDRESS": None})
    home = live.device(address="198.51.100.7")
    assert guess(home, password=PASSWORD)[0] == 200
    assert [guess(stranger(live, f"10.1.0.{number}"))[0] for number in range(6)] == [401] * 4 + [429] * 2
    assert guess(home, password=PASSWORD)[0] == 200


@by_cookie
@in_session_mode
def test_a_device_cookie_of_another_account(live: LiveSite) -> None:
    """It exempts from nothing; neither does a forged cookie, or one with additional characters."""
    live.add_user("ada")
    live.add_user("bob")
    live.configure(RATES={"LOGIN": "3/min", "LOGIN_ADDRESS": None, "LOGIN_ACCOUNT": None})
    attacker = live.logged_in("bob")
    cookie = attacker.cookies[DEVICE_COOKIE]
    for planted in (cookie, cookie[:-1], f"{cookie}A", "junk", ""):
        attacker.cookies[DEVICE_COOKIE] = planted
        guess(attacker)
    assert guess(attacker) == (429, "throttled")


class TenantLogin(LoginBody):
    """A name, and the tenant in which it is somebody's."""

    name_field = "login"
    credential_fields = ("tenant", "code")

    login = serializers.CharField()
    tenant = serializers.CharField()
    code = serializers.CharField(required=False)


class ByTenant(ModelBackend):
    """Knows users by a name that is unique in a tenant: their first name."""

    def authenticate(  # type: ignore[override] # by other names
        self, request: Any, password: Any = None, **kwargs: Any
    ) -> Any:
        """Return the user, whatever the code is."""
        tenant, login = kwargs.get("tenant", "home"), kwargs.get("login", kwargs.get("username"))
        user = User.objects.filter(first_name=tenant, last_name=login).first()
        return user if user is not None and user.check_password(password) else None


def in_tenant(device: Device, tenant: str, password: str = "wrong", **more: str) -> int:
    """Try to log Ada of a tenant in."""
    device.who()
    sent = {"login": "ada", "tenant": tenant, "password": password, **more}
    return device.log_in_with(sent).status_code


@on_sqlite
@in_session_mode
@pytest.mark.parametrize("transport", list(Transport), ids=str, indirect=True)
def test_a_login_by_the_same_name_in_another_tenant(live: LiveSite) -> None:
    """It exempts from nothing there, and the browser or address of the real owner stays exempt."""
    live.add_user("1", first_name="home", last_name="ada")
    live.add_user("2", first_name="evil", last_name="ada")
    live.settings.AUTHENTICATION_BACKENDS = [f"{__name__}.ByTenant"]
    limits = {"LOGIN": "9/min", "LOGIN_ADDRESS": None, "LOGIN_ACCOUNT": "4/hour"}
    live.configure(LOGIN={"SERIALIZER": f"{__name__}.TenantLogin"}, RATES=limits)
    owner, thief = live.device(address="198.51.100.7"), live.device(address="192.0.2.66")
    assert in_tenant(owner, "home", PASSWORD) == 200
    assert in_tenant(thief, "evil", PASSWORD) == 200
    assert [in_tenant(thief, "home") for _ in range(3)] == [401, 401, 429]
    assert in_tenant(owner, "home", PASSWORD) == 200
    assert in_tenant(thief, "evil", PASSWORD) == 200


@on_sqlite
@by_header
@in_session_mode
def test_varying_what_selects_no_account(live: LiveSite) -> None:
    """Guesses with ever another code or tenant are those at one name."""
    live.settings.AUTHENTICATION_BACKENDS = [f"{__name__}.ByTenant"]
    live.configure(LOGIN={"SERIALIZER": f"{__name__}.TenantLogin"}, RATES={"LOGIN": "3/min", **OFF})
    found = [in_tenant(stranger(live), f"t{number % 2}", code=str(number)) for number in range(5)]
    assert found == [401, 401, 401, 429, 429]


@on_sqlite
def test_what_stands_for_an_account(live: LiveSite) -> None:
    """The field of the name and all further arguments; what cannot be told apart exempts nobody."""
    users = [live.add_user(name) for name in ("ada", "bob")]
    told: list[dict[str, Any]] = [
        {},
        {"tenant": "1"},
        {"tenant": 1},
        {"tenant": users[0]},
        {"tenant": users[1]},
        {"other": "1"},
    ]
    found = [account("x@example.org", field, more) for field in (None, "email") for more in told]
    assert None not in found
    assert len(set(found)) == len(found)
    assert account("ada", more={"tenant": User()}) is None
    attempt = count_login(RequestFactory().post("/"), "ada", more={"tenant": object()})
    assert attempt.owner is None


@by_cookie
@in_session_mode
def test_guesses_of_a_browser_that_has_logged_in(live: LiveSite) -> None:
    """The cookie gives its browser an allowance of its own, which is limited, and no second cookie."""
    live.add_user("ada")
    live.configure(RATES={"LOGIN": "3/min"})
    browser = live.logged_in()
    cookie = browser.cookies[DEVICE_COOKIE]
    browser.log_out()
    assert [guess(browser)[0] for _ in range(4)] == [401, 401, 401, 429]
    assert browser.cookies[DEVICE_COOKIE] == cookie


@by_header
@in_session_mode
def test_evicting_a_counter_with_junk(live: LiveSite) -> None:
    """After three hundred other names, the victim's counter still exists."""
    live.add_user("ada")
    live.configure(RATES={"LOGIN": "3/hour", **OFF})
    for _ in range(3):
        guess(stranger(live))
    for number in range(300):
        count_login(RequestFactory().post("/", REMOTE_ADDR="192.0.2.66"), f"junk{number}")
    assert guess(stranger(live)) == (429, "throttled")


@by_cookie
@in_session_mode
def test_locking_a_name_without_a_password(live: LiveSite) -> None:
    """Requests that do not reach the password check are not counted."""
    live.add_user("ada")
    live.configure(RATES={"LOGIN": "3/min", "LOGIN_ADDRESS": "3/min", "LOGIN_ACCOUNT": "3/hour"})
    device = live.device()
    device.who()
    app = stranger(live, device.address)
    for _ in range(30):
        app.post("/auth/login/", {"username": "ada"}, headers={"X-Authkit-Transport": "header"})
        Client(enforce_csrf_checks=True).post(
            "/auth/login/", {"username": "ada", "password": "x"}, REMOTE_ADDR=device.address, secure=True
        )
    assert get_store().attempt_statistics() == AttemptStatistics(counters=0, exhausted=0)
    assert guess(device, password=PASSWORD)[0] == 200


@by_cookie
@pytest.mark.parametrize("mode", list(Mode), ids=str, indirect=True)
def test_stopping_refreshes_behind_an_address(live: LiveSite) -> None:
    """After 500 POSTs that another site's page sends, a valid refresh from the same address works."""
    live.add_user("ada")
    live.configure(RATES={"REFRESH": "5/min"})
    device = live.logged_in()
    with_cookies = Client(enforce_csrf_checks=True)
    with_cookies.cookies.load(device.cookies)
    from_elsewhere = {
        "secure": True,
        "REMOTE_ADDR": device.address,
        "headers": {"Origin": "https://evil.example"},
    }
    for client in (Client(enforce_csrf_checks=True), with_cookies):
        for _ in range(250):
            client.post("/auth/refresh/", **from_elsewhere)  # type: ignore[arg-type]
    assert get_store().attempt_statistics().exhausted == 0
    assert device.refresh().status_code == 200
    junk = [stranger(live, device.address).post("/auth/refresh/", {"refresh": "junk"}) for _ in range(6)]
    assert [answer.status_code for answer in junk] == [401] * 5 + [429]
    assert device.refresh().status_code == 200


@by_header
@in_session_mode
def test_locking_a_name_where_no_address_is_known(live: LiveSite) -> None:
    """Behind a Unix socket all clients look like one sender, so only the account's limit applies."""
    live.add_user("ada")
    live.configure(RATES={"LOGIN": "3/min", "LOGIN_ADDRESS": "3/min", "LOGIN_ACCOUNT": "10/hour"})
    assert [guess(stranger(live, ""))[0] for _ in range(9)] == [401] * 9
    assert guess(stranger(live, ""), password=PASSWORD)[0] == 200


@by_cookie
@pytest.mark.parametrize("mode", list(Mode), ids=str, indirect=True)
def test_guessing_at_the_admins_form(live: LiveSite) -> None:
    """Django's own login is counted together with the endpoint, and sets the device cookie, too."""
    User.objects.db_manager(live.alias).create_superuser("root", password=PASSWORD)
    live.configure(RATES={"LOGIN": "3/min", "LOGIN_ADDRESS": None, "LOGIN_ACCOUNT": None})

    def post(client: Client, password: str) -> int:
        client.get("/admin/login/", secure=True)
        token = client.cookies["csrftoken"].value
        form = {"username": "root", "password": password, "csrfmiddlewaretoken": token, "next": "/admin/"}
        referer = {"Referer": "https://testserver/admin/login/"}
        return client.post("/admin/login/", form, secure=True, headers=referer).status_code

    owner = Client(enforce_csrf_checks=True, REMOTE_ADDR="198.51.100.7")
    assert post(owner, PASSWORD) == 302
    assert DEVICE_COOKIE in owner.cookies
    thief = Client(enforce_csrf_checks=True, REMOTE_ADDR="192.0.2.66")
    assert [post(thief, "wrong") for _ in range(4)] == [200, 200, 200, 429]
    assert DEVICE_COOKIE not in thief.cookies
    assert guess(stranger(live), "root") == (429, "throttled")
    owner.cookies.pop("sessionid", None)
    assert post(owner, PASSWORD) == 302


@by_cookie
@in_session_mode
def test_a_device_cookie_for_somebody_elses_name(live: LiveSite) -> None:
    """A login view that redirects users who are logged in gives them no device cookie for another name."""
    for name in ("ada", "mallory"):
        live.add_user(name)
    live.settings.ROOT_URLCONF = "projects.redirecting_login"
    mallory = live.logged_in("mallory")
    live.configure(RATES={"LOGIN": "20/min"})
    answer = mallory.send(
        "POST",
        "/login/",
        urlencode({"username": "ada", "password": "junk"}).encode(),
        content_type="application/x-www-form-urlencoded",
        headers=mallory.csrf(),
    )
    assert answer.status_code == 302
    assert DEVICE_COOKIE not in mallory.cookies


@on_sqlite
@by_cookie
@in_session_mode
def test_a_login_form_with_more_fields(live: LiveSite) -> None:
    """Only a username that is unique exempts there: an e-mail address may be another user's in a tenant."""
    live.add_user("ada", first_name="home", last_name="ada@example.org", email="ada@example.org")
    live.settings.AUTHENTICATION_BACKENDS = [f"{__name__}.ByTenant", *live.settings.AUTHENTICATION_BACKENDS]
    live.settings.ROOT_URLCONF = "projects.redirecting_login"
    live.configure(RATES={"LOGIN": "9/min", "LOGIN_ADDRESS": None, "LOGIN_ACCOUNT": "3/hour"})

    def post(client: Client, username: str, password: str = PASSWORD, **more: str) -> tuple[int, bool]:
        for name in {*client.cookies} - {DEVICE_COOKIE}:  # logged out
            del client.cookies[name]
        answer = client.post("/login/", {"username": username, "password": password, **more}, secure=True)
        return answer.status_code, DEVICE_COOKIE in answer.cookies

    by_name, by_email = Client(), Client()
    assert post(by_name, "ada", code="1") == (302, True)
    assert [post(by_name, "ada", "wrong", code=str(number))[0] for number in range(4)] == [200] * 4
    assert post(by_email, "ada@example.org", tenant="home") == (302, False)
    assert post(by_email, "ada@example.org") == (302, True)
    guesses = [post(by_email, "ada@example.org", "wrong", tenant="evil")[0] for _ in range(2)]
    assert guesses == [200, 429]


@in_session_mode
@pytest.mark.parametrize("transport", list(Transport), ids=str, indirect=True)
def test_an_exemption_by_a_name_that_looks_the_same(live: LiveSite) -> None:
    """If names may differ in accents only, the exemption of one does not apply to the other."""
    if live.store == "mariadb":
        pytest.skip("Its collation takes both for one name.")
    for name in ("ada", "\u00c1DA"):
        live.add_user(name)
    live.configure(RATES={"LOGIN": "3/min", "LOGIN_ADDRESS": None, "LOGIN_ACCOUNT": "5/hour"})
    attacker = live.logged_in("\u00c1DA")
    for number in range(4):
        guess(stranger(live, f"10.1.0.{number}"))
    assert guess(attacker) == (429, "throttled")


def test_a_name_that_takes_long_to_normalize(live: LiveSite) -> None:
    """A long username is truncated before it is normalized, and refused before the password check."""
    name = "a" + "\u0300\u0316" * 30_000
    longest = 1_100 if live.store == "mariadb" else 300  # a weight there takes four characters for each
    assert len(folded(name)) < longest
    assert len(exact(name)) < longest
    with heard(user_login_failed) as checked, pytest.raises(LoginFailed):
        user_by_password(RequestFactory().post("/"), PasswordCredentials(name=name, password="junk"))
    assert not checked


def test_what_cannot_be_counted_exactly_is_logged_once(
    live: LiveSite, caplog: pytest.LogCaptureFixture
) -> None:
    """An untrusted proxy header and an unknown client address cause one warning each per process."""
    attempts._warn.cache_clear()  # noqa: SLF001 - other tests were first
    plain, forwarded = (
        RequestFactory().get("/", REMOTE_ADDR=""),
        RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", headers={"X-Forwarded-For": "192.0.2.1"}),
    )
    with caplog.at_level(logging.WARNING, "django_authkit.throttling"):
        for _ in range(3):
            sources_of(plain)
            sources_of(forwarded)
    assert len(caplog.records) == 2


def test_a_device_cookie_is_bound_to_its_name(live: LiveSite) -> None:
    """It is valid for the name with which its browser has logged in, and for no other."""
    request, response = RequestFactory().get("/"), Client().get("/auth/session/", secure=True)
    set_device_cookie(response, "a" * 32)
    request.COOKIES[DEVICE_COOKIE] = response.cookies[DEVICE_COOKIE].value
    assert device_id_of(request, "a" * 32) is not None
    assert device_id_of(request, "b" * 32) is None
