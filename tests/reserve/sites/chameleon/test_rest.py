"""Requests: which are repeated and after how long, and what each refusal is called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest

from reserve.clock import Clock
from reserve.errors import CredentialsError, Quota, RuleRefused, SiteError, SiteUnreachable
from reserve.sites.chameleon.rest import Gone, Rest, failure, reason

NOW = datetime(2027, 3, 4, 12, tzinfo=UTC)


class Still(Clock):
    """Time stands; what would be waited for is kept."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return NOW

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Session:
    """Gives one answer after the other, the last again and again."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), 0

    def get_endpoint(self, service_type: str) -> str:
        return f"https://site:1/{service_type}"

    def request(self, url: str, method: str, **_: Any) -> Any:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


def answer(status: int, text: str = "{}", **headers: str) -> SimpleNamespace:
    import json

    return SimpleNamespace(
        status_code=status, text=text, content=text.encode(), headers=headers, json=lambda: json.loads(text)
    )


def asked(*answers: Any, method: str = "GET", again: bool | None = None) -> tuple[Any, Session, list[float]]:
    """What came of one call: the result or the error, the session, and the pauses."""
    session, clock = Session(*answers), Still()
    try:
        found = Rest(session, clock).call(method, "compute", "/servers", "testing", again=again)
    except (SiteError, CredentialsError) as error:
        found = error
    return found, session, clock.slept


def test_an_answer_is_its_json_and_nothing_is_none() -> None:
    assert asked(answer(200, '{"a": 1}'))[0] == {"a": 1}
    assert asked(answer(204, ""))[0] is None


def test_a_busy_service_is_asked_four_times_with_growing_pauses() -> None:
    found, session, slept = asked(answer(503))
    assert isinstance(found, SiteUnreachable) and session.asked == 4 and slept == [1.0, 2.0, 4.0]


def test_what_comes_in_the_end_counts() -> None:
    found, session, slept = asked(answer(500), answer(200, "not json"), answer(200, "[]"))
    assert found == [] and session.asked == 3 and slept == [1.0, 2.0]


def test_a_pause_that_the_service_asks_for_is_kept_within_bounds() -> None:
    assert asked(answer(429, **{"Retry-After": "7"}), answer(200))[2] == [7.0]
    assert asked(answer(429, **{"Retry-After": "9999"}), answer(200))[2] == [60.0]
    assert asked(answer(429, **{"Retry-After": "soon"}), answer(200))[2] == [1.0]


def test_what_makes_something_is_not_repeated_unless_it_was_told_to_wait() -> None:
    assert asked(answer(503), method="POST")[1].asked == 1
    assert asked(answer(200, "not json"), method="POST")[1].asked == 1
    assert asked(answer(429), answer(200), method="POST")[1].asked == 2
    assert asked(answer(503), answer(200), method="POST", again=True)[1].asked == 2
    assert asked(answer(503), method="PUT", again=False)[1].asked == 1


def test_a_refusal_is_final() -> None:
    found, session, _ = asked(answer(404, '{"itemNotFound": {"message": "no such server"}}'))
    assert isinstance(found, Gone) and "no such server" in str(found) and session.asked == 1


def test_an_address_gets_its_version_once() -> None:
    rest = Rest(Session(answer(200)), Still())
    assert rest.base("compute") == "https://site:1/compute/v2.1"
    assert rest.base("identity") == "https://site:1/identity"
    rest.session.get_endpoint = lambda service_type: "https://site/v2.1/project"
    assert Rest(rest.session, Still()).base("compute") == "https://site/v2.1/project"


def test_a_service_that_the_site_has_not_is_told() -> None:
    session = Session(answer(200))
    session.get_endpoint = lambda service_type: None  # type: ignore[method-assign, assignment, return-value]
    with pytest.raises(SiteError, match=r"catalog has no Zun.*OS_REGION_NAME, --site"):
        Rest(session, Still()).base("container")


def test_the_sites_time_is_told_by_its_answers() -> None:
    for ahead_s, told_s in ((90, 90.0), (1, 0.0), (-300, -300.0)):
        rest = Rest(Session(answer(200, Date=format_datetime(NOW + timedelta(seconds=ahead_s)))), Still())
        rest.call("GET", "compute", "/servers", "testing")
        assert rest.skew_s == told_s and rest.site_now() == NOW + timedelta(seconds=told_s)


@pytest.mark.parametrize(
    ("status", "text", "error", "told"),
    [
        (401, "who?", CredentialsError, "did not accept the sign-in while leasing: who.*Sign in again"),
        (403, "Quota exceeded for instances", Quota, "quota is used up"),
        (403, "not yours", CredentialsError, "forbids leasing.*OS_PROJECT_NAME"),
        (404, "", Gone, "knows nothing of it"),
        (409, "No more IP addresses", Quota, "no more of it"),
        (409, "in use", SiteError, "busy with the same thing"),
        (413, "limit", Quota, "no more of it"),
        (429, "", SiteUnreachable, "fewer requests"),
        (502, "<html><h1>Bad</h1></html>", SiteUnreachable, "HTTP 502 while leasing: Bad"),
        (400, "odd", RuleRefused, "refuses while leasing: odd. It is a rule of the testbed.*help desk"),
        (400, "2020 is an invalid date", SiteError, "refused leasing with HTTP 400: 2020"),
        (414, "", SiteError, "takes no address as long as the one of leasing"),
    ],
)
def test_each_status_has_an_error_with_a_remedy(status: int, text: str, error: type, told: str) -> None:
    import re

    made = failure(status, "reservation", "leasing", text)
    assert type(made) is error and re.search(told, str(made)), made
    assert str(made).startswith(("Blazar (leases)", "the project"))


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ('{"error_message": "a"}', "a"),
        ('{"badRequest": {"message": "b", "code": 400}}', "b"),
        ('{"errors": [{"detail": "c"}]}', "c"),
        ("<html><p>down  for\n now</p></html>", "down for now"),
        ("", "no text"),
    ],
)
def test_the_sentence_inside_an_error_is_found(body: str, sentence: str) -> None:
    assert reason(body) == sentence
