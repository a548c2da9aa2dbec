"""The admin: who may view auth sessions and who may revoke them, on each store."""

import re
from html import unescape

import pytest
from django import VERSION as DJANGO_VERSION
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from django_authkit import service, sessions_of, signals
from django_authkit.models import AuthSessionRow
from django_authkit.types import RevocationReason
from support.bound_browser import bind
from support.client import Device
from support.live_site import LiveSite, by_cookie, in_jwt_mode, in_session_mode
from support.signals import heard

LIST = "/admin/django_authkit/authsessionrow/"
SECRETS = ("key_digest", "jti_digest", "previous_digest", "sealed", "auth_hash", "revoked_by", "data")

on_redis = pytest.mark.parametrize("where", ["valkey"], indirect=True)
on_databases = pytest.mark.parametrize("where", ["sqlite", "postgresql"], indirect=True)

pytestmark = by_cookie


def staff(site: LiveSite, *codenames: str, name: str = "boss", app: str = "django_authkit") -> Device:
    """Return the browser of an administrator with exactly these permissions, logged in."""
    user = site.add_user(name, is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label__in=[app, "auth"], codename__in=codenames)
    )
    return site.logged_in(name)


@pytest.fixture
def boss(site: LiveSite) -> Device:
    """Return the browser of an administrator who may view and revoke."""
    return staff(site, "view_authsessionrow", "delete_authsessionrow")


@pytest.fixture
def watcher(site: LiveSite) -> Device:
    """Return the browser of an administrator who may only view."""
    return staff(site, "view_authsessionrow", name="watcher")


@pytest.fixture
def outsider(site: LiveSite) -> Device:
    """Return the browser of an administrator of users, who may neither view nor revoke."""
    return staff(site, "view_user", "change_user", "delete_user", name="outsider")


def shown(answer: HttpResponse) -> str:
    """Return the text of a page."""
    assert answer.status_code == 200, (answer.status_code, answer.content)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


def object_page(sid: str) -> str:
    """Return the URL of the object page; the admin quotes ``_``."""
    return f"{LIST}{sid.replace('_', '_5F')}/change/"


def end_address(sid: str) -> str:
    """Return the URL to which the button of the object page posts."""
    return object_page(sid).replace("/change/", "/revoke/")


def user_page(user: User) -> str:
    """Return the URL of a user's page."""
    return f"{LIST}by-user/{user.pk}/"


def logged() -> list[tuple[str, str, str]]:
    """Return user, action and sid of each entry in the admin's log."""
    entries = LogEntry.objects.order_by("pk").select_related("user")
    return [(each.user.username, each.change_message, str(each.object_id)) for each in entries]


