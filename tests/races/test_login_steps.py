"""Two requests with the handle of one login step: one auth session begins."""

from functools import partial

import pytest
from django.contrib.auth.models import User

from django_authkit import sessions_of
from support.client import code
from support.live_site import LiveSite, by_header, in_session_mode
from support.parallel import parallel_threads
from support.profile import rounds

pytestmark = pytest.mark.slow

CALLERS = 6


@by_header
@in_session_mode
def test_of_simultaneous_steps_with_one_handle_one_logs_in(live: LiveSite) -> None:
    """The others get the code of a handle that was used."""
    live.configure(LOGIN={"STEPS": ["testapp.login_steps.Terms"]}, RATES={"LOGIN_STEP": None})
    ada: User = live.add_user("ada")
    with parallel_threads(CALLERS) as threads:
        for number in range(rounds(10)):
            handle = live.device().log_in().json()["handle"]  # type: ignore[attr-defined]
            sent = {"handle": handle, "accepted": True}
            answers = threads.at_once([partial(live.device().log_in_step, sent)] * CALLERS)
            codes = sorted(answer.status_code for answer in answers)
            assert codes == [200, *[401] * (CALLERS - 1)]
            assert {code(each)[1] for each in answers if each.status_code == 401} == {"step_ended"}
            assert len(sessions_of(ada)) == number + 1
