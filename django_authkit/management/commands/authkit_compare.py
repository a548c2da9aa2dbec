"""``manage.py authkit_compare``: compare sessions and JWTs on the project's own views."""

import json
import time
from argparse import ArgumentTypeError
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper

from django_authkit.compare import extents
from django_authkit.compare.errors import CannotCompare
from django_authkit.compare.interruption import Interrupted, signals_interrupt
from django_authkit.compare.variants import CHECKS, MODES, MODULES, PEERS, STORES, choose
from django_authkit.conf import InvalidSettings, get_settings
from django_authkit.http.client_info import on_one_line

if TYPE_CHECKING:
    from django_authkit.compare.report.model import Report

_OVER_BUDGET = 3
_NEEDED = {"gunicorn": "gunicorn", "rich": "rich"}


class Command(BaseCommand):
    """Serves the project with each variant on scratch data, measures, and reports."""

    help = "Measure sessions against JWTs on this project's own views, on scratch data, and report."
    requires_system_checks = ()  # the workers use different settings

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options; each has a default."""
        measured = parser.add_argument_group("what is compared")
        measured.add_argument(
            "--path",
            nargs="+",
            default=[],
            help="views that need a login (GET); default: up to two are found",
        )
        measured.add_argument("--user", help="who logs in; by default a new user")
        measured.add_argument("--modes", nargs="+", choices=MODES)
        measured.add_argument("--stores", nargs="+", choices=STORES)
        measured.add_argument("--checks", nargs="+", choices=CHECKS, help="ACCESS_CHECK")
        measured.add_argument("--beside", nargs="*", choices=PEERS, help="other packages")
        measured.add_argument(
            "--transport", choices=("cookie", "header"), help="default: the project's first"
        )
        measured.add_argument("--fixture", nargs="+", default=[], help="what fills the scratch database")
        pace = parser.add_argument_group("how long and how hard")
        extent = pace.add_mutually_exclusive_group()
        extent.add_argument(
            "--quick", action="store_true", help="one minute: both modes on the project's store, and no more"
        )
        extent.add_argument(
            "--thorough",
            action="store_true",
            help="as long as it takes, next to every package that is installed",
        )
        pace.add_argument(
            "--duration", type=_positive, help="seconds a variant; without: until it is decided"
        )
        pace.add_argument("--rounds", type=_rounds, help="into how many rounds they are divided")
        pace.add_argument("--concurrency", type=_whole, default=4, help="clients under load (default: 4)")
        pace.add_argument("--workers", type=_whole, default=2, help="processes of each variant (default: 2)")
        pace.add_argument(
            "--server", choices=("gunicorn", "uvicorn"), default="gunicorn", help="WSGI or ASGI"
        )
        pace.add_argument("--sessions", type=_whole, help="most live sessions for memory")
        pace.add_argument("--port", type=int, default=0, help="of the first variant (default: any free)")
        pace.add_argument("--even-in-production", action="store_true", help="do not refuse such settings")
        output = parser.add_argument_group("what is written")
        output.add_argument("--json", type=Path, metavar="FILE", help="every sample, for machines")
        output.add_argument("--progress", type=Path, metavar="FILE", help="how far it is, for programs")
        output.add_argument("--against", type=Path, metavar="FILE", help="the JSON of an earlier run")
        output.add_argument(
            "--fail-if",
            nargs="+",
            default=[],
            metavar="BUDGET",
            help="with --against: latency+10%%, for instance",
        )
        page = Path("authkit-compare.html")
        output.add_argument("--html", type=Path, metavar="FILE", default=page, help=f"default: {page}")

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare and report."""
        try:
            options = extents.completed(options)
            _see_what_is_needed(options)
            with signals_interrupt():
                made = self._compare(options)
        except (CannotCompare, InvalidSettings) as error:
            raise CommandError(on_one_line(str(error))) from error
        except Interrupted as error:
            raise CommandError("Interrupted. Nothing was left behind.", returncode=error.status) from None
        if made.faults:
            told = f"{len(made.faults)} promises were not kept; they are marked as faults above."
            raise CommandError(told)
        if made.since and made.since.broken:
            raise CommandError(f"Over the budget: {' '.join(made.since.broken)}", returncode=_OVER_BUDGET)

    def _compare(self, options: dict[str, Any]) -> "Report":
        from django_authkit.compare import preflight, run
        from django_authkit.compare.analysis.against import Budget
        from django_authkit.compare.report import html_page, model
        from django_authkit.compare.report.progress_file import ProgressFile
        from django_authkit.compare.report.terminal import Terminal

        budgets = [Budget.parsed(each) for each in options["fail_if"]]
        against = model.earlier(options["against"]) if options["against"] else None
        if budgets and against is None:
            raise CannotCompare("--fail-if needs --against: the JSON of the run to compare with.")
        if not options["even_in_production"]:
            preflight.refuse_production()
        wanted = _wanted(options)
        colored, detailed = not options["no_color"], options["verbosity"] > 1
        terminal = Terminal(_Stream(self.stdout), colored=colored, detailed=detailed)
        began = time.monotonic()
        display = ProgressFile(terminal, options["progress"]) if options["progress"] else terminal
        made = model.make(wanted, run.run(wanted, display), began, against, budgets)
        terminal.show(made)
        self.stdout.write("")
        if options["json"] is not None:
            options["json"].write_text(json.dumps(model.as_json(made)), "utf-8")
            self.stdout.write(f"Samples: {options['json']}")
        options["html"].write_text(html_page.render(made), "utf-8")
        self.stdout.write(f"Report: {options['html']}")
        return made


