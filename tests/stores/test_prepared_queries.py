"""Queries that are compiled once read the same as Django's, and keep nothing alive."""

import gc
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User, UserManager
from django.db import connections
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoDbBlocker, Settings

from django_authkit.stores.database import DatabaseStore
from django_authkit.users.loading import load_user
from django_authkit.users.query import read_user
from projects.site import EVERYTHING_ON_POSTGRES

BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture(params=["default", "postgres"])
def alias(
    request: pytest.FixtureRequest,
    settings: Settings,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[str]:
    """Return the alias that the site's users are on: of SQLite, and of PostgreSQL."""
    if request.param == "postgres":
        settings.DATABASE_ROUTERS = [EVERYTHING_ON_POSTGRES]
    with django_db_blocker.unblock():
        yield request.param


@pytest.fixture
def user(alias: str) -> Iterator[User]:
    """Return a user."""
    user = User.objects.db_manager(alias).create_user("prepared", "a@example.org", "secret", first_name="Ada")
    yield user
    user.delete()


def test_the_row_is_the_one_that_the_stock_backend_finds(alias: str, user: User) -> None:
    """Every field, the alias and the state are those of ``ModelBackend.get_user``, in one query."""
    expected = ModelBackend().get_user(user.pk)
    assert expected is not None
    for _ in range(2):
        with CaptureQueriesContext(connections[alias]) as queries:
            found: Any = read_user(user.pk)
        assert len(queries) == 1
        assert type(found) is User
        assert {**vars(found), "_state": None} == {**vars(expected), "_state": None}
        assert (found._state.db, found._state.adding) == (expected._state.db, expected._state.adding)


def test_every_call_finds_its_own_user(alias: str, user: User) -> None:
    """The query compiled for one user finds another one, and nobody if there is none."""
    other = User.objects.db_manager(alias).create_user("another")
    try:
        assert [read_user(key) for key in (user.pk, other.pk, user.pk)] == [user, other, user]
        assert read_user(other.pk + 1) is None
    finally:
        other.delete()


def test_a_change_of_the_row_is_seen(alias: str, user: User) -> None:
    """Only the query is kept, never a row."""
    assert read_user(user.pk) == user
    User.objects.using(alias).filter(pk=user.pk).update(first_name="Grace")
    found: Any = read_user(user.pk)
    assert found.first_name == "Grace"


def test_a_manager_that_excludes_users_is_asked_each_time(
    alias: str, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project's manager may depend on the current state, so its queryset is not kept."""
    asked: list[None] = []

    def choosy(manager: UserManager[User]) -> Any:
        asked.append(None)
        return User._base_manager.all()

    monkeypatch.setattr(UserManager, "get_queryset", choosy, raising=False)
    for number in (1, 2):
        assert load_user(str(user.pk), BACKEND) == user
        assert len(asked) == number


def test_the_connection_of_a_thread_goes_with_its_thread(alias: str, user: User) -> None:
    """The cached query does not keep a connection open after its thread has ended."""
    kept: list[weakref.ref[Any]] = []

    def work() -> None:
        connection = connections[alias]
        connection.inc_thread_sharing()
        read_user(user.pk)
        DatabaseStore(alias).load("A" * 16)
        kept.append(weakref.ref(connection))
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    gc.collect()
    assert kept
    assert kept[0]() is None
