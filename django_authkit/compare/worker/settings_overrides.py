"""
Derives the settings of a worker from those of the project.

As few settings change as possible: those compared, where data is stored, and those that would distort the
numbers (throttles, ``DEBUG``) or reach people (email). The page on the command lists them.
"""

from collections.abc import Mapping
from typing import Any

from django_authkit.compare.variants import ALLAUTH, AUTHKIT, BASELINE, DJANGO, KNOX, SIMPLEJWT, Variant
from django_authkit.compare.worker.config import WorkerConfig

Settings = dict[str, Any]

_HERE = "django_authkit.compare.worker.middleware"
_TWINS = {
    "django.contrib.sessions.middleware.SessionMiddleware": "django_authkit.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware": (
        "django_authkit.middleware.AuthenticationMiddleware"
    ),
}
_OURS = "django_authkit.session_engine"
_ENGINES = {
    "database": "django.contrib.sessions.backends.db",
    "redis": "django.contrib.sessions.backends.cache",
}
_SESSIONS_ALIAS = "authkit_compare_sessions"
"""The cache of Django's sessions. It reads JSON: no worker runs what another user of Redis has pickled."""
_CLASSES = {
    AUTHKIT: "django_authkit.authentication.AuthKitAuthentication",
    DJANGO: "rest_framework.authentication.SessionAuthentication",
    SIMPLEJWT: "rest_framework_simplejwt.authentication.JWTAuthentication",
    KNOX: "knox.auth.TokenAuthentication",
    ALLAUTH: "allauth.headless.contrib.rest_framework.authentication.XSessionTokenAuthentication",
}
_ALLAUTH_APPS = ("allauth", "allauth.account", "allauth.headless")
"""Only its own workers have them: allauth insists on its middleware, which would slow the others down."""
_ALLAUTH_MIDDLEWARE = "allauth.account.middleware.AccountMiddleware"
_STATELESS = "rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication"


def worker_settings(project: Settings, config: WorkerConfig) -> Settings:
    """Return the worker's settings."""
    changed = {**project, **_surroundings(project)}
    changed["DATABASES"] = _databases(project, config)
    changed["CACHES"] = _caches(project, config)
    changed["INSTALLED_APPS"] = [*project["INSTALLED_APPS"], *config.apps]
    changed["MIDDLEWARE"] = _middleware(project["MIDDLEWARE"], config.variant.kind)
    if config.variant.kind == ALLAUTH:
        changed.update(_with_allauth(changed))
    changed["REST_FRAMEWORK"] = _rest_framework(project.get("REST_FRAMEWORK", {}), config.variant)
    changed["AUTHKIT"] = _authkit(project.get("AUTHKIT", {}), config)
    changed["AUTHKIT_MODE"] = config.variant.mode or project.get("AUTHKIT_MODE", "session")
    changed.update(_sessions(project, config))
    return changed


def _surroundings(project: Settings) -> Settings:
    """Return the settings that avoid distorted numbers and sent mail."""
    return {
        "DEBUG": False,
        "ALLOWED_HOSTS": [*project.get("ALLOWED_HOSTS", ()), "127.0.0.1"],
        "SECURE_SSL_REDIRECT": False,  # the workers speak plain HTTP, on loopback
        **_no_mail(project),
        # Otherwise hashing would be nine tenths of a login, and it is the same for all.
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
    }


def _no_mail(project: Settings) -> Settings:
    """Return settings that send no mail; Django 6.1 accepts its mailers or the older setting, not both."""
    nowhere = "django.core.mail.backends.dummy.EmailBackend"
    if "MAILERS" in project:
        return {"MAILERS": {name: {"BACKEND": nowhere} for name in project["MAILERS"]}}
    return {"EMAIL_BACKEND": nowhere}


def _databases(project: Settings, config: WorkerConfig) -> Settings:
    """Return the databases, without options that would override the name of the scratch database."""
    changed = {}
    for alias, at in project["DATABASES"].items():
        changed[alias] = {**at, **config.databases.get(alias, {})}
        if "OPTIONS" in at:
            kept = {k: v for k, v in at["OPTIONS"].items() if k not in {"database", "db", "dbname"}}
            changed[alias]["OPTIONS"] = kept
    return changed


