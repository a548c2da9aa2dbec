"""The steps of a live switch, derived from the project's settings and store."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.core.checks import Error, run_checks

from django_authkit.checks import TAG
from django_authkit.conf import AuthKitSettings
from django_authkit.management.commands.authkit_status import old_form_text
from django_authkit.management.status import find_out
from django_authkit.problems import in_words
from django_authkit.types import Mode

_REVOKED = {
    "store": "a revoked access token is refused on the next request",
    "replica": 'a revoked access token is refused within REPLICA["MAX_STALENESS"]',
    "none": "a revoked access token works until it expires",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """
    One step.

    Attributes:
        title: What to do.
        settings: The settings of this step.
        checks: What to check before the next step.
        done: Whether the settings already match.
    """

    title: str
    settings: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    done: bool = False


def steps_of(chosen: AuthKitSettings, goal: Mode) -> Iterator[Step]:
    """
    Yield the steps from the other mode to *goal*.

    Raises:
        StoreUnavailable: The store did not respond.
    """
    both, moved = len(chosen.accept) > 1, chosen.mode is goal
    old = Mode.JWT if goal is Mode.SESSION else Mode.SESSION
    accept_both = 'AUTHKIT["ACCEPT"] = ("session", "jwt")'
    yield Step(
        title=f"Make sure that the site is ready for {goal}.",
        checks=tuple(_readiness(chosen, goal)),
    )
    yield Step(
        title="Accept both, in every worker.",
        settings=(f'AUTHKIT_MODE = "{old}"', accept_both),
        checks=(
            "Wait until every worker has it: one without it would refuse the credentials of the others.",
            "manage.py authkit_status prints: accepted: session, jwt.",
        ),
        done=both or moved,
    )
    yield Step(
        title=f"Issue {goal}, to a few auth sessions at first.",
        settings=(f'AUTHKIT_MODE = "{goal}"', accept_both, 'AUTHKIT["SWITCH_SHARE"] = 1  # then 10, 50, 100'),
        checks=(
            "Watch the rates of 401, by code, and of refresh_reused in the logs: neither may rise.",
            "Raise the share step by step. To go back, lower it or restore the mode. Nobody is logged out.",
        ),
        done=moved and chosen.switch_share == 100,
    )
    yield Step(title=f"Wait until no auth session uses {old}.", checks=tuple(_waiting(chosen, goal)))
    yield Step(
        title=f"Drop {old}.",
        settings=(f'AUTHKIT_MODE = "{goal}"', f'AUTHKIT["ACCEPT"] = ("{goal}",)'),
        checks=("From here on, going back starts with step 2.",),
        done=moved and not both,
    )


def _readiness(chosen: AuthKitSettings, goal: Mode) -> Iterator[str]:
    errors = [each for each in run_checks(tags=[TAG]) if isinstance(each, Error)]
    yield from (f"{error.id}: {error.msg} {error.hint or ''}".rstrip() for error in errors)
    if not errors:
        yield "manage.py check finds no error with these settings. With those of step 2, run check --deploy."
    if goal is Mode.SESSION:
        yield (
            "Session mode needs our SESSION_ENGINE and both of our middleware classes, and reads the store "
            "on each request."
        )
    else:
        yield (
            "Front ends have to refresh after token_expired; pages without a script use their session key "
            f"until that mode is dropped. Access tokens last {in_words(chosen.lifetimes.access)}."
        )
        yield f'ACCESS_CHECK is "{chosen.access_check}": {_REVOKED[chosen.access_check]}.'
        yield (
            "Login pages that use Django's login(): change them now. After the last step their logins count "
            "for pages only, and not for the API."
        )
    if chosen.cookie.refresh_path not in {None, "/"}:
        yield 'With COOKIE["REFRESH_PATH"] browsers get session keys only when they refresh.'


def _waiting(chosen: AuthKitSettings, goal: Mode) -> Iterator[str]:
    yield "Browsers switch with the next response, apps when they refresh."
    if chosen.mode is goal and len(chosen.accept) > 1:
        old = find_out(count=True, every=True)["old_form"]
        yield f"Now: {old_form_text(old)}."
    yield (
        f"It takes at most the idle timeout ({in_words(chosen.lifetimes.idle)}) for unused auth sessions, "
        f"and the absolute lifetime ({in_words(chosen.lifetimes.absolute)}) for apps that never refresh."
    )
