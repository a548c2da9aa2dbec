"""Each system check reports a problem if there is one, and only then."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module, reload
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage, Error, Warning, run_checks  # noqa: A004 - Django's name
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from pytest_django import DjangoDbBlocker, Settings

import django_authkit
from django_authkit.checks.database import check_isolation, check_pool, check_time_outs
from django_authkit.conf import get_settings
from django_authkit.wiring import get_store
from support.hidden_table import without_table
from support.signing_keys import jwk as key_as_jwk
from support.signing_keys import pem, public_pem

REDIS = "django_redis.cache.RedisCache"
LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
STOCK_SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
STOCK_AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
OWN_SESSIONS = "django_authkit.middleware.SessionMiddleware"
OWN_AUTHENTICATION = "django_authkit.middleware.AuthenticationMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"
CSRF = "django.middleware.csrf.CsrfViewMiddleware"
CLUSTER = {"REDIS_CLIENT_CLASS": "redis.cluster.RedisCluster"}
BLOCKING = "redis.connection.BlockingConnectionPool"
NOBODY = "redis://127.0.0.1:1/0"
"""No server listens on that port."""
CONTRIB = ["django.contrib.auth", "django.contrib.contenttypes"]
AS_NOBODY = "a user whom the server does not know"
SECOND = timedelta(seconds=1)
COMPAT_URLS = "django_authkit.compat.simplejwt.urls"
CROSS_SITE = {"SESSION_COOKIE_SAMESITE": "None", "SESSION_COOKIE_SECURE": False}
STOCK_ENGINE = {"SESSION_ENGINE": "django.contrib.sessions.backends.db"}
NO_OWN = {OWN_SESSIONS: STOCK_SESSIONS}
ELSEWHERE = {
    "authkit.W046",
    "authkit.E049",
    "authkit.W051",
    "authkit.E052",
    "authkit.W054",
    "authkit.W055",
    "authkit.E058",
    "authkit.E059",
    "authkit.W089",
    "authkit.W098",
}
"""Tested with a server that may be changed (``tests/stores``), and with a database and a file (below)."""


PLAIN = {
    "DEBUG": True,
    "SESSION_COOKIE_NAME": "sessionid",
    "SESSION_COOKIE_SECURE": False,
    "CSRF_COOKIE_SECURE": False,
}
"""Django settings for development over plain HTTP."""
OPEN_CORS = {"CORS_ALLOW_ALL_ORIGINS": True, "CORS_ALLOW_CREDENTIALS": True}
TWINS = {"ACCESS_NAME": "__Host-token", "REFRESH_NAME": "__Secure-token"}


@dataclass
class Case:
    """
    A change that makes good settings bad.

    Attributes:
        id: Of the message that has to appear.
        authkit: Changes of ``AUTHKIT``.
        site: Changes of other settings.
        alias: Changes of the cache alias; ``OPTIONS`` and ``LOCATION``, most likely.
        neighbor: The ``LOCATION`` of one more cache of Redis.
        instead: Middleware in the place of others; ``None`` to take one out.
        mode: The mode that is issued.
        store: The store.
    """

    id: str
    authkit: dict[str, Any] = field(default_factory=dict)
    site: dict[str, Any] = field(default_factory=dict)
    alias: dict[str, Any] = field(default_factory=dict)
    neighbor: Any = None
    instead: dict[str, str | None] = field(default_factory=dict)
    mode: str = "session"
    store: str = "database"


def redis(id: str, **alias: Any) -> Case:  # noqa: A002 - it is one
    """Return a case that breaks the cache alias."""
    return Case(id, alias=alias, store="redis")


def jwt(id: str, **changes: Any) -> Case:  # noqa: A002
    """Return a case in JWT mode."""
    return Case(id, mode="jwt", **changes)


def adopt(id: str, entry: Any) -> Case:  # noqa: A002
    """Return a case with that entry in ``ADOPT``."""
    return Case(id, {"ADOPT": [entry]})


CACHED = "django.contrib.sessions.backends.cache"
OLD_SESSIONS = {"adapter": "django_sessions", "engine": CACHED}

TENANT: dict[str, Any] = {"TENANT": "testapp.claims.padding"}

CASES = [
    Case("authkit.E001", site={"AUTHKIT_MODE": "both"}),
    Case("authkit.E001", site={"AUTHKIT_MODE": None}),
    Case("authkit.E002", site={"AUTHKIT": "redis"}),
    Case("authkit.E003", {"STOER": "redis"}),
    Case("authkit.E004", {"LIFETIMES": {"ACCESS": 300}}),
    Case("authkit.E005", {"ACCEPT": ("jwt",)}),
    Case("authkit.E006", {"REDIS": {"BUCKETS": 0}}),
    Case("authkit.E007", {"MAX_SESSIONS": 0}),
    Case("authkit.E008", {"ISSUER": ""}),
    Case("authkit.E009", {"TRUSTED_PROXIES": -1}),
    Case("authkit.E010", {"LIFETIMES": {"IDLE": timedelta(days=99)}}),
    Case("authkit.E010", {"LIFETIMES": {"NOT_REMEMBERED": {"IDLE": timedelta(days=15)}}}),
    Case("authkit.E010", {"LIFETIMES": {"NOT_REMEMBERED": {"ABSOLUTE": timedelta(minutes=4)}}}),
    Case("authkit.E010", {"LIFETIMES": {"NOT_REMEMBERED": {"IDLE": timedelta(0)}}}),
    Case("authkit.E010", {"LIFETIMES": {"NOT_REMEMBERED": {"ABSOLUTE": timedelta(0)}}}),
    Case("authkit.E004", {"LIFETIMES": {"NOT_REMEMBERED": {"IDLE": 300}}}),
    Case("authkit.E011", {"LIFETIMES": {"ACCESS": SECOND / 2}}),
    Case("authkit.E011", {"LEEWAY": -SECOND}),
    Case("authkit.E011", {"LIFETIMES": {"ABSOLUTE": timedelta.max}}),
    Case("authkit.E011", {"LOGIN": {"STEP_LIFETIME": timedelta(days=2)}}),
    Case("authkit.E011", {"REPLICA": {"MAX_STALENESS": timedelta(days=3650)}}),
    Case("authkit.E012", {"LIFETIMES": {"REFRESH_GRACE": timedelta(minutes=6)}}),
    Case("authkit.E013", {"LIFETIMES": {"TOUCH_INTERVAL": timedelta(days=14)}}),
    Case(
        "authkit.E013",
        {"LIFETIMES": {"TOUCH_INTERVAL": 400 * SECOND, "NOT_REMEMBERED": {"IDLE": 400 * SECOND}}},
    ),
    Case("authkit.E014", {"LEEWAY": timedelta(minutes=3)}),
    jwt("authkit.E015", authkit={"ACCESS_CHECK": "replica"}),
    jwt("authkit.E003", authkit={"CLAIMS_CACHE_SIZE": 1024}),
    jwt("authkit.E016", authkit={"REPLICA": {"SIZE": 99}}),
    Case("authkit.E017", {"BIND": {"IPV4_PREFIX": 33}}),
    Case("authkit.E017", {"BIND": {"IPV6_PREFIX": -1}}),
    Case("authkit.E018", {"ACCEPT": ("session", "jwt"), "SWITCH_SHARE": 101}),
    Case("authkit.E018", {"ACCEPT": ("session", "jwt"), "SWITCH_SHARE": -1}),
    Case("authkit.E019", {"SWITCH_SHARE": 50}),
    Case("authkit.E024", {"COMPAT": {"AUTH_SCHEMES": ["Bearer", "my tokens"]}}),
    Case("authkit.E024", {"COMPAT": {"AUTH_SCHEMES": ["Basic"]}}),
    Case("authkit.E025", {"REDIS": {"WAIT": (0, 100)}}),
    Case("authkit.E025", {"REDIS": {"WAIT": [1, 0]}}),
    Case("authkit.E026", {"LIFETIMES": {"BOUND": timedelta(minutes=4)}}),
    Case("authkit.E026", {"LIFETIMES": {"BOUND": timedelta(minutes=61)}}),
    Case("authkit.E026", {"BOUND_SCOPE": {"EXCLUDE": ["media/"]}}),
    Case("authkit.E026", {"BOUND_SCOPE": {"EXCLUDE": ["/"]}}),
    jwt("authkit.E027", authkit={"DEVICE_BOUND": "offer", "LIFETIMES": {"ACCESS": timedelta(minutes=4)}}),
    Case("authkit.E028", {"DEVICE_BOUND": "offer", "COOKIE": {"DOMAIN": "example.org"}}),
    Case("authkit.E029", {"DPOP": {"MAX_AGE": SECOND}}),
    Case("authkit.E029", {"DPOP": {"MAX_AGE": timedelta(minutes=11)}}),
    Case("authkit.E029", {"DPOP": {"NONCE": False}}),
    Case("authkit.E029", {"DPOP": {"MODE": "require"}, "TRANSPORTS": ["cookie"]}),
    Case("authkit.E029", {"COMPAT": {"AUTH_SCHEMES": ["Bearer", "DPoP"]}}),
    Case("authkit.E004", {"DEVICE_BOUND": "maybe"}),
    Case("authkit.E070", {"DEVICE_BOUND": "unit.nowhere"}),
    Case("authkit.E004", {"REDIS": {"WAIT": 1}}),
    Case("authkit.E004", {"REDIS": {"WAIT": (1, 100, 1)}}),
    Case("authkit.E004", {"REDIS": {"WAIT": (1, "soon")}}),
    Case("authkit.E004", {"BIND": {"USER_AGENT": "maybe"}}),
    Case("authkit.E003", {"BIND": {"COLOR": "off"}}),
    Case("authkit.E004", {"BIND": "revoke"}),
    Case("authkit.E004", {"MAX_SESSIONS": True}),
    Case("authkit.E020", {"COOKIE": {"SAMESITE": "None", "SECURE": False}}),
    Case("authkit.E021", {"COOKIE": {"ACCESS_NAME": "__Host-authkit_refresh"}}),
    Case("authkit.E022", {"COOKIE": {"DOMAIN": "example.org", "ACCESS_NAME": "__Host-a"}}),
    Case("authkit.E022", {"COOKIE": {"SECURE": False, "ACCESS_NAME": "__secure-a"}}),
    Case("authkit.E022", {"COOKIE": {"REFRESH_PATH": "/auth/", "REFRESH_NAME": "__Host-r"}}),
    Case(
        "authkit.E022",
        {"COOKIE": {"REFRESH_PATH": "/auth/", "SECURE": False, "REFRESH_NAME": "__Secure-r"}},
    ),
    Case("authkit.E023", {"COOKIE": {"REFRESH_PATH": "auth/"}}),
    Case("authkit.E030", site={"SESSION_ENGINE": "django.contrib.sessions.backends.cache"}),
    Case("authkit.E030", site={"SESSION_ENGINE": "nowhere.to.be.found"}),
    jwt(
        "authkit.E030",
        authkit={"ACCEPT": ("jwt", "session")},
        site={"SESSION_ENGINE": "django.contrib.sessions.backends.db"},
    ),
    Case("authkit.E031", instead={OWN_SESSIONS: STOCK_SESSIONS}),
    Case("authkit.E031", instead={OWN_SESSIONS: None}),
    Case("authkit.E031", instead={COMMON: STOCK_SESSIONS}),
    jwt("authkit.E031", instead={OWN_SESSIONS: STOCK_SESSIONS}),
    Case("authkit.E032", instead={OWN_AUTHENTICATION: STOCK_AUTHENTICATION}),
    Case("authkit.E032", instead={OWN_AUTHENTICATION: None}),
    Case("authkit.E032", instead={COMMON: STOCK_AUTHENTICATION}),
    jwt("authkit.W032", instead={OWN_AUTHENTICATION: STOCK_AUTHENTICATION}),
    Case("authkit.E033", instead={CSRF: None}),
    jwt("authkit.E033", instead={CSRF: None}),
    jwt("authkit.W034", site={"SESSION_ENGINE": "django.contrib.sessions.backends.db"}),
    Case("authkit.E035", instead={OWN_SESSIONS: OWN_AUTHENTICATION, OWN_AUTHENTICATION: OWN_SESSIONS}),
    Case("authkit.E056", site={"TENANT_APPS": ["django.contrib.auth"]}),
    Case("authkit.E057", TENANT),
    Case("authkit.E057", {**TENANT, "STORE": "redis", "ADOPT": ("drf_tokens",)}),
    Case("authkit.E057", {**TENANT, "STORE": "redis"}, instead=dict(NO_OWN)),
    jwt("authkit.E057", authkit={**TENANT, "STORE": "redis", "ACCESS_CHECK": "replica"}),
    jwt("authkit.E097", site={"SECRET_KEY": "django-insecure-" + "x7Gd" * 20}),
    jwt("authkit.E097", site={"SECRET_KEY": "please-change-this-secret-key-in-production"}),
    Case("authkit.E056", site={"TENANTS": {"public": {}, "default": {"APPS": ["django.contrib.auth"]}}}),
    Case("authkit.W036", site={"INSTALLED_APPS": [*CONTRIB, "django_authkit"]}),
    Case("authkit.E040", {"REDIS": {"ALIAS": "unheard_of"}}, store="redis"),
    redis("authkit.E041", BACKEND=LOCMEM),
    redis("authkit.E041", BACKEND="django.core.cache.backends.dummy.DummyCache"),
    redis("authkit.E041", BACKEND="django.core.cache.backends.redis.RedisCache"),
    redis("authkit.E041", BACKEND="nowhere.Cache"),
    redis("authkit.E042", OPTIONS={"IGNORE_EXCEPTIONS": True}),
    Case("authkit.E042", site={"DJANGO_REDIS_IGNORE_EXCEPTIONS": True}, store="redis"),
    Case("authkit.E043", {"REDIS": {"ALIAS": "default"}}, site={"REDIS_AS_DEFAULT": True}, store="redis"),
    redis("authkit.W044", OPTIONS={"SOCKET_TIMEOUT": 1.5}),
    redis("authkit.W044", OPTIONS={"SOCKET_CONNECT_TIMEOUT": 5}),
    redis("authkit.W044", OPTIONS={"SOCKET_TIMEOUT": None}),
    redis("authkit.W044", OPTIONS={"CONNECTION_POOL_KWARGS": {"socket_timeout": 5}}),
    redis("authkit.W044", OPTIONS={"CONNECTION_POOL_CLASS": BLOCKING}),
    redis(
        "authkit.W044",
        OPTIONS={"CONNECTION_POOL_CLASS": BLOCKING, "CONNECTION_POOL_KWARGS": {"timeout": None}},
    ),
    redis(
        "authkit.W044",
        OPTIONS={"SENTINELS": [("sentinel", 26379)], "SENTINEL_KWARGS": {"socket_timeout": 9}},
    ),
    redis("authkit.W044", LOCATION="redis://127.0.0.1:1/0?socket_timeout=5"),
    redis("authkit.W044", OPTIONS={**CLUSTER, "REDIS_CLIENT_KWARGS": {"socket_timeout": 5}}),
    Case("authkit.W057", {"REDIS": {"WAIT": (1, 1000)}}, store="redis"),
    redis("authkit.W045", OPTIONS=CLUSTER),
    Case("authkit.W045", {"REDIS": {"BUCKETS": 16}}, store="redis"),
    redis("authkit.W047", LOCATION=NOBODY),
    redis("authkit.W047", LOCATION=NOBODY, OPTIONS=CLUSTER),
    redis("authkit.E053", LOCATION=AS_NOBODY),
    redis("authkit.E048", LOCATION=""),
    redis("authkit.W107", KEY_PREFIX="staging"),
    redis("authkit.W107", VERSION=2),
    redis("authkit.E048", LOCATION="localhost"),
    Case("authkit.E050", {"DATABASE_ALIAS": "unheard_of"}),
    Case("authkit.E060", site=CROSS_SITE),
    Case("authkit.W061", site={"SESSION_COOKIE_SECURE": False}),
    Case("authkit.W061", site={"SESSION_COOKIE_HTTPONLY": False}),
    jwt(
        "authkit.W062",
        authkit={"COOKIE": {"SECURE": False, "ACCESS_NAME": "a", "REFRESH_NAME": "r"}},
    ),
    Case("authkit.W063", site={"SESSION_COOKIE_NAME": "sessionid"}),
    Case("authkit.W064", site={"SESSION_COOKIE_DOMAIN": "example.org"}),
    jwt(
        "authkit.W064",
        authkit={"COOKIE": {"DOMAIN": "example.org", "ACCESS_NAME": "a", "REFRESH_NAME": "r"}},
    ),
    Case("authkit.W065", site={"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")}),
    Case("authkit.W065", site={"USE_X_FORWARDED_HOST": True}),
    Case("authkit.W066", {"RATES": {"LOGIN": None}}),
    Case("authkit.W066", site={"REST_FRAMEWORK": {"DEFAULT_THROTTLE_RATES": {"authkit_login": None}}}),
    Case("authkit.E068", site={"SESSION_COOKIE_DOMAIN": "example.org"}),
    Case("authkit.E068", site={"SESSION_COOKIE_PATH": "/app/"}),
    Case("authkit.E068", site={"SESSION_COOKIE_NAME": "__Secure-s", "SESSION_COOKIE_SECURE": False}),
    jwt("authkit.E060", site=CROSS_SITE),
    jwt("authkit.W061", site={"SESSION_COOKIE_SECURE": False}),
    jwt("authkit.W061", site={**STOCK_ENGINE, "SESSION_COOKIE_SECURE": False}),
    jwt("authkit.W063", site={"SESSION_COOKIE_NAME": "sessionid"}),
    Case("authkit.W096", site={"SESSION_COOKIE_AGE": 900}),
    jwt("authkit.W096", site={"SESSION_COOKIE_AGE": 900}),
    Case("authkit.E069", {"COOKIE": {"ACCESS_NAME": "__Host-sessionid"}}),
    Case("authkit.E069", {"COOKIE": {"REFRESH_NAME": "csrftoken"}}),
    Case("authkit.E069", {"COOKIE": {"DEVICE_NAME": "__Host-sessionid"}}),
    jwt("authkit.W097", site={"SESSION_COOKIE_SAMESITE": "none"}),
    Case("authkit.E004", {"ADOPT": "knox"}),
    Case("authkit.E004", {"ADOPT": [1]}),
    adopt("authkit.E100", "knocks"),
    adopt("authkit.E100", "nowhere.to.be.Found"),
    adopt("authkit.E100", "testapp.views.WhoAmI"),
    adopt("authkit.E100", "django_authkit.adoption.Adapter"),
    adopt("authkit.E100", {"adapter": "knox", "color": "red"}),
    adopt("authkit.E100", {"engine": CACHED}),
    adopt("authkit.E101", "knox"),
    adopt("authkit.E101", "drf_tokens"),
    adopt("authkit.E101", "allauth"),
    adopt("authkit.E101", "django_sessions"),
    adopt("authkit.E102", {"adapter": "django_sessions", "engine": "nowhere.to.be.found"}),
    adopt("authkit.E102", {"adapter": "django_sessions", "engine": "django_authkit.session_engine"}),
    adopt("authkit.E103", {**OLD_SESSIONS, "cookie_name": "__Host-sessionid", "cookie_path": "/shop/"}),
    adopt("authkit.E103", {**OLD_SESSIONS, "cookie_name": "csrftoken"}),
    Case("authkit.E104", {"ADOPT": [OLD_SESSIONS], "TRANSPORTS": ["header"]}),
    jwt(
        "authkit.E104", authkit={"ADOPT": [OLD_SESSIONS]}, instead={OWN_AUTHENTICATION: STOCK_AUTHENTICATION}
    ),
    Case("authkit.E105", {"ADOPT": ["simplejwt"]}, site={"SIMPLE_JWT": {"JTI_CLAIM": None}}),
    adopt("authkit.W106", "simplejwt"),
    Case("authkit.E070", {"USER_SERIALIZER": "testapp.views.nothing"}),
    Case("authkit.E070", {"EXTRA_CLAIMS": "testapp.views.__name__"}),
    Case("authkit.E070", {"MAX_SESSIONS": "testapp.views.nothing"}),
    Case("authkit.E070", {"REAUTHENTICATOR": "nothing"}),
    Case("authkit.E070", {"LOGIN": {"RESPONSE_SERIALIZER": "nothing"}}),
    Case("authkit.E072", {"LOGIN": {"SERIALIZER": "rest_framework.serializers.Serializer"}}),
    Case("authkit.E073", {"LOGIN": {"STEPS": ["testapp.proofs.knows_the_word"]}}),
    Case("authkit.E073", {"LOGIN": {"STEPS": ["testapp.login_steps.Nameless"]}}),
    Case("authkit.E073", {"LOGIN": {"STEPS": ["testapp.login_steps.Code", "testapp.login_steps.Again"]}}),
    Case("authkit.W074", {"LOGIN": {"STEPS": ["testapp.login_steps.Code"]}}),
    Case("authkit.E071", {"RATES": {"LOGIN": "20 per minute"}}),
    Case("authkit.E071", {"RATES": {"REFRESH": "0/min"}}),
    Case("authkit.E071", site={"REST_FRAMEWORK": {"DEFAULT_THROTTLE_RATES": {"authkit_login": "often"}}}),
    Case("authkit.E080", {"SIGNING_KEYS": [{"file": "key.pem"}]}),
    Case("authkit.E081", {"SIGNING_KEYS": [{"env": "AUTHKIT_TEST_NOT_SET"}]}),
    Case("authkit.E082", {"SIGNING_KEYS": [{"secret": "your-256-bit-secret"}]}),
    Case("authkit.E083", {"SIGNING_KEYS": [{"secret": public_pem("ES256")}]}),
    Case("authkit.E084", {"SIGNING_KEYS": [pem("RS256")]}),
    Case("authkit.E085", {"SIGNING_KEYS": [key_as_jwk("ES256", use="enc")]}),
    Case("authkit.E086", {"SIGNING_KEYS": [key_as_jwk("ES256"), key_as_jwk("HS256")]}),
    Case("authkit.E087", {"SIGNING_KEYS": [key_as_jwk("ES256"), pem("ES256")]}),
    Case("authkit.E088", {"SIGNING_KEYS": [public_pem("ES256")]}),
    jwt("authkit.E088", authkit={"SIGNING_KEYS": [public_pem("ES256")]}),
    jwt("authkit.E090", authkit={"COOKIE": {"REFRESH_PATH": "/api/auth/"}}),
    jwt("authkit.E090", authkit={"COOKIE": {"REFRESH_PATH": "/auth/refresh/now/"}}),
    jwt("authkit.E090", authkit={"COOKIE": {"REFRESH_PATH": "/aut"}}),
    jwt("authkit.E090", authkit={"DEVICE_BOUND": "offer", "COOKIE": {"REFRESH_PATH": "/auth/refresh/"}}),
    jwt("authkit.W091", authkit={"COOKIE": {"REFRESH_PATH": "/auth/"}}),
    Case("authkit.W092", {"COOKIE": {"PLAIN_HTTP": True}}, site={"DEBUG": True}),
    Case("authkit.W092", {"COOKIE": {"PLAIN_HTTP": True}}, site={**PLAIN, "SESSION_COOKIE_NAME": "__Host-s"}),
    jwt("authkit.W092", authkit={"COOKIE": {"PLAIN_HTTP": True}}, site={**PLAIN, "CSRF_COOKIE_SECURE": True}),
    Case("authkit.W025", {"COMPAT": {"SIMPLEJWT_ROTATION": False}}),
    Case("authkit.W093", {"COOKIE": {"PLAIN_HTTP": True}}),
    Case("authkit.W094", {"CLEAR_SITE_DATA": ("storage", "cookies")}),
    Case("authkit.W095", site=OPEN_CORS),
    jwt("authkit.W095", site=OPEN_CORS),
    Case("authkit.E004", {"CLEAR_SITE_DATA": ("executionContexts",)}),
    Case("authkit.E004", {"CSRF": "none"}),
    Case("authkit.E020", {"COOKIE": {"PLAIN_HTTP": True, "SAMESITE": "None"}}, site=PLAIN),
    Case("authkit.E021", {"COOKIE": {"PLAIN_HTTP": True, **TWINS}}, site=PLAIN),
    Case("authkit.E015", {"ACCESS_CHECK": "replica"}),
    Case("authkit.E003", {"IDLE_TIMEOUT": SECOND}),
    Case("authkit.E003", {"LIFETIMES": {"IDLE_TIMEOUT": SECOND}}),
    Case("authkit.E016", {"REPLICA": {"SIZE": 10}}),
    Case("authkit.W108", site={"GEOIP_PATH": "/nowhere"}),
    Case("authkit.E109", {"TRANSPORTS": ("cookie",)}),
    jwt("authkit.E109", authkit={"TRANSPORTS": ("cookie",)}, site={"ROOT_URLCONF": COMPAT_URLS}),
]
SILENT = [
    Case("authkit.E097", site={"SECRET_KEY": "secret"}),
    jwt("authkit.E097", authkit={"SIGNING_KEYS": [pem("ES256")]}, site={"SECRET_KEY": "secret"}),
    Case(
        "authkit.E056",
        site={"TENANT_APPS": ["django.contrib.auth"], "SHARED_APPS": ["django.contrib.auth"]},
    ),
    Case("authkit.E015", {"ACCESS_CHECK": "replica"}, store="redis"),
    Case("authkit.E084", {"SIGNING_KEYS": [{"key": pem("RS256"), "algorithm": "PS256"}]}),
    Case(
        "authkit.E086", {"SIGNING_KEYS": [key_as_jwk("ES256"), key_as_jwk("EdDSA"), public_pem("EdDSA", 1)]}
    ),
    adopt("authkit.E103", {**OLD_SESSIONS, "cookie_name": "__Host-sessionid"}),
    adopt("authkit.E102", OLD_SESSIONS),
    adopt("authkit.E101", "simplejwt_access"),
    adopt("authkit.W106", "simplejwt_access"),
    Case("authkit.E088", {"SIGNING_KEYS": [pem("ES256"), public_pem("EdDSA")]}),
    Case("authkit.E030", site={"SESSION_ENGINE": "unit.derived_backends"}),
    jwt("authkit.E033", authkit={"TRANSPORTS": ("header",)}, instead={CSRF: None}),
    redis("authkit.E041", BACKEND="unit.derived_backends.DerivedCache"),
    Case(
        "authkit.E042",
        site={"DJANGO_REDIS_IGNORE_EXCEPTIONS": True},
        alias={"OPTIONS": {"IGNORE_EXCEPTIONS": False}},
        store="redis",
    ),
    redis("authkit.W044", OPTIONS={"SOCKET_TIMEOUT": 0.5, "CONNECTION_POOL_KWARGS": {"retry": None}}),
    Case("authkit.W057", {"REDIS": {"WAIT": (1, 999)}}, store="redis"),
    Case("authkit.W057", {"REDIS": {"WAIT": None}}, store="redis"),
    Case("authkit.W045", {"REDIS": {"BUCKETS": 16}}, alias={"OPTIONS": CLUSTER}, store="redis"),
    redis("authkit.W107", KEY_PREFIX="", VERSION=1),
    Case("authkit.W107", {"REDIS": {"PREFIX": "shop"}}, alias={"KEY_PREFIX": "shop"}, store="redis"),
    jwt("authkit.E060", site={**STOCK_ENGINE, **CROSS_SITE}, instead=NO_OWN),
    Case(
        "authkit.W062",
        {"COOKIE": {"SECURE": False, "ACCESS_NAME": "a", "REFRESH_NAME": "r"}},
    ),
    jwt(
        "authkit.W061",
        site={**STOCK_ENGINE, "SESSION_COOKIE_SECURE": False},
        instead={OWN_SESSIONS: STOCK_SESSIONS},
    ),
    jwt(
        "authkit.W063",
        site={**STOCK_ENGINE, "SESSION_COOKIE_NAME": "sessionid"},
        instead={OWN_SESSIONS: STOCK_SESSIONS},
    ),
    Case("authkit.W096", {"LIFETIMES": {"IDLE": timedelta(days=30)}}),
    Case("authkit.W097", {"COOKIE": {"SAMESITE": "Lax"}}, site={"SESSION_COOKIE_SAMESITE": "None"}),
    Case("authkit.W096", {"LIFETIMES": {"IDLE": 900 * SECOND}}, site={"SESSION_COOKIE_AGE": 900}),
    jwt(
        "authkit.W096",
        site={**STOCK_ENGINE, "SESSION_COOKIE_AGE": 900},
        instead={OWN_SESSIONS: STOCK_SESSIONS},
    ),
    Case("authkit.W065", {"TRUSTED_PROXIES": 1}, site={"USE_X_FORWARDED_HOST": True}),
    Case(
        "authkit.W066",
        {"RATES": {"LOGIN": None}},
        site={"REST_FRAMEWORK": {"DEFAULT_THROTTLE_RATES": {"authkit_login": "5/min"}}},
    ),
    Case("authkit.E071", {"RATES": {"LOGIN": "7/h"}}),
    jwt("authkit.E022", authkit={"COOKIE": {"REFRESH_PATH": "/auth/"}}),
    jwt("authkit.E022", authkit={"COOKIE": {"PLAIN_HTTP": True}}, site=PLAIN),
    jwt("authkit.E090", authkit={"COOKIE": {"REFRESH_PATH": "/auth/"}}),
    jwt("authkit.E090", authkit={"COOKIE": {"REFRESH_PATH": "/auth"}}),
    jwt("authkit.E090", authkit={"COOKIE": {"REFRESH_PATH": "/auth/refresh/"}}),
    jwt("authkit.E090", authkit={"COOKIE": {"REFRESH_PATH": "/x/"}}, site={"ROOT_URLCONF": "unit.no_urls"}),
    Case("authkit.E090", {"COOKIE": {"REFRESH_PATH": "/api/auth/"}}),
    jwt("authkit.W091", authkit={"COOKIE": {"REFRESH_PATH": "/"}}),
    Case("authkit.W092", {"COOKIE": {"PLAIN_HTTP": True}}),
    jwt("authkit.W092", authkit={"COOKIE": {"PLAIN_HTTP": True}}, site=PLAIN),
    jwt("authkit.W093", authkit={"COOKIE": {"PLAIN_HTTP": True}}, site=PLAIN),
    Case("authkit.W094", {"CLEAR_SITE_DATA": ("storage", "cache")}),
    Case("authkit.W095", site={"CORS_ALLOW_ALL_ORIGINS": True}),
    Case("authkit.W095", {"TRANSPORTS": ("header",)}, site=OPEN_CORS),
    Case("authkit.E109", site={"ROOT_URLCONF": COMPAT_URLS}),
    Case("authkit.E109", {"TRANSPORTS": ("cookie",)}, site={"ROOT_URLCONF": "unit.no_urls"}),
]


def numbered(cases: list[Case]) -> list[str]:
    """Return a short name for each case: its id, and its number among those of that id."""
    names, seen = [], Counter[str]()
    for case in cases:
        seen[case.id] += 1
        names.append(f"{case.id.removeprefix('authkit.')}-{seen[case.id]}")
    return names


def stand_up(settings: Settings, case: Case) -> None:
    """Use good settings for the case's mode and store, and then apply the changes of the case."""
    site = dict(case.site)
    default = site.pop("DEFAULT_BACKEND", "django.core.cache.backends.db.DatabaseCache")
    ours = {"BACKEND": REDIS, "LOCATION": settings.CACHES["authkit"]["LOCATION"], **case.alias}
    if ours["LOCATION"] == AS_NOBODY:
        server = settings.CACHES["authkit"]["LOCATION"].removeprefix("redis://")
        ours["LOCATION"] = f"redis://nobody:w0rds3cret@{server}"
    caches = {"default": {"BACKEND": default, "LOCATION": "cache_table"}, "authkit": ours}
    if site.pop("REDIS_AS_DEFAULT", False):
        caches["default"] = caches.pop("authkit")
    if case.neighbor is not None:
        caches["neighbor"] = {"BACKEND": REDIS, "LOCATION": case.neighbor}
    settings.CACHES = caches
    settings.MIDDLEWARE = [
        put for name in settings.MIDDLEWARE if (put := case.instead.get(name, name)) is not None
    ]
    settings.AUTHKIT_MODE = case.mode
    settings.AUTHKIT = {"STORE": case.store, **case.authkit}
    for name, value in site.items():
        setattr(settings, name, value)


