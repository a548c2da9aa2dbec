"""
The example's settings. The part about django-authkit comes first; the rest is any Django project's.

The environment variables are what ``manage.py demo`` sets from its options. Without them the site uses
JWTs over its SQLite database, so that ``manage.py check`` and the like work by themselves.
"""

import os
import sys
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from site_config.secret import secret_of

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("EXAMPLE_DATA") or BASE_DIR / ".demo")

# -- django-authkit -------------------------------------------------------------------------------

AUTHKIT_MODE = os.environ.get("EXAMPLE_MODE", "jwt")
AUTHKIT: dict[str, Any] = {
    # What is honored: the mode alone, unless the site is to be switched while people are logged in.
    "ACCEPT": os.environ.get("EXAMPLE_ACCEPT", AUTHKIT_MODE).split(","),
    "STORE": os.environ.get("EXAMPLE_STORE", "database"),
    "REDIS": {"ALIAS": "authkit"},
    # Five minutes by default; here it is so short that one can watch it. Pages that are opened later,
    # those of the admin and of the browsable API too, renew the login by themselves (PAGE_RENEWAL).
    "LIFETIMES": {
        "ACCESS": timedelta(minutes=1),
        "REFRESH_GRACE": timedelta(seconds=int(os.environ.get("EXAMPLE_REFRESH_GRACE", "10"))),
        # For logins without "Remember me"; the others live as long as by default.
        "NOT_REMEMBERED": {"IDLE": timedelta(hours=1), "ABSOLUTE": timedelta(hours=12)},
    },
    # Who logs other devices out proves first that it is them, unless they did so within ten minutes.
    "RECENT_AUTH": {
        "TO_REVOKE": True,
        "MAX_AGE": timedelta(seconds=int(os.environ.get("EXAMPLE_RECENT_AUTH", "600"))),
    },
    # See "Plain HTTP" below.
    "COOKIE": {"SECURE": False, "ACCESS_NAME": "authkit_access", "REFRESH_NAME": "authkit_refresh"},
}
SESSION_ENGINE = "django_authkit.session_engine"
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["django_authkit.authentication.AuthKitAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    # Optional: the project's own views then report errors in the shape that the endpoints do.
    "EXCEPTION_HANDLER": "django_authkit.api.exception_handler.exception_handler",
}
CACHES = {
    # Counts login attempts for the throttles. One process serves the demo; several need a shared cache.
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    # Auth sessions have a numbered database, or better a server, of their own: whoever clears a cache
    # there would log everybody out.
    "authkit": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": os.environ.get("EXAMPLE_REDIS_URL", "redis://127.0.0.1:6379/0"),
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 1, "SOCKET_TIMEOUT": 1},
    },
}

# Plain HTTP. The demo is served at http://127.0.0.1, where browsers drop Secure cookies; so all cookies
# here go without Secure, and without the __Host- prefix, which needs it. A site in production is served
# by HTTPS: leave COOKIE["SECURE"] and both cookie names above at their defaults, and set
#     SESSION_COOKIE_NAME = "__Host-sessionid"
#     SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
SESSION_COOKIE_SECURE = False
CSRF_COOKIE_SECURE = False

# HTTPS, with the certificate of "manage.py demo --https": cookies as in production, and browsers that can
# bind their logins to the device do so (docs/how-to/device-bound.md).
if os.environ.get("EXAMPLE_CERTIFICATE"):
    del AUTHKIT["COOKIE"]
    SESSION_COOKIE_NAME = "__Host-sessionid"
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    AUTHKIT["DEVICE_BOUND"] = "offer"
    AUTHKIT["LIFETIMES"] |= {"ACCESS": timedelta(minutes=5), "BOUND": timedelta(minutes=5)}  # the least

# -- any Django project ---------------------------------------------------------------------------

SECRET_KEY = secret_of(DATA_DIR)
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "site_config.urls"
# A folder with GeoLite2-City.mmdb: lists of devices then say where they are; this machine is nowhere.
GEOIP_PATH = os.environ.get("EXAMPLE_GEOIP_PATH")
LOGIN_URL = "rest_framework:login"
LOGIN_REDIRECT_URL = "index"
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "site_config" / "static"]
TIME_ZONE = "UTC"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "db.sqlite3",
        "OPTIONS": {"transaction_mode": "IMMEDIATE"},
    }
}
# EXAMPLE_POSTGRESQL="host=127.0.0.1 user=postgres dbname=notes", or a URL, instead of SQLite; takes psycopg
if address := os.environ.get("EXAMPLE_POSTGRESQL"):
    from psycopg.conninfo import conninfo_to_dict

    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    DATABASES["default"] = {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 60,
        **{names[name]: value for name, value in conninfo_to_dict(address).items()},
    }
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_authkit",
    "notes",
    "demo",
    "showcase",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "site_config.content_policy.ContentPolicyMiddleware",
    "showcase.scales.Scales",  # weighs requests for the front page
    "django_authkit.middleware.SessionMiddleware",  # in the place of Django's
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django_authkit.middleware.AuthenticationMiddleware",  # in the place of Django's
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "site_config" / "templates"],
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