@on_databases
@in_session_mode
class TestList:
    """The list of the database store."""

    def test_shows_auth_sessions_and_no_anonymous_ones(self, site: LiveSite, boss: Device, ada: User) -> None:
        """Live, expired and revoked ones are listed; anonymous sessions and the row of epochs are not."""
        live, revoked = site.logged_in("ada"), site.logged_in("ada")
        revoked.log_out()
        site.device().send("POST", "/django/cart/", b'"shoe"')
        assert AuthSessionRow._base_manager.using(site.alias).filter(epoch=None).exists()
        page = boss.get(LIST)
        assert len(re.findall(r'name="_selected_action"', page.content.decode())) == 3
        text = shown(page)
        assert "198.51.100.7" in text
        assert text.count(" live ") >= 2
        assert " revoked " in text
        assert live.logged_in()

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("state=live", 2),
            ("state=revoked", 1),
            ("state=expired", 0),
            ("mode=session", 3),
            ("mode=jwt", 0),
            ("q=ada", 2),
            ("q=ada%40example.org", 0),
            ("q=bob", 0),
            ("q=ad", 0),
            ("q=Firefox", 0),
            ("q=198.51.100", 3),
            ("q=51.100", 0),
            ("q=198.51.100.7&mode=session", 3),
            ("q=2001:DB8", 0),
            ("q=AAAAAAAAAAAAAAAA", 0),
            ("q=nobody", 0),
            ("q=ada&state=live", 1),
        ],
    )
    def test_is_searched_and_filtered(
        self, site: LiveSite, boss: Device, ada: User, bob: User, query: str, count: int
    ) -> None:
        """By login name and address, mode and state; a part of a name or user agent finds nothing."""
        site.logged_in("ada").log_out()
        device = site.device()
        device.user_agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        device.log_in("ada")
        page = boss.get(f"{LIST}?{query}").content.decode()
        assert len(re.findall(r'name="_selected_action"', page)) == count

    def test_addresses_are_searched_only_by_those_who_may_view_users(
        self, site: LiveSite, boss: Device, ada: User
    ) -> None:
        """Others could find out whether an address is somebody's."""
        site.logged_in("ada")
        asked = f"{LIST}?q=ada%40example.org"
        assert "_selected_action" not in boss.get(asked).content.decode()
        User.objects.get(username="boss").user_permissions.add(Permission.objects.get(codename="view_user"))
        assert "_selected_action" in boss.get(asked).content.decode()

    def test_expired_ones_are_called_so(self, site: LiveSite, ada: User, boss: Device) -> None:
        """Expired and revoked are different states."""
        site.logged_in("ada")
        site.advance(days=15)
        boss.log_in("boss")
        page = boss.get(f"{LIST}?state=expired").content.decode()
        assert len(re.findall(r'name="_selected_action"', page)) == 2

    def test_costs_the_same_for_many(self, site: LiveSite, boss: Device, ada: User) -> None:
        """There is no query for each row."""

        def cost() -> int:
            with CaptureQueriesContext(connections[site.alias]) as queries:
                assert boss.get(LIST).status_code == 200
            return len(queries)

        site.logged_in("ada")
        few = cost()
        for _ in range(10):
            site.logged_in("ada")
        assert cost() == few

    def test_shows_no_secret(self, site: LiveSite, boss: Device, ada: User) -> None:
        """Neither names nor values of secrets or session data are shown."""
        site.logged_in("ada")
        row = AuthSessionRow._base_manager.using(site.alias).get(user=ada)
        row.data = "an anonymous cart"
        row.save(using=site.alias)
        for path in (LIST, object_page(row.sid), user_page(ada), f"{LIST}?q={row.sid}"):
            page = boss.get(path).content.decode()
            assert row.sid.replace("_", "_5F") in page or row.sid in page
            for name in SECRETS:
                value = getattr(row, name)
                if value:
                    text = bytes(value).hex() if not isinstance(value, str) else value
                    assert text not in page
                assert f"field-{name}" not in page

    @pytest.mark.parametrize("name", [*SECRETS, "epoch", "user__password"])
    def test_secrets_cannot_be_filtered_by(self, site: LiveSite, boss: Device, ada: User, name: str) -> None:
        """No secret can be guessed letter by letter, by filtering for rows that have it."""
        for lookup in ("", "__startswith", "__contains", "__isnull"):
            assert boss.get(f"{LIST}?{name}{lookup}=a").status_code == 400

    def test_revokes_what_is_selected(self, site: LiveSite, ada: User, boss: Device) -> None:
        """The action revokes through the service, keeps the others, and skips dead ones."""
        gone, stays, dead = (site.logged_in("ada") for _ in range(3))
        sids = [site.sid(gone), site.sid(dead)]
        dead.log_out()
        with heard(signals.session_revoked) as revoked:
            answer = boss.submit(LIST, action="revoke_selected", _selected_action=sids)  # type: ignore[arg-type]
        assert answer.status_code == 302
        assert [(each["session"].sid, each["reason"]) for each in revoked] == [
            (sids[0], RevocationReason.REVOKED)
        ]
        assert not gone.logged_in()
        assert stays.logged_in()
        assert "1 auth session was revoked." in shown(boss.get(LIST))
        assert [entry[2] for entry in logged()] == sids[:1]

    def test_deletes_and_changes_nothing(self, site: LiveSite, ada: User, boss: Device) -> None:
        """There is no form to add, change or delete one, not even for a superuser."""
        User.objects.filter(username="boss").update(is_superuser=True)
        device = site.logged_in("ada")
        sid = site.sid(device)
        before = AuthSessionRow._base_manager.using(site.alias).get(pk=sid)
        assert boss.get(f"{LIST}add/").status_code == 403
        delete = object_page(sid).replace("/change/", "/delete/")
        assert boss.get(delete).status_code == boss.submit(delete, post="yes").status_code == 403
        assert boss.submit(object_page(sid), user_agent="x").status_code == 403
        boss.submit(LIST, action="delete_selected", _selected_action=sid, post="yes")
        assert "delete_selected" not in boss.get(LIST).content.decode()
        assert AuthSessionRow._base_manager.using(site.alias).get(pk=sid) == before
        assert device.logged_in()

    def test_anonymous_sessions_have_no_page(self, site: LiveSite, boss: Device, ada: User) -> None:
        """An anonymous session, or the row of epochs, has no page."""
        site.device().send("POST", "/django/cart/", b'"shoe"')
        row = AuthSessionRow._base_manager.using(site.alias).get(sid__startswith="~")
        for handle in (row.sid, "!epoch"):
            assert (
                boss.get(f"{LIST}{handle.replace('!', '_21').replace('_', '_5F')}/change/").status_code == 302
            )
            boss.submit(f"{LIST}{handle}/revoke/")
        assert AuthSessionRow._base_manager.using(site.alias).filter(pk=row.sid).exists()
        assert logged() == []


