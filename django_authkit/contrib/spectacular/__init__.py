"""
Describes the endpoints and the authentication classes to drf-spectacular.

It is imported when ``drf_spectacular`` is in ``INSTALLED_APPS``, and registers itself.
"""

from django_authkit.contrib.spectacular import endpoints, logins, security, simplejwt, tickets

__all__ = ["endpoints", "logins", "security", "simplejwt", "tickets"]
