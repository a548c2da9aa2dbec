"""The step of a login that asks for a code."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pyotp
from django.http import HttpRequest

from django_authkit.login_steps import LoginStep, Question
from second_factor.models import Authenticator


class Totp(LoginStep):
    """A code of an authenticator app (RFC 6238), from users who have one."""

    name = "totp"
    amr = ("otp", "mfa")

    def is_needed(self, request: HttpRequest, user: Any) -> bool:
        """Ask those who have an authenticator."""
        return Authenticator.objects.filter(user=user).exists()

    def verify(self, request: HttpRequest, user: Any, question: Question, data: Mapping[str, Any]) -> bool:
        """Accept the code of this period or the one before, once."""
        code, mine = data.get("code"), Authenticator.objects.get(user=user)
        totp = pyotp.TOTP(mine.secret)
        now = totp.timecode(datetime.now(UTC))
        for period in (now, now - 1):
            if isinstance(code, str) and pyotp.utils.strings_equal(code, totp.generate_otp(period)):
                unused = Authenticator.objects.filter(user=user, last_period__lt=period)
                return unused.update(last_period=period) == 1
        return False
