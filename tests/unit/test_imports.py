"""What is imported in a project that does not use it."""

import subprocess
import sys
from textwrap import dedent

PROJECT = dedent(
    """
    import json
    import sys

    import django
    from django.conf import settings
    from django.core.management import call_command
    from django.urls import include, path

    settings.configure(
        SECRET_KEY="a" * 64,
        ALLOWED_HOSTS=["testserver"],
        ROOT_URLCONF=__name__,
        AUTHKIT_MODE="{mode}",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "rest_framework",
            "django_authkit",
        ],
        MIDDLEWARE=[
            "django_authkit.middleware.SessionMiddleware",
            "django_authkit.middleware.AuthenticationMiddleware",
        ],
        SESSION_ENGINE="django_authkit.session_engine",
        DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}},
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    )
    django.setup()
    urlpatterns = [path("auth/", include("django_authkit.urls"))]

    from django.contrib.auth.models import User
    from django.test import Client

    call_command("migrate", verbosity=0)
    User.objects.create_user("ada", password="a password")
    body = json.dumps({{"username": "ada", "password": "a password"}})
    headers = {{"X-Authkit-Transport": "header"}}
    login = Client().post("/auth/login/", body, "application/json", secure=True, headers=headers)
    bearer = {{"Authorization": "Bearer " + login.json()["access"]}}
    assert Client().get("/auth/session/", secure=True, headers=bearer).status_code == 200
    loaded = {{name.partition(".")[0] for name in sys.modules}}
    unused = {{"redis", "django_redis", "ua_parser_rs", "gunicorn", "allauth", "knox", "geoip2"}}
    print(sorted(loaded & unused))
    """
)


def test_a_project_with_the_database_store_loads_no_redis() -> None:
    """Neither the URLs nor a login and a request load redis-py, in either mode."""
    for mode in ("session", "jwt"):
        ran = subprocess.run(
            [sys.executable, "-c", PROJECT.format(mode=mode)], capture_output=True, text=True, check=False
        )
        assert (ran.returncode, ran.stdout.strip()) == (0, "[]"), ran.stderr
