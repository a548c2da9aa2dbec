"""Projects with several databases: auth sessions in one of their own, and reads from a replica that lags."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from django_authkit import log_in, sessions_of, signals
from django_authkit.checks.tenants import check_databases
from django_authkit.conf import get_settings
from django_authkit.types import RevocationReason, Transport
from projects.routers import ReadsFromReplica, SessionsApart, UsersByTenant
from support.client import PASSWORD
from support.live_site import LiveSite, by_header
from support.signals import heard

pytestmark = by_header


def other_database(site: LiveSite) -> str:
    """Return an alias that the site itself does not use."""
    return "default" if site.alias != "default" else "postgres"


class TestSessionsApart:
    """``DATABASE_ALIAS`` names a database without users."""

    @pytest.fixture
    def users(self, site: LiveSite) -> Iterator[str]:
        """Put the users into the other database, and return its alias."""
        if site.on_redis:
            pytest.skip("Redis is always apart.")
        users = other_database(site)
        site.settings.DATABASE_ROUTERS = [SessionsApart(site.alias, users)]
        yield users
        User.objects.all().delete()

    @pytest.mark.parametrize("delete", [User.delete, lambda user: User.objects.filter(pk=user.pk).delete()])
    def test_a_deleted_user_is_logged_out(self, site: LiveSite, users: str, delete: object) -> None:
        """Deleting a user queries no table that does not exist there, and revokes their auth sessions."""
        assert callable(delete)
        ada = site.add_user()
        device = site.logged_in()
        sid = site.sid(device)
        with CaptureQueriesContext(connections[users]) as asked, heard(signals.session_revoked) as revoked:
            delete(ada)
        assert not [query for query in asked.captured_queries if "authkit_session" in query["sql"]]
        assert [(each["session"].sid, each["reason"]) for each in revoked] == [
            (sid, RevocationReason.USER_DISABLED)
        ]
        assert not device.logged_in()

    def test_the_limit_holds(self, site: LiveSite, users: str) -> None:
        """``MAX_SESSIONS`` applies although there is no row of the user to lock."""
        site.configure(MAX_SESSIONS=2)
        ada = site.add_user()
        devices = [site.logged_in() for _ in range(3)]
        assert [device.logged_in() for device in devices] == [False, True, True]
        assert len(sessions_of(ada)) == 2


class TestLaggingReplica:
    """A router sends reads to a replica that does not have the latest writes."""

    @pytest.fixture
    def replica(self, site: LiveSite) -> Iterator[str]:
        """Let the site read from the other database, which has no rows yet, and return its alias."""
        replica = other_database(site)
        site.settings.DATABASE_ROUTERS = [ReadsFromReplica(site.alias, replica)]
        yield replica
        User.objects.using(replica).all().delete()

    def replicate(self, replica: str, user: User) -> None:
        """Copy the user's current row to the replica."""
        User(**{field.attname: getattr(user, field.attname) for field in User._meta.fields}).save(
            using=replica
        )

    def test_a_sign_up_logs_in(self, site: LiveSite, replica: str) -> None:
        """A user whom the replica does not have yet is logged in by ``log_in``, and stays logged in."""
        grant = log_in(RequestFactory().post("/"), site.add_user(), transport=Transport.HEADER)
        bearer = {"Authorization": f"Bearer {grant.credentials()['access']}"}
        assert Client().get("/auth/session/", headers=bearer).status_code == 200
        assert not User.objects.exists()

    def test_the_own_password_change_keeps_the_session(self, site: LiveSite, replica: str) -> None:
        """The device that changed the password stays logged in while the replica has the old one."""
        self.replicate(replica, site.add_user())
        device, elsewhere = site.logged_in(), site.logged_in()
        assert device.post("/django/new-password/", "another horse battery staple").status_code == 200
        assert device.logged_in()
        assert device.refresh().status_code == 200
        assert device.logged_in()
        assert not elsewhere.logged_in()

    def test_the_old_password_is_refused_at_once(self, site: LiveSite, replica: str) -> None:
        """The old password is refused, even while the replica still has it."""
        ada = site.add_user()
        self.replicate(replica, ada)
        ada.set_password("another horse battery staple")
        ada.save()
        assert site.device().log_in("ada", PASSWORD).status_code == 401
        assert sessions_of(ada) == ()

    def test_it_is_no_tenant(self, site: LiveSite, replica: str) -> None:
        """A user whose password or name the replica does not have yet is the same user."""
        ada = site.add_user()
        self.replicate(replica, ada)
        ada.set_password("another horse battery staple")
        ada.save()
        assert list(check_databases(get_settings())) == []


class TestTenants:
    """A router selects the database of a tenant, with users of its own."""

    @pytest.fixture
    def tenant(self, site: LiveSite) -> Iterator[UsersByTenant]:
        """Return the router; its tenant has users in the other database."""
        tenant = UsersByTenant(site.alias, other_database(site))
        site.settings.DATABASE_ROUTERS = [tenant]
        yield tenant
        for alias in tenant.aliases:
            User.objects.using(alias).all().delete()

    def test_a_check_finds_users_of_two_tenants_with_one_key(
        self, site: LiveSite, tenant: UsersByTenant
    ) -> None:
        """No user is taken for another as long as no key is used twice; a key that is used twice is found."""
        ada = site.add_user()
        tenant.current = 1
        bob = User.objects.create_user("bob", password="battery horse", id=ada.pk + 1)
        assert list(check_databases(get_settings())) == []
        User.objects.filter(pk=bob.pk).update(id=ada.pk)
        (found,) = check_databases(get_settings())
        assert found.id == "authkit.E058"
        assert all(repr(alias) in found.message for alias in tenant.aliases)

    def test_a_table_that_no_tenant_uses_is_not_compared(self, site: LiveSite, tenant: UsersByTenant) -> None:
        """If ``allow_migrate`` says that the users are not there."""
        ada = site.add_user()
        User.objects.using(tenant.aliases[1]).create(username="bob", id=ada.pk)
        assert list(check_databases(get_settings())) != []
        tenant.unused = tenant.aliases[1]
        assert list(check_databases(get_settings())) == []
