"""Django's tests of session backends, run against the engine that the settings name."""

from importlib import import_module

from django.conf import settings
from django.test import TestCase
from sessions_tests.tests import SessionTestsMixin


class EngineTests(SessionTestsMixin, TestCase):  # type: ignore[misc]
    """What Django expects of each session engine."""

    backend = import_module(settings.SESSION_ENGINE).SessionStore
