"""The test site on PostgreSQL, with other packages for authentication in addition to ours."""

from projects.site import *  # noqa: F403
from projects.site import CACHES, INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS = [
    *INSTALLED_APPS,
    "django.contrib.sessions",
    "rest_framework.authtoken",
    "rest_framework_simplejwt.token_blacklist",
    "knox",
    "allauth",
    "allauth.account",
    "allauth.headless",
]
MIDDLEWARE = [*MIDDLEWARE, "allauth.account.middleware.AccountMiddleware"]  # which allauth requires
CACHES = {
    **CACHES,
    "sessions": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://127.0.0.1:1/1"},
}
SESSION_CACHE_ALIAS = "sessions"
SIMPLE_JWT = {"ROTATE_REFRESH_TOKENS": True, "BLACKLIST_AFTER_ROTATION": True}
REST_FRAMEWORK = {}
AUTHKIT_MODE = "jwt"
AUTHKIT = {"STORE": "redis", "RATES": {"LOGIN": None, "REFRESH": None}}
ROOT_URLCONF = "projects.urls"
