"""
The database store's one table. Only ``stores/database`` writes it.

It holds auth sessions, the Django sessions of anonymous visitors, and one reserved row that counts
the epochs of ``revoke_all``. Instants and durations are integers in milliseconds; instants are the
database's clock since the Unix epoch, so that they compare alike on every database.
"""

from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext_lazy as _


class HandleField(models.CharField):  # type: ignore[type-arg]  # not generic at run time
    """A handle: ASCII, and its case counts, which MySQL's default collations ignore."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        """Return the column type; on MySQL and MariaDB with a collation that compares bytes."""
        column = super().db_type(connection)
        return f"{column} CHARACTER SET ascii COLLATE ascii_bin" if connection.vendor == "mysql" else column


class AuthSessionRow(models.Model):
    """
    One auth session, or one anonymous Django session.

    Attributes:
        sid: The sid. For an anonymous session ``~`` and its handle, which is the form of no sid.
        user: NULL for anonymous sessions. There is no constraint in the database: the table may be in
            another one than the users', and a login would wait for whoever has locked the user's row.
            The join finds no user where there is none.
        epoch: The epoch that the auth session began in: it lives while that is the current one. -1 once
            it was ended. NULL for anonymous sessions, so that no query for auth sessions sees one.
        key_digest: SHA-256 of the session key's secret.
        jti_digest, previous_digest: SHA-256 of the current and the previous refresh token's ``jti``.
        sealed: The current ``jti``, for whoever holds the previous one.
        idle_limit: The auth session's own idle timeout, if it has one.
        ended_at, end_reason: Set once, in the statement that also clears what its credentials need.
        ended_by: What the call that ended it is known by when it is repeated, if it may be.

    The other fields are those of ``AuthSession``.
    """

    sid = HandleField(max_length=17, primary_key=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("user"),
    )
    epoch = models.BigIntegerField(null=True, editable=False)
    mode = models.CharField(_("mode"), max_length=7)
    remember = models.BooleanField(_("remember"), default=False)
    backend = models.CharField(max_length=255)
    auth_hash = models.CharField(max_length=255)
    amr = models.JSONField(default=list)
    address = models.CharField(_("address"), max_length=45)
    user_agent = models.CharField(_("user agent"), max_length=256)
    created = models.BigIntegerField(default=0)
    auth_time = models.BigIntegerField(default=0)
    last_seen = models.BigIntegerField(default=0)
    idle_until = models.BigIntegerField(default=0)
    ends = models.BigIntegerField(default=0)
    access_until = models.BigIntegerField(default=0)
    generation = models.IntegerField(default=0)
    rotated = models.BigIntegerField(default=0)
    idle_limit = models.BigIntegerField(null=True)
    key_digest = models.BinaryField(max_length=32, null=True)
    jti_digest = models.BinaryField(max_length=32, null=True)
    previous_digest = models.BinaryField(max_length=32, null=True)
    sealed = models.BinaryField(null=True)
    data = models.TextField()
    ended_at = models.BigIntegerField(null=True)
    end_reason = models.CharField(_("end reason"), max_length=16)
    ended_by = models.BinaryField(max_length=32, null=True)

    class Meta:
        """The table's name, and an index each for the lists of users and for ``prune``."""

        db_table = "authkit_session"
        verbose_name = _("auth session")
        verbose_name_plural = _("auth sessions")
        indexes = (
            models.Index(fields=["user", "epoch", "idle_until"], name="authkit_session_user"),
            models.Index(fields=["epoch", "idle_until"], name="authkit_session_expiry"),
        )

    def __str__(self) -> str:
        return str(self.sid)
