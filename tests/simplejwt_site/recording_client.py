"""One of the two sides: a client that records every response."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from django_authkit.models import AuthSessionRow
from django_authkit.wiring import get_store
from support.clock import Clock

PASSWORD = "correct horse battery staple"
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")
_HEADERS = ("WWW-Authenticate", "Content-Type", "Allow")


class Side:
    """
    A client of simplejwt's endpoints (``theirs``) or of ours.

    Attributes:
        answers: What came back so far: status, headers and body, tokens masked.
        access, refresh: What it keeps, as a client of simplejwt does.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        self.name, self._clock = name, clock
        self.answers: list[dict[str, Any]] = []
        self.access = self.refresh = ""
        self.user = User.objects.create_user("ada", password=PASSWORD, pk=7)

    @classmethod
    @contextmanager
    def opened(cls, name: str) -> Iterator["Side"]:
        """Run one side with one user, ada, and a clock of its own; clean up afterwards."""
        with Clock.running() as clock:
            clock.follow(get_store())
            yield cls(name, clock)
        for model in (AuthSessionRow, OutstandingToken, User):
            model._base_manager.all().delete()

    def log_in(self, **form: Any) -> None:
        """Get a pair."""
        answer = self.post("token/", {"username": "ada", "password": PASSWORD}, **form)
        self.access, self.refresh = answer["access"], answer["refresh"]

    def carry_on(self) -> None:
        """Refresh, and keep the tokens of the response."""
        answer = self.post("token/refresh/", {"refresh": self.refresh})
        self.access = answer["access"]
        self.refresh = answer.get("refresh", self.refresh)

    def carry_on_if_possible(self) -> None:
        """Refresh, whether or not it succeeds."""
        self.post("token/refresh/", {"refresh": self.refresh})

    def look(self, header: str | None = None) -> None:
        """Call the view that requires a login."""
        authorization = f"Bearer {self.access}" if header is None else header
        self.send("GET", "whoami/", headers={"Authorization": authorization} if authorization else {})

    def post(self, path: str, body: Any, content_type: str = "application/json") -> Any:
        """Send a body, and return that of the response."""
        return self.send("POST", path, _encoded(body, content_type), content_type=content_type)

    def send(self, method: str, path: str, content: bytes = b"", **more: Any) -> Any:
        """Send a request, and record the response."""
        answer = Client().generic(method, f"/{self.name}/{path}", content, **more)
        body = json.loads(answer.content) if answer.content else None
        headers = {name: answer.headers.get(name) for name in _HEADERS}
        self.answers.append({"status": answer.status_code, "headers": headers, "body": _masked(body)})
        return body

    def note(self, fact: Any) -> None:
        """Record something that is not in a response."""
        self.answers.append({"fact": fact})

    def wait(self, **span: float) -> None:
        """Let time pass."""
        self._clock.advance(timedelta(**span))


def _encoded(body: Any, content_type: str) -> bytes:
    if isinstance(body, bytes):
        return body
    if content_type == "application/json":
        return json.dumps(body).encode()
    return "&".join(f"{name}={value.replace(' ', '+')}" for name, value in body.items()).encode()


def _masked(value: Any) -> Any:
    """Return *value* with each token replaced by a word."""
    if isinstance(value, dict):
        return {name: _masked(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_masked(each) for each in value]
    return "<token>" if isinstance(value, str) and _TOKEN.fullmatch(value) else value
