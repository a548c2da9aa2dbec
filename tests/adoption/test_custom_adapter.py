"""An adapter of a project's own."""

from secrets import token_hex

from django.contrib.auth.models import User
from django.core.cache import cache

from adoption.migrating_site import Changeover
from django_authkit import sessions_of
from django_authkit.types import Transport
from support.client import body, code
from support.dpop_client import ProvingDevice


def test_a_projects_own_adapter(site: Changeover, ada: User) -> None:
    """Its dotted path in ``ADOPT`` is enough. It is adopted once and retired."""
    site.after("adoption.custom_adapter.CachedTokens")
    token = token_hex(20)
    cache.set(f"token:{token}", ada.pk)
    answers = [site.live.device().post("/auth/adopt/", headers={"X-Api-Token": token}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len({body(answer)["session"]["sid"] for answer in answers}) == 1
    (session,) = sessions_of(ada)
    assert session.amr == ("adopted:cached_tokens",)
    assert session.auth_time_ms == 0
    assert cache.get(f"token:{token}") is None
    site.live.advance(seconds=61)
    assert code(site.live.device().post("/auth/adopt/", headers={"X-Api-Token": token})) == (
        401,
        "token_invalid",
    )


def test_an_adopted_login_is_bound_to_the_key_of_its_request(site: Changeover, ada: User) -> None:
    """After a lost response the app gets the same credentials again, and nobody without its key does."""
    site.after("adoption.custom_adapter.CachedTokens")
    token = token_hex(20)
    cache.set(f"token:{token}", ada.pk)
    app = ProvingDevice(site.live.mode)
    answer = app.post("/auth/adopt/", headers={"X-Api-Token": token})
    assert (body(answer)["token_type"], app.challenged) == ("DPoP", 1)
    thief = site.live.device(Transport.HEADER)
    assert code(thief.post("/auth/adopt/", headers={"X-Api-Token": token})) == (401, "device_mismatch")
    assert app.copy().post("/auth/adopt/", headers={"X-Api-Token": token}).status_code == 401
    again = app.post("/auth/adopt/", headers={"X-Api-Token": token})
    assert body(again)["session"]["sid"] == body(answer)["session"]["sid"]
    app.access = body(again)["access"]
    assert app.who().status_code == 200
