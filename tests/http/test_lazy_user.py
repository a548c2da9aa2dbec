"""A lazy ``request.user``: a user in every respect, whose row is read when it is needed."""

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, Group, User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import Model, Q
from django.test import RequestFactory
from pytest_django import DjangoDbBlocker, Settings

from django_authkit import service
from django_authkit.errors import SessionEnded, StoreUnavailable
from django_authkit.types import Mode, Transport
from django_authkit.users.lazy import LazyUser, ensure_loaded, set_error_factory
from support.access_policies import Policy
from support.client import PASSWORD, Device, body, code
from support.clock import Clock
from support.live_site import LiveSite
from testapp.user_views import NAME_VIEWS

POLICY = Policy("valkey", Mode.JWT, "none", "lazy")


@pytest.fixture(params=[POLICY, Policy("valkey", Mode.SESSION, "store", "lazy")], ids=str)
def policy(request: pytest.FixtureRequest) -> Policy:
    """Return each configuration in which only the user's key is known."""
    policy: Policy = request.param
    return policy


@pytest.fixture(params=list(Transport), ids=str)
def transport(request: pytest.FixtureRequest) -> Transport:
    """Return each transport in turn."""
    return Transport(request.param)


@pytest.fixture
def site(
    settings: Settings,
    clock: Clock,
    policy: Policy,
    transport: Transport,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[LiveSite]:
    """Return the site under that policy, empty."""
    settings.ROOT_URLCONF = "testapp.user_views"
    with django_db_blocker.unblock():
        site = LiveSite(settings, clock, store="valkey", mode=policy.mode, transport=transport)
        site.clear()
        policy.set_up(site)
        yield site
        LogEntry.objects.all().delete()
        site.clear()


@pytest.fixture
def ada(site: LiveSite) -> User:
    """Return a user."""
    return site.add_user("ada", email="ada@example.org")


@pytest.fixture
def bob(site: LiveSite) -> User:
    """Return another user."""
    return site.add_user("bob")


app_only = pytest.mark.parametrize("transport", [Transport.HEADER], ids=str, indirect=True)
browser_only = pytest.mark.parametrize("transport", [Transport.COOKIE], ids=str, indirect=True)


@pytest.fixture
def lazy(site: LiveSite, ada: User) -> Any:
    """Return ada as the service knows her from a credential alone."""
    device = site.logged_in("ada")
    request = RequestFactory().get("/", headers={"Authorization": f"Bearer {device.access}"})
    known = service.authenticate(request)
    assert known is not None
    user: Any = known.user
    assert type(user) is LazyUser
    return user


class _EqualsAll:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


EQUALS_ALL = _EqualsAll()


class People(NamedTuple):
    """Lazy ada, ada, and another user."""

    lazy: Any
    ada: User
    bob: User


WITHOUT_THE_ROW: dict[str, Callable[[People], bool]] = {
    "keys": lambda we: we.lazy.pk == we.lazy.id == we.ada.pk,
    "flags": lambda we: we.lazy.is_authenticated and not we.lazy.is_anonymous and we.lazy.is_active,
    "truth": lambda we: bool(we.lazy),
    "equal": lambda we: we.lazy == we.ada and we.ada == we.lazy and we.lazy == we.lazy,
    "unequal": lambda we: (
        we.lazy != we.bob and we.bob != we.lazy and we.lazy not in (None, 7, "ada", AnonymousUser())
    ),
    "equal to all": lambda we: we.lazy == EQUALS_ALL,
    "no stranger": lambda we: AnonymousUser() != we.lazy and we.lazy != AnonymousUser(),
    "another model": lambda we: we.lazy != LogEntry(pk=we.ada.pk) and LogEntry(pk=we.ada.pk) != we.lazy,
    "hash": lambda we: (
        hash(we.lazy) == hash(we.ada) and {we.ada: 1}[we.lazy] == 1 and we.lazy in {we.ada, we.bob}
    ),
    "in": lambda we: we.lazy in [we.bob, we.ada] and we.lazy not in [we.bob, None],
    "class": lambda we: we.lazy.__class__ is User and isinstance(we.lazy, User | AbstractBaseUser),
    "model": lambda we: isinstance(we.lazy, Model) and we.lazy._meta is User._meta,
    "repr": lambda we: repr(we.lazy) == f"<LazyUser {we.ada.pk}: not read>",
    "content type": lambda we: ContentType.objects.get_for_model(we.lazy).model_class() is User,
    "filter": lambda we: str(we.ada.pk) in str(LogEntry.objects.filter(user=we.lazy).query),
    "filter in": lambda we: str(we.ada.pk) in str(LogEntry.objects.filter(user__in=[we.lazy]).query),
    "exclude": lambda we: str(we.ada.pk) in str(LogEntry.objects.exclude(Q(user=we.lazy)).query),
    "assigned": lambda we: LogEntry(user=we.lazy).user_id == we.ada.pk,
    "assigned twice": lambda we: _assigned(LogEntry(user=we.bob), we.lazy).user is we.lazy,
    "copy": lambda we: copy.copy(we.lazy) == we.ada and type(copy.copy(we.lazy)) is LazyUser,
    "deep copy": lambda we: copy.deepcopy([we.lazy, we.lazy]) == [we.ada, we.ada],
    "state": lambda we: not we.lazy._state.adding,
}


def _assigned(entry: LogEntry, user: Any) -> LogEntry:
    entry.user = user
    return entry


@app_only
def test_what_needs_no_row(site: LiveSite, ada: User, bob: User, lazy: Any) -> None:
    """What depends on the key only needs no query."""
    ContentType.objects.get_for_model(User)  # Django caches it
    with site.counted() as trips:
        wrong = [name for name, holds in WITHOUT_THE_ROW.items() if not holds(People(lazy, ada, bob))]
    assert not wrong
    assert not trips.queries


WITH_THE_ROW: dict[str, Callable[[Any], bool]] = {
    "a field": lambda lazy: lazy.username == "ada",
    "text": lambda lazy: str(lazy) == "ada",
    "password": lambda lazy: lazy.check_password(PASSWORD),
    "permission": lambda lazy: not lazy.has_perm("x.y"),
    "dir": lambda lazy: "email" in dir(lazy),
    "related": lambda lazy: lazy.logentry_set.count() == 0,
    "hasattr": lambda lazy: not hasattr(lazy, "nickname"),
    "backend": lambda lazy: lazy.backend == "django.contrib.auth.backends.ModelBackend",
    "pickle": lambda lazy: pickle.loads(pickle.dumps(lazy)).email == "ada@example.org",  # noqa: S301 - our own
    "copies": lambda lazy: copy.copy(lazy).email == copy.deepcopy(lazy).email == "ada@example.org",
}


@app_only
@pytest.mark.parametrize("touch", WITH_THE_ROW)
def test_what_needs_the_row(site: LiveSite, lazy: Any, touch: str) -> None:
    """Anything else reads the row, and returns its values."""
    assert WITH_THE_ROW[touch](lazy)
    assert lazy.email == "ada@example.org"


@app_only
def test_the_row_is_read_once(site: LiveSite, lazy: Any) -> None:
    """After the first access the row is loaded; the repr says so."""
    with site.counted() as trips:
        assert lazy.username == "ada"
        ensure_loaded(lazy)
        assert {lazy.email, lazy.first_name} == {"ada@example.org", ""}
    assert len(trips.queries) == 1
    assert repr(lazy).endswith(": read>")


@app_only
def test_changes(site: LiveSite, ada: User, lazy: Any) -> None:
    """An attribute that is set is set on the row, saved with it, and read afterwards."""
    lazy.first_name = "Ada"
    lazy.is_active = False
    assert not lazy.is_active
    lazy.save()
    ada.refresh_from_db()
    assert (ada.first_name, ada.is_active) == ("Ada", False)
    del lazy.first_name  # deferred from now on
    assert lazy.first_name == "Ada"


@app_only
def test_rows_of_others(site: LiveSite, ada: User, lazy: Any) -> None:
    """It can own rows, be locked, be selected from a set, and refresh itself."""
    content_type = ContentType.objects.get_for_model(User)
    entry = LogEntry.objects.create(
        user=lazy, content_type=content_type, object_id="1", object_repr="x", action_flag=CHANGE
    )
    assert LogEntry.objects.get(user=lazy) == entry
    assert LogEntry.objects.get(pk=entry.pk).user == lazy
    assert LogEntry.objects.select_related("user").get(user=lazy).user.username == "ada"
    with transaction.atomic():
        assert User.objects.select_for_update().get(pk=lazy.pk) == lazy
    User.objects.filter(pk=lazy.pk).update(first_name="Augusta")
    lazy.refresh_from_db()
    assert lazy.first_name == "Augusta"


@app_only
def test_a_member_of_a_group(site: LiveSite, ada: User, lazy: Any) -> None:
    """It can be added to, found in, and removed from a many-to-many relation by its key alone."""
    group = Group.objects.create(name="Readers")
    with site.counted() as trips:
        group.user_set.add(lazy)
    assert not any("SELECT" in sql and '"auth_user"."email"' in sql for sql in trips.queries)
    assert group.user_set.get() == lazy
    assert list(Group.objects.filter(user=lazy)) == [group]
    group.user_set.remove(lazy)
    assert not group.user_set.exists()
    group.user_set.set([lazy])
    assert list(lazy.groups.all()) == [group]
    group.delete()


@app_only
def test_a_pickle_is_a_plain_user(site: LiveSite, ada: User, lazy: Any) -> None:
    """It is pickled as the row."""
    assert type(pickle.loads(pickle.dumps({"user": lazy}))["user"]) is User  # noqa: S301 - our own


@app_only
def test_an_error_at_the_first_access(site: LiveSite, ada: User, lazy: Any) -> None:
    """An access for a deleted user raises our error, also through ``hasattr``, and again the next time."""
    User.objects.filter(pk=ada.pk).update(is_active=False)
    twins = [copy.copy(lazy), copy.deepcopy(lazy)]
    for touch in (
        lambda: lazy.username,
        lambda: hasattr(lazy, "x"),
        lambda: pickle.dumps(lazy),
        lambda: str(lazy),
    ):
        with pytest.raises(SessionEnded):
            touch()
    for twin in twins:
        with pytest.raises(SessionEnded):
            str(twin)
    assert lazy.pk == ada.pk  # what the credential says still counts


class _Other(Exception):
    pass


def test_a_framework_chooses_its_own_error(django_db_blocker: DjangoDbBlocker) -> None:
    """``set_error_factory`` converts our errors, and no others, into those of a framework."""
    errors: list[Exception] = [SessionEnded(), StoreUnavailable(), ImproperlyConfigured()]

    def read() -> AbstractBaseUser:
        raise errors[0]

    lazy: Any = LazyUser("7", read)
    set_error_factory(lazy, lambda error: _Other(error.code))
    set_error_factory(AnonymousUser(), lambda error: _Other(error.code))
    for expected in (_Other, _Other, ImproperlyConfigured):
        for one in (lazy, copy.copy(lazy)):
            with pytest.raises(expected):
                str(one)
        errors.pop(0)


def test_whoami_and_permissions(site: LiveSite, ada: User) -> None:
    """Permission checks of DRF and Django use the row."""
    device = site.logged_in("ada")
    assert device.get("/drf/staff/").status_code == 403
    assert device.get("/staff/").status_code == 302
    User.objects.filter(pk=ada.pk).update(is_staff=True)
    assert device.get("/drf/staff/").status_code == 200
    assert device.get("/staff/").status_code == 200


def test_pages_and_async_views(site: LiveSite, ada: User) -> None:
    """Templates and coroutines get the values of the row; a coroutine runs no query of its own."""
    device = site.logged_in("ada")
    assert device.get("/page/key/").content.decode() == f"{ada.pk} {ada.pk}"
    assert device.get("/page/name/").content == device.get("/page/name-later/").content == b"ada"
    assert body(device.get("/async/name/")) == {"name": "ada"}
    assert body(device.get("/async/key/")) == {"id": ada.pk}


@app_only
@pytest.mark.parametrize("path", NAME_VIEWS)
def test_an_app_gets_the_error(site: LiveSite, ada: User, path: str) -> None:
    """A deactivated user gets a 401 with code and challenge in every kind of view, even within a template."""
    device = site.logged_in("ada")
    User.objects.filter(pk=ada.pk).update(is_active=False)
    answer = device.get(path)
    assert code(answer) == (401, "session_ended")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@app_only
def test_without_our_middleware(site: LiveSite, settings: Settings, ada: User) -> None:
    """A DRF project does not need our middleware for this."""
    device = site.logged_in("ada")
    settings.MIDDLEWARE = []
    assert device.get("/drf/name/").status_code == 200
    User.objects.filter(pk=ada.pk).update(is_active=False)
    answer = device.get("/drf/name/")
    assert code(answer) == (401, "session_ended")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@app_only
def test_a_database_that_is_down(site: LiveSite, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the row cannot be read, the response is 503, in DRF's views and in others."""
    device = site.logged_in("ada")

    def down(*_: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr("django_authkit.users.loading._read", down)
    for path in NAME_VIEWS:
        answer = device.get(path)
        assert code(answer) == (503, "store_unavailable"), path
        assert answer.headers["Retry-After"]


@browser_only
@pytest.mark.parametrize("policy", [Policy("valkey", Mode.SESSION, "store", "lazy")], ids=str, indirect=True)
def test_sessions_of_the_admin(site: LiveSite, ada: User) -> None:
    """Django's own views work with it: the admin accepts staff, and logs the user."""
    User.objects.filter(pk=ada.pk).update(is_staff=True, is_superuser=True)
    device = site.logged_in("ada")
    assert device.get("/admin/").status_code == 200
    answer = device.submit("/admin/auth/group/add/", name="Analysts")
    assert answer.status_code == 302
    assert LogEntry.objects.get().user == ada
    assert body(device.get("/plain/visits/")) == {"visits": 1, "id": ada.pk}


@browser_only
@pytest.mark.parametrize("policy", [Policy("valkey", Mode.SESSION, "store", "lazy")], ids=str, indirect=True)
def test_own_password_change(site: LiveSite, ada: User, settings: Settings) -> None:
    """Changing the own password in the admin keeps this session and revokes the others."""
    User.objects.filter(pk=ada.pk).update(is_staff=True)
    device, other = site.logged_in("ada"), site.logged_in("ada")
    new = "another one entirely"
    answer = device.submit(
        "/admin/password_change/", old_password=PASSWORD, new_password1=new, new_password2=new
    )
    assert answer.status_code == 302, answer.content
    assert body(device.get("/name/")) == {"name": "ada"}
    assert code(other.get("/drf/key/")) == (401, "session_ended")


def test_an_anonymous_user_is_not_lazy(site: LiveSite) -> None:
    """Without a credential the user is Django's ``AnonymousUser``."""
    stranger: Device = site.device()
    assert body(stranger.get("/plain/whoami/")) == {"id": None}
    assert stranger.get("/drf/name/").status_code == 401
    assert stranger.get("/page/key/").content == b""
