"""Database routers: which alias has which rows."""

from django.db.models import Model


class _Everything:
    """Reads and writes of all models use one alias."""

    alias: str

    def db_for_read(self, model: object, **hints: object) -> str:
        """Return the alias to read from."""
        return self.alias

    def db_for_write(self, model: object, **hints: object) -> str:
        """Return the alias to write to."""
        return self.alias


class EverythingOnPostgres(_Everything):
    """The alias is ``postgres``."""

    alias = "postgres"


class EverythingOnMariaDB(_Everything):
    """The alias is ``mariadb``."""

    alias = "mariadb"


class SessionsApart:
    """
    Our table has a database of its own, with the usual kind of router.

    Args:
        sessions: The alias for our table.
        others: The alias for the users and all other models.
    """

    def __init__(self, sessions: str, others: str) -> None:
        self._sessions, self._others = sessions, others

    def db_for_read(self, model: type[Model], **hints: object) -> str:
        """Return the alias to read from."""
        return self._sessions if model._meta.app_label == "django_authkit" else self._others

    db_for_write = db_for_read


class ReadsFromReplica:
    """
    Reads use a replica, unless a write says otherwise.

    Args:
        primary: The alias to write to.
        replica: The alias to read from.
    """

    def __init__(self, primary: str, replica: str) -> None:
        self._primary, self._replica = primary, replica

    def db_for_read(self, model: object, **hints: object) -> str:
        """Return the replica."""
        return self._replica

    def db_for_write(self, model: object, **hints: object) -> str:
        """Return the primary."""
        return self._primary

    def allow_relation(self, one: object, other: object, **hints: object) -> bool:
        """Both have the same rows, eventually."""
        return True


class UsersByTenant:
    """
    Each tenant has a database of its own, with all tables.

    Args:
        aliases: The tenants' databases.

    Attributes:
        current: The index of the tenant of the present request.
        unused: An alias without users.
    """

    def __init__(self, *aliases: str) -> None:
        self.aliases, self.current, self.unused = aliases, 0, ""

    def db_for_read(self, model: object, **hints: object) -> str:
        """Return the present tenant's alias."""
        return self.aliases[self.current]

    db_for_write = db_for_read

    def allow_migrate(self, alias: str, app_label: str, **hints: object) -> bool:
        """Return whether *alias* has tables."""
        return alias in self.aliases and alias != self.unused
