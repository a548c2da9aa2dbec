"""A worker's settings are the project's, except for the variant, scratch data, and disturbances."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from django_authkit.compare import preflight
from django_authkit.compare.errors import CannotCompare
from django_authkit.compare.variants import ALLAUTH, AUTHKIT, BASELINE, DJANGO, KNOX, Variant, choose
from django_authkit.compare.worker.config import WorkerConfig
from django_authkit.compare.worker.settings_overrides import worker_settings

PROJECT: dict[str, Any] = {
    "DEBUG": True,
    "ALLOWED_HOSTS": ["example.org"],
    "SECRET_KEY": "kept",
    "INSTALLED_APPS": ["django_authkit", "shop"],
    "DATABASES": {"default": {"ENGINE": "…", "NAME": "shop", "CONN_MAX_AGE": 60}},
    "CACHES": {
        "authkit": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://a", "KEY_FUNCTION": "f"}
    },
    "MIDDLEWARE": [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "shop.Middleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    "REST_FRAMEWORK": {"DEFAULT_THROTTLE_RATES": {"burst": "5/min"}, "PAGE_SIZE": 7},
    "AUTHKIT_MODE": "jwt",
    "AUTHKIT": {
        "ACCEPT": ["jwt", "session"],
        "LIFETIMES": {"ACCESS": timedelta(minutes=1)},
        "RATES": {"LOGIN": "5/min"},
    },
    "MAILERS": {"default": {"BACKEND": "smtp"}},
}


def worker(variant: Variant, **config: Any) -> dict[str, Any]:
    """Return the settings of a worker that serves *variant*."""
    told = WorkerConfig(settings="shop.settings", variant=variant, prefix="scratch-1", **config)
    return worker_settings(PROJECT, told)


def test_the_variant_sets_mode_store_and_check() -> None:
    """Mode, store and check are the variant's; all other settings are the project's."""
    found = worker(Variant(kind=AUTHKIT, mode="session", store="redis"))
    assert found["AUTHKIT_MODE"] == "session"
    assert found["AUTHKIT"]["STORE"] == "redis"
    assert "ACCEPT" not in found["AUTHKIT"]
    assert found["AUTHKIT"]["LIFETIMES"]["ACCESS"] == timedelta(minutes=1)
    assert found["SESSION_ENGINE"] == "django_authkit.session_engine"
    assert found["SECRET_KEY"] == "kept"
    assert found["REST_FRAMEWORK"]["PAGE_SIZE"] == 7


def test_only_its_own_workers_have_allauth() -> None:
    """Its apps and its middleware are added where it is measured, and nowhere else."""
    middleware = "allauth.account.middleware.AccountMiddleware"
    found = worker(Variant(kind=ALLAUTH, store="database"), apps=("django.contrib.sessions",))
    assert found["MIDDLEWARE"][-1] == middleware
    assert found["INSTALLED_APPS"][-4:] == [
        "django.contrib.sessions",
        "allauth",
        "allauth.account",
        "allauth.headless",
    ]
    assert found["SESSION_ENGINE"] == "django.contrib.sessions.backends.db"
    other = worker(Variant(kind=KNOX, store="database"))
    assert middleware not in other["MIDDLEWARE"]
    assert not any(app.startswith("allauth") for app in other["INSTALLED_APPS"])


def test_data_goes_to_scratch() -> None:
    """Databases have another name, and every cache has a prefix that no function can remove."""
    found = worker(
        Variant(kind=AUTHKIT, mode="jwt", store="redis", check="none"),
        databases={"default": {"NAME": "scratch"}},
    )
    assert found["DATABASES"]["default"] == {"ENGINE": "…", "NAME": "scratch", "CONN_MAX_AGE": 60}


def test_no_option_names_another_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drivers prefer ``OPTIONS`` to ``NAME``, so those options are removed."""
    options = {"dbname": "shop", "database": "shop", "db": "shop", "sslmode": "require"}
    monkeypatch.setitem(PROJECT["DATABASES"], "default", {"ENGINE": "…", "NAME": "shop", "OPTIONS": options})
    found = worker(
        Variant(kind=AUTHKIT, mode="jwt", store="database"), databases={"default": {"NAME": "scratch"}}
    )
    assert found["DATABASES"]["default"]["NAME"] == "scratch"
    assert found["DATABASES"]["default"]["OPTIONS"] == {"sslmode": "require"}
    assert found["CACHES"]["authkit"]["KEY_PREFIX"] == found["AUTHKIT"]["REDIS"]["PREFIX"] == "scratch-1"
    assert "KEY_FUNCTION" not in found["CACHES"]["authkit"]


