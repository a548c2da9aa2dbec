"""
Logins that other packages made, and how each is taken over: the setting ``ADOPT``.

An adapter knows one kind of external credential: where a request has it, whom it logs in, and how its own
package forgets it. What an adoption is (one auth session for one credential, whatever races or fails) is
``service.adoption``'s business. A project writes adapters of its own by deriving from ``Adapter``; see
``docs/reference/python-api.md``.
"""

from django_authkit.adoption.adapter import Adapter, AdapterFault, ExternalCookie, ExternalLogin, Place

__all__ = ["Adapter", "AdapterFault", "ExternalCookie", "ExternalLogin", "Place"]
