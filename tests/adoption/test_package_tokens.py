"""Properties of the tokens of single packages."""

import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_out
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken
from knox.settings import knox_settings
from knox.signals import token_expired
from rest_framework.authtoken.models import Token
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import RefreshToken, SlidingToken, UntypedToken

from adoption.migrating_site import (
    DRF,
    AllauthApp,
    Browser,
    Changeover,
    Knox,
    Package,
    SimpleJWT,
    SimpleJWTAccess,
    SimpleJWTCookies,
)
from django_authkit import sessions_of
from django_authkit.service.revocation import revoke_session
from django_authkit.types import RevocationReason, Transport
from support.client import PASSWORD, Device, body, code
from support.signals import heard

simplejwt, access, knox, drf, allauth = SimpleJWT(), SimpleJWTAccess(), Knox(), DRF(), AllauthApp()
PAIR = ("refresh_token", "access_token")
with_blacklist = pytest.mark.skipif(
    not hasattr(RefreshToken, "blacklist"), reason="simplejwt's blacklist app is left out in this run"
)


@pytest.fixture
def credential(site: Changeover, ada: User) -> str:
    """Return a refresh token of simplejwt's from before the migration."""
    site.before()
    token = simplejwt.log_in(site)
    site.after("simplejwt", "simplejwt_access", "knox", "drf_tokens", "allauth")
    return token


def refused(site: Changeover, token: str) -> tuple[int, str | None]:
    """Return status and code of the response of ``refresh/`` to *token*."""
    answer, _ = simplejwt.present(site, token)
    return code(answer)


# -- logout ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("was_adopted", [True, False], ids=["adopted", "unknown"])
@pytest.mark.parametrize("package", [simplejwt, access, knox, drf, allauth], ids=lambda each: each.entry)
def test_a_logout_by_the_old_credential(
    site: Changeover, ada: User, package: Package, was_adopted: bool
) -> None:
    """It ends the login that the credential became, and the credential logs in nowhere afterwards."""
    site.before(package.engine)
    credential = package.log_in(site)
    site.after(package.entry)
    if was_adopted:
        assert package.present(site, credential)[0].status_code == 200
        assert len(sessions_of(ada)) == 1
    app = Device(site.live.mode, Transport.HEADER)
    with heard(user_logged_out) as sent:
        assert package.log_out(app, credential).status_code == 204
        assert package.log_out(app, credential).status_code == 204
    assert [each["user"] for each in sent] == [ada, None]
    assert sessions_of(ada) == ()
    assert package.present(site, credential)[0].status_code == 401
    assert sessions_of(ada) == ()


def test_a_logout_by_what_devices_share(site: Changeover, ada: User) -> None:
    """It does not log the other devices out, whose token it is too."""
    site.before()
    token = drf.log_in(site)
    site.after({"adapter": "drf_tokens", "shared": True})
    assert drf.log_out(Device(site.live.mode, Transport.HEADER), token).status_code == 204
    assert drf.present(site, token)[0].status_code == 200


# -- simplejwt ------------------------------------------------------------------------------------


def test_both_cookies_of_a_pair_are_deleted(site: Changeover, ada: User) -> None:
    """A browser with a pair in cookies stays logged in, and both cookies are deleted, by their paths."""
    site.before()
    token = simplejwt.log_in(site)
    site.after({"adapter": "simplejwt_cookie", "refresh_path": "/", "access_path": "/api/"})
    answer, browser = SimpleJWTCookies().present(site, token)
    assert answer.status_code == 200
    told = {name: (answer.cookies[name]["max-age"], answer.cookies[name]["path"]) for name in PAIR}
    assert told == {"refresh_token": (0, "/"), "access_token": (0, "/api/")}
    for name in PAIR:
        browser.cookies.pop(name, None)
    assert browser.logged_in()
    assert len(sessions_of(ada)) == 1


