"""Session mode without cookies: the session key as a bearer credential."""

from demo.tour.device import Device
from demo.tour.opening import NOTES, log_in, log_out, two_devices
from demo.tour.story import Story


def tell(story: Story, address: str) -> None:
    """Walk through it."""
    story.chapter("Session mode, without cookies")
    phone, tablet = two_devices(story, address)
    _refresh(story, phone)
    _log_in_again(story, phone)
    story.step("The tablet is not affected by any of this.")
    tablet.get(NOTES, "200", bearer=tablet.access)
    log_out(story, tablet)
    story.step("The phone is still logged in.")
    phone.get(NOTES, "200", bearer=phone.access)


def _refresh(story: Story, phone: Device) -> None:
    story.step("A refresh rotates nothing. It extends the idle timeout, and the key stays the same.")
    answer = phone.post("/auth/refresh/", "200", bearer=phone.access)
    story.check(answer.body["access"] == phone.access, "the key is a different one")
    story.check("refresh" not in answer.body, "there is a refresh token")


def _log_in_again(story: Story, phone: Device) -> None:
    thief, old = Device(story, "thief", phone.address), phone.access

    story.step("A thief has copied the phone's key, and can read the notes.")
    thief.get(NOTES, "200", bearer=old)

    story.step("Ada logs in again on the phone. It gets a new key, and the old one is refused.")
    log_in(phone, bearer=old)
    story.check(phone.access != old, "the key is the old one")
    phone.get(NOTES, "200", bearer=phone.access)
    thief.get(NOTES, "401 session_ended", bearer=old)
