"""The small site with packages that have middleware, backends and views of their own, as their docs say."""

from projects.site import *  # noqa: F403 - what is below comes on top of it
from projects.site import INSTALLED_APPS as SITE_APPS
from projects.site import MIDDLEWARE as SITE_MIDDLEWARE

INSTALLED_APPS = [
    *SITE_APPS,
    "auditlog",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_static",
    "hijack",
    "simple_history",
    "notesapp",
]
MIDDLEWARE = [
    *SITE_MIDDLEWARE,
    "django_otp.middleware.OTPMiddleware",
    "hijack.middleware.HijackUserMiddleware",
    "auditlog.middleware.AuditlogMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "axes.middleware.AxesMiddleware",
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
ROOT_URLCONF = "projects.integrations_urls"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "/plain/whoami/"
SILENCED_SYSTEM_CHECKS = ["axes.W003"]