# -- the API's schema, and Swagger UI at api/docs/ (docs/how-to/openapi.md) ------------------------

# The extra "demo" brings both packages; the sidecar is Swagger UI itself, so that this site serves it.
if find_spec("prometheus_client"):
    INSTALLED_APPS += ["django_authkit.contrib.prometheus"]
if find_spec("drf_spectacular"):
    INSTALLED_APPS += ["drf_spectacular", "drf_spectacular_sidecar"]
    REST_FRAMEWORK["DEFAULT_SCHEMA_CLASS"] = "drf_spectacular.openapi.AutoSchema"
SPECTACULAR_SETTINGS = {
    "TITLE": "Notes",
    "VERSION": "1",
    "SERVE_AUTHENTICATION": [],
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # A login over cookies changes the CSRF token, so each request takes it from its cookie.
    "SWAGGER_UI_SETTINGS": """{
        requestInterceptor: (request) => {
            const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
            if (token) request.headers["X-CSRFToken"] = token[1];
            return request;
        },
    }""",
}

# -- a second factor, if you want one (docs/how-to/login-steps.md) --------------------------------

# pip install pyotp; EXAMPLE_SECOND_FACTOR=1 python manage.py demo, and "manage.py authenticator ada"
if os.environ.get("EXAMPLE_SECOND_FACTOR"):
    INSTALLED_APPS.append("second_factor")
    AUTHKIT["LOGIN"] = {"STEPS": ["second_factor.steps.Totp"]}  # asks those who have an authenticator

# -- a front end on another origin, if you want one (docs/how-to/cross-origin.md) -----------------

# EXAMPLE_FRONT_END=http://127.0.0.1:5173 python manage.py demo
if front_end := os.environ.get("EXAMPLE_FRONT_END"):
    if find_spec("corsheaders") is None:
        sys.exit("EXAMPLE_FRONT_END takes django-cors-headers: python -m pip install django-cors-headers")
    from corsheaders.defaults import default_headers

    MIDDLEWARE.insert(1, "corsheaders.middleware.CorsMiddleware")
    CORS_ALLOWED_ORIGINS = CSRF_TRUSTED_ORIGINS = [front_end]  # may read, and may act
    CORS_ALLOW_CREDENTIALS = True
    CORS_ALLOW_HEADERS = (*default_headers, "x-authkit-transport")  # authkit.js sends it
    CORS_EXPOSE_HEADERS = ["X-Authkit-Expires-In", "Retry-After"]  # and reads these
    AUTHKIT["CSRF"] = "fetch-metadata"  # it cannot read the CSRF cookie of this host

# -- other packages, if you want them (docs/how-to/allauth.md, docs/how-to/ninja.md) --------------

# EXAMPLE_WITH=allauth,ninja python manage.py demo: sign-up at members/signup/, an API at ninja/
_WITH = set(filter(None, os.environ.get("EXAMPLE_WITH", "").split(",")))
_PACKAGES = {"allauth": '"django-allauth[headless,socialaccount]>=65.21"', "ninja": '"django-ninja>=1.4"'}
for each in sorted(_WITH):
    if each not in _PACKAGES:
        sys.exit(f"EXAMPLE_WITH: there is no {each!r}, only {' and '.join(_PACKAGES)}.")
    if find_spec(each) is None:
        sys.exit(f"EXAMPLE_WITH={each} takes a package: python -m pip install {_PACKAGES[each]}")
INSTALLED_APPS += sorted(_WITH)
if "allauth" in _WITH:
    INSTALLED_APPS += ["allauth.account", "allauth.headless", "allauth.socialaccount"]
    INSTALLED_APPS += ["allauth.socialaccount.providers.dummy"]  # asks whom to log in
    MIDDLEWARE.append("allauth.account.middleware.AccountMiddleware")
    AUTHENTICATION_BACKENDS = [
        "django.contrib.auth.backends.ModelBackend",
        "allauth.account.auth_backends.AuthenticationBackend",
    ]
    ACCOUNT_ADAPTER = "django_authkit.contrib.allauth.AccountAdapter"
    HEADLESS_TOKEN_STRATEGY = "django_authkit.contrib.allauth.TokenStrategy"  # for apps
    ACCOUNT_EMAIL_VERIFICATION = "none"  # this site sends no mail

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler", "level": "ERROR"}},
    "root": {"handlers": ["console"]},
}
