"""Cookies in either mode: CSRF, what scripts can read, logout. The same client works in both modes."""

from demo.tour.device import Device
from demo.tour.opening import CREDENTIALS, NOTES
from demo.tour.story import Story

CREDENTIAL_COOKIES = {"session": {"sessionid"}, "jwt": {"authkit_access", "authkit_refresh"}}


def tell(story: Story, address: str, mode: str) -> None:
    """Walk through it."""
    story.chapter(f"{'JWT' if mode == 'jwt' else 'Session'} mode, in a browser")
    browser = Device(story, "browser", address)
    _log_in(story, browser, CREDENTIAL_COOKIES[mode])
    _write(story, browser)
    _refresh(story, browser, mode)
    _log_in_again(story, browser)
    _log_out(story, browser, CREDENTIAL_COOKIES[mode])


def _copy_of(browser: Device, story: Story) -> Device:
    copy = Device(story, "copy", browser.address)
    copy.cookies = dict(browser.cookies)
    return copy


def _log_in(story: Story, browser: Device, credentials: set[str]) -> None:
    story.step("The page asks who is logged in. Nobody is, but the response sets the CSRF cookie.")
    answer = browser.get("/auth/session/", "401 not_authenticated")
    story.check("csrftoken" in answer.cookies, "there is no CSRF cookie")

    story.step(
        "A login without the CSRF token in a header is refused. A page of another site cannot send it."
    )
    browser.post("/auth/login/", "403 csrf_failed", CREDENTIALS)

    story.step(
        "With the token, Ada is logged in. Scripts see no credential: the body has none, and the cookies are "
        "HttpOnly."
    )
    planted = browser.cookies["csrftoken"]
    answer = browser.post("/auth/login/", "200", CREDENTIALS, csrf=True)
    story.check(not {"access", "refresh"} & answer.body.keys(), "a credential is in the body")
    story.check(credentials <= answer.cookies.keys(), "the cookies are missing")
    story.check(all(answer.cookies[name]["httponly"] for name in credentials), "a script can read a cookie")
    story.check(browser.cookies["csrftoken"] != planted, "the login did not rotate the CSRF token")


def _write(story: Story, browser: Device) -> None:
    story.step("A form on another site can send cookies but no CSRF header. It changes nothing.")
    browser.post(NOTES, "403 csrf_failed", {"title": "Not by Ada"})

    story.step("Ada's own page writes a note and reads the list.")
    browser.post(NOTES, "201", {"title": "Looms"}, csrf=True)
    titles = [note["title"] for note in browser.get(NOTES, "200").body]
    story.check("Looms" in titles and "Not by Ada" not in titles, f"the notes are {titles}")

    story.step("A plain Django view, the device page, authenticates her by the same cookies.")
    story.check(
        "in use now" in browser.get("/account/devices/", "200").body, "the page does not authenticate her"
    )


def _refresh(story: Story, browser: Device, mode: str) -> None:
    rotates = mode == "jwt"
    story.step(
        "The page refreshes. It gets new cookies, and the body still has no token."
        if rotates
        else "The page refreshes, as it would in JWT mode. Nothing is rotated: the key stays the same."
    )
    before = dict(browser.cookies)
    answer = browser.post("/auth/refresh/", "200", csrf=True)
    changed = {name for name, value in browser.cookies.items() if before.get(name) != value}
    story.check(not {"access", "refresh"} & answer.body.keys(), "a credential is in the body")
    story.check(("authkit_refresh" in changed) is rotates, f"the cookies that changed are {sorted(changed)}")
    browser.get(NOTES, "200")


def _log_in_again(story: Story, browser: Device) -> None:
    story.step("Ada logs in again. This starts a new auth session, and a copy of the old cookies is refused.")
    copy = _copy_of(browser, story)
    browser.post("/auth/login/", "200", CREDENTIALS, csrf=True)
    copy.get(NOTES, "401 session_ended")
    browser.get(NOTES, "200")


def _log_out(story: Story, browser: Device, credentials: set[str]) -> None:
    copy = _copy_of(browser, story)

    story.step("A logout without the CSRF header is refused, too.")
    browser.post("/auth/logout/", "403 csrf_failed")

    story.step("Ada logs out. The browser deletes the cookies, and a copy of them is refused.")
    browser.post("/auth/logout/", "204", csrf=True)
    story.check(not credentials & browser.cookies.keys(), "the browser still has them")
    copy.get(NOTES, "401 session_ended")
    copy.post("/auth/refresh/", "401 session_ended", csrf=True)
    browser.get(NOTES, "401 not_authenticated")
