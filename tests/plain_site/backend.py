"""The Django auth backend of the single sign-on."""

from typing import Any

from django.http import HttpRequest

from plain_site.models import Person


class SignOn:
    """Takes the word of somebody else for who a user is."""

    def authenticate(
        self, request: HttpRequest | None, email: str | None = None, **credentials: Any
    ) -> Person | None:
        """Return the user with that address."""
        return Person.objects.filter(email=email).first()

    def get_user(self, user_id: object) -> Person | None:
        """Return the user with that key."""
        return Person.objects.filter(pk=user_id).first()
