"""
One small site. Tests vary mode, store and database with the ``settings`` fixture.

``default`` is an SQLite file and ``postgres`` a PostgreSQL; ``conftest.py`` says where both are, and
where the Valkey of the cache alias ``authkit`` is. ``DATABASE_ROUTERS = [EVERYTHING_ON_POSTGRES]``
moves the whole site to PostgreSQL. Where there is a MariaDB, it is ``mariadb``.
"""

from typing import Any

from support.mariadb import has_mariadb

EVERYTHING_ON_POSTGRES = "projects.routers.EverythingOnPostgres"
EVERYTHING_ON_MARIADB = "projects.routers.EverythingOnMariaDB"

SECRET_KEY = "a test's key, known to everybody who reads this, and long enough to sign with"
DEBUG = False
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
USE_TZ = True
ROOT_URLCONF = "projects.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "static/"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_authkit",
    "testapp",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django_authkit.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django_authkit.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# The waits are long because threads queue on a small machine, not because a server is slow.
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": ":memory:",
        "OPTIONS": {"timeout": 60, "init_command": "PRAGMA synchronous = OFF; PRAGMA journal_mode = PERSIST"},
        "TEST": {},
    },
    "postgres": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "postgres",
        "USER": "postgres",
        "TEST": {"NAME": "test_site"},
    },
}
if has_mariadb():
    DATABASES["mariadb"] = {
        "ENGINE": "django.db.backends.mysql",
        "NAME": "test",
        "USER": "root",
        "TEST": {"NAME": "test_site", "CHARSET": "utf8mb4"},
    }
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "authkit": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": "redis://127.0.0.1:1/0",
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 2, "SOCKET_TIMEOUT": 2},
    },
}

# Django 6.1 asks for it, and replaces it by its own mailbox in tests; earlier versions ignore it.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast; nobody's password is here
SESSION_ENGINE = "django_authkit.session_engine"
SESSION_COOKIE_NAME = "__Host-sessionid"
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["django_authkit.authentication.AuthKitAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
}
AUTHKIT_MODE = "session"
AUTHKIT: dict[str, Any] = {"STORE": "database", "REDIS": {"ALIAS": "authkit"}}
