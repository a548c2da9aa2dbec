"""The app."""

from django.apps import AppConfig


class SecondFactorConfig(AppConfig):
    """A second factor."""

    name = "second_factor"
