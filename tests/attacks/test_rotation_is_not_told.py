"""No endpoint reveals to the holder of copied tokens when their owner refreshes."""

import re
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from django_authkit.types import Mode
from support.client import ACCESS_COOKIE, FIREFOX, Device, body
from support.live_site import LiveSite, by_cookie

pytestmark = pytest.mark.parametrize("mode", [Mode.JWT], ids=str, indirect=True)
OURS = ("auth/", "account/devices/", "compat/")
CONSUMING = ("refresh/", "logout/", "blacklist/")
"""Whoever sends a refresh token there takes part in the rotation, or ends the auth session."""
RANDOM = re.compile(r'name="csrfmiddlewaretoken" value="\w+"|"ticket": ?"[\w-]+"')
SEEN = re.compile(r'"last_seen_at": ?"([^"]+)"')


def paths_of(resolver: URLResolver, prefix: str) -> Iterator[str]:
    """Yield the path of every view, with a sid that nobody has."""
    for each in resolver.url_patterns:
        path = prefix + str(each.pattern)
        if isinstance(each, URLPattern):
            yield re.sub("<[^>]+>", "AA00000000000000", path)
        else:
            yield from paths_of(each, path)


def our_paths() -> list[str]:
    """Return the paths of all views of ours."""
    included = [each for each in get_resolver().url_patterns if isinstance(each, URLResolver)]
    ours = [each for each in included if str(each.pattern) in OURS]
    assert len(ours) == len(OURS)
    return [path for each in ours for path in paths_of(each, f"/{each.pattern}")]


def answers_to(device: Device, paths: list[str]) -> dict[str, Any]:
    """Return status, headers and body of every request that does not consume the refresh token."""
    own = device.copy()
    bearer = {} if own.is_browser else {"Authorization": f"Bearer {own.access}"}
    bodies = [{}, {"token": own.django_session}, {"token": own.credential}]
    bodies += [{"password": "wrong", "refresh": own.django_session}]
    told = {}
    for path in [*paths, "/plain/whoami/", "/api/whoami/", "/plain/visits/"]:
        for method in ("GET", "OPTIONS"):
            told[f"{method} {path}"] = own.copy().send(method, path, headers=bearer)
        if not path.endswith(CONSUMING):
            for number, sent in enumerate(bodies):
                told[f"POST {path} {number}"] = own.copy().post(path, sent)
    return {name: described(answer) for name, answer in told.items()}


def described(answer: Any) -> Any:
    """Return all of an answer; of times only whether they are now, and nothing that is random."""
    headers = {name: value for name, value in answer.headers.items() if name != "X-Authkit-Expires-In"}
    text = SEEN.sub(lambda seen: f"seen now: {is_now(seen[1])}", RANDOM.sub("", answer.content.decode()))
    return answer.status_code, headers, set(answer.cookies), text


def is_now(moment: str) -> bool:
    """Tell whether *moment* is within the last half minute."""
    return abs(datetime.fromisoformat(moment).timestamp() - time.time()) < 30


def test_the_answers_to_a_copy_are_the_same_before_and_after_a_rotation(live: LiveSite) -> None:
    """Every endpoint of ours, with the access token and the refresh token that the owner has exchanged."""
    live.add_user()
    owner = live.logged_in(user_agent=FIREFOX)
    live.advance(minutes=1)
    live.logged_in(user_agent="Another device of the user")
    thief, paths = owner.copy(), our_paths()
    assert {"/auth/sessions/", "/auth/verify/", "/compat/token/verify/", "/account/devices/"} <= set(paths)
    live.advance(minutes=1)
    before = answers_to(thief, paths)
    owner.address = "203.0.113.99"
    owner.user_agent = FIREFOX.replace("130.0", "131.0")
    assert owner.refresh().status_code == 200
    assert answers_to(thief, paths) == before
    live.advance(seconds=11)
    assert answers_to(thief, paths) == before


def test_the_session_that_asks_is_seen_now(live: LiveSite) -> None:
    """Whatever its record says; it is the first in the list."""
    live.add_user()
    device = live.logged_in()
    live.advance(minutes=3)
    live.logged_in()
    first, second = body(device.get("/auth/sessions/"))["results"]
    assert first["current"]
    assert not second["current"]
    assert is_now(first["last_seen_at"])


@by_cookie
def test_a_page_that_another_site_links_to_tells_nothing_within_the_grace(live: LiveSite) -> None:
    """It is shown by the refresh cookie, which it does not consume; later the copy is worth nothing."""
    live.add_user()
    owner = live.logged_in()
    thief = owner.copy()
    del thief.cookies[ACCESS_COOKIE]
    link = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}

    def told() -> Any:
        return described(thief.copy().send("GET", "/plain/whoami/", headers=link))

    before = told()
    owner.refresh()
    assert told() == before
