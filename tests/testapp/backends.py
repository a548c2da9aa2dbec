"""A Django auth backend that projects list by another path than that of its class."""

from django.contrib.auth.backends import ModelBackend


class _Backend(ModelBackend):
    """As Django's."""


Reexported = _Backend
