"""The users of the demo. Their passwords are not secret: the demo prints them."""

from dataclasses import dataclass

from django.contrib.auth.models import User

from notes.models import Note


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can log in."""

    name: str
    password: str
    is_staff: bool = False


ADA = Person("ada", "analytical-engine")
GRACE = Person("grace", "nanoseconds")
ADMIN = Person("admin", "only-for-this-demo", is_staff=True)
PEOPLE = (ADA, GRACE, ADMIN)


def make_people() -> None:
    """Make sure that each user exists, has the password that is printed, and once had a first note."""
    for person in PEOPLE:
        user, created = User.objects.get_or_create(
            username=person.name, defaults={"is_staff": person.is_staff, "is_superuser": person.is_staff}
        )
        if not user.check_password(person.password):  # new, or changed in the admin
            user.set_password(person.password)
            user.save()
        if created:
            Note.objects.create(owner=user, title=f"Welcome, {person.name}", text="Only you see this note.")
