"""The small site with packages that have middleware, backends and views of their own, as their docs say."""

from projects.site import *  # noqa: F403 - what is below comes on top of it
from projects.site import INSTALLED_APPS as SITE_APPS
from projects.site import MIDDLEWARE as SITE_MIDDLEWARE

INSTALLED_APPS = [
    *SITE_APPS,
    "allauth",
    "allauth.account",
    "allauth.headless",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.dummy",
    "auditlog",
    "axes",
    "debug_toolbar",
    "django_otp",
    "django_otp.plugins.otp_static",
    "hijack",
    "impersonate",
    "oauth2_provider",
    "simple_history",
    "notesapp",
]
MIDDLEWARE = [
    "debug_toolbar.middleware.DebugToolbarMiddleware",
    *SITE_MIDDLEWARE,
    "impersonate.middleware.ImpersonateMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "hijack.middleware.HijackUserMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "auditlog.middleware.AuditlogMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "testapp.time_zones.activates",
    "axes.middleware.AxesMiddleware",
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
ROOT_URLCONF = "projects.integrations_urls"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "/plain/whoami/"
ACCOUNT_RATE_LIMITS = False
ACCOUNT_EMAIL_VERIFICATION = "none"
DEBUG_TOOLBAR_CONFIG = {
    "IS_RUNNING_TESTS": False,
    "SHOW_TOOLBAR_CALLBACK": lambda request: "X-Show-Toolbar" in request.headers,
}
SILENCED_SYSTEM_CHECKS = ["axes.W003"]
