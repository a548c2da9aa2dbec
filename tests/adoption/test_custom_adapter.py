"""An adapter of a project's own."""

from secrets import token_hex

from django.contrib.auth.models import User
from django.core.cache import cache

from adoption.migrating_site import Changeover
from django_authkit import sessions_of
from support.client import body, code


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
