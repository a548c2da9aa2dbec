"""The test site as a project for ``authkit_compare``: in processes that only know its module."""

import os

from projects.site import *  # noqa: F403
from projects.site import CACHES, DATABASES, MIDDLEWARE

ROOT_URLCONF = "projects.compared_urls"
ALLOWED_HOSTS = os.environ.get("COMPARED_HOSTS", "localhost").split(",")
MIDDLEWARE = ["testapp.injected_faults.Injecting", *MIDDLEWARE]
CACHES = {
    "default": CACHES["default"],
    "authkit": {**CACHES["authkit"], "LOCATION": os.environ.get("COMPARED_REDIS", "redis://127.0.0.1:1/0")},
}
if "COMPARED_POSTGRES" in os.environ:
    _host, _port = os.environ["COMPARED_POSTGRES"].rsplit(":", 1)
    DATABASES = {"default": {**DATABASES["postgres"], "HOST": _host, "PORT": _port, "TEST": {}}}
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ.get("COMPARED_FILE", ":memory:"),
            "OPTIONS": {"transaction_mode": "IMMEDIATE"},
        }
    }
