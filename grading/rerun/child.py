"""Runs confined: loads models that a student handed in, classifies images and times single ones. It knows no claim.

Input (JSON, file descriptor 0): {"box", "paths", "uid", "limits", "readable", "seconds", "outputs": [{"model", "level",
"images"}], "timed": [{"model", "level", "threads"}]}. Output: one JSON line for each of `outputs` ("output": index,
"logits": a list of lists), and one for each round of `timed` ("round": what blocks.take_round gives). The box holds a
copy of grading/functions/child.py as confine.py, the models, and the images as numpy files.
"""

import importlib
import json
import os
import sys
import time


def main():
    """Read the request, give up what is not needed, measure, and say what came out."""
    request = json.loads(sys.stdin.buffer.read())
    out = os.dup(1)
    quiet = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(quiet, descriptor)
    box = request["box"]
    sys.path[:0] = [box, *request["paths"]]
    confine = importlib.import_module("confine")
    confine.confine(request["limits"], request["uid"])
    if request["readable"] is not None:
        confine.refuse_files(request["readable"])
        confine.refuse_calls()

    def tell(line):
        data = json.dumps(line).encode() + b"\n"
        while data:
            data = data[os.write(out, data) :]

    deadline = time.monotonic() + request["seconds"]
    measure(request, box, tell, deadline)


def measure(request, box, tell, deadline):
    """Each output, then rounds of the timed variants until there are enough or the time is up."""
    import numpy as np

    from snippets.engine import providers
    from snippets.measure import blocks, calls
    from snippets.measure.canary import Canary, Others

    for index, wanted in enumerate(request["outputs"]):
        try:
            images = np.load(box + "/" + wanted["images"], allow_pickle=False)
            model = providers.session(box + "/" + wanted["model"], "cpu", threads=1, level=wanted["level"])
            logits = np.concatenate([model(images[place : place + 1]) for place in range(len(images))])
            tell({"output": index, "logits": np.asarray(logits, dtype=float).round(6).tolist()})
        except Exception as error:
            tell({"output": index, "error": type(error).__name__ + ": " + str(error)[:200]})
    if not request["timed"]:
        return
    images = np.load(box + "/timed.npy", allow_pickle=False)
    singles = [images[place : place + 1] for place in range(len(images))]
    ways = {}
    for index, wanted in enumerate(request["timed"]):
        try:
            model = providers.session(
                box + "/" + wanted["model"], "cpu", threads=wanted["threads"], level=wanted["level"]
            )
            ways[str(index)] = calls.cycle(model, singles)
            calls.warm_up(ways[str(index)], calls.effort("quick"))
        except Exception as error:
            ways.pop(str(index), None)
            tell({"timed": index, "error": type(error).__name__ + ": " + str(error)[:200]})
    # With one thread, processor time is what the clock shows on a quiet machine, and others do not disturb it. With
    # several, threads wait for each other: only the clock will do, while nobody else works.
    alone = {name: way for name, way in ways.items() if request["timed"][int(name)]["threads"] == 1}
    together = {name: way for name, way in ways.items() if name not in alone}
    canary = Canary(max(wanted["threads"] for wanted in request["timed"]))
    groups = [
        (alone, blocks.Probes(lambda: 1.0, lambda: 0.0, clock=time.thread_time_ns)),
        (together, blocks.Probes(canary, Others())),
    ]
    for group, probes in groups:
        take_rounds(request, group, probes, tell, deadline)
    canary.close()


def take_rounds(request, ways, probes, tell, deadline):
    """Rounds of one group, told one by one, until enough of them were clean, or there are too many, or time is up."""
    from snippets.measure import blocks

    best, lasted, clean = float("inf"), 0.0, dict.fromkeys(ways, 0)
    for number in range(1, request["rounds"] + 1):
        started = time.monotonic()
        if not ways or started + lasted > deadline or min(clean.values()) >= request["clean"]:
            break
        found = blocks.take_round(ways, number, blocks.Rules(), probes, best)
        for name in ways:
            clean[name] += name not in found["slow"]
        best, lasted = found["best_canary_ms"], time.monotonic() - started
        tell(
            {
                "round": {
                    "round": number,
                    "blocks_ms": {name: times.tolist() for name, times in found["blocks_ms"].items()},
                    "repeated": found["repeated"],
                    "slow": found["slow"],
                }
            }
        )


if __name__ == "__main__":
    main()
    os._exit(0)
