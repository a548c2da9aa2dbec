"""What is done with a user has the same outcome with an eager and with a lazy one."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject
from pytest_django import DjangoDbBlocker, Settings

from django_authkit import service
from django_authkit.types import Mode, Transport
from django_authkit.users.lazy import LazyUser
from support.access_policies import Policy
from support.clock import Clock
from support.live_site import LiveSite
from support.uses_of_a_user import USES


@pytest.fixture
def site(
    settings: Settings, clock: Clock, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[LiveSite]:
    """Return the site, empty, with tokens that are checked without the store."""
    with django_db_blocker.unblock():
        site = LiveSite(settings, clock, store="valkey", mode=Mode.JWT, transport=Transport.HEADER)
        site.clear()
        yield site
        LogEntry.objects.all().delete()
        site.clear()


def outcome_of(use: Callable[[Any], Any], user: Any) -> Any:
    """Return what *use* returned or raised; nothing of it stays in the database."""
    with transaction.atomic():
        try:
            with transaction.atomic():
                result = use(user)
        except NameError:
            raise  # a mistake in the use itself
        except Exception as error:  # noqa: BLE001 - any that Django raises
            result = type(error)
        transaction.set_rollback(True)
    return result


@pytest.mark.parametrize("view", ["plain", "DRF"])
def test_a_lazy_user_does_what_an_eager_one_does(site: LiveSite, view: str) -> None:
    """Each use has the same result or error; plain views see the user through a proxy of Django's."""
    site.add_user("bob")
    site.add_user("ada", email="ada@example.org")
    device = site.logged_in("ada")
    outcomes: dict[str, dict[str, Any]] = {}
    for loading in ("eager", "lazy"):
        Policy("valkey", Mode.JWT, "none", loading).set_up(site)
        outcomes[loading] = {}
        for name, use in USES.items():
            request = RequestFactory().get("/", headers={"Authorization": f"Bearer {device.access}"})
            known = service.authenticate(request)
            assert known is not None
            user: Any = known.user
            assert (type(user) is LazyUser) == (loading == "lazy")
            if view == "plain":
                user = SimpleLazyObject(lambda user=user: user)  # type: ignore[misc]
            outcomes[loading][name] = outcome_of(use, user)
    lazy = outcomes["lazy"]
    assert not {name: (was, lazy[name]) for name, was in outcomes["eager"].items() if lazy[name] != was}
