"""Clients of simplejwt's endpoints: which refresh tokens rotate, and session mode."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User

from support.client import PASSWORD, Device, body, code
from support.live_site import LiveSite, by_header, in_jwt_mode, in_session_mode


def obtain(device: Device) -> dict[str, Any]:
    """Log in as a client of simplejwt does."""
    answer = device.post("/compat/token/", {"username": "ada", "password": PASSWORD}, anonymous=True)
    assert answer.status_code == 200, answer.content
    return dict(body(answer))


def refreshed(device: Device, token: str, path: str = "/compat/token/refresh/") -> Any:
    """Return the answer to a refresh."""
    return device.post(path, {"refresh": token}, anonymous=True)


@in_jwt_mode
@by_header
def test_a_client_that_stores_nothing_stays_logged_in(site: LiveSite, ada: User) -> None:
    """With rotation off its only refresh token works until the auth session expires."""
    site.configure(
        COMPAT={"SIMPLEJWT_ROTATION": False},
        LIFETIMES={"IDLE": timedelta(days=2), "ABSOLUTE": timedelta(days=7)},
    )
    device = site.device()
    pair = obtain(device)
    for _ in range(6):
        site.advance(days=1)
        answer = refreshed(device, pair["refresh"])
        assert answer.status_code == 200
        assert body(answer).keys() == {"access"}
        device.access = body(answer)["access"]
        assert device.logged_in()
    assert len(site.sids(ada)) == 1
    site.advance(days=1, seconds=10)
    assert code(refreshed(device, pair["refresh"])) == (401, "token_not_valid")


@in_jwt_mode
@by_header
def test_a_rotating_token_rotates_at_each_endpoint(site: LiveSite, ada: User) -> None:
    """A rotating token rotates at every endpoint, so a thief cannot avoid rotation."""
    site.configure(COMPAT={"SIMPLEJWT_ROTATION": False})
    device = site.logged_in()
    thief, stolen = device.copy(), device.django_session
    answer = refreshed(thief, stolen)
    assert body(answer).keys() == {"access", "refresh"}
    assert body(answer)["refresh"] != stolen
    site.advance(seconds=11)
    assert code(device.refresh()) == (401, "refresh_reused")
    assert site.sids(ada) == []


@in_jwt_mode
@by_header
def test_our_own_endpoint_does_not_rotate_it_either(site: LiveSite, ada: User) -> None:
    """Its claim is respected by both refresh endpoints."""
    site.configure(COMPAT={"SIMPLEJWT_ROTATION": False})
    device = site.device()
    token = obtain(device)["refresh"]
    answer = refreshed(device, token, "/auth/refresh/")
    assert body(answer)["refresh"] == token


@in_jwt_mode
@by_header
def test_back_to_rotation(site: LiveSite, ada: User) -> None:
    """Once rotation is on, the token is exchanged at its next use, and its second use is reuse."""
    site.configure(COMPAT={"SIMPLEJWT_ROTATION": False})
    device = site.device()
    token = obtain(device)["refresh"]
    site.configure(COMPAT={"SIMPLEJWT_ROTATION": True})
    successor = body(refreshed(device, token))["refresh"]
    assert successor != token
    site.configure(COMPAT={"SIMPLEJWT_ROTATION": False})
    assert body(refreshed(device, successor))["refresh"] != successor  # its own claim says that it rotates
    assert code(refreshed(device, token)) == (401, "token_not_valid")
    assert site.sids(ada) == []


@in_session_mode
@by_header
def test_session_mode_gives_session_keys(site: LiveSite, ada: User) -> None:
    """In session mode both members are the session key, which does not change and which a logout revokes."""
    device = site.device()
    pair = obtain(device)
    assert pair["access"] == pair["refresh"]
    device.access = pair["access"]
    assert device.logged_in()
    assert body(refreshed(device, pair["refresh"])) == {"access": pair["access"], "refresh": pair["access"]}
    assert body(device.post("/compat/token/verify/", {"token": pair["access"]}, anonymous=True)) == {}
    gone = device.post("/compat/token/blacklist/", {"refresh": pair["refresh"]}, anonymous=True)
    assert (gone.status_code, body(gone)) == (200, {})
    assert not device.logged_in()
    assert code(refreshed(device, pair["refresh"])) == (401, "token_not_valid")


@in_jwt_mode
@by_header
def test_a_large_body_is_refused_unread(site: LiveSite, ada: User) -> None:
    """It is 413 with a code."""
    answer = site.device().post("/compat/token/", {"username": "x" * 70_000, "password": "y"}, anonymous=True)
    assert code(answer) == (413, "invalid_request")


@in_jwt_mode
@by_header
def test_guessing_is_counted_with_the_endpoint(site: LiveSite, ada: User) -> None:
    """Both share one allowance; forms that another site's page sends use up nothing of it."""
    site.configure(RATES={"LOGIN": "3/min"})
    device, form = site.device(), f"username=ada&password={PASSWORD}".encode()
    for source in ("cross-site", "same-site"):
        for _ in range(4):
            answer = device.send(
                "POST",
                "/compat/token/",
                form,
                headers={"Sec-Fetch-Site": source},
                content_type="application/x-www-form-urlencoded",
            )
            assert answer.status_code == 415
    wrong = {"username": "ada", "password": "wrong"}
    found = [device.post("/compat/token/", wrong, anonymous=True) for _ in range(4)]
    assert [answer.status_code for answer in found] == [401, 401, 401, 429]
    assert int(found[-1].headers["Retry-After"]) > 0
    assert code(device.log_in()) == (429, "throttled")
    assert site.device(address="192.0.2.9").log_in().status_code == 200


@in_jwt_mode
@by_header
def test_a_deep_body_is_a_400(site: LiveSite, ada: User) -> None:
    """It is a client error, however deep."""
    answer = site.device().send("POST", "/compat/token/", b"[" * 60_000)
    assert answer.status_code == 400
