"""Validates combinations of settings, and says how to fix each one that cannot work."""

import re
from collections.abc import Iterator
from datetime import timedelta

from django_authkit.conf.groups import Cookie, Lifetimes
from django_authkit.conf.schema import AuthKitSettings
from django_authkit.problems import Problem, in_words
from django_authkit.session_keys import MAX_BUCKETS
from django_authkit.types import Mode, Transport


def combination_problems(s: AuthKitSettings) -> Iterator[Problem]:
    """Yield the problems of settings that have the right form."""
    yield from _lifetime_problems(s)
    yield from _cookie_problems(s)
    yield from _access_problems(s)
    yield from _mode_problems(s)
    if not 1 <= s.redis.buckets <= MAX_BUCKETS:
        yield Problem(
            "authkit.E006", f'REDIS["BUCKETS"] is {s.redis.buckets}.', f"It takes 1 to {MAX_BUCKETS}."
        )
    if s.redis.wait is not None and min(s.redis.wait) < 1:
        yield Problem(
            "authkit.E025",
            f'REDIS["WAIT"] is {s.redis.wait}.',
            "It takes the number of replicas, and the milliseconds that they have: both 1 or more.",
        )
    if isinstance(s.max_sessions, int) and s.max_sessions < 1:
        yield Problem("authkit.E007", f"MAX_SESSIONS is {s.max_sessions}.", "It takes 1 or more, or None.")
    if not (0 <= s.bind.ipv4_prefix <= 32 and 0 <= s.bind.ipv6_prefix <= 128):
        yield Problem(
            "authkit.E017", "BIND has a prefix that no address has.", "IPv4: 0 to 32. IPv6: 0 to 128."
        )
    yield from _tenant_problems(s)
    yield from _device_problems(s)
    yield from _dpop_problems(s)
    yield from _scheme_problems(s)
    if s.trusted_proxies < 0:
        yield Problem("authkit.E009", "TRUSTED_PROXIES is negative.", "Count them.")
    for name, value in (("ISSUER", s.issuer), ("AUDIENCE", s.audience), ('REDIS["PREFIX"]', s.redis.prefix)):
        if not value:
            yield Problem("authkit.E008", f"{name} is empty.", "Give it a name.")


def _mode_problems(s: AuthKitSettings) -> Iterator[Problem]:
    if s.mode not in s.accept:
        yield Problem(
            "authkit.E005",
            f'AUTHKIT["ACCEPT"] leaves out "{s.mode}", which AUTHKIT_MODE issues.',
            "A project has to accept the credentials that it issues: add it.",
        )
    if not 0 <= s.switch_share <= 100:
        yield Problem("authkit.E018", f"SWITCH_SHARE is {s.switch_share}.", "It takes 0 to 100.")
    if s.switch_share < 100 and not all(map(s.accepts, Mode)):
        yield Problem(
            "authkit.E019",
            f'SWITCH_SHARE is {s.switch_share}, and AUTHKIT["ACCEPT"] names one mode only.',
            "Clients that are not switched use the other mode: accept both, or set it to 100.",
        )


