"""What a login asks for after the password (``LOGIN["STEPS"]``): the base class of a project's steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    What a step asks, in values that JSON can represent.

    Attributes:
        shown: What the client is told, such as the challenge of a passkey.
        kept: What ``verify`` needs later. It stays in the store.
    """

    shown: Mapping[str, Any] = field(default_factory=dict)
    kept: Mapping[str, Any] = field(default_factory=dict, repr=False)


class LoginStep:
    """
    One step of a login after the password.

    Attributes:
        name: What clients know it by.
        amr: What it adds to how the user authenticated (RFC 8176), such as ``("otp", "mfa")``.
    """

    name: ClassVar[str]
    amr: ClassVar[tuple[str, ...]] = ()

    def is_needed(self, request: HttpRequest, user: AbstractBaseUser) -> bool:  # noqa: ARG002 - for subclasses
        """Tell whether *user* has to take this step, by default always."""
        return True

    def ask(self, request: HttpRequest, user: AbstractBaseUser) -> Question:  # noqa: ARG002 - for subclasses
        """Return the question, and send what has to be sent, such as a mail with a code."""
        return Question()

    def verify(
        self, request: HttpRequest, user: AbstractBaseUser, question: Question, data: Mapping[str, Any]
    ) -> bool:
        """Return whether *data*, the body of the client's request, is the right response to *question*."""
        raise NotImplementedError