def test_codes(site: Changeover, credential: str, ada: User) -> None:
    """Expired, signed with another key, of the wrong kind, without an id or a user: each has its code."""
    key = site.live.settings.SECRET_KEY
    claims = jwt.decode(credential, key, algorithms=["HS256"])

    def signed(other: str = key, **changes: Any) -> str:
        changed = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        return jwt.encode(changed, other, algorithm="HS256")

    assert refused(site, signed("not the key, but as long as a key has to be to sign with it")) == (
        401,
        "token_invalid",
    )
    assert refused(site, signed(exp=1)) == (401, "token_expired")
    assert refused(site, signed(token_type="access")) == (401, "token_invalid")
    assert refused(site, signed(jti=None)) == (401, "token_invalid")
    assert refused(site, signed(jti="")) == (401, "token_invalid")
    assert refused(site, signed(exp=None)) == (401, "token_invalid")
    assert refused(site, signed(user_id=None)) == (401, "session_ended")
    assert refused(site, signed(user_id="x")) == (401, "session_ended")
    assert refused(site, str(UntypedToken.for_user(ada))) in {(401, "token_invalid"), (401, "token_expired")}
    assert refused(site, str(SlidingToken.for_user(ada))) == (401, "token_invalid")
    unsigned = jwt.encode(claims, "", algorithm="none")
    assert refused(site, unsigned) == (401, "token_invalid")
    assert sessions_of(ada) == ()
    assert simplejwt.present(site, credential)[0].status_code == 200


@with_blacklist
def test_blacklisted(site: Changeover, credential: str, ada: User) -> None:
    """A token that was logged out at simplejwt does not log in again."""
    assert Client().post("/old/token/blacklist/", {"refresh": credential}).status_code == 200
    assert refused(site, credential) == (401, "token_invalid")


@with_blacklist
def test_adopted_means_blacklisted(site: Changeover, credential: str, ada: User) -> None:
    """Simplejwt's own views refuse a refresh token that was adopted."""
    simplejwt.present(site, credential)
    assert not simplejwt.is_alive(site, credential)


def test_without_its_blacklist(site: Changeover, credential: str, ada: User) -> None:
    """Each token is adopted once until it expires, with or without simplejwt's blacklist app."""
    simplejwt.present(site, credential)
    for hours in (1, 20):
        site.live.advance(hours=hours)
        assert refused(site, credential) == (401, "token_invalid")
    site.live.advance(hours=10)
    assert refused(site, credential) == (401, "token_expired")
    assert len(sessions_of(ada)) <= 1


def test_one_token_written_in_two_ways(site: Changeover, credential: str, ada: User) -> None:
    """A token is identified by its id: the same claims under another header are the same token."""
    key = site.live.settings.SECRET_KEY
    claims = jwt.decode(credential, key, algorithms=["HS256"])
    twin = jwt.encode(claims, key, algorithm="HS256", headers={"kid": "another"})
    assert twin != credential
    simplejwt.present(site, credential)
    site.live.advance(seconds=100)
    assert refused(site, twin) == (401, "token_invalid")
    assert len(sessions_of(ada)) == 1


