"""The settings of the site: those of a project with simplejwt, translated by ``authkit_switch``."""

from datetime import timedelta
from typing import Any

DAY = timedelta(days=1)


def simple_jwt(*, rotates: bool) -> dict[str, Any]:
    """Return a project's ``SIMPLE_JWT``."""
    return {
        "ACCESS_TOKEN_LIFETIME": timedelta(minutes=5),
        "REFRESH_TOKEN_LIFETIME": DAY,
        "ROTATE_REFRESH_TOKENS": rotates,
        "BLACKLIST_AFTER_ROTATION": rotates,
        "UPDATE_LAST_LOGIN": True,
        "CHECK_REVOKE_TOKEN": True,
        "AUTH_HEADER_TYPES": ("Bearer", "JWT"),
    }


def settings(*, store: str, rotates: bool, redis: str) -> dict[str, Any]:
    """Return the settings of a site whose auth sessions are in *store*."""
    return {
        "SECRET_KEY": "a key of this program, long enough to sign with",
        "ALLOWED_HOSTS": ["testserver"],
        "ROOT_URLCONF": "simplejwt_site.urls",
        "INSTALLED_APPS": [
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "rest_framework",
            "rest_framework_simplejwt.token_blacklist",
            "django_authkit",
        ],
        "MIDDLEWARE": ["django_authkit.middleware.AuthenticationMiddleware"],
        "SIMPLE_JWT": simple_jwt(rotates=rotates),
        "AUTHKIT_MODE": "jwt",
        "AUTHKIT": {
            "STORE": store,
            "TRANSPORTS": ("header",),
            "LIFETIMES": {
                "ACCESS": timedelta(minutes=5),
                "IDLE": DAY,
                "ABSOLUTE": 90 * DAY if rotates else DAY,
            },
            "LEEWAY": timedelta(0),
            "COMPAT": {"AUTH_SCHEMES": ("Bearer", "JWT"), "SIMPLEJWT_ROTATION": rotates},
            "EXTRA_CLAIMS": "django_authkit.compat.simplejwt.claims.simplejwt_claims",
            "RATES": {"LOGIN": None, "REFRESH": None},
        },
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
        "REST_FRAMEWORK": {"DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"]},
        "CACHES": {
            "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
            "authkit": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": redis},
        },
        "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        "USE_TZ": True,
    }
