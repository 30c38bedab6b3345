"""Requests to a language model: sent when due, at most so many at once, each token timed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from snippets.errors import NothingToDo, ServerError
from snippets.tokens import engine, weights
from snippets.tokens.engine import Answer, Ask, Engine
from tests.snippets.tokens.pipelines import installed

PROMPT = np.arange(5)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Engine:
    installed(monkeypatch)
    return Engine(Path("model.gguf"), threads=2)


def test_a_request_by_itself_has_a_first_token_and_further_ones(played: Engine) -> None:
    (answer,) = played.play([Ask(PROMPT, 4)])
    assert answer.written == [1, 2, 3, 4]
    assert answer.tokens_s == pytest.approx([0.01, 0.02, 0.03, 0.04])
    assert (answer.first_ms, answer.each_ms, answer.whole_ms) == pytest.approx((10, 10, 40))
    assert Answer(0.0, 0.0, [0.5]).each_ms == 0


def test_no_more_than_so_many_are_under_way_and_who_is_done_makes_room_at_once(played: Engine) -> None:
    answers = played.play([Ask(PROMPT, tokens) for tokens in (1, 4, 2, 1)], at_most=2)
    assert played._pipeline.most == 2
    # The first leaves after a step, the third takes its place for two; then the last one for one.
    assert [answer.whole_ms for answer in answers] == pytest.approx([10, 40, 30, 40])
    assert [answer.sent_s for answer in answers] == pytest.approx([0, 0, 0.01, 0.03])


def test_a_request_counts_from_when_it_was_due(played: Engine) -> None:
    late, early = played.play([Ask(PROMPT, 1, due_s=0.5), Ask(PROMPT, 60, due_s=0.0)], at_most=1)
    # One place, taken for 0.6 s: who was due at 0.5 s waits 0.1 s, and a step.
    assert early.whole_ms == pytest.approx(600)
    assert late.sent_s == pytest.approx(0.6) and late.first_ms == pytest.approx(110)
    assert played.play([]) == []


def test_a_model_that_writes_too_slowly_ends_with_its_name_and_the_remedy(
    played: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "LIMIT_S", 0.05)
    with pytest.raises(ServerError, match=r"1 of 2 requests were not answered within 0\.05 s\. Close what else"):
        played.play([Ask(PROMPT, 2), Ask(PROMPT, 100)])


def test_threads_and_kept_prefixes_reach_the_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch)
    weights_file, scheduler, device, properties = Engine(Path("m.gguf"), 3, prefix_caching=True)._pipeline.given
    assert (weights_file, device, properties) == ("m.gguf", "CPU", {"INFERENCE_NUM_THREADS": 3})
    assert scheduler.enable_prefix_caching and scheduler.max_num_seqs == engine.AT_MOST


@pytest.mark.slow
def test_the_real_model_writes_the_same_tokens_alone_and_in_company() -> None:
    try:
        real = Engine(weights.find(), threads=1)
    except NothingToDo as absent:
        pytest.skip(str(absent))
    prompts = [np.arange(200 + 50 * each, 216 + 50 * each) for each in range(3)]
    alone = [real.play([Ask(prompt, 6)])[0].written for prompt in prompts]
    together = [answer.written for answer in real.play([Ask(prompt, 6) for prompt in prompts])]
    assert alone == together and all(len(written) == 6 for written in alone)
