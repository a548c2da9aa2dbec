"""
The tables of the database store. Only ``stores/database`` writes them.

The first holds auth sessions, anonymous Django sessions, one reserved row that counts the epochs of
``revoke_all``, and rows that simultaneous logins of one user lock; the other counts attempts. Instants and
durations are integers in milliseconds; instants are the database's clock since the Unix epoch, so that they
compare the same way on every database.
"""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext_lazy as _

from django_authkit.types import STOCK_BACKEND


class HandleField(models.CharField):  # type: ignore[type-arg]  # not generic at run time
    """ASCII compared byte by byte: case matters, and a beginning is a range of an index."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        """Return the column type; on MySQL and MariaDB with a binary collation."""
        column = super().db_type(connection)
        return f"{column} CHARACTER SET ascii COLLATE ascii_bin" if connection.vendor == "mysql" else column

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        """Return the parameters of the column; on PostgreSQL with a binary collation."""
        parameters = super().db_parameters(connection)
        return {**parameters, "collation": "C"} if connection.vendor == "postgresql" else parameters


class BackendField(models.CharField):  # type: ignore[type-arg]
    """The path of a Django auth backend; the stock one takes no space."""

    def get_prep_value(self, value: str | None) -> str | None:
        """Return what is stored."""
        return "" if value == STOCK_BACKEND else value

    def from_db_value(self, value: str, *_: object) -> str:
        """Return the path."""
        return value or STOCK_BACKEND


class AuthSessionRow(models.Model):
    """
    One auth session, or one anonymous Django session.

    Attributes:
        sid: The sid. For an anonymous session ``~`` and its handle, which cannot be a sid.
        user: NULL for anonymous sessions. There is no database constraint: the table may be in
            another database than the users, and a login would wait for a transaction that has locked the
            user's row. A deletion of users therefore leaves this table alone, and a signal revokes the
            auth sessions; the join finds no user.
        epoch: The epoch of the login: the auth session is live while it is the current one. -1 once
            it was revoked. NULL for anonymous sessions, so that no query for auth sessions finds one.
        key_digest: Digest of the session key's secret.
        jti_digest, previous_digest: Digests of the current and the previous refresh token's ``jti``.
        sealed: The current ``jti``, encrypted for the holder of the previous one.
        rotated_copy: Which of the tokens with the previous ``jti`` was rotated.
        rotated_by: A mark of the browser that rotated it.
        forks, forked_generation: In how many rotations in a row another copy was used too, and the last of
            their generations.
        idle_limit_ms: The idle timeout that ``set_expiry`` gave it, if it did.
        revoked_ms, revoke_reason: Set once, in the statement that also clears what its credentials need.
        revoked_by: Identifies the call that revoked it, where that call may be repeated.

    The other fields are named as in ``AuthSession``:
    ``stores/database/records.py`` checks this when it is imported.
    """

    # In the order of their alignment, the widest first: so PostgreSQL pads none of them.
    created_ms = models.BigIntegerField(default=0)
    auth_time_ms = models.BigIntegerField(default=0)
    last_seen_ms = models.BigIntegerField(default=0)
    idle_expires_ms = models.BigIntegerField(default=0)
    expires_ms = models.BigIntegerField(default=0)
    access_until_ms = models.BigIntegerField(default=0)
    rotated_ms = models.BigIntegerField(default=0)
    bound_ms = models.BigIntegerField(default=0, db_default=0)
    idle_timeout = models.BigIntegerField(default=0, db_default=0)
    idle_limit_ms = models.BigIntegerField(null=True)
    revoked_ms = models.BigIntegerField(null=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("user"),
    )
    epoch = models.IntegerField(null=True, editable=False)
    generation = models.IntegerField(default=0)
    least_generation = models.IntegerField(default=0, db_default=0)
    forked_generation = models.IntegerField(default=0, db_default=0)
    forks = models.SmallIntegerField(default=0, db_default=0)
    remember = models.BooleanField(_("remember"), default=False)
    by_header = models.BooleanField(default=False, db_default=False)
    sid = HandleField(max_length=17, primary_key=True)
    mode = models.CharField(_("mode"), max_length=7)
    backend = BackendField(max_length=255)
    auth_hash = models.CharField(max_length=255)
    amr = models.JSONField(default=list)
    address = HandleField(_("address"), max_length=45)
    label = models.CharField(_("device"), max_length=60, default="", db_default="")
    browser_mark = models.CharField(max_length=8, default="", db_default="")
    device_key = HandleField(max_length=800, default="", db_default="")
    device_nonce = HandleField(max_length=22, default="", db_default="")
    claims_json = HandleField(max_length=1024, default="", db_default="")
    key_digest = models.BinaryField(max_length=32, null=True)
    jti_digest = models.BinaryField(max_length=16, null=True)
    previous_digest = models.BinaryField(max_length=16, null=True)
    rotated_copy = models.CharField(max_length=8, default="", db_default="")
    rotated_by = models.CharField(max_length=8, default="", db_default="")
    sealed = models.BinaryField(null=True)
    data = models.TextField()
    revoke_reason = models.CharField(_("revoke reason"), max_length=16)
    revoked_by = models.BinaryField(max_length=32, null=True)

    class Meta:
        """The table's name, and the indexes: of a user's, for ``prune`` and lists, and for searches."""

        db_table = "authkit_session"
        verbose_name = _("auth session")
        verbose_name_plural = _("auth sessions")
        indexes = (
            models.Index(fields=["user", "epoch", "idle_expires_ms"], name="authkit_session_user"),
            models.Index(fields=["epoch", "idle_expires_ms"], name="authkit_session_expiry"),
            models.Index(fields=["address"], name="authkit_session_address"),
        )

    def __str__(self) -> str:
        return str(self.sid)


class AttemptRow(models.Model):
    """
    One counter of attempts, or a mark that exempts from counters.

    Attributes:
        key: What is counted, after ``h:``; what is marked, after ``k:``.
        hits: Attempts counted since the window began.
        allowed: The limit that the counter had at the last attempt.
        ends_ms: The end of the window, or of the mark.
    """

    key = HandleField(max_length=82, primary_key=True)
    hits = models.IntegerField(default=0)
    allowed = models.IntegerField(default=0)
    ends_ms = models.BigIntegerField()

    class Meta:
        """The table's name, and the index for ``prune``."""

        db_table = "authkit_attempt"
        indexes = (models.Index(fields=["ends_ms"], name="authkit_attempt_ends"),)

    def __str__(self) -> str:
        return str(self.key)
