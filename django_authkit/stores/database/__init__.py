"""The store in the project's own database, and nothing else of this package, is for others."""

from django_authkit.stores.database.store import DatabaseStore

__all__ = ["DatabaseStore"]
