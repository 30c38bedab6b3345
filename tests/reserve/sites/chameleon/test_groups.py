"""Security groups: found by their name, completed, and added once."""

from __future__ import annotations

import pytest

from reserve.errors import Missing, SiteError
from reserve.sites.chameleon.groups import Groups
from reserve.sites.chameleon.rest import Gone
from tests.reserve.sites.chameleon.fake_rest import FakeRest

SSH = {"direction": "ingress", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22}
ALL = {"direction": "ingress", "protocol": None, "port_range_min": None, "port_range_max": None}
HELD, LIST, ADD = "GET /servers/s/os-security-groups", "GET /security-groups", "POST /servers/s/action"
RULE = "POST /security-group-rules"


@pytest.fixture
def rest() -> FakeRest:
    rest = FakeRest()
    rest.answers = {HELD: {"security_groups": [{"id": "d"}]}, ADD: None, RULE: {}, LIST: {"security_groups": []}}
    rest.answers["POST /security-groups"] = {"security_group": {"id": "new", "security_group_rules": []}}
    return rest


def asked(rest: FakeRest) -> list[str]:
    return [words for words, _ in rest.asked if not words.startswith("GET")]


def test_a_group_is_made_with_its_rule_and_added(rest: FakeRest) -> None:
    Groups("KVM@TACC", rest).open("s", (22,))  # type: ignore[arg-type]
    assert asked(rest) == ["POST /security-groups", RULE, ADD]
    assert rest.asked[-1][1] == {"addSecurityGroup": {"name": "new"}}


@pytest.mark.parametrize(
    ("rules", "makes"),
    [
        ([SSH], []),
        ([ALL], []),
        ([{**SSH, "direction": "egress"}], [RULE]),
        ([{**SSH, "remote_ip_prefix": "10.0.0.0/8"}], [RULE]),
        ([{**SSH, "remote_group_id": "d"}], [RULE]),
        ([{**SSH, "port_range_min": 80, "port_range_max": 80}], [RULE]),
    ],
)
def test_a_group_of_the_project_is_used_where_it_lets_everybody_in(rest: FakeRest, rules, makes) -> None:
    rest.answers[LIST] = {"security_groups": [{"id": "g", "name": "allow-ssh", "security_group_rules": rules}]}
    Groups("KVM@TACC", rest).open("s", (22,))  # type: ignore[arg-type]
    assert asked(rest) == [*makes, ADD] and rest.asked[-1][1] == {"addSecurityGroup": {"name": "g"}}


def test_what_is_there_is_not_added_twice_and_a_repeated_request_is_no_error(rest: FakeRest) -> None:
    rest.answers[LIST] = {"security_groups": [{"id": "g", "name": "allow-ssh", "security_group_rules": [SSH]}]}
    rest.answers[HELD] = {"security_groups": [{"id": "g"}]}
    Groups("KVM@TACC", rest).open("s", (22,))  # type: ignore[arg-type]
    assert asked(rest) == []
    rest.answers[HELD] = {"security_groups": []}
    rest.answers[ADD] = SiteError("HTTP 400: Reason: Duplicate items in the list: 'g'.")
    Groups("KVM@TACC", rest).open("s", (22,))  # type: ignore[arg-type]
    rest.answers[ADD] = SiteError("HTTP 409: busy")
    with pytest.raises(SiteError, match="busy"):
        Groups("KVM@TACC", rest).open("s", (22,))  # type: ignore[arg-type]
    rest.answers[ADD] = Gone("unknown.")
    with pytest.raises(Missing, match="repeat the command, which makes it again"):
        Groups("KVM@TACC", rest).open("s", (22,))  # type: ignore[arg-type]
