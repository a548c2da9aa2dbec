"""Where the site's rows are."""


class _Everything:
    """Reads and writes of all models go to one alias."""

    alias: str

    def db_for_read(self, model: object, **hints: object) -> str:
        """Return the alias to read from."""
        return self.alias

    def db_for_write(self, model: object, **hints: object) -> str:
        """Return the alias to write to."""
        return self.alias


class EverythingOnPostgres(_Everything):
    """That alias is ``postgres``."""

    alias = "postgres"


class EverythingOnMariaDB(_Everything):
    """That alias is ``mariadb``."""

    alias = "mariadb"
