"""``TENANT``: users of two databases under the same primary keys; a router chooses by host."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from secrets import token_hex
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from redis import Redis

from django_authkit import revoke, revoke_all, revoke_user, sessions_of, tenant
from django_authkit.checks.tenants import check_databases
from django_authkit.conf import get_settings
from django_authkit.types import Mode
from django_authkit.wiring import get_store, observe_store
from support.client import PASSWORD, Device, body, code
from support.live_site import LiveSite, by_header, in_jwt_mode

DATABASES = {"a": "default", "b": "postgres"}
HOST: ContextVar[str] = ContextVar("host", default="a")
"""Whose request it is: a middleware of the project sets it, and its router reads it."""


def find_tenant(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Any:
    """Find the tenant by the host, as a project's middleware does."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        token = HOST.set(request.get_host().partition(".")[0])
        try:
            return get_response(request)
        finally:
            HOST.reset(token)

    return middleware


class UsersByHost:
    """Each tenant has a database of its own."""

    def db_for_read(self, model: object, **hints: object) -> str:
        """Return the alias of the tenant."""
        return DATABASES[HOST.get()]

    db_for_write = db_for_read


def by_host(request: HttpRequest | None) -> str:
    """``TENANT``: the first label of the host; nobody's outside of a request."""
    return "" if request is None else request.get_host().partition(".")[0]


class Guest(Device):
    """
    A client of one tenant's host.

    Attributes:
        host: Where it sends its requests; change it to carry a credential elsewhere.
    """

    host = "a.example.org"

    def at(self, name: str) -> "Guest":
        """Return a copy that carries the same credentials to the host of another tenant."""
        twin = self.copy()
        twin.host = f"{name}.example.org"
        return twin

    def csrf(self) -> dict[str, str]:
        """Return the proof of our front end on this host."""
        return {**super().csrf(), "Referer": f"https://{self.host}/"}

    def _agent(self) -> dict[str, str]:
        return {**super()._agent(), "Host": self.host}


@contextmanager
def inside(name: str) -> Iterator[None]:
    """Be outside of a request, for one tenant: its database, and its part of the store."""
    token = HOST.set(name)
    try:
        with tenant(name):
            yield
    finally:
        HOST.reset(token)


@pytest.fixture(autouse=True)
def hosts(site: LiveSite) -> Iterator[None]:
    """Let the site have two tenants; ada of one and eve of the other have the same primary key."""
    if not site.on_redis:
        pytest.skip("TENANT takes the Redis store.")
    given = site.settings
    given.ALLOWED_HOSTS = [".example.org"]
    given.DATABASE_ROUTERS = [f"{__name__}.UsersByHost"]
    given.MIDDLEWARE = [f"{__name__}.find_tenant", *given.MIDDLEWARE]
    site.configure(TENANT=f"{__name__}.by_host")
    made = {"a": {"ada": 500_001}, "b": {"eve": 500_001, "ada": 500_002}}
    for name, people in made.items():
        with inside(name):
            for username, pk in people.items():
                site.add_user(username, pk=pk)
    yield
    for name in made:
        with inside(name):
            User.objects.all().delete()


def user(name: str, username: str) -> User:
    """Return a user of one tenant."""
    with inside(name):
        return User.objects.get(username=username)


def logged_in(site: LiveSite, name: str, username: str) -> Guest:
    """Return a client that has logged in at one tenant."""
    guest = Guest(site.mode, site.transport)
    guest.host = f"{name}.example.org"
    answer = guest.log_in(username)
    assert answer.status_code == 200, answer.content
    return guest


@pytest.mark.parametrize("loading", ["eager", "lazy"])
def test_a_credential_opens_nothing_of_another_tenant(site: LiveSite, loading: str) -> None:
    """Not the views, the session, the devices or a refresh; and it goes on where it belongs."""
    site.configure(USER_LOADING=loading)
    ada, eve = logged_in(site, "a", "ada"), logged_in(site, "b", "eve")
    assert body(ada.get("/api/whoami/"))["username"] == "ada"
    assert body(eve.get("/api/whoami/"))["username"] == "eve"
    for guest, elsewhere in ((ada, "b"), (eve, "a")):
        for path in ("/plain/whoami/", "/plain/whoami-async/", "/auth/session/", "/auth/sessions/"):
            answer = guest.at(elsewhere).get(path)
            told = b'"ada"' in answer.content or b'"eve"' in answer.content
            assert answer.status_code == 401 or not told
        assert guest.at(elsewhere).get("/api/whoami/").status_code == 401
        assert guest.at(elsewhere).refresh().status_code == 401
        assert guest.at(elsewhere).reauthenticate().status_code in {401, 403}
        guest.at(elsewhere).log_out()
    assert ada.refresh().status_code == eve.refresh().status_code == 200
    assert body(ada.get("/api/whoami/"))["username"] == "ada"
    assert body(eve.get("/api/whoami/"))["username"] == "eve"


