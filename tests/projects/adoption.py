"""
The small site with the packages whose logins are adopted, and their own views in addition to ours.

``AUTHKIT_TEST_BLACKLIST=no`` leaves simplejwt's blacklist app out, which decides when it is imported.
"""

import os

from projects.site import *  # noqa: F403 - what is below comes on top of it
from projects.site import CACHES as SITE_CACHES
from projects.site import INSTALLED_APPS as SITE_APPS
from projects.site import MIDDLEWARE as SITE_MIDDLEWARE

HAS_BLACKLIST = os.environ.get("AUTHKIT_TEST_BLACKLIST") != "no"

INSTALLED_APPS = [
    *SITE_APPS,
    "django.contrib.sessions",
    "rest_framework.authtoken",
    "knox",
    "rest_framework_simplejwt",
    *(["rest_framework_simplejwt.token_blacklist"] if HAS_BLACKLIST else []),
    "allauth",
    "allauth.account",
    "allauth.headless",
    "allauth.usersessions",
]
_ALLAUTH = "allauth.account.middleware.AccountMiddleware"
CACHES = {
    **SITE_CACHES,
    "gone": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"},
}
MIDDLEWARE = [*SITE_MIDDLEWARE, _ALLAUTH]
OLD_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    _ALLAUTH,
]
MIDDLEWARE_AFTER = MIDDLEWARE
ROOT_URLCONF = "projects.adoption_urls"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = False
HEADLESS_ONLY = True
HEADLESS_FRONTEND_URLS = {"account_confirm_email": "https://testserver/confirm/{key}"}
SIMPLE_JWT: dict[str, object] = {}
REST_KNOX: dict[str, object] = {}
