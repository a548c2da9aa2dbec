"""Holds for every package: adopted once, still logged in, refused when it has to be."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework_simplejwt.tokens import RefreshToken

from adoption.migrating_site import PACKAGES, Changeover, Package
from django_authkit import revoke_all, revoke_user, sessions_of, signals
from django_authkit.types import Transport
from support.client import body


@pytest.fixture(params=PACKAGES)
def package(request: pytest.FixtureRequest) -> Package:
    """Return each package in turn."""
    return PACKAGES[request.param]


@pytest.fixture
def credential(site: Changeover, package: Package, ada: User) -> str:
    """Return the credential of a login from before the migration."""
    site.before(package.engine)
    credential = package.log_in(site)
    site.after(package.entry)
    return credential


def test_a_login_is_kept(site: Changeover, package: Package, credential: str, ada: User) -> None:
    """Users stay logged in, with a credential of ours, and the package has deleted its own."""
    started: list[Any] = []

    def note(**event: Any) -> None:
        started.append((event["session"].sid, bool(event["new_device"])))

    signals.session_started.connect(note)
    try:
        answer, client = package.present(site, credential)
    finally:
        signals.session_started.disconnect(note)
    assert answer.status_code == 200, answer.content
    assert answer["Cache-Control"] == "no-store"
    assert client.logged_in()
    (session,) = sessions_of(ada)
    assert started == [(session.sid, False)]
    assert body(client.who())["session"]["sid"] == session.sid
    assert session.amr[0].startswith("adopted:")
    assert session.mode is site.live.mode
    assert session.address == client.address
    assert client.refresh().status_code == 200
    assert client.log_out().status_code == 204
    assert sessions_of(ada) == ()
    if (
        package.entry not in ("simplejwt", "simplejwt_cookie", "simplejwt_access")
        and package.engine != "signed_cookies"
    ):
        assert not package.is_alive(site, credential)


def test_a_login_is_kept_without_time_zones(site: Changeover, package: Package, ada: User) -> None:
    """With ``USE_TZ`` off, the expiry of a credential is a naive time, which is not an error."""
    site.live.settings.USE_TZ = False
    site.before(package.engine)
    credential = package.log_in(site)
    site.after(package.entry)
    answer, client = package.present(site, credential)
    assert answer.status_code == 200, answer.content
    assert client.logged_in()


def test_presented_again_at_once(site: Changeover, package: Package, credential: str, ada: User) -> None:
    """A second concurrent request gets the same credential, and there is one auth session."""
    _, first = package.present(site, credential)
    answer, second = package.present(site, credential)
    assert answer.status_code == 200
    assert second.django_session == first.django_session
    assert first.logged_in()
    assert second.logged_in()
    assert len(sessions_of(ada)) == 1


@pytest.mark.parametrize("later", [timedelta(seconds=61), timedelta(hours=2)], ids=str)
def test_presented_again_later(
    site: Changeover, package: Package, credential: str, ada: User, later: timedelta
) -> None:
    """An adopted credential cannot be adopted again, and its user stays logged in."""
    _, client = package.present(site, credential)
    if package.entry == "simplejwt_access":
        later = timedelta(seconds=61)  # two hours later it would have expired anyway
    site.live.advance(seconds=later.total_seconds())
    client.who()
    assert client.refresh().status_code == 200
    answer, _ = package.present(site, credential)
    assert answer.status_code == 401
    assert len(sessions_of(ada)) == 1
    assert client.logged_in()


def test_presented_again_after_log_out(
    site: Changeover, package: Package, credential: str, ada: User
) -> None:
    """After a logout, the old credential does not log the user in again, now or later."""
    _, client = package.present(site, credential)
    client.who()
    assert client.log_out().status_code == 204
    for seconds in (0, 61):
        site.live.advance(seconds=seconds)
        answer, _ = package.present(site, credential)
        assert answer.status_code == 401
    assert sessions_of(ada) == ()


def test_a_deactivated_user(site: Changeover, package: Package, credential: str, ada: User) -> None:
    """A user who was deactivated without a signal is refused."""
    User.objects.filter(pk=ada.pk).update(is_active=False)
    answer, _ = package.present(site, credential)
    assert answer.status_code == 401
    User.objects.filter(pk=ada.pk).update(is_active=True)
    assert sessions_of(ada) == ()


@pytest.mark.parametrize("everybody", [False, True])
def test_a_user_who_was_revoked(
    site: Changeover, package: Package, credential: str, ada: User, *, everybody: bool
) -> None:
    """A login from before ``revoke_user`` or ``revoke_all`` is not adopted; one from after it is."""
    bob = site.live.add_user("bob")
    site.live.advance(seconds=2)
    revoke_user(bob)
    site.live.advance(seconds=2)
    revoke_all() if everybody else revoke_user(ada)
    answer, _ = package.present(site, credential)
    assert answer.status_code == 401
    assert sessions_of(ada) == ()


def test_a_login_after_a_revocation(site: Changeover, package: Package, ada: User) -> None:
    """A login of the other package from after a revocation is adopted, if its time is known."""
    if package.entry not in ["knox", "drf_tokens", "simplejwt"]:
        pytest.skip("the package does not say when the user logged in")
    site.before(package.engine)
    site.after(package.entry)
    revoke_user(ada)
    site.live.advance(seconds=2)
    site.before(package.engine)
    credential = package.log_in(site)
    site.after(package.entry)
    answer, _ = package.present(site, credential)
    assert answer.status_code == 200


def test_a_deleted_user(site: Changeover, package: Package, credential: str, ada: User) -> None:
    """The credential of a deleted user is refused, and is not a server error."""
    User.objects.filter(pk=ada.pk).delete()
    answer, _ = package.present(site, credential)
    assert answer.status_code == 401


def test_an_expired_credential(site: Changeover, package: Package, credential: str, ada: User) -> None:
    """A credential that has expired at its own package is refused."""
    if package.entry == "drf_tokens":
        pytest.skip("these tokens do not expire")
    site.live.advance(days=15)
    answer, _ = package.present(site, credential)
    assert answer.status_code == 401
    assert sessions_of(ada) == ()


JUNK = ["x", "x" * 40, "a.b.c", "☃", "a\x00b", "\ud800", "x" * 20_000, "../../etc/passwd", "a:b:c", "'"]


def test_junk(site: Changeover, package: Package, credential: str) -> None:
    """Anything that is not a credential of the package is refused without an error."""
    for text in JUNK:
        if package.entry == "simplejwt" or (text.isascii() and "\0" not in text):
            answer, _ = package.present(site, text)
            assert answer.status_code in {400, 401}, text


def test_the_limit_refuses(site: Changeover, package: Package, credential: str, ada: User) -> None:
    """At the limit of auth sessions the old login is kept, and adopted when there is room."""
    site.after(package.entry, MAX_SESSIONS=1, ON_LIMIT="refuse")
    other = site.live.logged_in()
    answer, _ = package.present(site, credential)
    assert answer.status_code in (401, 403)
    assert len(sessions_of(ada)) == 1
    other.log_out()
    answer, client = package.present(site, credential)
    assert answer.status_code == 200
    assert client.logged_in()


def test_nothing_is_adopted_unless_asked(
    site: Changeover, package: Package, credential: str, ada: User
) -> None:
    """Without the setting, credentials of other packages have no effect and no cost."""
    site.after()
    with site.live.counted() as trips:
        answer, _ = package.present(site, credential)
    assert answer.status_code == 401
    assert not trips.commands
    assert not trips.queries
    assert sessions_of(ada) == ()


def test_our_own_credentials_cost_what_they_did(
    site: Changeover, package: Package, credential: str, ada: User
) -> None:
    """With the setting, a request with our credential needs no additional lookup."""
    for transport in Transport:
        device = site.live.device(transport)
        device.log_in()
        device.call()
        with site.live.counted() as trips:
            device.call()
        assert len(trips.commands) == (1 if site.live.on_redis else 0), trips
        assert len(trips.queries) == 1, trips


def test_what_an_adoption_costs(site: Changeover, package: Package, ada: User) -> None:
    """Eight round trips to the store, or seven where the package cannot delete a credential for good."""
    site.live.add_user("bob")
    site.before(package.engine)
    first, credential = package.log_in(site, "bob"), package.log_in(site)
    site.after(package.entry)
    package.present(site, first)  # from now on the server has the scripts
    with site.live.counted() as trips:
        assert package.present(site, credential)[0].status_code == 200
    for_good = (
        package.engine not in {"cache", "cached_db", "signed_cookies"} and package.entry != "simplejwt_access"
    )
    if package.entry == "simplejwt":
        for_good = hasattr(RefreshToken, "blacklist")
    if site.live.on_redis:
        assert len(trips.commands) == (8 if for_good else 7), trips


def test_the_life_of_what_is_adopted(site: Changeover, package: Package, credential: str, ada: User) -> None:
    """It expires when the old login would have expired, or after our absolute lifetime, if that is sooner."""
    package.present(site, credential)
    (session,) = sessions_of(ada)
    left = session.expires_at - timezone.now()
    longest = {
        "knox": timedelta(hours=10),
        "simplejwt": timedelta(days=1),
        "simplejwt_cookie": timedelta(days=1),
        "simplejwt_access": timedelta(minutes=5),
        "drf_tokens": timedelta(days=90),
    }.get(str(package.entry), timedelta(days=14))
    assert longest - timedelta(minutes=1) < left <= longest + timedelta(seconds=1)


def test_the_life_of_what_is_adopted_and_not_remembered(
    site: Changeover, package: Package, credential: str, ada: User
) -> None:
    """It ends by ``NOT_REMEMBERED``, unless the old login would have ended sooner."""
    absolute = timedelta(minutes=30)
    site.live.configure(LIFETIMES={"NOT_REMEMBERED": {"ABSOLUTE": absolute}}, ADOPT=[package.entry])
    package.present(site, credential)
    (session,) = sessions_of(ada)
    left = session.expires_at - timezone.now()
    assert session.remember == (left > absolute)


def test_the_age_of_the_proof(site: Changeover, package: Package, ada: User) -> None:
    """Recent authentication counts from the old login, if its time is known, and not from the adoption."""
    site.before(package.engine)
    credential = package.log_in(site)
    site.live.advance(minutes=4)
    site.after(package.entry, RECENT_AUTH={"MAX_AGE": timedelta(minutes=3)})
    _, client = package.present(site, credential)
    assert client.get("/api/vault/").status_code == 401
    (session,) = sessions_of(ada)
    age = session.created_ms - session.auth_time_ms
    known = package.entry in ("knox", "drf_tokens", "simplejwt", "simplejwt_cookie", "allauth")
    assert (abs(age - 240_000) < 5_000) if known else session.auth_time_ms == 0
