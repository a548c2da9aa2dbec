"""The server process: gunicorn on an open socket."""

import sys
from typing import Any

from gunicorn.app.base import BaseApplication

from django_authkit.compare.worker import application, parent_process

WORKER_CLASSES = {"gunicorn": "gthread", "uvicorn": "uvicorn_worker.UvicornWorker"}


class Server(BaseApplication):  # type: ignore[misc]
    """
    Gunicorn with the application loaded before it forks.

    Args:
        descriptor: Number of the listening socket.
        server: One of ``WORKER_CLASSES``.
        workers, threads: How many.
    """

    def __init__(self, descriptor: int, server: str, workers: int, threads: int) -> None:
        self._asynchronous = server == "uvicorn"
        self._options = {
            "bind": f"fd://{descriptor}",
            "worker_class": WORKER_CLASSES[server],
            "workers": workers,
            "threads": threads,
            "preload_app": True,
            "keepalive": 60,
            "timeout": 120,
            "graceful_timeout": 1,
            "loglevel": "warning",
            "control_socket_disable": True,
        }
        super().__init__()

    def load_config(self) -> None:
        """Set the options that this version of gunicorn supports."""
        for name, value in self._options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        """Return the application."""
        return application.asgi() if self._asynchronous else application.wsgi()


if __name__ == "__main__":
    parent_process.end_with_it()
    Server(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])).run()
