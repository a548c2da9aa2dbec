"""Device Bound Session Credentials in Chromium, over TLS, with keys in software."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.core.handlers.wsgi import WSGIHandler

from django_authkit.types import Mode
from support.bound_person import FIVE_AT_ONCE, LOG_OUT, REFRESH, REGISTER, Person, arguments
from support.live_site import LiveSite, in_session_mode
from support.origins import STRANGER, Application, Origins, origins

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

pytestmark = pytest.mark.slow

SUBMIT_NOTE = """(text) => {
    const form = Object.assign(document.createElement("form"), {method: "post", action: "/plain/notes/"});
    const csrfmiddlewaretoken = document.cookie.match(/csrftoken=([^;]+)/)[1];
    for (const [name, value] of Object.entries({text, csrfmiddlewaretoken}))
        form.append(Object.assign(document.createElement("input"), {type: "hidden", name, value}));
    document.body.append(form);
    form.submit();
}"""


@pytest.fixture(scope="module")
def binding(playwright: "Playwright", chromium: str) -> Iterator["Browser"]:
    """Return a browser that binds logins; without trust in the certificate it would ignore all offers."""
    browser = playwright.chromium.launch(executable_path=chromium, args=arguments())
    yield browser
    browser.close()


@pytest.fixture
def losing() -> list[str]:
    """Return the paths whose next answer is lost on its way; the server has done its work."""
    return []


@pytest.fixture
def renewals_may_go_on() -> Event:
    """Return what renewals wait for."""
    event = Event()
    event.set()
    return event


@pytest.fixture
def at(shop: LiveSite, ada: User, losing: list[str], renewals_may_go_on: Event) -> Iterator[Origins]:
    """Return the site, which offers to bind logins."""
    shop.configure(DEVICE_BOUND="offer")
    site: Application = WSGIHandler()

    def sometimes_lost(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == REFRESH:
            renewals_may_go_on.wait(20)
        if environ["PATH_INFO"] not in losing or "HTTP_SECURE_SESSION_RESPONSE" not in environ:
            return site(environ, start_response)
        losing.remove(environ["PATH_INFO"])
        list(site(environ, lambda *_: None))
        start_response("502 Bad Gateway", [])
        return []

    with origins(app=sometimes_lost) as at:
        yield at


@pytest.fixture
def person(binding: "Browser", shop: LiveSite, at: Origins) -> Iterator[Person]:
    """Return somebody whose login is bound to their device, which has proved its key."""
    person = Person(binding, shop, at)
    person.log_in()
    person.lose_bound_cookie()
    assert person.status() == 200
    at.received.clear()
    yield person
    person.context.close()


def test_the_browser_renews_before_the_request(ada: User, person: Person) -> None:
    """It holds five requests, proves its key once, and all of them succeed; a page that is opened, too."""
    person.lose_bound_cookie()
    assert person.page.evaluate(FIVE_AT_ONCE) == [200] * 5
    assert person.renewals() == [200]
    person.lose_bound_cookie()
    person.page.goto(f"{person.at.shop}/plain/whoami/")
    assert f'"id": {ada.pk}' in person.page.content()
    assert person.renewals() == [200, 200]


def test_the_browser_renews_in_advance(person: Person, renewals_may_go_on: Event) -> None:
    """With less than two minutes left a request does not wait: it is answered before the renewal is."""
    person.end_bound_cookie_in(100)
    renewals_may_go_on.clear()
    assert person.status() == 200
    assert not person.renewals()
    renewals_may_go_on.set()
    person.wait(lambda: person.renewals() == [200])
    person.wait(lambda: person.life_of_bound_cookie() > 200)
    assert person.status() == 200
    assert person.renewals() == [200]


@pytest.mark.parametrize(
    ("mode", "store"), [(Mode.SESSION, "sqlite"), (Mode.JWT, "valkey")], indirect=["mode"], ids=str
)
def test_on_the_other_store(person: Person) -> None:
    """Each mode from the registration to the logout on the store that the other tests do not take."""
    person.lose_bound_cookie()
    assert person.page.evaluate(FIVE_AT_ONCE) == [200] * 5
    assert person.renewals() == [200]
    assert person.page.evaluate(LOG_OUT) == 204
    assert person.status() == 401
    person.wait(person.ended)


def test_a_copy_of_all_cookies_is_refused_and_never_renewed(
    shop: LiveSite, binding: "Browser", person: Person
) -> None:
    """In another profile they work until the bound cookie dies; then the thief is refused, not the owner."""
    thief = Person(binding, shop, person.at)
    thief.context.add_cookies(person.context.cookies())  # type: ignore[arg-type]
    assert thief.status() == 200
    before = len(person.renewals())
    shop.advance(minutes=11)
    thief.lose_bound_cookie()
    person.lose_bound_cookie()
    assert thief.status() == 401
    assert len(person.renewals()) == before
    assert person.status() == 200
    thief.context.close()


def test_a_logout_ends_it_in_the_browser(person: Person) -> None:
    """The next request asks once, and the browser forgets the key."""
    assert person.page.evaluate(LOG_OUT) == 204
    assert person.status() == 401
    person.wait(lambda: person.renewals()[-1:] == [200])
    person.wait(person.ended)
    assert person.bound not in person.cookies()
    count = len(person.renewals())
    assert person.status() == 401
    assert len(person.renewals()) == count


def test_a_revocation_from_elsewhere_ends_it_too(shop: LiveSite, person: Person) -> None:
    """The device is logged out at once, whatever it can prove."""
    device = shop.logged_in()
    assert device.delete("/auth/sessions/").status_code == 200
    assert person.status() == 401
    person.lose_bound_cookie()
    assert person.status() == 401
    assert person.bound not in person.cookies()


def test_a_link_from_another_site_stays_logged_in(shop: LiveSite, ada: User, person: Person) -> None:
    """The page arrives without the bound cookie, opens itself again, and is that of the user."""
    shop.advance(minutes=11)
    person.page.goto(person.at.of(STRANGER))
    person.lose_bound_cookie()
    person.page.evaluate("url => { location.href = url }", f"{person.at.shop}/plain/whoami/")
    person.wait(lambda: f'"id": {ada.pk}' in (person.page.text_content("body") or ""))
    assert person.renewals() == [200]


def test_tabs_and_forms_wait_for_one_renewal(ada: User, person: Person) -> None:
    """Five tabs send at once, one of them submits a form, which arrives whole; the browser renews once."""
    tabs = [person.page, *(person.context.new_page() for _ in range(4))]
    for tab in tabs[1:]:
        tab.goto(f"{person.at.shop}/plain/whoami/")
    text = "x" * 100_000
    person.at.received.clear()
    person.lose_bound_cookie()
    for tab in tabs[1:]:
        tab.evaluate("() => { window.answer = fetch('/api/whoami/').then((each) => each.status) }")
    with tabs[0].expect_navigation():
        tabs[0].evaluate(SUBMIT_NOTE, text)
    sent = json.loads(tabs[0].text_content("pre") or "")
    assert (sent["owner"], sent["note"]) == (ada.pk, {"text": text})
    assert [tab.evaluate("() => window.answer") for tab in tabs[1:]] == [200] * 4
    assert person.renewals() == [200]


def test_a_restart_of_the_browser_keeps_the_login(
    playwright: "Playwright", chromium: str, shop: LiveSite, ada: User, at: Origins, tmp_path: Path
) -> None:
    """The challenge is gone, the key is not: it asks for another challenge, and goes on."""

    def start() -> Person:
        context = playwright.chromium.launch_persistent_context(
            tmp_path, executable_path=chromium, args=arguments()
        )
        return Person(None, shop, at, context)

    before = start()
    before.log_in()
    before.lose_bound_cookie()
    assert before.status() == 200
    before.context.close()
    shop.advance(minutes=11)
    at.received.clear()
    after = start()
    after.lose_bound_cookie()
    assert after.status() == 200
    assert 403 in after.renewals()
    assert after.renewals()[-1] == 200
    after.context.close()


def test_a_lost_answer_to_a_renewal_logs_nobody_out(
    shop: LiveSite, ada: User, person: Person, losing: list[str]
) -> None:
    """The proof is used up and the new cookies are lost; the next request has the browser prove it again."""
    losing.append(REFRESH)
    person.lose_bound_cookie()
    person.status()
    assert not losing, "one answer was lost"
    shop.advance(minutes=1)
    person.wait(lambda: person.status() == 200)
    assert person.page.evaluate(FIVE_AT_ONCE) == [200] * 5


def test_a_new_password_ends_it_on_other_devices_only(shop: LiveSite, ada: User, person: Person) -> None:
    """The browser of the user who changed it elsewhere is out, and forgets the key."""
    ada.set_password("another long password")
    ada.save()
    assert person.status() == 401
    person.lose_bound_cookie()
    assert person.status() == 401
    person.wait(person.ended)
    assert person.bound not in person.cookies()


def test_a_browser_without_it_notices_nothing_unless_it_is_required(
    chrome: "Browser", shop: LiveSite, ada: User, at: Origins
) -> None:
    """It ignores the offer; where a binding is required, half a minute later it gets a page and a code."""
    old = Person(chrome, shop, at)
    assert old.send_login() == 200
    shop.advance(minutes=4)
    assert old.status() == 200
    shop.configure(DEVICE_BOUND="require")
    assert old.send_login() == 200
    shop.advance(seconds=40)
    old.page.goto(f"{at.shop}/plain/whoami/")
    assert "binds logins to its device" in old.page.content()
    assert not [each for each in at.received if each.path in {REGISTER, REFRESH}]
    old.context.close()


def test_a_browser_that_binds_is_let_in_where_it_is_required(
    binding: "Browser", shop: LiveSite, ada: User, at: Origins
) -> None:
    """Right after the login, and when the first access token has ended."""
    shop.configure(DEVICE_BOUND="require")
    person = Person(binding, shop, at)
    person.log_in()
    shop.advance(seconds=40)
    person.lose_bound_cookie()
    person.page.goto(f"{at.shop}/plain/whoami/")
    assert f'"id": {ada.pk}' in person.page.content()
    assert person.status() == 200
    person.context.close()


@in_session_mode
def test_a_link_of_an_allowed_initiator_renews_first(
    binding: "Browser", shop: LiveSite, ada: User, at: Origins
) -> None:
    """The page is there at once: the browser proves its device before it opens it."""
    shop.configure(BOUND_SCOPE={"INITIATORS": [STRANGER]})
    person = Person(binding, shop, at)
    person.log_in()
    shop.advance(minutes=11)
    person.page.goto(at.of(STRANGER))
    person.lose_bound_cookie()
    at.received.clear()
    person.page.evaluate("url => { location.href = url }", f"{at.shop}/plain/whoami/")
    person.wait(lambda: f'"id": {ada.pk}' in (person.page.text_content("body") or ""))
    pages = [each for each in at.received if each.path == "/plain/whoami/"]
    assert len(pages) == 1, at.received
    assert 200 in person.renewals()
    person.context.close()
