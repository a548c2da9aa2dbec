"""The store in the project's own database. Other modules import only the store."""

from django_authkit.stores.database.store import DatabaseStore

__all__ = ["DatabaseStore"]