class _Stream:
    """Django's output stream, without the newline that its ``write`` appends."""

    def __init__(self, wrapper: OutputWrapper) -> None:
        self._wrapper = wrapper

    def write(self, text: str) -> int:
        self._wrapper.write(text, ending="")
        return len(text)

    def flush(self) -> None:
        self._wrapper.flush()

    def isatty(self) -> bool:
        return bool(self._wrapper.isatty())


def _wanted(options: dict[str, Any]) -> Any:
    from django_authkit.compare.analysis.situation import of_this_project
    from django_authkit.compare.measure.timings import Pace
    from django_authkit.compare.processes import Workers
    from django_authkit.compare.run import Wanted

    return Wanted(
        variants=choose(
            modes=options["modes"],
            stores=options["stores"],
            checks=options["checks"],
            beside=options["beside"],
        ),
        paths=tuple(dict.fromkeys(options["path"])),
        user=options["user"],
        fixtures=tuple(options["fixture"]),
        pace=Pace(**{name: options[name] for name in ("duration", "rounds", "concurrency", "looks")}),
        workers=Workers(server=options["server"], workers=options["workers"], threads=options["concurrency"]),
        port=options["port"],
        sessions=options["sessions"],
        transport=options["transport"] or str(get_settings().transports[0]),
        situation=of_this_project(),
    )


def _see_what_is_needed(options: dict[str, Any]) -> None:
    """
    Check early that the packages are installed and that the files can be written.

    Raises:
        CannotCompare: One of the checks failed.
    """
    for module, package in _NEEDED.items():
        if find_spec(module) is None:
            raise CannotCompare(f"{package} is missing: the extra [compare] of django-authkit has it.")
    if options["server"] == "uvicorn" and find_spec("uvicorn_worker") is None:
        raise CannotCompare("uvicorn-worker is not installed: pip install uvicorn-worker.")
    for kind in options["beside"]:
        if kind in MODULES and find_spec(MODULES[kind]) is None:
            raise CannotCompare(f"{kind} is not installed, so it cannot be compared.")
    for file in (options["json"], options["html"], options["progress"]):
        if file is not None and (file.is_dir() or not file.absolute().parent.is_dir()):
            raise CannotCompare(f"{file} cannot be written: it is a directory, or in none that exists.")


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value <= 3600:
        raise ArgumentTypeError("it takes more than 0 and at most 3600")
    return value


def _whole(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ArgumentTypeError("it takes 1 or more")
    return value


def _rounds(text: str) -> int:
    value = int(text)
    if not 3 <= value <= 1000:
        raise ArgumentTypeError("it takes 3 to 1000: fewer cannot tell noise from signal")
    return value