def messages(*, deploy: bool = True) -> dict[str, CheckMessage]:
    """Return our messages by id."""
    found = run_checks(tags=["security"], include_deployment_checks=deploy)
    return {str(message.id): message for message in found if str(message.id).startswith("authkit.")}


@pytest.fixture(autouse=True)
def databases(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Let the checks for deployment use the databases."""
    with django_db_blocker.unblock():
        yield


@pytest.mark.parametrize("store", ["database", "redis"])
@pytest.mark.parametrize("mode", ["session", "jwt"])
def test_good_settings_are_silent(settings: Settings, mode: str, store: str) -> None:
    """The recommended settings cause no message, even with ``--deploy``."""
    stand_up(settings, Case("", mode=mode, store=store))
    assert messages() == {}


@pytest.mark.parametrize("case", CASES, ids=numbered(CASES))
def test_each_problem_is_reported_with_a_hint(settings: Settings, case: Case) -> None:
    """The id is reported as an error or a warning, by its letter, with a hint."""
    stand_up(settings, case)
    message = messages()[case.id]
    assert isinstance(message, Error if ".E" in case.id else Warning)
    assert message.msg
    assert message.hint


SAID = [
    (
        Case("authkit.E010", {"LIFETIMES": {"IDLE": timedelta(days=99)}}),
        "LIFETIMES are out of order: ACCESS is 5 minutes, IDLE is 99 days and ABSOLUTE is 90 days.",
    ),
    (
        Case("authkit.W096", {"LIFETIMES": {"IDLE": 3601 * SECOND}}, site={"SESSION_COOKIE_AGE": 900}),
        "SESSION_COOKIE_AGE is 900 seconds, and has no effect on logins: they end after 3601 seconds without "
        "activity.",
    ),
    (
        jwt("authkit.W064", site={**STOCK_ENGINE, "SESSION_COOKIE_DOMAIN": "example.org"}, instead=NO_OWN),
        "SESSION_COOKIE_DOMAIN is 'example.org': browsers send the credential to every host below it.",
    ),
    (
        jwt("authkit.W062", authkit={"COOKIE": {"PLAIN_HTTP": True}}, site={"DEBUG": True}),
        "PLAIN_HTTP and DEBUG are on: tokens travel over plain HTTP as well.",
    ),
]


@pytest.mark.parametrize(("case", "sentence"), SAID, ids=numbered([case for case, _ in SAID]))
def test_what_is_told_names_what_the_project_wrote(settings: Settings, case: Case, sentence: str) -> None:
    """The message has the setting that was written, and durations as people write them."""
    stand_up(settings, case)
    assert messages()[case.id].msg == sentence


def test_what_two_adapters_share_is_told_once(settings: Settings) -> None:
    """With simplejwt in headers and in cookies, its blacklist app is missed once."""
    stand_up(settings, Case("", {"ADOPT": ["simplejwt", "simplejwt_cookie"]}))
    found = run_checks(tags=["security"])
    assert [message.id for message in found].count("authkit.W106") == 1


@pytest.mark.parametrize("case", SILENT, ids=numbered(SILENT))
def test_similar_good_settings_are_not_reported(settings: Settings, case: Case) -> None:
    """Settings close to each problem cause no message."""
    stand_up(settings, case)
    assert case.id not in messages()


NEIGHBORS = [
    ("redis://cache:6379/1", "redis://cache:6379/1", True),
    ("redis://cache", "rediss://CACHE:6379/0", True),
    ("redis://localhost/2", "redis://user:secret@127.0.0.1/0?db=2", True),
    ("redis://one,redis://two", ["redis://three", "redis://two"], True),
    ("unix:///run/redis.sock?db=1", "unix:///run/redis.sock?db=1", True),
    ("redis://cache/1", "redis://cache/2", False),
    ("redis://cache:6379/1", "redis://cache:6380/1", False),
    ("redis://cache", "unique-snowflake", False),
    ("unix:///run/redis.sock?db=1", "unix:///run/redis.sock", False),
]


@pytest.mark.parametrize(("ours", "theirs", "told"), NEIGHBORS)
def test_a_shared_database_is_reported(settings: Settings, ours: str, theirs: Any, told: bool) -> None:
    """However the two caches spell the same server and database, it is E043."""
    stand_up(settings, Case("authkit.E043", alias={"LOCATION": ours}, neighbor=theirs, store="redis"))
    found = messages(deploy=False)
    assert ("authkit.E043" in found) is told
    if told:
        assert "neighbor" in found["authkit.E043"].msg


@pytest.mark.parametrize(("sentinel", "told"), [("one", True), ("ONE", True), ("another", False)])
def test_a_database_behind_the_same_sentinels_is_reported(
    settings: Settings, sentinel: str, told: bool
) -> None:
    """Services of one name are the same only with a Sentinel in common."""
    alias = {"LOCATION": "redis://main/0", "OPTIONS": {"SENTINELS": [("one", 26379), ("two", 26379)]}}
    stand_up(settings, Case("authkit.E043", alias=alias, store="redis"))
    theirs = {"SENTINELS": [(sentinel, 26379)]}
    other = {"BACKEND": REDIS, "LOCATION": "redis://main/0", "OPTIONS": theirs}
    settings.CACHES = {**settings.CACHES, "neighbor": other}
    assert ("authkit.E043" in messages(deploy=False)) is told


def test_the_seconds_of_a_hang_are_reported(settings: Settings) -> None:
    """W044 says how long a request may hang: the longest wait, twice."""
    stand_up(settings, redis("authkit.W044", OPTIONS={"SOCKET_TIMEOUT": 3, "SOCKET_CONNECT_TIMEOUT": 2}))
    assert "6 seconds" in messages()["authkit.W044"].msg


def test_unusable_settings_are_the_only_report(settings: Settings) -> None:
    """While settings cannot be read, no other check runs."""
    stand_up(settings, Case("", {"STOER": "redis"}, site={"SESSION_ENGINE": "nowhere"}))
    found = messages()
    assert set(found) == {"authkit.E003"}
    assert found["authkit.E003"].hint == 'Did you mean "STORE"?'


def test_the_mode_in_authkit(settings: Settings) -> None:
    """If the mode is in ``AUTHKIT``, the hint says where it belongs."""
    stand_up(settings, Case("", {"MODE": "jwt"}))
    assert messages()["authkit.E003"].hint == "The mode is a setting of its own: AUTHKIT_MODE."


def test_problems_of_production_are_not_reported_in_development(settings: Settings) -> None:
    """Without ``--deploy`` the server is not asked, and plain HTTP is not a warning."""
    changes = {"SESSION_COOKIE_NAME": "sessionid", "SESSION_COOKIE_SECURE": False, "DEFAULT_BACKEND": LOCMEM}
    nobody = {"LOCATION": NOBODY}
    stand_up(settings, Case("", site=changes, alias=nobody, store="redis"))
    assert messages(deploy=False) == {}
    assert set(messages()) == {"authkit.W047", "authkit.W061", "authkit.W063"}


def test_a_refused_password_is_reported_without_it(settings: Settings) -> None:
    """The message has the server's address and its error."""
    stand_up(settings, redis("authkit.E053", LOCATION=AS_NOBODY))
    told = messages()["authkit.E053"].msg
    assert told.startswith("Redis at 127.0.0.1:")
    assert "w0rds3cret" not in told
    assert "authkit.E053" not in messages(deploy=False)


@pytest.mark.parametrize(
    ("changed", "told"),
    [({"USER": "nobody-there"}, "authkit.E053"), ({"HOST": "127.0.0.1", "PORT": "1"}, "authkit.W054")],
)
def test_a_database_that_does_not_respond_is_reported(
    settings: Settings, changed: dict[str, str], told: str
) -> None:
    """An unknown user is an error, and an unreachable server a warning."""
    connection = connections["postgres"]
    before = {name: connection.settings_dict[name] for name in changed}
    connection.close()
    connection.settings_dict.update(changed)
    try:
        stand_up(settings, Case(told, {"DATABASE_ALIAS": "postgres"}))
        assert "(DATABASES['postgres'])" in messages()[told].msg
    finally:
        connection.close()
        connection.settings_dict.update(before)


def test_a_forgotten_migration_is_reported(settings: Settings) -> None:
    """A missing table is E052, with the command to run."""
    stand_up(settings, Case(""))
    with without_table("default"):
        told = messages()["authkit.E052"]
    assert "manage.py migrate" in f"{told.msg} {told.hint}"


@pytest.mark.parametrize("place", ["django_authkit.urls", "django_authkit.wiring"])
def test_a_project_without_the_app(settings: Settings, place: str) -> None:
    """Without checks, the URLs and the first use of the store report what is missing."""
    settings.INSTALLED_APPS = [*CONTRIB, "rest_framework"]
    get_store.cache_clear()
    with pytest.raises(ImproperlyConfigured, match='Add "django_authkit" to INSTALLED_APPS'):
        get_store() if place.endswith("wiring") else reload(import_module(place))


def ids_in_code() -> set[str]:
    """Return every id that the package's source mentions as a string."""
    source = Path(django_authkit.__file__).parent
    texts = (path.read_text("utf-8") for path in source.rglob("*.py"))
    return {found for text in texts for found in re.findall(r'"(authkit\.[EW]\d{3})"', text)}


def test_a_private_key_file_that_everybody_can_read_is_reported(settings: Settings, tmp_path: Path) -> None:
    """W089 names the file and its position; with mode 600 nothing is reported."""
    (tmp_path / "key.pem").write_text(pem("ES256"))
    stand_up(settings, Case("", {"SIGNING_KEYS": [key_as_jwk("EdDSA"), {"path": tmp_path / "key.pem"}]}))
    for mode, told in ((0o644, {"authkit.W089"}), (0o600, set())):
        (tmp_path / "key.pem").chmod(mode)
        assert set(messages()) == told
        assert all("SIGNING_KEYS[1]" in message.msg for message in messages().values())


def test_every_id_has_a_case() -> None:
    """Each check is tested."""
    assert {case.id for case in CASES} | ELSEWHERE == ids_in_code()


def test_ids_are_unique() -> None:
    """Each id of the checks package is declared in one place."""
    folder = Path(django_authkit.__file__).parent / "checks"
    texts = (path.read_text("utf-8") for path in folder.rglob("*.py"))
    declared = Counter(
        found for text in texts for found in re.findall(r'Problem\.kind\(\s*"(authkit\.\w+)"', text)
    )
    assert len(declared) > 25
    assert set(declared.values()) == {1}
    assert set(declared) < ids_in_code()


def test_the_reference_page_has_a_row_for_each_id() -> None:
    """Page and code match, and no row is duplicated."""
    page = Path(__file__).parents[2] / "docs" / "reference" / "checks.md"
    rows = re.findall(r"^\| (authkit\.\w+) \|", page.read_text("utf-8"), flags=re.MULTILINE)
    assert sorted(rows) == sorted(ids_in_code())


POSTGRESQL = "django.db.backends.postgresql"
BOUNDED = {"connect_timeout": 3, "tcp_user_timeout": 5000, "options": "-c statement_timeout=5000"}


@pytest.mark.parametrize(
    ("engine", "options", "missing"),
    [
        (POSTGRESQL, {}, "connect_timeout, tcp_user_timeout, statement_timeout"),
        (POSTGRESQL, {**BOUNDED, "connect_timeout": 0}, "connect_timeout"),
        (POSTGRESQL, {**BOUNDED, "options": "-c search_path=x"}, "statement_timeout"),
        (POSTGRESQL, BOUNDED, ""),
        (POSTGRESQL, {"service": "production"}, ""),
        ("django.db.backends.mysql", {"connect_timeout": 3}, "read_timeout, write_timeout"),
        ("django.db.backends.sqlite3", {}, ""),
    ],
)
def test_a_database_without_timeouts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, engine: str, options: dict[str, Any], missing: str
) -> None:
    """W051 reports the store's alias if nothing bounds a wait, and says what is missing."""
    monkeypatch.setitem(settings.DATABASES, "elsewhere", {"ENGINE": engine, "OPTIONS": options})
    settings.AUTHKIT = {"STORE": "database", "DATABASE_ALIAS": "elsewhere"}
    found = list(check_time_outs(get_settings()))
    assert [problem.id for problem in found] == (["authkit.W051"] if missing else [])
    assert all(f" has no {missing}:" in problem.message for problem in found)


