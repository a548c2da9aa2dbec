"""Where the site's rows are."""


class EverythingOnPostgres:
    """Reads and writes of all models go to the alias ``postgres``."""

    def db_for_read(self, model: object, **hints: object) -> str:
        """Return the alias to read from."""
        return "postgres"

    def db_for_write(self, model: object, **hints: object) -> str:
        """Return the alias to write to."""
        return "postgres"
