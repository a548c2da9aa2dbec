"""The tour: every feature shown over real HTTP, in both modes, each on a fresh site. Each step is checked."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.management.base import CommandError, OutputWrapper

from demo.launch import HOST, Choices, running_site
from demo.tour import browser_story, jwt_story, session_story
from demo.tour.story import Deviation, Story

_GRACE = 3
"""Seconds; the tour waits until it is over."""

_GUIDE = """\
A tour of django-authkit over real HTTP. Each request is followed by "->" and
the status of its response. Only the last characters of a secret are shown."""


def walk(out: OutputWrapper, store: str, port: int) -> None:
    """
    Walk through both modes and print each exchange to *out*.

    Raises:
        CommandError: A step did not go as expected; the message names it.
    """
    story = Story(out)
    story.line(_GUIDE)
    for mode in ("jwt", "session"):
        with TemporaryDirectory(prefix="authkit-tour-") as directory:
            _walk_mode(story, Choices(mode=mode, store=store, data=Path(directory), port=port, grace=_GRACE))
    story.line(f"\nThe tour is complete: {story.steps} steps, {story.exchanges} responses, all as expected.")


def _walk_mode(story: Story, choices: Choices) -> None:
    mode, log = choices.mode, choices.data / "server.log"
    with log.open("w") as sink:
        try:
            with running_site(replace(choices, log=sink)) as site:
                address = f"{HOST}:{site.port}"
                if mode == "jwt":
                    jwt_story.tell(story, address, _GRACE)
                else:
                    session_story.tell(story, address)
                browser_story.tell(story, address, mode)
        except (Deviation, CommandError, OSError) as error:
            message = f"{error}\n\nThe end of the server's log:\n{log.read_text()[-2000:]}"
            raise CommandError(message) from error