@pytest.mark.parametrize(
    ("engine", "options", "asgi", "found"),
    [
        (POSTGRESQL, {}, "site.asgi.application", True),
        (POSTGRESQL, {"pool": True}, "site.asgi.application", False),
        (POSTGRESQL, {}, None, False),
        ("django.db.backends.sqlite3", {}, "site.asgi.application", False),
    ],
)
def test_asgi_without_a_pool(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    engine: str,
    options: dict[str, Any],
    asgi: str | None,
    found: bool,
) -> None:
    """W098 reports a PostgreSQL that each request opens a connection to."""
    monkeypatch.setitem(settings.DATABASES, "elsewhere", {"ENGINE": engine, "OPTIONS": options})
    settings.AUTHKIT = {"STORE": "database", "DATABASE_ALIAS": "elsewhere"}
    settings.ASGI_APPLICATION = asgi
    problems = list(check_pool(get_settings()))
    assert [problem.id for problem in problems] == (["authkit.W098"] if found else [])


@pytest.mark.parametrize(
    ("engine", "options", "found"),
    [
        (POSTGRESQL, {}, False),
        (POSTGRESQL, {"isolation_level": 2}, False),
        (POSTGRESQL, {"isolation_level": 3}, True),
        ("django.db.backends.mysql", {}, False),
        ("django.db.backends.mysql", {"isolation_level": "READ COMMITTED"}, False),
        ("django.db.backends.mysql", {"isolation_level": "repeatable read"}, True),
        ("django.db.backends.mysql", {"isolation_level": None}, True),
        ("django.db.backends.sqlite3", {"isolation_level": None}, False),
    ],
)
def test_a_database_at_another_isolation_level(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, engine: str, options: dict[str, Any], found: bool
) -> None:
    """W052 reports the store's alias if a transaction may not see what others have committed."""
    monkeypatch.setitem(settings.DATABASES, "elsewhere", {"ENGINE": engine, "OPTIONS": options})
    settings.AUTHKIT = {"STORE": "database", "DATABASE_ALIAS": "elsewhere"}
    problems = list(check_isolation(get_settings()))
    assert [problem.id for problem in problems] == (["authkit.W055"] if found else [])
