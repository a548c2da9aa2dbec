"""
Pages of other origins attack a user who is logged in: every request is refused, and nothing changes.

The site is as careless about CORS as can be: it lets every origin send what it likes, with cookies, and
read the answers. So what is refused here is refused by the CSRF check alone.
"""

import json
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from support.browser_front_end import FrontEnd
from support.client import CREDENTIAL_COOKIES, PASSWORD
from support.live_site import LiveSite, in_jwt_mode
from support.origins import SIBLING, STRANGER, Origins, ReceivedRequest, origins
from support.profile import rounds

if TYPE_CHECKING:
    from playwright.sync_api import Page

LOG_IN = json.dumps({"username": "mallory", "password": PASSWORD})
PROOF = json.dumps({"password": PASSWORD})
ALWAYS = ("form", "fetch-text", "fetch-empty", "fetch-json", "image")
TARGETS = {
    "/auth/login/": (LOG_IN, (*ALWAYS, "text-form", "planted-token")),
    "/auth/refresh/": ("{}", ALWAYS),
    "/auth/reauthenticate/": (PROOF, ALWAYS),
    "/auth/logout/": ("{}", ALWAYS),
    "/auth/sessions/": ("{}", ("delete",)),
    "/api/rename/": ("{}", (*ALWAYS, "text-form", "planted-token")),
    "/plain/notes/": ("{}", ALWAYS),
    "/account/devices/": ("{}", ALWAYS),
}
"""The targets of the attack, with their bodies and methods; the query names the method."""
NAVIGATED = ("/auth/login/", "/auth/logout/", "/api/rename/")
"""The methods that work for forms which replace the whole tab."""
WEAKER = [(STRANGER, "Lax"), (SIBLING, "None")]
"""A stranger gets no Lax cookies, and a sibling gets any; so these are tried at full size only."""
PAIRS = [(STRANGER, "None"), (SIBLING, "Lax"), *(WEAKER if rounds(10) == 10 else [])]

FIRE = """
([url, body, ways]) => {
  const form = (vector, enctype, name, value) => {
    const frame = document.createElement("iframe");
    frame.name = vector + Math.random();
    const form = document.createElement("form");
    Object.assign(form, {method: "post", action: `${url}?${vector}`, enctype, target: frame.name});
    const input = document.createElement("input");
    Object.assign(input, {type: "hidden", name, value});
    form.append(input);
    document.body.append(frame, form);
    form.submit();
  };
  const send = (vector, options) =>
    fetch(`${url}?${vector}`, {method: "POST", credentials: "include", ...options}).catch(() => {});
  const more = body.length > 2 ? ", " : "";
  const json = {"Content-Type": "application/json"};
  const fire = {
    "form": () => form("form", "application/x-www-form-urlencoded", "revoke", "others"),
    "text-form": () => form("text-form", "text/plain", `${body.slice(0, -1)}${more}"x": "`, '"}'),
    "fetch-text": () => send("fetch-text", {mode: "no-cors", body}),
    "fetch-empty": () => send("fetch-empty", {mode: "no-cors"}),
    "fetch-json": () => send("fetch-json", {headers: json, body}),
    "planted-token": () => send("planted-token", {headers: {...json, "X-CSRFToken": "A".repeat(32)}, body}),
    "delete": () => send("delete", {method: "DELETE"}),
    "image": () => { new Image().src = `${url}?image`; },
  };
  ways.forEach(way => fire[way]());
}
"""
NAVIGATE = """
url => {
  const form = document.createElement("form");
  Object.assign(form, {method: "post", action: `${url}?navigation`});
  document.body.append(form);
  form.submit();
}
"""


both_methods = pytest.mark.parametrize("method", ["token", "fetch-metadata"])


@pytest.fixture
def method() -> str:
    """Return a value of ``CSRF``."""
    return "token"


@pytest.fixture
def samesite() -> str:
    """Return the ``SameSite`` value that does not hide a missing check."""
    return "None"


@pytest.fixture
def at(shop: LiveSite, settings: Settings, method: str, samesite: str) -> Iterator[Origins]:
    """Serve the careless site."""
    settings.MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", *settings.MIDDLEWARE]
    settings.CORS_ALLOW_ALL_ORIGINS = settings.CORS_ALLOW_CREDENTIALS = True
    settings.SESSION_COOKIE_SAMESITE = settings.CSRF_COOKIE_SAMESITE = samesite
    shop.configure(CSRF=method, COOKIE={"SAMESITE": samesite})
    with origins() as at:
        yield at


