"""A note and its owner."""

from typing import ClassVar

from django.conf import settings
from django.db import models


class Note(models.Model):
    """
    What somebody wanted to remember.

    Attributes:
        owner: Whose it is; nobody else sees it.
        title: One line, at most 200 characters.
        text: The rest; may be empty.
        created: When it was written.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notes")
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    created = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager["Note"]] = models.Manager()

    class Meta:
        """Newest first."""

        ordering = ("-created", "-pk")

    def __str__(self) -> str:
        return self.title
