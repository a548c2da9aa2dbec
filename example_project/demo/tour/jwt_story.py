"""JWT mode without cookies: rotation, a lost response, a theft."""

import time

from demo.tour.device import Device, id_of, shorten
from demo.tour.opening import NOTES, log_out, two_devices
from demo.tour.story import Story


def tell(story: Story, address: str, grace: int) -> None:
    """Walk through it; *grace* is the site's ``LIFETIMES["REFRESH_GRACE"]`` in seconds."""
    story.chapter("JWT mode, without cookies")
    phone, tablet = two_devices(story, address)
    _refresh(story, phone)
    stolen = _lose_an_answer(story, phone)
    _steal(story, phone, stolen, grace)
    _use_other_device(story, tablet)
    log_out(story, tablet)
    story.step("The tablet's refresh token is refused as well.")
    tablet.post("/auth/refresh/", "401 session_ended", {"refresh": tablet.refresh})


def _refresh(story: Story, phone: Device) -> None:
    story.step("The phone refreshes. Its refresh token is exchanged for a new one.")
    old = phone.refresh
    phone.keep(phone.post("/auth/refresh/", "200", {"refresh": old}))
    story.check(phone.refresh != old, "the refresh token is the old one")


def _lose_an_answer(story: Story, phone: Device) -> str:
    """Return the refresh token that was presented twice. It is superseded."""
    presented = phone.refresh

    story.step("The phone refreshes again, but the response is lost: you see it, the phone does not.")
    lost = phone.post("/auth/refresh/", "200", {"refresh": presented})

    story.step(
        "The phone retries with the token it still has, and gets the lost one: the same jti, in another text."
    )
    phone.keep(phone.post("/auth/refresh/", "200", {"refresh": presented}))
    successor = id_of(phone.refresh)
    story.check(
        successor == id_of(lost.body["refresh"]), "it is a different successor: the family has forked"
    )
    story.detail(f"(the same jti both times: {shorten(successor)})")
    phone.get(NOTES, "200", bearer=phone.access)
    return presented


def _steal(story: Story, phone: Device, stolen: str, grace: int) -> None:
    thief = Device(story, "thief", phone.address)

    story.step(
        f"A thief has copied that old refresh token and uses it after the grace ({grace} s here, 10 s by "
        "default). A retry would not come so late, so the token must have been stolen."
    )
    time.sleep(grace + 0.2)
    thief.post("/auth/refresh/", "401 refresh_reused", {"refresh": stolen})

    story.step(
        "The server cannot tell the thief from Ada, so it revokes the auth session. The phone's access token "
        "is refused."
    )
    phone.get(NOTES, "401 session_ended", bearer=phone.access)

    story.step("So is the phone's newest refresh token, which was never stolen.")
    phone.post("/auth/refresh/", "401 session_ended", {"refresh": phone.refresh})


def _use_other_device(story: Story, tablet: Device) -> None:
    story.step("The tablet has an auth session of its own, which is not affected.")
    tablet.get(NOTES, "200", bearer=tablet.access)
    tablet.keep(tablet.post("/auth/refresh/", "200", {"refresh": tablet.refresh}))
    tablet.get(NOTES, "200", bearer=tablet.access)
