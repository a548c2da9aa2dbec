# The fields of AuthSessionRow are in the order of the columns: see the model.

import django.db.models.deletion
import django_authkit.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AttemptRow',
            fields=[
                ('key', django_authkit.models.HandleField(max_length=82, primary_key=True, serialize=False)),
                ('hits', models.IntegerField(default=0)),
                ('allowed', models.IntegerField(default=0)),
                ('ends_ms', models.BigIntegerField()),
            ],
            options={
                'db_table': 'authkit_attempt',
                'indexes': [models.Index(fields=['ends_ms'], name='authkit_attempt_ends')],
            },
        ),
        migrations.CreateModel(
            name='AuthSessionRow',
            fields=[
                ('created_ms', models.BigIntegerField(default=0)),
                ('auth_time_ms', models.BigIntegerField(default=0)),
                ('last_seen_ms', models.BigIntegerField(default=0)),
                ('idle_expires_ms', models.BigIntegerField(default=0)),
                ('expires_ms', models.BigIntegerField(default=0)),
                ('access_until_ms', models.BigIntegerField(default=0)),
                ('rotated_ms', models.BigIntegerField(default=0)),
                ('bound_ms', models.BigIntegerField(db_default=0, default=0)),
                ('idle_timeout', models.BigIntegerField(db_default=0, default=0)),
                ('idle_limit_ms', models.BigIntegerField(null=True)),
                ('revoked_ms', models.BigIntegerField(null=True)),
                ('user', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                ('epoch', models.IntegerField(editable=False, null=True)),
                ('generation', models.IntegerField(default=0)),
                ('least_generation', models.IntegerField(db_default=0, default=0)),
                ('forked_generation', models.IntegerField(db_default=0, default=0)),
                ('forks', models.SmallIntegerField(db_default=0, default=0)),
                ('remember', models.BooleanField(default=False, verbose_name='remember')),
                ('by_header', models.BooleanField(db_default=False, default=False)),
                ('sid', django_authkit.models.HandleField(max_length=17, primary_key=True, serialize=False)),
                ('mode', models.CharField(max_length=7, verbose_name='mode')),
                ('backend', django_authkit.models.BackendField(max_length=255)),
                ('auth_hash', models.CharField(max_length=255)),
                ('amr', models.JSONField(default=list)),
                ('address', django_authkit.models.HandleField(max_length=45, verbose_name='address')),
                ('label', models.CharField(db_default='', default='', max_length=60, verbose_name='device')),
                ('browser_mark', models.CharField(db_default='', default='', max_length=8)),
                ('device_key', django_authkit.models.HandleField(db_default='', default='', max_length=800)),
                ('device_nonce', django_authkit.models.HandleField(db_default='', default='', max_length=22)),
                ('claims_json', django_authkit.models.HandleField(db_default='', default='', max_length=1024)),
                ('key_digest', models.BinaryField(max_length=32, null=True)),
                ('jti_digest', models.BinaryField(max_length=16, null=True)),
                ('previous_digest', models.BinaryField(max_length=16, null=True)),
                ('rotated_copy', models.CharField(db_default='', default='', max_length=8)),
                ('rotated_by', models.CharField(db_default='', default='', max_length=8)),
                ('sealed', models.BinaryField(null=True)),
                ('data', models.TextField()),
                ('revoke_reason', models.CharField(max_length=16, verbose_name='revoke reason')),
                ('revoked_by', models.BinaryField(max_length=32, null=True)),
            ],
            options={
                'verbose_name': 'auth session',
                'verbose_name_plural': 'auth sessions',
                'db_table': 'authkit_session',
                'indexes': [models.Index(fields=['user', 'epoch', 'idle_expires_ms'], name='authkit_session_user'), models.Index(fields=['epoch', 'idle_expires_ms'], name='authkit_session_expiry'), models.Index(fields=['address'], name='authkit_session_address')],
            },
        ),
    ]
