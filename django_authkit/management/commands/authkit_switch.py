"""``manage.py authkit_switch``: what helps a project to change how it keeps people logged in."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings as django_settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_authkit.compat.simplejwt.translation import NotTranslatable, translate
from django_authkit.conf import SettingsProblem, get_settings
from django_authkit.errors import StoreUnavailable
from django_authkit.management.switch_plan import Step, steps_of
from django_authkit.types import Mode


class Command(BaseCommand):
    """Has a subcommand for each thing that it helps with."""

    help = "Help to change how the project keeps people logged in."
    requires_system_checks = ()  # a project in the middle of a change asks, too

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a subcommand, which says by ``run`` what it does."""
        self.add_subcommands(parser.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND"))

    def add_subcommands(self, subcommands: Any) -> None:
        """Add each subcommand."""
        plan: ArgumentParser = subcommands.add_parser(
            "plan", help="print the steps from the present mode to the other, from the settings"
        )
        plan.add_argument("--to", choices=list(map(str, Mode)), help="the mode to go to; default: the other")
        plan.set_defaults(run=self.plan)
        from_simplejwt = subcommands.add_parser(
            "from-simplejwt", help="print the AUTHKIT that does what SIMPLE_JWT says"
        )
        from_simplejwt.set_defaults(run=self.from_simplejwt)

    def handle(self, *args: Any, run: Any, **options: Any) -> None:
        """Do what the subcommand does."""
        try:
            run(**options)
        except (StoreUnavailable, SettingsProblem) as error:
            raise CommandError(str(error)) from error

    def plan(self, *, to: str | None, **_options: Any) -> None:
        """Print the steps, and for each what to check."""
        chosen = get_settings()
        other = Mode.JWT if chosen.mode is Mode.SESSION else Mode.SESSION
        # Where both are accepted a switch is under way already, and the mode is where it goes.
        under_way = chosen.mode if len(chosen.accept) > 1 else other
        goal = Mode(to) if to else under_way
        accepted = ", ".join(chosen.accept)
        self.stdout.write(
            f"From {_other(goal)} to {goal}. "
            f"Now: mode {chosen.mode}, accepted {accepted}, share {chosen.switch_share}."
        )
        for number, step in enumerate(steps_of(chosen, goal), 1):
            self._print(number, step)

    def from_simplejwt(self, **_options: Any) -> None:
        """Print settings that can be pasted, and what has no equivalent as comments."""
        simple_jwt = getattr(django_settings, "SIMPLE_JWT", {})
        try:
            translation = translate(simple_jwt, django_settings.SECRET_KEY)
        except NotTranslatable as error:
            raise CommandError(str(error)) from error
        self.stdout.write(translation.text())

    def _print(self, number: int, step: Step) -> None:
        self.stdout.write(f"\n{number}. {step.title}{'  [done]' if step.done else ''}")
        for line in step.settings:
            self.stdout.write(f"     {line}")
        for check in step.checks:
            self.stdout.write(f"   - {check}")


def _other(mode: Mode) -> Mode:
    return Mode.JWT if mode is Mode.SESSION else Mode.SESSION
