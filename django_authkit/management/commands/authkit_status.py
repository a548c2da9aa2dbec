"""``manage.py authkit_status``: the state of the auth sessions of this project."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandParser
from django.template.defaultfilters import filesizeformat

from django_authkit.management.failures import failures_told
from django_authkit.management.status import PATIENCE, find_out
from django_authkit.problems import roughly

_STYLES: Final = {"error": "ERROR", "warning": "WARNING", "checks": "SUCCESS"}
"""How the names of lines look in a terminal: those of findings, and of none."""


class Command(BaseCommand):
    """Shows the number of live auth sessions, their memory, the state of revocation, and the checks."""

    help = "Print the state of this project's auth sessions: counts, memory, blacklist, keys, checks."
    requires_system_checks = ()  # their messages are part of the output

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options, among them ``--json``."""
        parser.add_argument("--json", action="store_true", help="one JSON object")
        how_much = parser.add_mutually_exclusive_group()
        how_much.add_argument("--fast", action="store_true", help="do not count the auth sessions")
        how_much.add_argument(
            "--exact", action="store_true", help="count each auth session instead of estimating large numbers"
        )

    @failures_told()
    def handle(self, *args: Any, json: bool, fast: bool, exact: bool, **options: Any) -> None:
        """Collect the status and print it."""
        status = find_out(count=not fast, every=exact)
        if json:
            self.stdout.write(as_json(status))
        else:
            for name, value in as_lines(status):
                style = getattr(self.style, _STYLES.get(name, ""), str)
                self.stdout.write(f"{style(f'{name:<14}')}{value}")


def as_json(status: dict[str, Any]) -> str:
    """Return *status* as JSON."""
    return json.dumps(status, indent=2)


def as_lines(status: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the name and value of each line of output."""
    accepted = ", ".join(status["accept"])
    yield "store", status["store"]
    yield "mode", f"{status['mode']} (accepted: {accepted})"
    yield from _count_lines(status)
    if status["server_bytes"] is not None:
        yield "memory", f"{_size(status['server_bytes'])} used by the server for all its data"
    if status["blacklist"] is not None:
        yield "blacklist", f"{status['blacklist']} entries"
    if status["attempts"] is not None:
        counted = status["attempts"]
        refusing = f"{counted['exhausted']} of them refuse the next attempt"
        yield "attempts", f"counters: {counted['counters']}; {refusing}"
    yield "access check", status["access_check"]
    if status["replica"] is not None:
        yield "replica", _replica_text(status["replica"])
    for key in status["keys"]:
        yield "key", f"{key['kid']}  {key['algorithm']}  {'signs' if key['signs'] else 'verifies only'}"
    for check in status["checks"]:
        yield check["level"], f"{check['id']}  {check['message']} {check['hint'] or ''}".rstrip()
    if not status["checks"]:
        yield "checks", "no problems (those of check --deploy included)"


def _count_lines(status: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if status["live"] is None:
        yield "live", "not counted"
        return
    about = _about if status["estimated"] else str
    how = "counted by SCAN" if status["store"] == "redis" else "counted by a query"
    how = "estimated from a part; --exact counts each" if status["estimated"] else how
    counts = ", ".join(f"{about(number)} {mode}" for mode, number in status["live"].items())
    yield "live", f"{about(sum(status['live'].values()))} ({counts}; {how})"
    by_device, by_key = about(status["device_bound"]), about(status["dpop_bound"])
    yield "bound", f"{by_device} of them to a device by a browser, {by_key} to the key of an app (DPoP)"
    if status["old_form"] is not None:
        yield "old form", old_form_text(status["old_form"])
    yield "records", f"{about(status['records'])}, about {_size(status['record_bytes'])}, without indexes"


def old_form_text(old: dict[str, Any]) -> str:
    """Return when the mode that is no longer issued can be dropped from ``ACCEPT``."""
    if old["can_be_dropped"]:
        return f"{old['mode']}: none was last seen with it; it can be dropped from ACCEPT"
    if not old["live"] and old["estimated"]:
        return f"{old['mode']}: none was found; before it is dropped from ACCEPT, count each with --exact"
    if not old["live"]:
        return f"{old['mode']}: none was last seen with it, but SWITCH_SHARE is {old['share']}"
    live = (_about if old["estimated"] else str)(old["live"])
    return (
        f"{old['mode']}: {live} were last seen with it; dropping it now asks those to log in again that have "
        "nothing newer. "
        f"The last expires {_when(old['unless_used'])} unless it is used, "
        f"and {_when(old['at_the_latest'])} at the latest"
    )


def _when(moment: str) -> str:
    """Return *moment* in ISO 8601, and how far it is from now."""
    return f"{moment} (in {roughly(datetime.fromisoformat(moment) - datetime.now(tz=UTC))})"


def _replica_text(replica: dict[str, Any]) -> str:
    if not replica["fresh"]:
        return f"not fresh within {PATIENCE:g} s; until then requests ask the store"
    return (
        f"fresh: {replica['age'] * 1000:.0f} ms old, at most {replica['max_staleness'] * 1000:.0f} ms; "
        f"{replica['revoked']} revoked"
    )


def _about(number: int) -> str:
    """Return *number* with the three digits that an estimate tells."""
    return f"about {round(number, 3 - len(str(number))):,}"


def _size(number: int) -> str:
    return str(filesizeformat(number)).replace("\N{NO-BREAK SPACE}", " ")
