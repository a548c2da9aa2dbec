"""
A program: from login to logout on a site whose users have an e-mail address and a UUID.

Usage: ``session_lifecycle.py MODE STORE TRANSPORT REDIS_URL``. It fails at the first thing that is not as it
should be.
"""

import sys

import django
from django.conf import settings
from django.core.management import call_command

MODE, STORE, TRANSPORT, REDIS = sys.argv[1:]

settings.configure(
    SECRET_KEY="a key of this program, long enough to sign with",
    ALLOWED_HOSTS=["testserver"],
    ROOT_URLCONF="__main__",
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "rest_framework",
        "django_authkit",
        "email_site",
    ],
    MIDDLEWARE=[
        "django_authkit.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django_authkit.middleware.AuthenticationMiddleware",
    ],
    AUTH_USER_MODEL="email_site.Person",
    AUTHKIT_MODE=MODE,
    AUTHKIT={"STORE": STORE, "REDIS": {"ALIAS": "authkit"}},
    SESSION_ENGINE="django_authkit.session_engine",
    SESSION_COOKIE_NAME="__Host-sessionid",
    SESSION_COOKIE_SECURE=True,
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["django_authkit.authentication.AuthKitAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    },
    CACHES={
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "authkit": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": REDIS},
    },
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    USE_TZ=True,
)
django.setup()

from django.urls import include, path  # noqa: E402 - these need settings

from django_authkit import sessions_of  # noqa: E402
from django_authkit.types import Mode, Transport  # noqa: E402
from email_site.models import Person  # noqa: E402
from support.client import PASSWORD, Device, body, code  # noqa: E402
from testapp import views  # noqa: E402

urlpatterns = [
    path("auth/", include("django_authkit.urls")),
    path("api/whoami/", views.WhoAmI.as_view()),
    path("plain/whoami/", views.whoami),
    path("plain/login/", views.django_login),
]


def device() -> Device:
    """Return a new client."""
    return Device(Mode(MODE), Transport(TRANSPORT))


def log_in(client: Device, email: str) -> None:
    """Log in by e-mail address, which must work."""
    client.get("/auth/session/")
    answer = client.log_in_with({"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.content


call_command("migrate", run_syncdb=True, verbosity=0)
ada = Person.objects.create_user("ada@example.org", PASSWORD)
long = Person.objects.create_user("x" * 60 + "@" + "y" * 60 + "." + "z" * 60 + ".example.org", PASSWORD)

wrong = device()
wrong.get("/auth/session/")
assert code(wrong.log_in_with({"email": "ada@example.org", "password": "wrong"})) == (401, "login_failed")
assert code(wrong.log_in_with({"username": "ada@example.org", "password": PASSWORD})) == (
    400,
    "invalid_request",
)

client = device()
log_in(client, "ada@example.org")
who = body(client.who())
assert who["user"] == {"id": str(ada.pk), "email": "ada@example.org"}, who
assert body(client.call()) == {"id": str(ada.pk), "username": "ada@example.org"}
assert body(client.get("/plain/whoami/")) == {"id": str(ada.pk)}
assert client.refresh().status_code == 200
assert device().verify(client.credential)["sub"] == str(ada.pk)
assert [session.sid for session in sessions_of(ada)] == [who["session"]["sid"]]

other = device()
log_in(other, long.email)
ada.set_password("another")
ada.save()
assert code(client.copy().refresh()) == (401, "session_ended")
assert other.logged_in()
assert other.log_out().status_code == 204
assert sessions_of(long) == ()

browser = Device(Mode(MODE), Transport.COOKIE)
browser.get("/auth/session/")
assert browser.submit("/plain/login/", username=long.email, password=PASSWORD).status_code == 204
assert body(browser.get("/plain/whoami/")) == {"id": str(long.pk)}
long.delete()
assert body(browser.get("/plain/whoami/")) == {"id": None}
