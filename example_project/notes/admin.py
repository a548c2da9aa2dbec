"""Everybody's notes, for the staff."""

from django.contrib import admin

from notes.models import Note


@admin.register(Note)
class NoteAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # no generic at run time
    """A list that can be searched."""

    list_display = ("title", "owner", "created")
    search_fields = ("title", "text", "owner__username")
