"""
Requests that attackers make a browser send renew no login, and pages give no advantage to a stolen cookie.

A page of another site can open ours in a tab, frame it, load it as an image, or submit a form to it, and a
browser loads pages that nobody opens.
"""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User

from django_authkit import sessions_of
from django_authkit.signals import refresh_reused, session_refreshed, session_revoked
from support.client import CSRF_COOKIE, PASSWORD, REFRESH_COOKIE, Device, code, credential_cookies, is_cleared
from support.live_site import LiveSite, by_cookie, in_jwt_mode
from support.pages import LINKED, OLD_BROWSER, PAGE, TAB, TOKENS, opened, submit, user_of
from support.signals import heard

pytestmark = [in_jwt_mode, by_cookie]


@pytest.fixture
def ada(live: LiveSite) -> User:
    """Return a user."""
    return live.add_user()


@pytest.fixture
def bob(live: LiveSite) -> User:
    """Return another user."""
    return live.add_user("bob")


@pytest.fixture
def stale(live: LiveSite, ada: User) -> Device:
    """Return ada's browser, whose access cookie has expired."""
    device = live.logged_in()
    live.advance(minutes=6)
    return device


REFUSED: dict[str, dict[str, str]] = {
    "fetch": {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
    "no-cors fetch": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty"},
    "image": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    "frame of another site": LINKED | {"Sec-Fetch-Dest": "iframe"},
    "sibling's frame": TAB | {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "iframe"},
    "object of another site": LINKED | {"Sec-Fetch-Dest": "object"},
    "half of the metadata": {"Sec-Fetch-Site": "cross-site", **OLD_BROWSER},
    "script of an old browser": OLD_BROWSER | {"X-Requested-With": "XMLHttpRequest"},
    "script without an Accept": {"Accept": "*/*"},
    "nothing": {},
}


@pytest.mark.parametrize("headers", list(REFUSED.values()), ids=list(REFUSED))
def test_requests_that_are_not_pages_renew_nothing(
    live: LiveSite, stale: Device, headers: dict[str, str]
) -> None:
    """Scripts, images and the frames of other sites are anonymous, as without the setting."""
    before = live.snapshot()
    answer = stale.send("GET", PAGE, headers=headers)
    assert user_of(answer) is None
    assert credential_cookies(answer) == set()
    assert live.snapshot() == before
    assert stale.send("GET", "/api/whoami/", headers=headers).status_code == 401


def test_a_frame_of_our_own_page_is_renewed(live: LiveSite, ada: User, stale: Device) -> None:
    """Frames of the same origin are pages like any other."""
    frame = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "iframe"}
    assert user_of(opened(stale, **frame)) == ada.pk


def test_head_is_renewed_as_get_is(live: LiveSite, stale: Device) -> None:
    """HEAD is treated like GET, and has the same headers."""
    assert credential_cookies(stale.send("HEAD", PAGE, headers=TAB)) == TOKENS


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("from_where", ["same-origin", "cross-site"])
def test_other_methods_renew_nothing(live: LiveSite, stale: Device, method: str, from_where: str) -> None:
    """Browsers use no other method to open a page or submit a form."""
    before = live.snapshot()
    answer = stale.send(method, "/django/cart/", b"1", headers=TAB | {"Sec-Fetch-Site": from_where})
    assert not TOKENS & credential_cookies(answer)
    assert live.snapshot() == before


SIBLING = {"Origin": "https://blog.testserver", "Referer": "https://blog.testserver/"}
FORGED: dict[str, dict[str, str]] = {
    "another site": LINKED | {"Origin": "https://attacker.example"},
    "a sibling": TAB | {"Sec-Fetch-Site": "same-site"} | SIBLING,
    "a sibling that hides": TAB | {"Sec-Fetch-Site": "same-site", "Origin": "null"},
    "a sibling in an old browser": OLD_BROWSER | SIBLING,
    "a sandbox in an old browser": OLD_BROWSER | {"Origin": "null"},
    "another port": OLD_BROWSER | {"Origin": "https://testserver:8443"},
    "plain HTTP": OLD_BROWSER | {"Origin": "http://testserver"},
    "no source": OLD_BROWSER,
    "nobody": TAB | {"Origin": "https://testserver"},
    "a frame of a sibling": TAB | {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "iframe"} | SIBLING,
    "an unknown value": TAB | {"Sec-Fetch-Site": "cross-origin", "Origin": "https://testserver"},
}


