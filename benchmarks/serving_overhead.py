"""How much of what an engine does in-process is left when it is served? One run, everything in turn, same instances.

    python benchmarks/serving_overhead.py [--seconds 1.5] [--rounds 5] [--weights rehearsal]

For the float32 network, and for int8 weights and activations: images a second of as many single-threaded ONNX Runtime
sessions as there are cores, in this process without a server; and of as many instances in a real Triton, asked over
HTTP, gRPC, and gRPC with shared memory, for float32 tensors and for pixels (the preprocessing is part of the graph),
and for pixels with dynamic batching, with four times as many clients.
Then GourmetGram's endpoint, which also decodes, against decoding and classifying without one. The load generator runs
on the same cores, as no user's client does: "generator" is the share of them that it takes, and the last column gives
it back (rate / (1 - share), against in-process). The target is 85 % for the best way of each, which is said where it is
missed; ends with status 1 below 60 %.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from snippets.data import image
from snippets.data.datasets import dataset
from snippets.engine import export, providers
from snippets.engine.classifier import Classifier, load_classifier
from snippets.engine.plan import plan_of
from snippets.load import loops
from snippets.load.options import LoadOptions
from snippets.load.senders import WebTarget
from snippets.machine.host import allowed_cpus
from snippets.machine.process import http_ready, start_server
from snippets.quantize import int8, search
from snippets.quantize.quantizer import Candidate
from snippets.record.run import open_run
from snippets.serve.endpoint import predict_photo
from snippets.serve.lab import COFFEE
from snippets.triton import deployments, loads
from snippets.triton import server as triton
from snippets.triton.config import DynamicBatching

GOAL, LEAST = 0.85, 0.60
CLIENTS_AN_INSTANCE = 2
# Dynamic batching puts those together that wait: then there are so many times as many clients.
BATCHED = 4
PROTOCOLS = ("http", "grpc", "grpc-shm")

Rate = Callable[[float], tuple[float, float]]
"""Measures images a second for about so many seconds, and what this process takes of the cores to ask for them."""


def in_process(call: Callable[[], Any], threads: int) -> Rate:
    """Calls a second of so many threads in this process, all of which make this call."""

    def rate(seconds: float) -> tuple[float, float]:
        done, stop = [0] * threads, threading.Event()

        def work(number: int) -> None:
            while not stop.is_set():
                call()
                done[number] += 1

        workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
        began = time.perf_counter()
        for worker in workers:
            worker.start()
        time.sleep(seconds)
        stop.set()
        for worker in workers:
            worker.join()
        return sum(done) / (time.perf_counter() - began), 0.0

    return rate


def with_own_share(ask: Callable[[float], float]) -> Rate:
    """A rate that another process gives, with the share of the cores that this one took meanwhile."""

    def rate(seconds: float) -> tuple[float, float]:
        began, worked = time.perf_counter(), time.process_time()
        found = ask(seconds)
        took = (time.process_time() - worked) / (time.perf_counter() - began) / len(allowed_cpus())
        return found, took

    return rate


def session_call(path: Path, batch: np.ndarray) -> Callable[[], Any]:
    """One call of an ONNX file with one thread; threads that call at once do not wait for each other."""
    import onnxruntime as ort

    session = ort.InferenceSession(str(path), providers.session_options(1, "all"), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: batch})


def of_triton(server: triton.TritonServer, model: str, batch: np.ndarray, protocol: str, clients: int) -> Rate:
    """Images a second of a deployed model, asked by so many clients in this process."""

    def ask(seconds: float) -> float:
        options = LoadOptions(clients=clients, seconds=seconds, protocol=protocol)
        return float(loads.put_under_load(server, model, {"input": batch}, options)["samples_per_s"])

    return with_own_share(ask)


def of_endpoint(url: str, photo: bytes, clients: int) -> Rate:
    """Photos a second of a running endpoint."""
    target = WebTarget(f"{url}/predict/image", content=photo, headers={"content-type": "image/jpeg"})
    return with_own_share(lambda seconds: float(loops.closed_loop(target, clients, seconds)["samples_per_s"]))


def in_turn(ways: Mapping[str, Rate], rounds: int, seconds: float) -> dict[str, list[tuple[float, float]]]:
    """The rates of each way, one a round, every other round in the opposite order; a short round before is not kept."""
    for way in ways.values():
        way(0.3)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in list(ways) if number % 2 == 0 else reversed(list(ways)):
            found[name].append(ways[name](seconds))
    return found


def report(title: str, found: Mapping[str, list[tuple[float, float]]], bases: Mapping[str, str]) -> float:
    """Print rates and their median ratios to the base; returns the best one with the generator's share given back."""
    print(f"\n{title}\n{'':24}{'images/s':>10}{'of in-process':>15}{'generator':>11}{'given back':>12}")
    best = 0.0
    for name, rates in found.items():
        line = f"{name:24}{statistics.median(rate for rate, _ in rates):>10.0f}"
        if base := bases.get(name):
            pairs = [(rate, share, other) for (rate, share), (other, _) in zip(rates, found[base], strict=True)]
            plain = statistics.median(rate / other for rate, _, other in pairs)
            given_back = statistics.median(rate / (1 - share) / other for rate, share, other in pairs)
            best = max(best, given_back)
            line += f"{plain:>14.0%}{statistics.median(share for _, share, _ in pairs):>12.0%}{given_back:>12.0%}"
        print(line)
    sys.stdout.flush()
    return best