def test_nobody_is_disturbed_and_nothing_slowed() -> None:
    """No mail is sent, no throttle counts, and Django records no queries."""
    found = worker(Variant(kind=BASELINE))
    assert found["MAILERS"] == {"default": {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"}}
    assert "EMAIL_BACKEND" not in found  # Django 6.1 refuses both
    assert found["REST_FRAMEWORK"]["DEFAULT_THROTTLE_RATES"]["burst"] is None
    assert found["AUTHKIT"]["RATES"]["LOGIN"] is None
    assert found["DEBUG"] is False


def test_the_middleware_is_ours_or_djangos() -> None:
    """Our middleware replaces Django's for our variants, and Django's replaces ours for Django's sessions."""
    ours = worker(Variant(kind=AUTHKIT, mode="jwt", store="database", check="store"))["MIDDLEWARE"]
    assert [each for each in ours if each.startswith("django_authkit.middleware.")] == [ours[1], ours[3]]
    assert ours[2] == "shop.Middleware"
    theirs = worker(Variant(kind=DJANGO, store="redis"))
    assert theirs["MIDDLEWARE"][1:] == PROJECT["MIDDLEWARE"]
    assert theirs["SESSION_ENGINE"] == "django.contrib.sessions.backends.cache"
    assert theirs["AUTHKIT"]["STORE"] == "database"


def test_every_choice_makes_a_variant() -> None:
    """All valid combinations, the baseline first; a duplicate entry gives two variants."""
    every = choose(
        modes=("session", "jwt"), stores=("database", "redis"), checks=("store", "replica", "none"), beside=()
    )
    assert [each.key for each in every] == [
        "baseline",
        "authkit-session-database",
        "authkit-session-redis",
        "authkit-session-redis-replica",
        "authkit-jwt-database-store",
        "authkit-jwt-database-none",
        "authkit-jwt-redis-store",
        "authkit-jwt-redis-replica",
        "authkit-jwt-redis-none",
    ]
    twice = choose(modes=("session", "session"), stores=("redis",), checks=(), beside=("django",))
    assert [each.name for each in twice] == [
        "No login",
        "Sessions in Redis",
        "Sessions in Redis (2)",
        "Django's sessions in Redis",
    ]


@pytest.mark.parametrize("hosts", [["example.org"], ["*"], ["localhost", ".example.org"]])
def test_production_is_refused(hosts: list[str], settings: Settings) -> None:
    """With DEBUG off and a host that is not this machine, the command needs a confirmation."""
    settings.DEBUG, settings.ALLOWED_HOSTS = False, hosts
    with pytest.raises(CannotCompare, match="--even-in-production"):
        preflight.refuse_production()
    settings.DEBUG = True
    preflight.refuse_production()
    settings.DEBUG, settings.ALLOWED_HOSTS = False, ["127.0.0.1", "localhost"]
    preflight.refuse_production()


def test_a_busy_machine_is_said() -> None:
    """A load that leaves no core idle before the run is noted with both numbers, a smaller one is not."""
    assert "(load 3.5 on 2 cores)" in preflight.other_work(3.456, 2)
    assert preflight.other_work(1.9, 2) == ""
