"""Questions from templates: what is right, what else counts, and what cannot be asked."""

from __future__ import annotations

import pytest

from grading.checks.evidence import NotMeasured
from grading.staff.viva.oral import Oral, Template, about, first_of, pairs, plain, tail
from tests.grading.checks.paper import PaperRecord, PaperStep


def test_a_number_is_told_with_what_counts_as_known() -> None:
    assert about(3.21, "ms") == "3.21 ms (2.89 to 3.53)"
    assert about(-20, "%") == "-20 % (-22 to -18)"


@pytest.mark.parametrize(
    ("values", "largest", "smallest"),
    [
        ({"a": 10.0, "b": 5.0, "c": 1.0}, "a", "c"),
        ({"a": 10.0, "b": 9.9}, None, None),
        ({"a": 10.0}, None, None),
        ({"a": 10.0, "b": 0.0}, None, None),
    ],
)
def test_the_first_is_named_only_where_no_other_is_as_good(
    values: dict[str, float], largest: str | None, smallest: str | None
) -> None:
    assert (first_of(values), first_of(values, smallest=True)) == (largest, smallest)


def test_steps_are_named_as_people_say_them() -> None:
    assert plain("edge/fp32-threads-1/latency") == "fp32, 1 thread"
    assert plain("edge/fp32-threads-4/latency") == "fp32, 4 threads"
    assert plain("choose/onnx-all/latency") == "onnx-all"
    assert list(pairs("abc")) == [("a", "b"), ("a", "c"), ("b", "c")]


def test_the_tail_is_that_of_all_samples() -> None:
    samples = [10.0] * 18 + [10.0, 30.0]  # the p95 lies between the 19th and the 20th: 10 + 0.05 x 20
    record = PaperRecord((PaperStep("graph/onnx-all/latency", {"latency_ms": samples}),))
    made = tail(record.evidence, "graph/onnx-all/latency", "Part 1")
    assert made.numbers == pytest.approx((10.0,)) and made.answer == "10 % (within 3)."


def test_what_a_record_lacks_is_not_asked_and_stops_nothing() -> None:
    def make(evidence: object, word: str) -> Oral | None:
        if word == "missing":
            raise NotMeasured("a")
        if word == "odd":
            raise TypeError
        return Oral(word, "a", (float("inf") if word == "endless" else 1.0,))

    words = [("missing",), ("odd",), ("open",), ("endless",), ("fine",)]
    template = Template("edge.x", lambda evidence: words, lambda e, word: None if word == "open" else make(e, word))
    assert [(oral.text, oral.template, oral.variant) for oral in template.orals(PaperRecord().evidence)] == [
        ("fine", "edge.x", "fine")
    ]