@in_jwt_mode
@by_header
@pytest.mark.parametrize("loading", ["eager", "lazy"])
def test_a_token_that_no_store_is_asked_about_opens_nothing_either(site: LiveSite, loading: str) -> None:
    """With ``ACCESS_CHECK = "none"``, because each tenant has an issuer of its own."""
    site.configure(ACCESS_CHECK="none", USER_LOADING=loading)
    ada = logged_in(site, "a", "ada")
    for _ in range(2):  # the second time, tokens that were verified are remembered
        assert ada.get("/api/whoami/").status_code == 200
        assert code(ada.at("b").get("/api/whoami/")) == (401, "token_invalid")


@by_header
def test_introspection_tells_nothing_of_another_tenant(site: LiveSite) -> None:
    """What is active for one is not for the other."""
    ada, eve = logged_in(site, "a", "ada"), logged_in(site, "b", "eve")
    assert body(ada.post("/auth/verify/", {"token": ada.access}))["active"] is True
    assert body(eve.post("/auth/verify/", {"token": ada.access})) == {"active": False}


def test_lists_do_not_mix(site: LiveSite) -> None:
    """The devices of each are those of that tenant's user with the primary key."""
    ada = [logged_in(site, "a", "ada") for _ in range(2)]
    eve = logged_in(site, "b", "eve")
    assert len(body(ada[0].get("/auth/sessions/"))["results"]) == 2
    (theirs,) = body(eve.get("/auth/sessions/"))["results"]
    with inside("a"):
        assert len(sessions_of(user("a", "ada"))) == 2
    with inside("b"):
        assert [each.sid for each in sessions_of(user("b", "eve"))] == [theirs["sid"]]
    assert ada[0].delete(f"/auth/sessions/{theirs['sid']}/").status_code == 404
    assert eve.get("/api/whoami/").status_code == 200


@pytest.mark.parametrize("how", ["revoke_user", "revoke_all", "deactivate", "password", "delete", "sid"])
def test_a_revocation_leaves_the_other_tenant_alone(site: LiveSite, how: str) -> None:
    """Whatever ends the logins of a user, the user of the other tenant under the same key stays logged in."""
    ada, eve = logged_in(site, "a", "ada"), logged_in(site, "b", "eve")
    mine, theirs = (body(each.get("/auth/session/"))["session"]["sid"] for each in (ada, eve))
    with inside("a"):
        person = User.objects.get(username="ada")
        if how == "revoke_user":
            assert len(revoke_user(person)) == 1
        elif how == "revoke_all":
            revoke_all()
        elif how == "deactivate":
            person.is_active = False
            person.save()
        elif how == "password":
            person.set_password("another horse battery staple")
            person.save()
        elif how == "delete":
            person.delete()
        else:
            assert not revoke(theirs)
            assert revoke(mine)
        assert not get_store().list_user("500001")
    assert ada.get("/api/whoami/").status_code == 401
    assert body(eve.get("/api/whoami/"))["username"] == "eve"
    with inside("b"):
        assert len(sessions_of(User.objects.get(username="eve"))) == 1


@by_header
def test_what_is_due_after_the_commit_is_of_the_tenant_of_the_change(site: LiveSite) -> None:
    """Whichever tenant is the current one when the transaction ends."""
    ada, eve = logged_in(site, "a", "ada"), logged_in(site, "b", "eve")
    with inside("b"), transaction.atomic(using="default"), inside("a"):
        person = User.objects.get(username="ada")
        person.is_active = False
        person.save()
    assert ada.get("/api/whoami/").status_code == 401
    with inside("a"):
        assert not sessions_of(person)
    assert body(eve.get("/api/whoami/"))["username"] == "eve"


def test_limits_are_of_one_tenant(site: LiveSite) -> None:
    """A login does not take the place of one of the other tenant's user with the same primary key."""
    site.configure(MAX_SESSIONS=1)
    ada, eve = logged_in(site, "a", "ada"), logged_in(site, "b", "eve")
    assert ada.get("/api/whoami/").status_code == 200
    logged_in(site, "a", "ada")
    assert ada.get("/api/whoami/").status_code == 401
    assert eve.get("/api/whoami/").status_code == 200


