"""Throttles: guessing is slowed down, and nobody can lock other users out."""

from django.contrib.auth.models import User
from django.http import HttpResponse

from support.client import PASSWORD, Device, body, code
from support.live_site import LiveSite


def guess(device: Device, times: int, username: str = "ada", **headers: str) -> HttpResponse:
    """Log in that often with a wrong password; return the last response."""
    device.who()
    for _ in range(times):
        answer = device.post(
            "/auth/login/",
            {"username": username, "password": "wrong"},
            headers={
                **(device.csrf() if device.is_browser else {}),
                "X-Authkit-Transport": str(device.transport),
                **headers,
            },
        )
    return answer


def test_guessing_is_throttled(site: LiveSite, ada: User) -> None:
    """Beyond ``RATES["LOGIN"]`` even the right password is 429 ``throttled``, with ``Retry-After``."""
    site.configure(RATES={"LOGIN": "3/min"})
    device = site.device()
    assert code(guess(device, 3)) == (401, "login_failed")
    answer = guess(device, 1)
    assert code(answer) == (429, "throttled")
    assert set(body(answer)) == {"detail", "code"}
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert code(device.log_in(password=PASSWORD)) == (429, "throttled")


def test_the_default_rate_is_on(empty_site: LiveSite) -> None:
    """By default the 21st guess within a minute is refused."""
    empty_site.add_user()
    device = empty_site.device()
    assert code(guess(device, 20)) == (401, "login_failed")
    assert code(guess(device, 1)) == (429, "throttled")


def test_others_do_not_lock_the_owner_out(site: LiveSite, ada: User) -> None:
    """Guesses from another address use up the guesser's allowance, not the owner's."""
    site.configure(RATES={"LOGIN": "3/min"})
    assert code(guess(site.device(address="192.0.2.66"), 4)) == (429, "throttled")
    assert site.device(address="198.51.100.7").log_in().status_code == 200


def test_an_ipv6_network_is_one_guesser(site: LiveSite, ada: User) -> None:
    """A host can send from a whole /64; the next network, and an IPv4 neighbor, count separately."""
    site.configure(RATES={"LOGIN": "3/min"})
    for host in range(1, 4):
        guess(site.device(address=f"2001:db8:0:7::{host:x}"), 1)
    assert code(guess(site.device(address="2001:db8:0:7:ffff::9"), 1)) == (429, "throttled")
    assert code(guess(site.device(address="2001:db8:0:8::9"), 1)) == (401, "login_failed")
    assert code(guess(site.device(address="192.0.2.1"), 4)) == (429, "throttled")
    assert code(guess(site.device(address="192.0.2.2"), 1)) == (401, "login_failed")


def test_guessing_at_one_name_blocks_no_other(site: LiveSite, ada: User, bob: User) -> None:
    """Behind one address (of an office, for example) each name has its own allowance."""
    site.configure(RATES={"LOGIN": "3/min"})
    assert code(guess(site.device(), 4)) == (429, "throttled")
    assert site.device().log_in("bob").status_code == 200


def test_a_forged_address_changes_nothing(site: LiveSite, ada: User) -> None:
    """``X-Forwarded-For`` is ignored unless proxies are configured."""
    site.configure(RATES={"LOGIN": "3/min"})
    device = site.device()
    for number in range(3):
        guess(device, 1, **{"X-Forwarded-For": f"203.0.113.{number}"})
    assert code(guess(device, 1, **{"X-Forwarded-For": "203.0.113.99"})) == (429, "throttled")


def test_the_address_from_trusted_proxies_is_used(site: LiveSite, ada: User) -> None:
    """With one trusted proxy the last entry counts, and earlier ones, which the client wrote, do not."""
    site.configure(RATES={"LOGIN": "3/min"}, TRUSTED_PROXIES=1)
    device = site.device(address="10.0.0.1")
    for number in range(3):
        guess(device, 1, **{"X-Forwarded-For": f"203.0.113.{number}, 192.0.2.66"})
    assert code(guess(device, 1, **{"X-Forwarded-For": "1.2.3.4, 192.0.2.66"})) == (429, "throttled")
    assert code(guess(device, 1, **{"X-Forwarded-For": "192.0.2.66, 198.51.100.7"})) == (401, "login_failed")


def test_the_spelling_of_a_name_does_not_matter(site: LiveSite, ada: User) -> None:
    """Case does not increase the allowance."""
    site.configure(RATES={"LOGIN": "3/min"})
    device = site.device()
    for name in ("ada", "ADA", "aDa"):
        guess(device, 1, name)
    assert code(guess(device, 1, "Ada")) == (429, "throttled")


def test_blanks_and_unicode_forms_do_not_matter(site: LiveSite, ada: User) -> None:
    """Spellings that find the same user share one allowance."""
    site.configure(RATES={"LOGIN": "3/min"})
    device = site.device()
    for name in ("ada", " ada", "ada ", "\uff41\uff44\uff41", "\tada"):
        answer = guess(device, 1, name)
    assert code(answer) == (429, "throttled")


def test_refresh_is_throttled(site: LiveSite, device: Device) -> None:
    """Beyond ``RATES["REFRESH"]`` the response is 429, and nobody is logged out by it."""
    site.configure(RATES={"REFRESH": "2/min"})
    stranger = site.device(address="192.0.2.66")
    for _ in range(2):
        assert stranger.post("/auth/refresh/", {"refresh": "junk"}).status_code == 401
    answer = stranger.post("/auth/refresh/", {"refresh": "junk"})
    assert code(answer) == (429, "throttled")
    assert "Retry-After" in answer.headers
    assert device.refresh().status_code == 200


def test_drfs_rates_are_used(site: LiveSite, ada: User) -> None:
    """DRF's ``DEFAULT_THROTTLE_RATES`` can name our scopes."""
    site.settings.REST_FRAMEWORK = {
        **site.settings.REST_FRAMEWORK,
        "DEFAULT_THROTTLE_RATES": {"authkit_login": "1/min"},
    }
    device = site.device()
    assert code(guess(device, 1)) == (401, "login_failed")
    assert code(guess(device, 1)) == (429, "throttled")


def test_the_allowance_is_renewed(site: LiveSite, ada: User) -> None:
    """After the period the owner can log in again."""
    site.configure(RATES={"LOGIN": "3/min"})
    device = site.device()
    guess(device, 4)
    site.advance(seconds=61)
    assert device.log_in().status_code == 200


def test_a_rate_can_be_switched_off(site: LiveSite, ada: User) -> None:
    """``None`` disables a throttle."""
    site.configure(RATES={"LOGIN": None})
    assert code(guess(site.device(), 25)) == (401, "login_failed")
