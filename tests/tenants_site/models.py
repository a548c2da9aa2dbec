"""The tenants, in the schema that all share; and which of them a request is for."""

from django.db import connection
from django.http import HttpRequest
from django_tenants.models import DomainMixin, TenantMixin


class Shop(TenantMixin):  # type: ignore[misc]
    """A tenant."""

    auto_create_schema = False  # without migrations, the program makes the tables


class Domain(DomainMixin):  # type: ignore[misc]
    """The host of a tenant."""


def of_connection(request: HttpRequest | None) -> str:
    """``TENANT``, as the documentation shows it."""
    name: str = connection.schema_name  # type: ignore[attr-defined]
    return "" if name == "public" else name
