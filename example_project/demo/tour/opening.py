"""The beginning, the same in both modes: Ada logs in on two devices and calls the API."""

from demo.people import ADA
from demo.tour.device import Answer, Device
from demo.tour.story import Story

CREDENTIALS = {"username": ADA.name, "password": ADA.password}
NOTES = "/api/notes/"
_HEADER_TRANSPORT = {"X-Authkit-Transport": "header"}


def log_in(device: Device, bearer: str = "") -> Answer:
    """Log Ada in over the header transport; *device* keeps the credentials."""
    answer = device.post("/auth/login/", "200", CREDENTIALS, headers=_HEADER_TRANSPORT, bearer=bearer)
    device.keep(answer)
    return answer


def two_devices(story: Story, address: str) -> tuple[Device, Device]:
    """Return Ada's phone and her tablet, both logged in."""
    phone, tablet = Device(story, "phone", address), Device(story, "tablet", address)

    story.step("Nobody is logged in, so the API returns 401 and says how to authenticate.")
    challenge = phone.get(NOTES, "401 not_authenticated").headers["WWW-Authenticate"]
    story.detail(f"WWW-Authenticate: {challenge}")
    story.check(challenge == 'Bearer realm="api"', "the challenge complains about a token, but none was sent")

    story.step("After a wrong password, the response does not reveal what was wrong.")
    wrong = {**CREDENTIALS, "password": "difference-engine"}
    phone.post("/auth/login/", "401 login_failed", wrong, headers=_HEADER_TRANSPORT)

    story.step("Ada logs in on her phone, which asks for the credentials in the body.")
    first = log_in(phone)
    story.check(not first.cookies, "a response in header transport sets a cookie")

    story.step("She logs in on her tablet, too. It has an auth session of its own, with a different sid.")
    second = log_in(tablet)
    story.check(first.body["session"]["sid"] != second.body["session"]["sid"], "both have the same sid")

    story.step("The phone writes a note, and the tablet reads it.")
    phone.post(NOTES, "201", {"title": "Bernoulli numbers"}, bearer=phone.access)
    notes = tablet.get(NOTES, "200", bearer=tablet.access).body
    story.check(notes[0]["title"] == "Bernoulli numbers", "the note is not there")
    return phone, tablet


def log_out(story: Story, device: Device) -> None:
    """Log out on *device*, and check that its credential is refused."""
    story.step(f"Ada logs out on the {device.name}. Its old credential is refused at once.")
    device.post("/auth/logout/", "204", bearer=device.access)
    device.get(NOTES, "401 session_ended", bearer=device.access)
    told = device.post("/auth/verify/", "200", {"token": device.access}).body
    story.check(told == {"active": False}, "the credential still counts as active")

    story.step("A second logout is not an error, and its response reveals nothing.")
    device.post("/auth/logout/", "204", bearer=device.access)
