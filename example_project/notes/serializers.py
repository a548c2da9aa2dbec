"""What of a note goes out, and what may come in."""

from rest_framework import serializers

from notes.models import Note


class NoteSerializer(serializers.ModelSerializer[Note]):
    """A note. Its owner is the current user, and is not in the body."""

    class Meta:
        """The members."""

        model = Note
        fields = ("id", "title", "text", "created")
