"""Notes; both packages record every change of one."""

from auditlog.registry import auditlog
from django.db import models
from simple_history.models import HistoricalRecords


class Note(models.Model):
    """A note."""

    text = models.CharField(max_length=40)
    objects: models.Manager["Note"] = models.Manager()
    history = HistoricalRecords()

    class Meta:
        """Where its table is."""

        app_label = "notesapp"

    def __str__(self) -> str:
        return self.text


auditlog.register(Note)
