"""The verdict says what the results carry, and no more."""

import re
from dataclasses import replace

import pytest

from compare.made_up import JWT, PATH, SESSIONS, UNCHECKED, behavior, result
from django_authkit.compare.analysis.findings import findings
from django_authkit.compare.analysis.metrics import all_comparisons
from django_authkit.compare.analysis.situation import Situation
from django_authkit.compare.analysis.verdict import BEHAVIOR, BROKEN, CHOICE, COST, OUTAGE, SPEED, verdict
from django_authkit.compare.measurements import Samples
from django_authkit.compare.variants import BASELINE, Variant
from django_authkit.compare.words import duration, number, size

PLAIN = Situation(store="redis")
PAGES = Situation(store="redis", has_admin=True)
SERVICES = Situation(store="redis", has_key_pair=True)


def said(*samples: Samples, situation: Situation = PLAIN) -> dict[str, str]:
    """Return the sentences by what they are about."""
    found = findings(samples, all_comparisons(samples, [PATH]))
    sentences = verdict(samples, [PATH], found, situation)
    assert len(sentences) <= 5
    return {each.about: each.text for each in sentences}


def test_a_tie_is_said_and_speed_does_not_decide() -> None:
    """Within 5 % and beyond doubt it is a tie, and without settings that decide nothing is recommended."""
    told = said(result(SESSIONS, 2.0), result(JWT, 2.02))
    assert told[SPEED] == (
        "Speed should not decide: Sessions in Redis and JWT checked in Redis tie, within 5% of the 2 ms that "
        "a request of /notes/ takes."
    )
    assert told[CHOICE] == "Neither speed nor your settings decide: choose by what each can do."
    assert ", a tie;" in told[COST]


def test_noise_is_no_tie() -> None:
    """What this run cannot tell apart is not called equal."""
    told = said(result(SESSIONS, 2.0, noise=0.2), result(JWT, 2.1, noise=0.2))
    assert "cannot tell Sessions in Redis and JWT checked in Redis apart" in told[SPEED]
    assert "it is at most" in told[SPEED]
    assert "tie" not in told[SPEED]
    wild = said(result(SESSIONS, 2.0, noise=2.0), result(JWT, 2.1, noise=2.0))
    assert re.search(r": the noise is larger than the [\d.]+ ms that a request takes \(", wild[SPEED]), wild


def test_a_difference_is_said_with_its_interval() -> None:
    """What is faster by more than the noise and 5 % is named, and by how much."""
    told = said(result(SESSIONS, 2.0), result(JWT, 3.0))
    lead = "Sessions in Redis is faster than JWT checked in Redis: a request of /notes/ takes "
    amount = r"[\d.]+ ms less of [\d.]+ ms \(between 0.9\d* and 1.0\d*\)."
    assert re.fullmatch(re.escape(lead) + amount, told[SPEED]), told[SPEED]
    assert told[CHOICE] == "Your settings do not decide; by speed alone it would be Sessions in Redis."


def test_crossed_advantages_recommend_nothing() -> None:
    """One is faster, the other needs less CPU: neither is recommended for its speed."""
    told = said(result(SESSIONS, 2.0, cpu=3.0), result(JWT, 3.0, cpu=1.0))
    assert told[CHOICE] == "Neither speed nor your settings decide: choose by what each can do."
    assert (
        "3.47% of a core with Sessions in Redis and 1.16% of a core with JWT checked in Redis;" in told[COST]
    )


@pytest.mark.parametrize(
    ("situation", "jwt_ms", "sentence"),
    [
        (PAGES, 2.0, "suggest sessions, since the admin is installed, .*; speed is no reason against them."),
        (PAGES, 3.0, "suggest sessions, .*, and they are faster too."),
        (PAGES, 1.0, "suggest sessions, .*, but the others are faster: weigh the two."),
        (SERVICES, 1.0, "suggest JWTs, since SIGNING_KEYS has a key pair, .*, and they are faster too."),
        (
            Situation(store="redis", has_admin=True, has_key_pair=True),
            1.0,
            "point both ways: to sessions, since .*; to JWTs, since .*",
        ),
    ],
)
def test_the_settings_suggest_with_a_reason(situation: Situation, jwt_ms: float, sentence: str) -> None:
    """What the project's settings suggest is said with its reason, and what the numbers say of it."""
    told = said(result(SESSIONS, 2.0), result(JWT, jwt_ms), situation=situation)
    assert re.fullmatch(f"Your settings {sentence}", told[CHOICE]), told[CHOICE]


def test_less_cpu_is_not_called_faster() -> None:
    """Where only CPU is decided, that is what is said."""
    thrifty, other = result(SESSIONS, 2.0, cpu=1.0), result(JWT, 2.0, cpu=2.0)
    assert said(thrifty, other)[CHOICE] == (
        "Your settings do not decide; by CPU alone it would be Sessions in Redis."
    )
    assert said(thrifty, other, situation=PAGES)[CHOICE].endswith(", and they need less CPU too.")
    against = said(thrifty, other, situation=SERVICES)[CHOICE]
    assert against.endswith(", but the others need less CPU: weigh the two.")


