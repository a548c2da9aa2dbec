"""Validates combinations of settings, and says how to fix each one that cannot work."""

import re
from collections.abc import Iterator
from datetime import timedelta

from django_authkit.conf.schema import AuthKitSettings, SettingsProblem
from django_authkit.session_keys import MAX_BUCKETS
from django_authkit.types import Mode


def combination_problems(s: AuthKitSettings) -> Iterator[SettingsProblem]:
    """Yield the problems of settings that have the right form."""
    yield from _lifetime_problems(s)
    yield from _cookie_problems(s)
    yield from _access_problems(s)
    yield from _mode_problems(s)
    if not 1 <= s.redis_buckets <= MAX_BUCKETS:
        yield SettingsProblem(
            "authkit.E006", f"REDIS_BUCKETS is {s.redis_buckets}.", f"It takes 1 to {MAX_BUCKETS}."
        )
    if isinstance(s.max_sessions, int) and s.max_sessions < 1:
        yield SettingsProblem(
            "authkit.E007", f"MAX_SESSIONS is {s.max_sessions}.", "It takes 1 or more, or None."
        )
    if not (0 <= s.bind.ipv4_prefix <= 32 and 0 <= s.bind.ipv6_prefix <= 128):
        yield SettingsProblem(
            "authkit.E017", "BIND has a prefix that no address has.", "IPv4: 0 to 32. IPv6: 0 to 128."
        )
    yield from _scheme_problems(s)
    if s.trusted_proxies < 0:
        yield SettingsProblem("authkit.E009", "TRUSTED_PROXIES is negative.", "Count them.")
    for name in ("issuer", "audience", "redis_prefix"):
        if not getattr(s, name):
            yield SettingsProblem("authkit.E008", f"{name.upper()} is empty.", "Give it a name.")


def _mode_problems(s: AuthKitSettings) -> Iterator[SettingsProblem]:
    if s.mode not in s.accept:
        yield SettingsProblem(
            "authkit.E005",
            f'AUTHKIT["ACCEPT"] leaves out "{s.mode}", which AUTHKIT_MODE issues.',
            "A project has to honour what it hands out: add it.",
        )
    if not 0 <= s.switch_share <= 100:
        yield SettingsProblem("authkit.E018", f"SWITCH_SHARE is {s.switch_share}.", "It takes 0 to 100.")
    if s.switch_share < 100 and not all(map(s.accepts, Mode)):
        yield SettingsProblem(
            "authkit.E019",
            f'SWITCH_SHARE is {s.switch_share}, and AUTHKIT["ACCEPT"] names one mode only.',
            "Those who are not moved hold credentials of the other mode: accept both, or set it to 100.",
        )