_CENTURY = timedelta(days=36_525)
"""Dates beyond the year 9999 cannot be written."""
_STALE = timedelta(minutes=1)
"""A copy that is trusted for longer is no check of revocations."""
_SCHEME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token as defined by RFC 9110 §5.6.2."""
_BROWSERS_OWN = frozenset({"basic", "digest", "negotiate", "ntlm"})
"""Schemes that a browser sends by itself, also on cross-site requests."""


def _scheme_problems(s: AuthKitSettings) -> Iterator[Problem]:
    for scheme in s.compat.auth_schemes:
        if not _SCHEME.fullmatch(scheme) or scheme.lower() in _BROWSERS_OWN:
            yield Problem(
                "authkit.E024",
                f'COMPAT["AUTH_SCHEMES"] has {scheme!r}, which is not a scheme for tokens.',
                'Use one word that browsers do not send by themselves: "Bearer", "JWT", "Token".',
            )


def _access_problems(s: AuthKitSettings) -> Iterator[Problem]:
    if s.access_check == "replica" and s.store != "redis":
        yield Problem(
            "authkit.E015",
            'ACCESS_CHECK is "replica" and STORE is not "redis": only Redis has a list to follow.',
            'Use "store" (one query a request) or "none".',
        )
    if s.replica.size is not None and s.replica.size < 100:
        yield Problem("authkit.E016", f'REPLICA["SIZE"] is {s.replica.size}.', "It takes 100 or more.")
    if s.replica.sessions < 0:
        yield Problem("authkit.E016", f'REPLICA["SESSIONS"] is {s.replica.sessions}.', "It takes 0 or more.")


def _lifetime_problems(s: AuthKitSettings) -> Iterator[Problem]:
    lasting, second = s.lifetimes, timedelta(seconds=1)
    yield from _out_of_range('LIFETIMES["ACCESS"]', lasting.access, second)
    yield from _out_of_range('LIFETIMES["IDLE"]', lasting.idle, second)
    yield from _out_of_range('LIFETIMES["ABSOLUTE"]', lasting.absolute, second, _CENTURY)
    yield from _out_of_range('LIFETIMES["REFRESH_GRACE"]', lasting.refresh_grace, timedelta(0))
    yield from _out_of_range('LIFETIMES["TOUCH_INTERVAL"]', lasting.touch_interval, timedelta(0))
    yield from _out_of_range('LOGIN["STEP_LIFETIME"]', s.login.step_lifetime, second, timedelta(days=1))
    yield from _out_of_range("LEEWAY", s.leeway, timedelta(0))
    stale = s.replica.max_staleness
    yield from _out_of_range('REPLICA["MAX_STALENESS"]', stale, timedelta(milliseconds=100), _STALE)
    yield from _order_problems(lasting)
    if lasting.refresh_grace > timedelta(minutes=5):
        yield Problem(
            "authkit.E012",
            'LIFETIMES["REFRESH_GRACE"] is over five minutes: a stolen token would work for that long.',
            "Ten seconds cover a retry and two tabs.",
        )
    if s.leeway > timedelta(minutes=2):
        yield Problem("authkit.E014", "LEEWAY is over two minutes.", "Synchronize the clocks of the workers.")


def _order_problems(lasting: Lifetimes) -> Iterator[Problem]:
    for where, remember in (("", True), ("of NOT_REMEMBERED ", False)):
        idle, absolute = lasting.of_login(remember=remember)
        if not lasting.access <= idle <= absolute:
            yield Problem(
                "authkit.E010",
                f"LIFETIMES {where}are out of order: ACCESS is {in_words(lasting.access)}, IDLE is "
                f"{in_words(idle)} and ABSOLUTE is {in_words(absolute)}.",
                "ACCESS must not be longer than IDLE, nor IDLE longer than ABSOLUTE.",
            )
        elif idle > lasting.idle or absolute > lasting.absolute:
            yield Problem(
                "authkit.E010",
                f"LIFETIMES {where}are longer than those of logins that are remembered.",
                'Leave out "IDLE" or "ABSOLUTE" where it is the same.',
            )
        elif lasting.touch_interval >= idle:
            yield Problem(
                "authkit.E013",
                f'LIFETIMES["TOUCH_INTERVAL"] is not shorter than the "IDLE" {where}that activity extends.',
                "A minute against days is usual.",
            )


def _tenant_problems(s: AuthKitSettings) -> Iterator[Problem]:
    if s.tenant is not None and s.store != "redis":
        yield Problem(
            "authkit.E057",
            'TENANT is set and STORE is not "redis": the table of auth sessions does not keep tenants apart.',
            'Set STORE to "redis".',
        )
    if s.tenant is not None and s.access_check == "replica":
        yield Problem(
            "authkit.E057",
            'TENANT is set and ACCESS_CHECK is "replica": a copy of the blacklist is of one tenant only.',
            'Set ACCESS_CHECK to "store" or "none".',
        )
    if s.tenant is not None and s.adopt:
        yield Problem(
            "authkit.E057",
            "TENANT and ADOPT are set: tokens of other packages do not say of which tenant their user is.",
            "Leave ADOPT out.",
        )


def _device_problems(s: AuthKitSettings) -> Iterator[Problem]:
    if not timedelta(minutes=5) <= s.lifetimes.bound <= timedelta(hours=1):
        yield Problem(
            "authkit.E026",
            f'LIFETIMES["BOUND"] is {in_words(s.lifetimes.bound)}.',
            "It takes 5 minutes to 1 hour: browsers limit how often they prove their device.",
        )
    if s.device_bound not in {"off", "offer", "require"} and "." not in s.device_bound:
        yield Problem(
            "authkit.E004",
            f"DEVICE_BOUND is {s.device_bound!r}.",
            'It takes "off", "offer", "require", or the dotted path of a function.',
        )
    if not all(path.startswith("/") and path != "/" for path in s.bound_scope.exclude):
        yield Problem(
            "authkit.E026",
            'BOUND_SCOPE["EXCLUDE"] has a path that does not begin with a slash, or all paths.',
            'Write the beginnings of paths that need no login, such as "/media/".',
        )
    if s.device_bound == "off":
        return
    if s.accepts(Mode.JWT) and s.lifetimes.access < timedelta(minutes=5):
        yield Problem(
            "authkit.E027",
            f'LIFETIMES["ACCESS"] is {in_words(s.lifetimes.access)}, and with DEVICE_BOUND browsers prove '
            "their device once in that time.",
            "Set it to 5 minutes or more: browsers limit how often they prove their device.",
        )
    if s.cookie.domain is not None or s.cookie.path != "/" or not s.cookie.secure:
        yield Problem(
            "authkit.E028",
            "DEVICE_BOUND needs cookies of one host, of all its paths, and Secure.",
            'Unset SESSION_COOKIE_DOMAIN and SESSION_COOKIE_PATH, or set DEVICE_BOUND to "off".',
        )


def _dpop_problems(s: AuthKitSettings) -> Iterator[Problem]:
    dpop = s.dpop
    if not timedelta(seconds=5) <= dpop.max_age <= timedelta(minutes=10):
        yield Problem(
            "authkit.E029",
            f'DPOP["MAX_AGE"] is {in_words(dpop.max_age)}.',
            "It takes 5 seconds to 10 minutes: a proof is made for one request.",
        )
    if any(scheme.lower() == "dpop" for scheme in s.compat.auth_schemes):
        yield Problem(
            "authkit.E029",
            'COMPAT["AUTH_SCHEMES"] has "DPoP", whose credentials need a proof.',
            'Remove it: DPOP["MODE"] decides whether that scheme is accepted.',
        )
    if dpop.mode == "off":
        return
    if not (dpop.nonce or dpop.single_use):
        yield Problem(
            "authkit.E029",
            'DPOP has neither "NONCE" nor "SINGLE_USE": proofs could be made in advance, and copied.',
            "Turn on one of them.",
        )
    if dpop.mode == "require" and Transport.HEADER not in s.transports:
        yield Problem(
            "authkit.E029",
            'DPOP["MODE"] is "require", and TRANSPORTS has no "header".',
            "Proofs go with credentials in the header: offer that transport, or require none.",
        )


def _out_of_range(
    name: str, value: timedelta, least: timedelta, most: timedelta | None = None
) -> Iterator[Problem]:
    if value < least:
        yield Problem(
            "authkit.E011",
            f"{name} is {value.total_seconds():g} seconds.",
            f"It takes {least.total_seconds():g} or more.",
        )
    if most is not None and value > most:
        yield Problem("authkit.E011", f"{name} is {in_words(value)}.", f"It takes {in_words(most)} or less.")


def _cookie_problems(s: AuthKitSettings) -> Iterator[Problem]:
    cookie = s.cookie
    if cookie.samesite == "None" and not cookie.secure:
        yield Problem(
            "authkit.E020",
            'COOKIE["SAMESITE"] is "None" without COOKIE["SECURE"]: browsers refuse such cookies.',
            'Set COOKIE["SECURE"] to True.',
        )
    if cookie.refresh_path is not None and not cookie.refresh_path.startswith("/"):
        yield Problem(
            "authkit.E023",
            f'COOKIE["REFRESH_PATH"] is "{cookie.refresh_path}", which does not begin with a slash.',
            'Browsers ignore such a path. Write it as "/auth/".',
        )
    if len({cookie.access_name, cookie.refresh_name, cookie.device_name}) < 3:
        yield Problem(
            "authkit.E021",
            'Two of COOKIE["ACCESS_NAME"], ["REFRESH_NAME"] and ["DEVICE_NAME"] are the same.',
            "Rename one.",
        )
    yield from _prefix_problems(cookie, cookie.access_name, cookie.path)
    yield from _prefix_problems(cookie, cookie.device_name, cookie.path)
    yield from _prefix_problems(cookie, cookie.refresh_name, cookie.refresh_path or cookie.path)


def _prefix_problems(cookie: Cookie, name: str, path: str) -> Iterator[Problem]:
    prefix = name.lower()  # browsers ignore the case of prefixes (RFC 6265bis §4.1.3)
    if prefix.startswith("__host-") and not (cookie.secure and path == "/" and cookie.domain is None):
        yield Problem(
            "authkit.E022",
            f'The cookie "{name}" needs COOKIE["SECURE"], the path "/" and no domain.',
            "Browsers drop it otherwise. Restore these, or rename the cookie.",
        )
    if prefix.startswith("__secure-") and not cookie.secure:
        yield Problem(
            "authkit.E022",
            f'The cookie "{name}" needs COOKIE["SECURE"].',
            "Browsers drop it otherwise. Restore it, or rename the cookie.",
        )