class TestForgedForms:
    """Other sites submit forms with the user's cookies, and with a planted CSRF cookie."""

    @pytest.mark.parametrize("path", ["/admin/auth/group/add/", "/django/cart/"], ids=["admin", "exempt"])
    @pytest.mark.parametrize("trusted", [False, True], ids=["strange", "trusted"])
    def test_nothing_is_renewed(
        self, live: LiveSite, ada: User, stale: Device, path: str, trusted: bool
    ) -> None:
        """Not where Django checks the token, not in an exempt view, and not from a trusted origin."""
        User.objects.filter(pk=ada.pk).update(is_staff=True, is_superuser=True)
        if trusted:
            live.settings.CSRF_TRUSTED_ORIGINS = ["https://*.testserver", "https://attacker.example"]
        stale.cookies[CSRF_COOKIE] = "A" * 32
        tokens = {name: stale.cookies[name] for name in TOKENS}
        with heard(session_refreshed) as refreshed, heard(session_revoked) as ended:
            for name, headers in FORGED.items():
                if path == "/django/cart/":
                    answer = stale.send("POST", path, b"1", headers=headers)
                else:
                    answer = submit(stale, path, headers, name="Forgers")
                assert not TOKENS & credential_cookies(answer), name
                assert answer.status_code in {302, 403} or b'"id": null' in answer.content, name
        assert (refreshed, ended) == ([], [])
        assert {name: stale.cookies[name] for name in TOKENS} == tokens
        assert not Group.objects.filter(name="Forgers").exists()
        assert user_of(opened(stale)) == ada.pk

    def test_a_forged_login_neither_renews_nor_revokes(
        self, live: LiveSite, ada: User, bob: User, stale: Device
    ) -> None:
        """After a login form with the attacker's password, the user is still logged in as themselves."""
        User.objects.update(is_staff=True)
        stale.cookies[CSRF_COOKIE] = "A" * 32
        for name, headers in FORGED.items():
            if headers.get("Origin") == "https://testserver":
                continue  # Django's check takes that for a page of ours
            answer = submit(stale, "/admin/login/", headers, username="bob", password=PASSWORD)
            assert answer.status_code == 403, name
            assert credential_cookies(answer) == set(), name
        assert user_of(opened(stale)) == ada.pk
        assert len(sessions_of(ada)) == 1


PREFETCHES = [
    {"Sec-Purpose": "prefetch"},
    {"Sec-Purpose": "prefetch;prerender"},
    {"Purpose": "prefetch"},
    {"X-Moz": "prefetch"},
]


@pytest.mark.parametrize("purpose", PREFETCHES)
def test_speculative_loads_are_refused(
    live: LiveSite, ada: User, stale: Device, purpose: dict[str, str]
) -> None:
    """They rotate nothing and show no login form: the browser loads the page when it is opened."""
    before = live.snapshot()
    answer = opened(stale, **purpose)
    assert answer.status_code == 425
    assert answer.headers["Cache-Control"] == "no-store"
    assert credential_cookies(answer) == set()
    assert live.snapshot() == before
    assert user_of(opened(stale)) == ada.pk
    assert user_of(opened(stale, **purpose)) == ada.pk  # with valid cookies they are served


def test_cookies_do_not_replace_an_expired_bearer(live: LiveSite, stale: Device) -> None:
    """With an expired bearer credential the response is 401, whatever cookies there are."""
    answer = opened(stale, Authorization=f"Bearer {stale.credential}")
    assert code(answer) == (401, "token_expired")
    assert credential_cookies(answer) == set()