def test_the_password_claim(site: Changeover, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``CHECK_REVOKE_TOKEN`` a token from before the password was changed is refused."""
    monkeypatch.setattr(api_settings, "CHECK_REVOKE_TOKEN", True)  # simplejwt keeps what it read first
    site.before()
    tokens = [simplejwt.log_in(site) for _ in range(2)]
    site.after("simplejwt")
    assert simplejwt.present(site, tokens[0])[0].status_code == 200
    User.objects.filter(pk=ada.pk).update(password="md5$x$0123456789abcdef0123456789abcdef")
    assert refused(site, tokens[1]) == (401, "session_ended")


def test_rotating_refresh_tokens(site: Changeover, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """If simplejwt rotates, each use extends the login, so only our absolute lifetime limits it."""
    monkeypatch.setattr(api_settings, "ROTATE_REFRESH_TOKENS", True)
    site.before()
    token = simplejwt.log_in(site)
    site.after("simplejwt")
    simplejwt.present(site, token)
    (session,) = sessions_of(ada)
    assert (session.expires_ms - session.created_ms) // 86_400_000 == 90
    assert session.auth_time_ms == 0


def test_a_client_that_never_stores_a_new_token(site: Changeover, ada: User) -> None:
    """Where simplejwt does not rotate, a client keeps its refresh token until that expires, in one login."""
    site.before()
    token, other = simplejwt.log_in(site), simplejwt.log_in(site)
    site.after("simplejwt", COMPAT={"SIMPLEJWT_ROTATION": False})
    for hours in (0, 1, 10, 12):
        site.live.advance(hours=hours)
        answer, app = simplejwt.present(site, token)
        assert answer.status_code == 200
        assert app.logged_in()
    assert len(sessions_of(ada)) == 1
    site.live.advance(hours=2)
    assert refused(site, token) == (401, "token_expired")
    assert refused(site, other) == (401, "token_expired")


def test_a_kept_token_survives_a_replaced_secret_key(
    site: Changeover, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kept token stands for the same auth session after ``SECRET_KEY`` became a fallback."""
    site.before()
    token = simplejwt.log_in(site)
    site.after("simplejwt", COMPAT={"SIMPLEJWT_ROTATION": False})
    assert simplejwt.present(site, token)[0].status_code == 200
    old, settings = site.live.settings.SECRET_KEY, site.live.settings
    monkeypatch.setattr(api_settings, "SIGNING_KEY", old)  # simplejwt keeps what it read first
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key, as long as a key has to be", [old]
    site.live.keep_time()
    answer, app = simplejwt.present(site, token)
    assert answer.status_code == 200
    assert app.logged_in()
    assert len(sessions_of(ada)) == 1
    settings.SECRET_KEY_FALLBACKS = []
    site.live.keep_time()
    assert refused(site, token) == (401, "token_invalid")


def test_a_kept_token_ends_with_its_auth_session(site: Changeover, ada: User) -> None:
    """A revoked login stays revoked, though its client still has the refresh token of simplejwt."""
    site.before()
    token = simplejwt.log_in(site)
    site.after("simplejwt", COMPAT={"SIMPLEJWT_ROTATION": False})
    assert simplejwt.present(site, token)[0].status_code == 200
    (session,) = sessions_of(ada)
    revoke_session(session.sid, RevocationReason.REVOKED)
    assert refused(site, token) == (401, "token_invalid")
    assert sessions_of(ada) == ()


def test_a_refresh_token_is_no_access_token(site: Changeover, credential: str, ada: User) -> None:
    """``adopt/`` refuses refresh tokens, ``refresh/`` refuses access tokens, and no view accepts either."""
    answer, _ = access.present(site, credential)
    assert code(answer) == (401, "token_invalid")
    for token in (credential, access.log_in(site)):
        answer = site.live.device().get("/api/whoami/", {"Authorization": f"Bearer {token}"})
        assert code(answer) == (401, "token_invalid")
    assert refused(site, access.log_in(site)) == (401, "token_invalid")
    assert sessions_of(ada) == ()


def test_an_external_token_in_our_cookie_is_refused(site: Changeover, credential: str, ada: User) -> None:
    """A refresh token of simplejwt in our cookie is refused: a cookie is never treated as a body."""
    browser = site.live.device(Transport.COOKIE)
    browser.who()
    browser.cookies["__Host-authkit_refresh"] = credential
    assert browser.refresh().status_code == 401
    assert sessions_of(ada) == ()


# -- knox, DRF ------------------------------------------------------------------------------------


def test_knox_deletes_its_token(site: Changeover, credential: str, ada: User) -> None:
    """Only the token that was adopted is deleted, not the user's other tokens."""
    first, second = knox.log_in(site), knox.log_in(site)
    knox.present(site, first)
    assert AuthToken.objects.count() == 1
    assert not knox.is_alive(site, first)
    assert knox.is_alive(site, second)


def test_an_expired_knox_token(site: Changeover, credential: str, ada: User) -> None:
    """It is refused; knox deletes it."""
    told: list[Any] = []
    token_expired.connect(told.append)
    _, token = AuthToken.objects.create(ada, expiry=timedelta(seconds=1))
    site.live.advance(seconds=2)
    assert code(knox.present(site, token)[0]) == (401, "token_expired")
    assert not told
    assert AuthToken.objects.count() == 1


def test_knox_tokens_that_each_use_extends(
    site: Changeover, credential: str, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ``AUTO_REFRESH``, the maximum lifetime of the token is the limit, if there is one."""
    for longest, days in ((None, 90), (timedelta(days=3), 3)):
        monkeypatch.setattr(knox_settings, "AUTO_REFRESH", True)
        monkeypatch.setattr(knox_settings, "AUTO_REFRESH_MAX_TTL", longest)
        knox.present(site, knox.log_in(site))
        newest = max(sessions_of(ada), key=lambda each: each.created_ms)
        assert round((newest.expires_at - timezone.now()) / timedelta(days=1)) == days


def test_a_shared_token(site: Changeover, credential: str, ada: User) -> None:
    """All devices of a user have the same DRF token. With ``shared``, each gets its own auth session."""
    token = drf.log_in(site)
    site.after({"adapter": "drf_tokens", "shared": True})
    _, phone = drf.present(site, token)
    _, tablet = drf.present(site, token)
    site.live.advance(seconds=61)
    _, watch = drf.present(site, token)
    assert len({each.django_session for each in (phone, tablet, watch)}) == 3
    assert len(sessions_of(ada)) == 3
    assert Token.objects.count() == 1


def test_two_packages_with_one_scheme(site: Changeover, credential: str, ada: User) -> None:
    """Knox and DRF both use the scheme ``Token``; each finds its own tokens."""
    for package in (drf, knox, drf):
        answer, client = package.present(site, package.log_in(site))
        assert answer.status_code == 200
        assert client.logged_in()


def test_an_id_of_one_package_is_no_secret_of_another(site: Changeover, credential: str, ada: User) -> None:
    """Knowing the ``jti`` of a token that was just adopted is not enough to get its credential."""
    site.after("simplejwt", "drf_tokens", "knox", "allauth", "django_sessions")
    assert simplejwt.present(site, credential)[0].status_code == 200
    jti = UntypedToken(credential, verify=False)["jti"]
    for package in (drf, knox, allauth, Browser("db")):
        answer, thief = package.present(site, jti)
        assert answer.status_code == 401
        assert not thief.logged_in()
    assert len(sessions_of(ada)) == 1


@pytest.mark.parametrize(
    "header", ["Token", "Token a b", "Bearer", "Bearer a b", "Basic YTpi", "token \t ", "Token \x7f"]
)
def test_odd_headers(site: Changeover, credential: str, header: str) -> None:
    """Each is a 401 with a code."""
    answer = site.live.device().post("/auth/adopt/", headers={"Authorization": header})
    assert code(answer) in {(401, "token_malformed"), (401, "not_authenticated"), (401, "token_invalid")}


def test_the_endpoint_is_throttled(site: Changeover, credential: str) -> None:
    """Guessing tokens is throttled."""
    site.live.configure(RATES={"REFRESH": "3/min"})
    answers = [knox.present(site, "0" * 64)[0].status_code for _ in range(5)]
    assert answers == [401, 401, 401, 429, 429]


# -- allauth --------------------------------------------------------------------------------------


def test_allauth_deletes_its_session(site: Changeover, ada: User) -> None:
    """The session and its row in allauth's list are deleted, and no others."""
    from allauth.usersessions.models import UserSession

    site.before()
    first, _ = allauth.log_in(site), allauth.log_in(site)
    site.after("allauth")
    assert UserSession.objects.count() == 2
    allauth.present(site, first)
    assert UserSession.objects.count() == 1


def test_a_login_that_is_not_complete(site: Changeover, ada: User) -> None:
    """A session whose login has a pending step is not a login."""
    site.live.settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    site.before()
    answer = Client().post(
        "/_allauth/app/v1/auth/login",
        json.dumps({"username": "ada", "password": PASSWORD}),
        content_type="application/json",
        secure=True,
    )
    assert answer.status_code == 401
    token = answer.json()["meta"]["session_token"]
    site.after("allauth")
    assert allauth.present(site, token)[0].status_code == 401
    assert sessions_of(ada) == ()


def test_a_new_password_ends_allauths_sessions(site: Changeover, ada: User) -> None:
    """The session auth hash is checked."""
    site.before()
    token = allauth.log_in(site)
    site.after("allauth")
    User.objects.filter(pk=ada.pk).update(password="md5$x$0123456789abcdef0123456789abcdef")
    assert allauth.present(site, token)[0].status_code == 401


def test_nothing_presented(site: Changeover, credential: str) -> None:
    """``adopt/`` without a credential is a 401."""
    answer = site.live.device().post("/auth/adopt/")
    assert code(answer) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
    assert body(answer)["detail"]
