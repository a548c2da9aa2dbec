"""Steps of a login after the password."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpRequest

from django_authkit.login_steps import LoginStep, Question


class Code(LoginStep):
    """A code that was sent, to everybody but bob; its last digit is told."""

    name = "code"
    amr = ("otp", "mfa")
    sent: ClassVar[list[Any]] = []

    def is_needed(self, request: HttpRequest, user: Any) -> bool:
        """Ask everybody but bob."""
        return str(user.username) != "bob"

    def ask(self, request: HttpRequest, user: Any) -> Question:
        """Send it."""
        self.sent.append(user.username)
        return Question(shown={"ends_in": "7"}, kept={"code": "1234567"})

    def verify(self, request: HttpRequest, user: Any, question: Question, data: Mapping[str, Any]) -> bool:
        """Compare."""
        return data.get("code") == question.kept["code"] and question.shown == {"ends_in": "7"}


class Terms(LoginStep):
    """Terms that have to be accepted."""

    name = "terms"

    def verify(self, request: HttpRequest, user: Any, question: Question, data: Mapping[str, Any]) -> bool:
        """Accept."""
        return data.get("accepted") is True


class Nameless(Terms):
    """Has no name."""

    name = ""


class Again(Code):
    """Has the name of another."""