def test_a_fault_comes_first_and_forbids_a_recommendation() -> None:
    """A lost revocation is the first sentence, and nothing is recommended."""
    broken = result(JWT, 1.0, behavior=behavior(jwt=True, checked=False))
    told = said(result(SESSIONS, 2.0), broken, situation=SERVICES)
    assert next(iter(told)) == BROKEN
    assert told[BROKEN].startswith(
        'A promise was not kept: "JWT, checked in Redis": a logout was answered 204'
    )
    assert told[CHOICE] == "Nothing is recommended, because what is broken has to be understood first."


def test_what_each_can_do() -> None:
    """What only one of the two does is said of it, and what both do of both."""
    told = said(result(SESSIONS, 2.0), result(JWT, 2.0))
    assert told[BEHAVIOR] == (
        "Of the two, only JWT checked in Redis notices that a credential was copied, but can be read "
        "by whoever holds it; both refuse a credential once its user logs out."
    )


def test_a_lost_store_and_what_works_without_it() -> None:
    """What goes on answering, what does not, and what an unchecked token costs."""
    told = said(result(SESSIONS, 2.0), result(JWT, 2.0), result(UNCHECKED, 1.8))
    assert told[OUTAGE] == (
        "While Redis is down, JWT unchecked until expiry goes on answering, the others answer with an "
        "error, and everybody is still logged in when it is back; at any time, JWT unchecked until expiry "
        "lets a revoked token in until it expires, for up to 5 minutes."
    )


def test_two_stores_are_both_named() -> None:
    """Where variants have different stores, the sentence about losing the store names both."""
    told = said(result(SESSIONS, 2.0), result(JWT, 2.0), result(replace(SESSIONS, store="database"), 2.0))
    assert told[OUTAGE] == (
        "While its store (Redis or the database) is down, all answer with an error, and everybody is still "
        "logged in when it is back."
    )


def test_without_a_pair_nothing_is_recommended() -> None:
    """Sessions alone, or on another store than the tokens, are no choice."""
    told = said(result(SESSIONS, 2.0), situation=PAGES)
    assert told[CHOICE] == (
        "Sessions and JWTs were not both measured on one store, so nothing is recommended."
    )
    assert SPEED not in told


def test_the_check_of_the_project_is_compared() -> None:
    """With ``ACCESS_CHECK = "none"`` the verdict is about unchecked tokens."""
    told = said(
        result(SESSIONS, 2.0),
        result(JWT, 2.0),
        result(UNCHECKED, 1.0),
        situation=Situation(store="redis", check="none"),
    )
    assert told[SPEED].startswith("JWT unchecked until expiry is faster than Sessions in Redis")


def test_cost_is_said_for_every_million_requests() -> None:
    """CPU is a share of a core below one, and memory that is the same is said once."""
    told = said(result(SESSIONS, 2.0, cpu=100.0), result(JWT, 2.0, cpu=1.0))
    assert "take 1.16 cores with Sessions in Redis and 1.16% of a core with JWT" in told[COST]
    assert told[COST].endswith("; 100,000 live sessions take 50 MB in the store with either.")
    assert "the login takes" not in told[COST]


def test_cost_says_what_the_view_takes_by_itself() -> None:
    """The cost of the login alone is told, so that nobody takes that of the view for it."""
    told = said(
        result(Variant(kind=BASELINE), 1.0, cpu=1.0),
        result(SESSIONS, 2.0, cpu=3.0),
        result(JWT, 2.0, cpu=3.5),
    )
    parts = re.search(
        r" take (.*)% of .* and (.*)% of .*the login takes (.*)% and (.*)% of a core; ", told[COST]
    )
    assert parts, told[COST]
    one, other, of_one, of_other = map(float, parts.groups())
    view = 100 / 86.4  # a million milliseconds, in percent of the milliseconds of a day
    assert (one - of_one, other - of_other) == pytest.approx((view, view), abs=0.05)


def test_numbers_are_written_as_people_write_them() -> None:
    """No exponents, three digits, and a unit that fits."""
    assert [number(each) for each in (0, 0.01234, 1.3, 12.345, 1234.5)] == [
        "0",
        "0.0123",
        "1.3",
        "12.3",
        "1,234",
    ]
    assert [duration(each) for each in (1_209_600, 300, 90, 1, 0.0013)] == [
        "14 days",
        "5 minutes",
        "90 seconds",
        "1 second",
        "1.3 ms",
    ]
    assert [size(each) for each in (0, 340, 12_000_000, 1.5e9)] == ["0 bytes", "340 bytes", "12 MB", "1.5 GB"]