@on_databases
@in_session_mode
class TestObject:
    """One auth session of the database store."""

    def test_is_shown_and_revoked(self, site: LiveSite, ada: User, boss: Device) -> None:
        """The button revokes it at once, and the page then shows the reason."""
        device = site.logged_in("ada")
        sid = site.sid(device)
        page = boss.get(object_page(sid))
        assert "Revoke this session" in page.content.decode()
        assert f'formaction="{end_address(sid)}"' in page.content.decode()
        assert " ada " in shown(page)
        assert boss.submit(end_address(sid)).headers["Location"] == object_page(sid)
        assert not device.logged_in()
        page = boss.get(object_page(sid))
        assert "revoked" in shown(page)
        assert "Revoke this session" not in page.content.decode()
        ((who, what, which),) = logged()
        assert (who, which) == ("boss", sid)
        assert what.startswith("Revoked an auth session of ada (")
        history = shown(boss.get(object_page(sid).replace("/change/", "/history/")))
        assert " boss Revoked an auth session of ada (" in history

    def test_revoking_needs_a_post(self, site: LiveSite, ada: User, boss: Device) -> None:
        """A GET revokes nothing, and neither does a POST without the CSRF token."""
        device = site.logged_in("ada")
        address = end_address(site.sid(device))
        assert boss.get(address).status_code == 405
        form = "application/x-www-form-urlencoded"
        assert boss.send("POST", address, b"", content_type=form).status_code == 403
        assert device.logged_in()


