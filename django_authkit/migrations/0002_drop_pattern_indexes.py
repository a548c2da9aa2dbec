"""
Drops the indexes that Django makes on PostgreSQL for ``LIKE`` on a text key.

No query uses them, and each write of a row had to write them too.
"""

from typing import Any

from django.db import migrations

_TABLES = ("authkit_session", "authkit_attempt")


def drop(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    for table in _TABLES:
        with connection.cursor() as cursor:
            constraints = connection.introspection.get_constraints(cursor, table)
        for name in constraints:
            if name.endswith("_like"):
                schema_editor.execute(f"DROP INDEX {schema_editor.quote_name(name)}")


class Migration(migrations.Migration):

    dependencies = [
        ("django_authkit", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(drop, migrations.RunPython.noop),
    ]
