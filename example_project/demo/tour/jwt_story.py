"""JWT mode without cookies: rotation, a lost answer, a theft."""

import time

from demo.tour.device import Device, shorten
from demo.tour.opening import NOTES, log_out, two_devices
from demo.tour.story import Story


def tell(story: Story, address: str, grace: int) -> None:
    """Walk through it; *grace* is the site's ``LIFETIMES["REFRESH_GRACE"]`` in seconds."""
    story.chapter("JWT mode, without cookies")
    phone, tablet = two_devices(story, address)
    _refresh(story, phone)
    stolen = _lose_an_answer(story, phone)
    _steal(story, phone, stolen, grace)
    _go_on(story, tablet)
    log_out(story, tablet)
    story.step("Nor is the tablet's refresh token worth anything now.")
    tablet.post("/auth/refresh/", "401 session_ended", {"refresh": tablet.refresh})


def _refresh(story: Story, phone: Device) -> None:
    story.step("The phone refreshes: its refresh token is exchanged for a successor.")
    old = phone.refresh
    phone.keep(phone.post("/auth/refresh/", "200", {"refresh": old}))
    story.check(phone.refresh != old, "the refresh token is the old one")


def _lose_an_answer(story: Story, phone: Device) -> str:
    """Return the refresh token that was presented twice; it is superseded."""
    presented = phone.refresh

    story.step("It refreshes again, and the answer is lost on the way: you see it, the phone does not.")
    lost = phone.post("/auth/refresh/", "200", {"refresh": presented})

    story.step("So it asks again with the token it still has, and gets the very successor that was lost.")
    phone.keep(phone.post("/auth/refresh/", "200", {"refresh": presented}))
    story.check(phone.refresh == lost.body["refresh"], "it is another successor: the family has forked")
    story.detail(f"(the same successor both times: {shorten(phone.refresh)})")
    phone.get(NOTES, "200", bearer=phone.access)
    return presented


def _steal(story: Story, phone: Device, stolen: str, grace: int) -> None:
    thief = Device(story, "thief", phone.address)

    story.step(
        f"A thief has copied that old refresh token, and comes when its grace ({grace} s here, 10 s by "
        "default) is over. No retry comes so late: it must have been stolen."
    )
    time.sleep(grace + 0.2)
    thief.post("/auth/refresh/", "401 refresh_reused", {"refresh": stolen})

    story.step(
        "Nobody can tell the thief from Ada, so everything of that login dies. Its access token is dead."
    )
    phone.get(NOTES, "401 session_ended", bearer=phone.access)

    story.step("So is its newest refresh token, which was never stolen.")
    phone.post("/auth/refresh/", "401 session_ended", {"refresh": phone.refresh})


def _go_on(story: Story, tablet: Device) -> None:
    story.step("The tablet's login is another one. It does not notice.")
    tablet.get(NOTES, "200", bearer=tablet.access)
    tablet.keep(tablet.post("/auth/refresh/", "200", {"refresh": tablet.refresh}))
    tablet.get(NOTES, "200", bearer=tablet.access)