def _caches(project: Settings, config: WorkerConfig) -> Settings:
    """Return the caches: under the scratch prefix, on another server if the configuration names one."""
    caches = {}
    for alias, at in project.get("CACHES", {}).items():
        kept = {name: value for name, value in at.items() if name != "KEY_FUNCTION"}  # could drop the prefix
        caches[alias] = {**kept, "KEY_PREFIX": config.prefix}
    for alias, url in config.redis_urls.items():
        caches[alias] = {
            "BACKEND": "django_redis.cache.RedisCache",
            **caches.get(alias, {}),
            "KEY_PREFIX": config.prefix,
            "LOCATION": url,
        }
    if config.redis_alias in caches:
        of_sessions = caches[config.redis_alias]
        json = {"SERIALIZER": "django_redis.serializers.json.JSONSerializer"}
        caches[_SESSIONS_ALIAS] = {**of_sessions, "OPTIONS": {**of_sessions.get("OPTIONS", {}), **json}}
    return caches


def _middleware(project: list[str], kind: str) -> list[str]:
    """Return the middleware: ours or Django's, depending on *kind*; that for our own URLs first."""
    ours = kind in {AUTHKIT, BASELINE}
    twins = _TWINS if ours else {theirs: django for django, theirs in _TWINS.items()}
    classes = [twins.get(each, each) for each in project]
    if kind == BASELINE:
        places = [i for i, each in enumerate(classes) if each.endswith(".AuthenticationMiddleware")]
        classes.insert(places[-1] + 1 if places else len(classes), f"{_HERE}.GivenUser")
    return [f"{_HERE}.OwnAddresses", *classes]


def _with_allauth(changed: Settings) -> Settings:
    """Return the apps and the middleware of allauth in addition to those that are there."""
    apps, classes = changed["INSTALLED_APPS"], changed["MIDDLEWARE"]
    missing = [] if _ALLAUTH_MIDDLEWARE in classes else [_ALLAUTH_MIDDLEWARE]
    return {
        "INSTALLED_APPS": [*apps, *(app for app in _ALLAUTH_APPS if app not in apps)],
        "MIDDLEWARE": [*classes, *missing],
    }


def _rest_framework(project: Mapping[str, Any], variant: Variant) -> Settings:
    kind = variant.kind
    changed = {**project, "DEFAULT_THROTTLE_CLASSES": []}
    changed["DEFAULT_THROTTLE_RATES"] = dict.fromkeys(
        [*project.get("DEFAULT_THROTTLE_RATES", {}), "anon", "user"]
    )
    if kind in _CLASSES:
        changed["DEFAULT_AUTHENTICATION_CLASSES"] = [_STATELESS if variant.is_stateless else _CLASSES[kind]]
    return changed


def _authkit(project: Mapping[str, Any], config: WorkerConfig) -> Settings:
    """Return ``AUTHKIT``; a variant of another package does not use Redis."""
    kept = {key: value for key, value in project.items() if key not in {"ACCEPT", "ACCESS_CHECK", "ADOPT"}}
    variant = config.variant
    return {
        **kept,
        "STORE": variant.store if variant.kind == AUTHKIT else "database",
        "REDIS": {**project.get("REDIS", {}), "ALIAS": config.redis_alias, "PREFIX": config.prefix},
        "RATES": {"LOGIN": None, "REFRESH": None},
        **({"ACCESS_CHECK": variant.check} if variant.kind == AUTHKIT and variant.check else {}),
    }


def _sessions(project: Settings, config: WorkerConfig) -> Settings:
    """Return the settings of Django's sessions."""
    variant, engine = config.variant, project.get("SESSION_ENGINE", _ENGINES["database"])
    if variant.kind in {DJANGO, ALLAUTH}:
        return {"SESSION_ENGINE": _ENGINES[variant.store], "SESSION_CACHE_ALIAS": _SESSIONS_ALIAS}
    if variant.mode == "session":
        engine = _OURS
    elif variant.kind in {SIMPLEJWT, KNOX} and engine == _OURS:
        engine = _ENGINES["database"]
    return {"SESSION_ENGINE": engine}