@in_session_mode
class TestUserPage:
    """A user's page, on each store."""

    def test_shows_what_the_store_says(self, site: LiveSite, ada: User, boss: Device) -> None:
        """All live ones, and only those of this user."""
        live, revoked = site.logged_in("ada"), site.logged_in("ada")
        sids = [site.sid(live), site.sid(revoked)]
        revoked.log_out()
        page = boss.get(user_page(ada))
        assert "1 live auth session of ada" in shown(page)
        assert sids[0] in page.content.decode()
        assert sids[1] not in page.content.decode()
        assert site.sid(boss) not in page.content.decode()

    @pytest.mark.parametrize("what", ["one", "selected", "all"])
    def test_revokes(self, site: LiveSite, ada: User, boss: Device, what: str) -> None:
        """One, the selected ones, or all; each is reported by a signal and in the admin's log."""
        devices = [site.logged_in("ada") for _ in range(3)]
        sids = [site.sid(device) for device in devices]
        fields: dict[str, object] = {
            "revoke": sids[0] if what == "one" else what,
            "sid": sids[:2],
            "confirmed": "yes",
        }
        count = {"one": 1, "selected": 2, "all": 3}[what]
        with heard(signals.session_revoked) as revoked:
            answer = boss.submit(user_page(ada), **fields)  # type: ignore[arg-type]
        assert answer.headers["Location"] == user_page(ada)
        assert {each["session"].sid for each in revoked} == set(sids[:count])
        assert [device.logged_in() for device in devices] == [False] * count + [True] * (3 - count)
        assert boss.logged_in()
        assert {entry[2] for entry in logged()} == set(sids[:count])
        history = shown(boss.get(object_page(sids[0]).replace("/change/", "/history/")))
        assert " boss Revoked an auth session of ada (" in history
        assert len(logged()) == count

    def test_has_further_pages(
        self, site: LiveSite, ada: User, boss: Device, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each auth session is on exactly one page, the pages link to each other, and each can revoke."""
        monkeypatch.setattr(service, "DEVICES_AT_ONCE", 2)
        sids = {site.sid(site.logged_in("ada")) for _ in range(3)}
        first, second = (boss.get(f"{user_page(ada)}?page={number}").content.decode() for number in (1, 2))
        assert {sid for sid in sids if sid in first} ^ {sid for sid in sids if sid in second} == sids
        assert 'href="?page=2"' in first
        assert 'href="?page=1"' in second
        (last,) = (sid for sid in sids if sid in second)
        boss.submit(f"{user_page(ada)}?page=2", revoke=last)
        assert set(site.sids(ada)) == sids - {last}

    def test_all_needs_a_confirmation(self, site: LiveSite, ada: User, boss: Device) -> None:
        """The button for all leads to a confirmation; only that revokes, and it can be canceled."""
        devices = [site.logged_in("ada") for _ in range(2)]
        page = boss.submit(user_page(ada), revoke="all")
        assert "ada is logged out of 2 devices at once." in shown(page)
        assert f'href="{user_page(ada)}"' in page.content.decode()
        assert all(device.logged_in() for device in devices)
        assert boss.submit(user_page(ada), revoke="all", confirmed="yes").status_code == 302
        assert not any(device.logged_in() for device in devices)

    def test_breadcrumbs_are_those_of_this_django(self, site: LiveSite, ada: User, boss: Device) -> None:
        """They have the element that its admin styles: a list from 6.1 on."""
        page = boss.get(user_page(ada)).content.decode()
        assert ('<ol class="breadcrumbs">' in page) == (DJANGO_VERSION >= (6, 1))
        assert ('<div class="breadcrumbs">' in page) == (DJANGO_VERSION < (6, 1))

    def test_nul_is_no_error(self, site: LiveSite, ada: User, boss: Device) -> None:
        """A NUL in a URL or a search finds nothing: PostgreSQL would reject it."""
        site.logged_in("ada")
        for path in (f"{LIST}%00/change/", f"{LIST}a_00/change/", f"{LIST}by-user/%00/"):
            assert boss.get(path).status_code in {302, 404}, path
        for query in ("q=%00", "q=ada%00", "state=%00", "mode=%00"):
            assert boss.get(f"{LIST}?{query}").status_code in {200, 302}, query
        assert boss.submit(f"{LIST}%00/revoke/").status_code == 302
        assert boss.submit(user_page(ada), revoke="\0").status_code == 302

    @pytest.mark.parametrize("what", ["bobs", "junk", "", "selected"])
    def test_revokes_nobody_elses(
        self, site: LiveSite, ada: User, bob: User, boss: Device, what: str
    ) -> None:
        """On ada's page neither bob's sid nor junk revokes anything."""
        device, bobs = site.logged_in("ada"), site.logged_in("bob")
        boss.submit(user_page(ada), revoke=site.sid(bobs) if what == "bobs" else what, sid=site.sid(bobs))
        assert device.logged_in()
        assert bobs.logged_in()
        assert logged() == []
        assert "0 auth sessions were revoked." in shown(boss.get(user_page(ada)))

    def test_is_linked_from_the_user(self, site: LiveSite, ada: User) -> None:
        """The admin's page of a user links here, for those who may view it."""
        both = staff(site, "view_user", "view_authsessionrow", name="both")
        plain = staff(site, "view_user", name="plain")
        address = f"/admin/auth/user/{ada.pk}/change/"
        assert user_page(ada) in both.get(address).content.decode()
        assert user_page(ada) not in plain.get(address).content.decode()
        assert "History" in shown(plain.get(address))

    def test_links_to_the_user(self, site: LiveSite, ada: User, boss: Device) -> None:
        """The page leads to the admin's page of the user, for those who may view that."""
        both = staff(site, "view_user", "view_authsessionrow", name="both")
        address = f'href="/admin/auth/user/{ada.pk}/change/"'
        assert address in both.get(user_page(ada)).content.decode()
        assert address not in boss.get(user_page(ada)).content.decode()

    @pytest.mark.parametrize("user_id", ["0", "x", "999999999999999999999999", "%00", "../1"])
    def test_unknown_users_are_404(self, boss: Device, user_id: str) -> None:
        """An unknown user is a 404, whatever the URL."""
        assert boss.get(f"{LIST}by-user/{user_id}/").status_code in {302, 404}

    def test_revoking_the_own_session_is_a_logout(self, site: LiveSite, boss: Device) -> None:
        """Administrators who revoke their own auth session have to log in again."""
        user = User.objects.get(username="boss")
        answer = boss.submit(user_page(user), revoke="all", confirmed="yes")
        assert answer.status_code == 302
        assert sessions_of(user) == ()
        answer = boss.get(user_page(user))
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/admin/login/")


@in_session_mode
class TestPermissions:
    """Viewing needs the view permission, revoking the delete permission, on each store."""

    def test_without_permissions_nothing_is_seen_or_revoked(
        self, site: LiveSite, ada: User, outsider: Device
    ) -> None:
        """Other administrators are refused everywhere, and the index does not list it."""
        device = site.logged_in("ada")
        sid = site.sid(device)
        for path in (LIST, user_page(ada), object_page(sid), f"{LIST}?q=ada"):
            assert outsider.get(path).status_code == 403, path
        assert outsider.submit(end_address(sid)).status_code == 403
        assert outsider.submit(user_page(ada), revoke="all", confirmed="yes").status_code == 403
        assert outsider.submit(LIST, action="revoke_selected", _selected_action=sid).status_code == 403
        assert LIST not in outsider.get("/admin/").content.decode()
        assert device.logged_in()
        assert logged() == []

    def test_the_view_permission_revokes_nothing(self, site: LiveSite, ada: User, watcher: Device) -> None:
        """There is no button, and posting what a button would post is refused."""
        device = site.logged_in("ada")
        sid = site.sid(device)
        assert "Revoke" not in re.findall(
            r"<button[^>]*>([^<]*)<", watcher.get(user_page(ada)).content.decode()
        )
        assert "Revoke this session" not in watcher.get(object_page(sid)).content.decode()
        assert "revoke_selected" not in watcher.get(LIST).content.decode()
        assert watcher.submit(end_address(sid)).status_code == 403
        assert watcher.submit(user_page(ada), revoke="all", confirmed="yes").status_code == 403
        watcher.submit(LIST, action="revoke_selected", _selected_action=sid)
        assert device.logged_in()
        assert logged() == []

    def test_revoking_needs_the_view_permission(self, site: LiveSite, ada: User) -> None:
        """The delete permission alone opens no page."""
        blind = staff(site, "delete_authsessionrow", name="blind")
        assert blind.get(user_page(ada)).status_code == 403
        assert blind.submit(user_page(ada), revoke="all", confirmed="yes").status_code == 403

    def test_users_who_are_not_staff_are_refused(self, site: LiveSite, ada: User, device: Device) -> None:
        """A permission does not open the admin to users who are not staff."""
        ada.user_permissions.set(Permission.objects.filter(codename__endswith="authsessionrow"))
        for path in (LIST, user_page(ada)):
            assert device.get(path).headers["Location"].startswith("/admin/login/")

    def test_users_are_deleted_as_before(self, site: LiveSite, ada: User, outsider: Device) -> None:
        """Users who are logged in can be deleted without an additional permission."""
        device = site.logged_in("ada")
        answer = outsider.submit(f"/admin/auth/user/{ada.pk}/delete/", post="yes")
        assert answer.status_code == 302, shown(answer)
        assert not User.objects.filter(pk=ada.pk).exists()
        assert not device.logged_in()


@on_redis
@in_session_mode
class TestRedis:
    """The differences with the Redis store."""

    def test_users_are_searched_for(self, site: LiveSite, ada: User, bob: User, boss: Device) -> None:
        """Instead of the list there is a search box that leads to users' pages."""
        assert 'name="q"' in boss.get(LIST).content.decode()
        page = boss.get(f"{LIST}?q=ada").content.decode()
        assert user_page(ada) in page
        assert user_page(bob) not in page
        for unknown in ("ad", "ada@example.org"):
            assert user_page(ada) not in boss.get(f"{LIST}?q={unknown}").content.decode()
        assert "Nobody was found." in shown(boss.get(f"{LIST}?q=nobody"))

    def test_a_sid_leads_to_its_user(self, site: LiveSite, ada: User, boss: Device) -> None:
        """The log of the admin links to sids; a dead one is not found."""
        device = site.logged_in("ada")
        address = object_page(site.sid(device))
        assert boss.get(address).headers["Location"] == user_page(ada)
        device.log_out()
        assert boss.get(address).status_code == 404


@in_jwt_mode
def test_tokens_are_revoked_as_well(site: LiveSite, ada: User) -> None:
    """In JWT mode the admin revokes access token and refresh token."""
    boss = staff(site, "view_authsessionrow", "delete_authsessionrow")
    device = site.logged_in("ada")
    boss.submit(user_page(ada), revoke="all", confirmed="yes")
    assert not device.logged_in()
    assert device.refresh().status_code == 401


@in_session_mode
def test_a_lock_marks_logins_that_are_bound_to_their_device(site: LiveSite, boss: Device, ada: User) -> None:
    """On the page of the user, and in the list of the database store; other logins have none."""
    lock = 'aria-label="bound to its device"'
    site.configure(DEVICE_BOUND="offer")
    device = site.device()
    bind(device, device.log_in())
    site.logged_in("ada")
    page = boss.get(user_page(ada)).content.decode()
    assert all(each.sid in page for each in sessions_of(ada))
    assert page.count(lock) == 1
    if not site.on_redis:
        assert boss.get(LIST).content.decode().count(lock) == 1
