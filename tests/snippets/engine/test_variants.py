"""A variant is measured in four steps, each once, and what was classified while timing is not classified again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from snippets.engine import variants
from snippets.record.run import open_run


class Model:
    """Scores class 0 for everything; counts the images that it was shown."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        self.seen += len(batch)
        return np.tile([1.0, 0.0], (len(batch), 1))


def variant(model: Model) -> variants.Variant:
    return variants.Variant("toy/eager", lambda: model, "cpu", {"engine": "toy"})


def test_steps_are_named_by_variant_and_batch(bench: variants.Bench) -> None:
    one = variant(Model())
    assert bench.throughput(one, 2)["batch"] == 2 and bench.throughput(one, 3)["batch"] == 3
    assert bench.run.record().names() == ("toy/eager/throughput", "toy/eager/throughput-3")


def test_what_was_timed_is_not_classified_again(bench: variants.Bench) -> None:
    model = Model()
    classified: dict[int, np.ndarray] = {}
    bench.throughput(variant(model), 2, classified)
    assert sorted(classified) == [0, 1, 2]
    before = model.seen
    scored = bench.accuracy(variant(model), classified=classified)
    assert model.seen == before and scored["predictions"].tolist() == [0] * 6
    assert scored["labels"].tolist() == [0, 1] * 3


def test_a_second_measurement_replays_the_first(bench: variants.Bench) -> None:
    model = Model()
    first, seen = bench.throughput(variant(model), 2), model.seen
    assert np.array_equal(bench.throughput(variant(model), 2)["batch_ms"], first["batch_ms"]) and model.seen == seen


def test_variants_that_are_compared_take_turns_with_batches(bench: variants.Bench) -> None:
    path = bench.run.models / "toy.onnx"
    path.write_bytes(b"toy")
    models = {"a": Model(), "b": Model()}
    toys = {
        name: replace(variant(model), name=f"home/{name}", load=lambda model=model: model, inputs={"model": path})
        for name, model in models.items()
    }
    toys["b"] = replace(toys["b"], batch=3)
    heard: list[int] = []
    found = bench.compared("toy", toys, heard.append)
    record = bench.run.record()
    assert heard == [1, 2, 3, 4, 5] and [f"toy/batches/turns-{n}" in record.names() for n in heard] == [True] * 5
    for name, what, batch in (("a", "throughput", 2), ("b", "throughput-3", 3)):
        step = record.result(f"toy/{name}/{what}")
        assert sorted(set(step["rounds"])) == heard and (step["batch"], step["group"]) == (batch, "toy/batches")
        assert np.array_equal(found[name]["throughput"]["batch_ms"], step["batch_ms"])
        assert record.result(f"home/{name}/accuracy")["predictions"].tolist() == [0] * 6
        assert record.result(f"home/{name}/size")["bytes"] == 3
    # What was seen in whole batches of the plan's size (3 of 2) was not classified once more.
    seen = models["a"].seen
    assert bench.compared("toy", toys)["a"]["throughput"]["batch"] == 2 and models["a"].seen == seen
    assert seen % 2 == 0 and "home/a/throughput" not in record.names()


def test_an_absent_variant_keeps_its_reason(bench: variants.Bench) -> None:
    assert bench.absent("providers/cuda", "no GPU") == "no GPU"
    assert bench.run.record().result("providers/cuda/absent") == {"reason": "no GPU"}


def test_the_record_decides_what_is_missing_wherever_it_knows(bench: variants.Bench) -> None:
    assert bench.missing("toy/here", "") == "" and "toy/here/absent" not in bench.run.record().names()
    assert bench.missing("toy/gone", "no GPU") == "no GPU" == bench.missing("toy/gone", "no driver at all")
    assert [step.name for step in bench.run.record().steps].count("toy/gone/absent") == 1
    bench.run.step("toy/measured/accuracy", lambda: 1)
    assert bench.missing("toy/measured", "not on this machine") == ""
    # Where it has come since, it is measured; a replay goes by the record.
    assert bench.missing("toy/gone", "") == ""
    again = replace(bench, run=open_run("model", run_id="t", mode="replay"))
    assert again.missing("toy/gone", "") == "no GPU" and again.missing("toy/measured", "not here") == ""


def test_variants_take_turns_with_the_threads_that_they_ask_for(bench: variants.Bench) -> None:
    of_plan, of_its_own = variant(Model()), replace(variant(Model()), name="toy/two", threads=2)
    turns = bench.turns("toy", {"a": of_plan, "b": of_its_own})
    turns.take_all(2)
    found = turns.latencies()
    assert {name: sorted(one.medians) for name, one in found.items()} == {"a": [1, 2], "b": [1, 2]}
    record = bench.run.record()
    assert [record.result(f"toy/{name}/latency")["threads"] for name in ("eager", "two")] == [1, 2]