def test_attempts_are_counted_for_one_tenant(site: LiveSite) -> None:
    """Guessing at a name locks nobody of that name out at the other tenant."""
    site.configure(RATES={"LOGIN": "2/min"})

    def attempt(name: str, password: str) -> int:
        guest = Guest(site.mode, site.transport)
        guest.host = f"{name}.example.org"
        return guest.log_in("ada", password).status_code

    assert [attempt("a", "wrong") for _ in range(3)] == [401, 401, 429]
    assert attempt("a", PASSWORD) == 429
    assert attempt("b", PASSWORD) == 200


def test_a_browser_is_known_to_one_tenant(site: LiveSite) -> None:
    """The cookie that exempts it from the counters of guesses says nothing at the other one."""
    site.configure(RATES={"LOGIN": "2/min"})
    mine = logged_in(site, "b", "ada")
    mine.log_out()
    known = {name: text for name, text in mine.cookies.items() if "device" in name}
    guesser = Guest(site.mode, site.transport)
    assert [guesser.log_in("ada", "wrong").status_code for _ in range(3)] == [401, 401, 429]
    guesser.cookies.update(known)
    assert guesser.log_in("ada", PASSWORD).status_code == 429
    if site.transport == "cookie":
        assert known


@by_header
def test_tenants_share_connections(site: LiveSite) -> None:
    """However many there are, a thread has one connection to Redis."""
    caches, name = site.settings.CACHES, token_hex(4)
    url = caches["authkit"]["LOCATION"]
    named = f"{url}{'&' if '?' in url else '?'}client_name={name}"
    site.settings.CACHES = {**caches, "authkit": {**caches["authkit"], "LOCATION": named}}
    for number in range(20):
        with tenant(f"t{number}"):
            assert get_store().now() > 0
    with Redis.from_url(url) as direct:
        assert [each["name"] for each in direct.client_list()].count(name) == 1


@pytest.mark.parametrize("name", ["", "a:b", "x" * 33, "a b", "ä", None, 7])
@by_header
def test_a_name_has_a_form(site: LiveSite, name: Any) -> None:
    """At most 32 characters that mean nothing in a key; anything else is an error, and nobody's."""
    chosen = nullcontext() if name is None else tenant(name)
    with chosen, pytest.raises(ImproperlyConfigured, match="The tenant is"):
        get_store().now()
    with tenant("x" * 32):
        assert get_store().now() > 0


@by_header
def test_a_command_needs_a_name(site: LiveSite, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a tenant a command says so in one sentence; within a block it is about that tenant."""
    with pytest.raises(CommandError, match=r"^The tenant is ''.*use tenant\(\) there\.$"):
        call_command("authkit_sessions", "ada")
    with tenant("a"):
        call_command("authkit_sessions", "ada")
    assert "ada is not logged in anywhere." in capsys.readouterr().out


@by_header
def test_calls_are_observed_for_each_tenant(site: LiveSite) -> None:
    """Metrics see the calls of all tenants, and do not send those of one to the store of another."""
    seen: list[str] = []

    @contextmanager
    def observe(call: str) -> Iterator[None]:
        seen.append(call)
        yield

    end = observe_store(observe)
    try:
        ada, eve = logged_in(site, "a", "ada"), logged_in(site, "b", "eve")
        assert seen.count("create") == 2
        assert body(ada.get("/api/whoami/"))["username"] == "ada"
        assert ada.at("b").get("/api/whoami/").status_code == 401
        assert body(eve.get("/api/whoami/"))["username"] == "eve"
    finally:
        end()


@by_header
def test_the_checks_find_nothing_any_more(site: LiveSite) -> None:
    """Users of two databases under one key are an error without ``TENANT``, and none with it."""
    assert list(check_databases(get_settings())) == []
    site.configure(TENANT=None)
    (found,) = check_databases(get_settings())
    assert found.id == "authkit.E058"


@by_header
def test_a_switch_of_the_mode_stays_with_its_tenant(site: LiveSite) -> None:
    """A credential of the other form is exchanged at its own tenant, and nowhere else."""
    ada = logged_in(site, "a", "ada")
    site.mode = Mode.SESSION if site.is_jwt else Mode.JWT
    site.settings.AUTHKIT_MODE = str(site.mode)
    site.configure(ACCEPT=["session", "jwt"])
    assert ada.at("b").refresh().status_code == 401
    assert ada.refresh().status_code == 200
    assert body(ada.get("/api/whoami/"))["username"] == "ada"
    assert ada.at("b").get("/api/whoami/").status_code == 401
