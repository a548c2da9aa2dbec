"""
The adapters for logins of other packages: the setting ``ADOPT``.

An adapter knows one kind of external credential: where a request has it, which user it belongs to, and how
its own package deletes it. The adoption itself (one auth session for one credential, in spite of races and
failures) is in ``service.adoption``. A project writes its own adapters as subclasses of ``Adapter``: see
``docs/reference/python-api.md``.
"""

from django_authkit.adoption.adapter import Adapter, ExternalCookie, ExternalLogin, Place
from django_authkit.problems import Problem

__all__ = ["Adapter", "ExternalCookie", "ExternalLogin", "Place", "Problem"]