class TestReuse:
    """A page request with a superseded refresh cookie has the same outcome as ``refresh/``."""

    def test_after_the_grace_it_is_reuse(self, live: LiveSite, ada: User, stale: Device) -> None:
        """The auth session is revoked, no other is, and the page is shown to an anonymous user."""
        elsewhere, thief = live.logged_in(), stale.copy()
        opened(stale)
        live.advance(minutes=6)
        with heard(refresh_reused) as reused, heard(session_revoked) as revoked:
            answer = opened(thief)
        assert user_of(answer) is None
        assert (len(reused), len(revoked)) == (1, 1)
        assert all(is_cleared(answer.cookies[name]) for name in TOKENS)
        assert answer.headers["Cache-Control"] == "no-store"
        assert user_of(opened(stale)) is None
        assert elsewhere.refresh().status_code == 200
        assert len(sessions_of(ada)) == 1

    def test_within_the_grace_it_is_a_repeat(self, live: LiveSite, ada: User, stale: Device) -> None:
        """A browser that lost the response gets the same successor."""
        lost = stale.copy()
        opened(stale)
        live.advance(seconds=8)
        assert user_of(opened(lost)) == ada.pk
        assert lost.secret == stale.secret

    def test_without_a_grace(self, live: LiveSite, stale: Device) -> None:
        """With ``REFRESH_GRACE`` 0, the second use is reuse here, too."""
        live.configure(LIFETIMES={"REFRESH_GRACE": timedelta(0)})
        late = stale.copy()
        opened(stale)
        assert user_of(opened(late)) is None
        assert not stale.logged_in()

    def test_a_planted_one_is_ignored(self, live: LiveSite, bob: User, stale: Device) -> None:
        """A refresh cookie of another auth session than the access cookie's has no effect, and is kept."""
        other = live.logged_in("bob")
        stale.cookies[REFRESH_COOKIE] = other.cookies[REFRESH_COOKIE]
        before = live.snapshot()
        answer = opened(stale)
        assert user_of(answer) is None
        assert credential_cookies(answer) == set()
        assert live.snapshot() == before

    def test_outside_its_path_it_is_ignored(self, live: LiveSite, bob: User, stale: Device) -> None:
        """Browsers send it to the endpoints only, so on other pages it was planted."""
        live.configure(COOKIE={"REFRESH_PATH": "/auth/"})
        stranger = live.device()
        stranger.cookies = {
            "__Secure-authkit_refresh": live.logged_in("bob").cookies["__Secure-authkit_refresh"]
        }
        assert user_of(opened(stranger)) is None

    def test_a_different_device_is_handled_by_bind(self, live: LiveSite, ada: User, stale: Device) -> None:
        """A page checks the binding as ``refresh/`` does."""
        live.configure(BIND={"ADDRESS": "revoke"})
        stale.address = "203.0.113.9"
        assert user_of(opened(stale)) is None
        assert sessions_of(ada) == ()

    def test_a_user_who_was_disabled(self, live: LiveSite, ada: User, stale: Device) -> None:
        """The login of a disabled user is not renewed."""
        User.objects.filter(pk=ada.pk).update(is_active=False)
        assert user_of(opened(stale)) is None
        assert sessions_of(ada) == ()


def test_djangos_cache_returns_no_credential(live: LiveSite, ada: User, stale: Device) -> None:
    """A superseded cookie on a page in a site-wide cache gets no copy of the renewed credential."""
    live.settings.MIDDLEWARE = [
        "django.middleware.cache.UpdateCacheMiddleware",
        *live.settings.MIDDLEWARE,
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
    thief = stale.copy()
    assert user_of(opened(stale)) == ada.pk
    live.advance(seconds=30)
    answer = opened(thief)
    assert user_of(answer) is None
    assert all(is_cleared(answer.cookies[name]) for name in TOKENS)
    assert sessions_of(ada) == ()


def test_junk_costs_the_store_nothing(live: LiveSite) -> None:
    """An invalid cookie causes no call to the store."""
    stranger = live.device()
    stranger.cookies = {REFRESH_COOKIE: "a.b.c"}
    with live.counted() as trips:
        answer = opened(stranger)
    assert user_of(answer) is None
    assert not trips.commands
    assert not trips.queries
