"""
Lets the admin find auth sessions by the beginning of their address, and compares handles byte by byte.

PostgreSQL compared them by the rules of a language, in which the beginning of a text is no range of an index.
"""

from typing import Any

from django.db import migrations, models

import django_authkit.models

_HANDLES = (("authkit_session", "sid"), ("authkit_attempt", "key"))


def compare_bytes(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    models_of = {model._meta.db_table: model for model in apps.get_app_config("django_authkit").get_models()}
    for table, name in _HANDLES:
        field = models_of[table]._meta.get_field(name)
        kind = field.db_type(schema_editor.connection)
        schema_editor.execute(f'ALTER TABLE {table} ALTER COLUMN {name} TYPE {kind} COLLATE "C"')


class Migration(migrations.Migration):

    dependencies = [
        ("django_authkit", "0006_drop_pattern_indexes"),
    ]

    operations = [
        migrations.RunPython(compare_bytes, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="authsessionrow",
            name="address",
            field=django_authkit.models.HandleField(max_length=45, verbose_name="address"),
        ),
        migrations.AddIndex(
            model_name="authsessionrow",
            index=models.Index(fields=["address"], name="authkit_session_address"),
        ),
    ]
