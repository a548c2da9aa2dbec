"""``manage.py authkit_switch``: helps a project switch modes or packages."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings as django_settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_authkit.compat.simplejwt.settings import NotTranslatable, translate
from django_authkit.conf import get_settings
from django_authkit.management.failures import failures_told
from django_authkit.management.subcommands import usual_options
from django_authkit.management.switch_plan import Step, steps_of
from django_authkit.types import Mode


class Command(BaseCommand):
    """Has a subcommand for each task."""

    help = "Help to change how the project keeps people logged in."
    requires_system_checks = ()  # also works during a switch

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the subcommands, each with its ``run``."""
        self.add_subcommands(parser.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND"))

    def add_subcommands(self, subcommands: Any) -> None:
        """Add each subcommand."""
        usual = [usual_options()]
        plan: ArgumentParser = subcommands.add_parser(
            "plan",
            help="print the steps from the current mode to the other, based on the settings",
            parents=usual,
        )
        plan.add_argument("--to", choices=list(map(str, Mode)), help="the mode to go to; default: the other")
        plan.set_defaults(run=self.plan)
        from_simplejwt = subcommands.add_parser(
            "from-simplejwt", help="print the AUTHKIT that corresponds to SIMPLE_JWT", parents=usual
        )
        from_simplejwt.set_defaults(run=self.from_simplejwt)

    @failures_told()
    def handle(self, *args: Any, run: Any, **options: Any) -> None:
        """Run the subcommand."""
        run(**options)

    def plan(self, *, to: str | None, **_options: Any) -> None:
        """Print the steps and what to check after each."""
        chosen = get_settings()
        other = Mode.JWT if chosen.mode is Mode.SESSION else Mode.SESSION
        # If both modes are accepted, a switch is in progress, and its goal is the mode.
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
        """Print settings to paste, with comments for what has no equivalent."""
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
