"""The secret key of this installation, made on first use. Nobody can copy one from the source."""

import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.core.management.utils import get_random_secret_key


def secret_of(directory: Path) -> str:
    """
    Return the secret key that is kept in *directory*; afterwards both exist, readable by the owner only.

    Atomicity:
        Of several processes that start at once, all return the same key.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = directory / "secret_key"
    if not file.exists():
        with NamedTemporaryFile("w", dir=directory) as proposal:
            proposal.write(get_random_secret_key())
            proposal.flush()
            with suppress(FileExistsError):  # another process was first; its key counts
                os.link(proposal.name, file)
    return file.read_text()
