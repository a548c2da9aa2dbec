"""The API: a user's own notes, and nobody else's."""

from django.db.models import QuerySet
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import ModelViewSet

from notes.models import Note
from notes.serializers import NoteSerializer


class NoteViewSet(ModelViewSet[Note]):
    """Your notes. Those of others do not exist here."""

    serializer_class = NoteSerializer

    def get_queryset(self) -> QuerySet[Note]:
        """Return the notes of the current user."""
        return Note.objects.filter(owner=self.request.user.pk)

    def perform_create(self, serializer: BaseSerializer[Note]) -> None:
        """Save a note of the current user."""
        serializer.save(owner=self.request.user)