def attack(page: "Page", at: Origins, host: str, targets: Iterable[str] = TARGETS) -> None:
    """Open a page of *host*, which sends all requests to *targets*; return when all have arrived."""
    page.goto(at.of(host))
    if host == SIBLING:  # may set cookies for all of the domain, and so the CSRF token's
        planted = f"csrftoken={'A' * 32}; Domain=example.test; Path=/; Secure; SameSite=None"
        page.evaluate("cookie => { document.cookie = cookie }", planted)
    at.received.clear()
    for path in targets:
        page.evaluate(FIRE, [at.shop + path, *TARGETS[path]])
    await_requests(page, at, {(path, way) for path in targets for way in TARGETS[path][1]})
    for path in set(targets) & set(NAVIGATED):
        tab = page.context.new_page()
        tab.goto(at.of(host))
        tab.evaluate(NAVIGATE, at.shop + path)
        await_requests(tab, at, {(path, "navigation")})
        tab.close()


def await_requests(page: "Page", at: Origins, expected: set[tuple[str, str]]) -> None:
    """Wait until the site has answered the expected requests, without preflights."""
    deadline = time.monotonic() + 20
    missing = expected
    while missing and time.monotonic() < deadline:
        page.wait_for_timeout(20)
        missing = expected - {(a.path, a.query) for a in list(at.received) if a.method != "OPTIONS"}
    assert not missing


def everything(shop: LiveSite, page: "Page") -> Any:
    """Return what an attack could change: the store, the users, and the credentials in the browser."""
    kept = {c["name"]: c["value"] for c in page.context.cookies() if c["name"] in CREDENTIAL_COOKIES}
    return shop.snapshot(), list(User.objects.order_by("pk").values()), kept


def refused_or_idle(entry: ReceivedRequest) -> bool:
    """Tell whether a request without cookies had no effect; a logout without a login is 204."""
    return entry.status in {401, 403, 405, 415} or (entry.path, entry.status) == ("/auth/logout/", 204)


@both_methods
@pytest.mark.parametrize(("host", "samesite"), PAIRS)
def test_another_origin_cannot_act_for_the_user(
    page: "Page", at: Origins, shop: LiveSite, ada: User, host: str, samesite: str
) -> None:
    """Forms, ``fetch``, images and navigations of another origin have no effect, despite the cookies."""
    shop.add_user("mallory")
    front = FrontEnd.at_home(page, at)
    assert front.log_in() == 200
    before = everything(shop, page)
    attack(page, at, host)
    assert everything(shop, page) == before
    carries = host == SIBLING or samesite == "None"
    for entry in at.unsafe():
        assert bool(entry.cookies & set(CREDENTIAL_COOKIES)) is carries, entry
        assert entry.status in {403, 405, 415} if carries else refused_or_idle(entry), entry
    assert FrontEnd.at_home(page, at).send("GET", "/api/whoami/") == 200


@both_methods
def test_nobody_is_logged_in_by_another_origin(page: "Page", at: Origins, shop: LiveSite) -> None:
    """An attacker cannot log a browser in to the attacker's account (login CSRF)."""
    mallory = shop.add_user("mallory")
    attack(page, at, SIBLING, ["/auth/login/"])
    assert shop.sids(mallory) == []
    assert not {c["name"] for c in page.context.cookies()} & set(CREDENTIAL_COOKIES)
    assert FrontEnd.at_home(page, at).send("GET", "/api/whoami/") == 401


@in_jwt_mode
@both_methods
def test_without_the_check_the_attack_succeeds(
    monkeypatch: pytest.MonkeyPatch, page: "Page", at: Origins, shop: LiveSite, ada: User
) -> None:
    """So the tests above can fail: without the check, the same requests succeed."""
    for method in ("token", "source"):
        monkeypatch.setattr(f"django_authkit.http.csrf._Check.fault_of_{method}", lambda *_: None)
    shop.add_user("mallory")
    assert FrontEnd.at_home(page, at).log_in() == 200
    attack(page, at, STRANGER, ["/api/rename/"])
    assert User.objects.get(username="ada").first_name == "Renamed"
    attack(page, at, STRANGER, ["/auth/logout/"])
    assert shop.sids(ada) == []
