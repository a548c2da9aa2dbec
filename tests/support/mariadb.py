"""Whether the tests have a MariaDB. Every process of the site asks, so this imports almost nothing."""

import shutil
from importlib.util import find_spec


def has_mariadb() -> bool:
    """Tell whether one can be started (``mariadbd`` on PATH) and used (``mysqlclient``)."""
    return shutil.which("mariadbd") is not None and find_spec("MySQLdb") is not None