_SCHEME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token as defined by RFC 9110 §5.6.2."""
_BROWSERS_OWN = frozenset({"basic", "digest", "negotiate", "ntlm"})
"""Schemes that a browser sends by itself, also on cross-site requests."""


def _scheme_problems(s: AuthKitSettings) -> Iterator[SettingsProblem]:
    for scheme in s.auth_schemes:
        if not _SCHEME.fullmatch(scheme) or scheme.lower() in _BROWSERS_OWN:
            yield SettingsProblem(
                "authkit.E024",
                f"AUTH_SCHEMES has {scheme!r}, which is no scheme for tokens.",
                'One word that browsers do not send by themselves: "Bearer", "JWT", "Token".',
            )


def _access_problems(s: AuthKitSettings) -> Iterator[SettingsProblem]:
    if s.access_check == "replica" and s.store != "redis":
        yield SettingsProblem(
            "authkit.E015",
            'ACCESS_CHECK is "replica" and STORE is not "redis": only Redis has a list to follow.',
            'Use "store" (one query a request) or "none".',
        )
    if s.claims_cache_size < 0 or s.blacklist_size < 100:
        yield SettingsProblem(
            "authkit.E016",
            f"CLAIMS_CACHE_SIZE is {s.claims_cache_size}, BLACKLIST_SIZE is {s.blacklist_size}.",
            "They take 0 or more, and 100 or more.",
        )


def _lifetime_problems(s: AuthKitSettings) -> Iterator[SettingsProblem]:
    yield from _out_of_range(s, "authkit.E011", timedelta(seconds=1), "access_lifetime", "idle_timeout")
    yield from _out_of_range(s, "authkit.E011", timedelta(0), "refresh_grace", "touch_interval", "leeway")
    yield from _out_of_range(s, "authkit.E011", timedelta(milliseconds=100), "replica_max_staleness")
    for shorter, longer in (("access_lifetime", "idle_timeout"), ("idle_timeout", "absolute_lifetime")):
        if getattr(s, shorter) > getattr(s, longer):
            yield SettingsProblem(
                "authkit.E010",
                f"{shorter.upper()} is longer than {longer.upper()}.",
                "Needed: ACCESS_LIFETIME <= IDLE_TIMEOUT <= ABSOLUTE_LIFETIME.",
            )
    if s.refresh_grace > timedelta(minutes=5):
        yield SettingsProblem(
            "authkit.E012",
            "REFRESH_GRACE is over five minutes: a stolen token would be honoured for that long.",
            "Ten seconds cover a retry and two tabs.",
        )
    if s.touch_interval >= s.idle_timeout:
        yield SettingsProblem(
            "authkit.E013",
            "TOUCH_INTERVAL is not shorter than IDLE_TIMEOUT, so activity would not keep a session.",
            "A minute against days is usual.",
        )
    if s.leeway > timedelta(minutes=2):
        yield SettingsProblem(
            "authkit.E014", "LEEWAY is over two minutes.", "Synchronise the clocks of the workers."
        )


def _out_of_range(s: AuthKitSettings, check: str, least: timedelta, *names: str) -> Iterator[SettingsProblem]:
    for name in names:
        if getattr(s, name) < least:
            yield SettingsProblem(
                check,
                f"{name.upper()} is {getattr(s, name).total_seconds():g} seconds.",
                f"It takes {least.total_seconds():g} or more.",
            )


def _cookie_problems(s: AuthKitSettings) -> Iterator[SettingsProblem]:
    if s.cookie_samesite == "None" and not s.cookie_secure:
        yield SettingsProblem(
            "authkit.E020",
            'COOKIE_SAMESITE is "None" without COOKIE_SECURE: browsers refuse such cookies.',
            "Set COOKIE_SECURE to True.",
        )
    if s.refresh_cookie_path is not None and not s.refresh_cookie_path.startswith("/"):
        yield SettingsProblem(
            "authkit.E023",
            f'REFRESH_COOKIE_PATH is "{s.refresh_cookie_path}", which begins with no slash.',
            'Browsers take such a path for none. Write it as "/auth/".',
        )
    if s.access_cookie_name == s.refresh_cookie_name:
        yield SettingsProblem(
            "authkit.E021", "ACCESS_COOKIE_NAME and REFRESH_COOKIE_NAME are the same.", "Rename one."
        )
    refresh_path = s.refresh_cookie_path or s.cookie_path
    for name, path in ((s.access_cookie_name, s.cookie_path), (s.refresh_cookie_name, refresh_path)):
        prefix = name.lower()  # browsers ignore the case of prefixes (RFC 6265bis §4.1.3)
        host_ok = s.cookie_secure and path == "/" and s.cookie_domain is None
        if prefix.startswith("__host-") and not host_ok:
            yield SettingsProblem(
                "authkit.E022",
                f'The cookie "{name}" needs COOKIE_SECURE, the path "/" and no COOKIE_DOMAIN.',
                "Browsers drop it otherwise. Restore these, or rename the cookie.",
            )
        if prefix.startswith("__secure-") and not s.cookie_secure:
            yield SettingsProblem(
                "authkit.E022",
                f'The cookie "{name}" needs COOKIE_SECURE.',
                "Browsers drop it otherwise. Restore it, or rename the cookie.",
            )