def networks(folder: Path) -> dict[str, Path]:
    """float32 and int8 files of the rehearsal network, made as Part 1 makes them."""
    run, food, how = open_run("model", run_id="overhead", runs=str(folder)), dataset(), plan_of("quick")
    fp32 = export.ensure_fp32(run)
    ready = int8.prepared(run, fp32)
    network = search.Network(ready, int8.calibrated(run, ready, food, how))
    return {"float32": fp32, "int8": search.make(Candidate("all"), network, folder / "int8.onnx")}


def main() -> int:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    instances = len(allowed_cpus())
    clients = CLIENTS_AN_INSTANCE * instances
    photo = COFFEE.read_bytes()
    pixels = image.decode(photo)[None]
    worst = float("inf")
    print(
        f"{instances} instances of one thread, {clients} clients, {given.rounds} rounds of {given.seconds:g} s in turn"
    )
    with tempfile.TemporaryDirectory() as name, triton.start("embedded") as server:
        folder = Path(name)
        files = networks(folder)
        for kind, path in files.items():
            fused = export.from_pixels(path, folder / f"{kind}-pixels.onnx")
            tensors = image.preprocess(pixels)
            options = deployments.ServiceOptions(f"food_{kind}", instances)
            server.deploy(deployments.onnx_classifier(path, 11, options))
            options = replace(options, name=f"pixels_{kind}")
            server.deploy(deployments.pixel_classifier(fused, 11, options))
            together = replace(options, name=f"batched_{kind}", batching=DynamicBatching())
            server.deploy(deployments.pixel_classifier(fused, 11, together))
            ways: dict[str, Rate] = {
                "in-process": in_process(session_call(path, tensors), instances),
                "in-process, pixels": in_process(session_call(fused, pixels), instances),
            }
            bases = {}
            for protocol in PROTOCOLS:
                ways[f"Triton {protocol}"] = of_triton(server, f"food_{kind}", tensors, protocol, clients)
                ways[f"Triton {protocol}, pixels"] = of_triton(server, f"pixels_{kind}", pixels, protocol, clients)
                batched = of_triton(server, f"batched_{kind}", pixels, protocol, BATCHED * clients)
                ways[f"Triton {protocol}, batched"] = batched
                bases |= {f"Triton {protocol}": "in-process"}
                bases |= {f"Triton {protocol}, {how}": "in-process, pixels" for how in ("pixels", "batched")}
            worst = min(worst, report(f"{kind} in Triton", in_turn(ways, given.rounds, given.seconds), bases))
            worst = min(worst, endpoint_against_process(kind, path, photo, (instances, clients), given))
    print(
        f"\ntarget {GOAL:.0%}: "
        + ("reached by the best way of each" if worst >= GOAL else f"missed, least {worst:.0%}")
    )
    return int(worst < LEAST)


def endpoint_against_process(
    kind: str, path: Path, photo: bytes, counts: tuple[int, int], given: argparse.Namespace
) -> float:
    """The endpoint with so many instances against the same function, called by as many threads without a server."""
    instances, clients = counts
    labels = ",".join(f"class{number}" for number in range(11))
    model: Classifier = load_classifier("onnx", str(path), threads=1, labels=tuple(labels.split(",")))
    free = threading.BoundedSemaphore(instances)
    options = ["--model", str(path), "--labels", labels, "--threads", "1", "--instances", str(instances)]
    with start_server(
        "endpoint",
        lambda port: [sys.executable, "-m", "snippets.serve.endpoint", *options, "--port", str(port)],
        http_ready("/ready"),
    ) as server:
        ways = {
            "in-process": in_process(lambda: predict_photo(model, photo, free), instances),
            "endpoint": of_endpoint(server.url, photo, clients),
        }
        found = in_turn(ways, given.rounds, given.seconds)
    return report(f"{kind} behind FastAPI, decoding included", found, {"endpoint": "in-process"})


if __name__ == "__main__":
    raise SystemExit(main())
