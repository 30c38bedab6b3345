"""A service of one's own under the same loads as the kit's endpoint, in turn with it, as recorded steps."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from snippets.errors import ServerError
from snippets.load.arrivals import Offered
from snippets.load.log import require_answers
from snippets.load.loops import closed_loop, open_loop
from snippets.load.options import LoadOptions
from snippets.load.senders import WebTarget
from snippets.load.windows import WINDOW, take_turns
from snippets.serve import classes, own_service
from snippets.serve.lab import SERVICE_NAMES, EndpointLab

YOURS = "yours"
KIT = SERVICE_NAMES["onnx"]
CLIENTS = (1, 8)
OPEN_SHARE = 0.5
"""The open loop offers this share of what the slower of the two answers with the most CLIENTS: both must keep up."""
OPEN_LONGER, LEAST_ARRIVALS, LONGEST_S = 2, 5, 10.0
"""An open loop's window is this many times as long as a closed loop's, and long enough for some arrivals."""
CONNECTIONS = 32
PHOTOS = 22


class OwnLab:
    """Somebody's service at `url` beside the ONNX endpoint of `lab`, both asked with the JPEG file `photo`.

    Nothing is asked before it is needed, and a replay asks nobody. Raises what `own_service.describe` raises, and
    ServerError when the service is another than the one that the run's record describes.
    """

    def __init__(self, lab: EndpointLab, url: str, photo: bytes) -> None:
        self.lab, self.run, self.url, self._photo, self._seen = lab, lab.run, url, photo, False

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Step `own/yours/describe`: what the service is and takes (`own_service.describe`)."""

        def ask() -> dict[str, Any]:
            found = own_service.describe(self.url, self._photo, self.lab.labels)
            self._seen = True
            return found

        inputs = {"url": self.url, "photo": np.frombuffer(self._photo, dtype=np.uint8), "labels": self.lab.labels}
        return self.run.step("own/yours/describe", ask, inputs=inputs)

    def agreement(self) -> dict[str, Any]:
        """Step `own/all/agreement`: both services' classes for the same photos, and `same`, the share that is the same.

        Without `same`, but with the `reason`, where the service names none of the kit's classes.
        """

        def ask() -> dict[str, Any]:
            self._require_same()
            photos, labels = _photos(), self.lab.labels
            kit = [self.lab.ask("onnx", photo)["prediction"] for photo in photos]
            yours = own_service.predict(self.facts, photos, labels)
            found: dict[str, Any] = {"kit": kit, YOURS: yours}
            if not any(classes.known(one, labels) for one in yours):
                some = ", ".join(sorted(set(yours))[:3])
                return found | {"reason": f"it names other classes than the kit's {len(labels)}: {some}"}
            alike = [classes.plain(ours) == classes.plain(theirs) for ours, theirs in zip(kit, yours, strict=True)]
            return found | {"same": sum(alike) / len(alike)}

        return self.run.step("own/all/agreement", ask, inputs=self._key({"photos": PHOTOS}))

    def loads(self, seconds: float, windows: int) -> dict[str, dict[str, Any]]:
        """One client, eight, and an open loop on each service, in turn; by "<service>, <load>".

        A window is a step `own/<kit or yours>-<load>/load`: of a closed loop `seconds` long. Raises ServerError if
        every request of a window fails: that window is not recorded then, and the next run measures it.
        """
        closed = {f"{n}": LoadOptions(clients=n, seconds=seconds) for n in CLIENTS}
        found = self._in_turn(closed, windows)
        most = str(max(CLIENTS))
        slower = min(found[name, most]["requests_per_s"] for name in (KIT, YOURS))
        rate = max(round(OPEN_SHARE * slower, 1), 0.1)
        longer = min(max(OPEN_LONGER * seconds, LEAST_ARRIVALS / rate), LONGEST_S)
        found |= self._in_turn({"open": LoadOptions(offered_rps=rate, seconds=longer)}, windows)
        return {f"{name}, {_told(load)}": load for (name, _), load in found.items()}

    def _in_turn(self, asked: Mapping[str, LoadOptions], windows: int) -> dict[tuple[str, str], dict[str, Any]]:
        who = {f"{slug}-{load}": (name, load) for load in asked for slug, name in (("kit", KIT), (YOURS, YOURS))}

        def window(step: str, number: int) -> dict[str, Any]:
            name, load = who[step]
            options = asked[load]

            def measure() -> dict[str, Any]:
                self._require_same()
                target = self._target(name)
                result = _put_under_load(target, options, number, windows)
                if name == KIT:
                    self.lab.endpoint("onnx").require_alive()
                require_answers(result, target.url)
                return result

            key = self._key({**options.key(), "windows": windows, WINDOW: number})
            return self.run.step(f"own/{step}/load", measure, inputs=key)

        measured = take_turns(tuple(who), windows, window)
        return {each: measured[step] for step, each in who.items()}

    def _target(self, name: str) -> WebTarget:
        return self.lab.target("onnx", self._photo) if name == KIT else own_service.target(self.facts, self._photo)

    def _require_same(self) -> None:
        """Before the first measurement: the service is still what the record says it is."""
        recorded = self.facts
        if self._seen:
            return
        now = own_service.describe(self.url, self._photo, self.lab.labels)
        changed = [name for name in ("protocol", "metadata", "sent", "batch") if now.get(name) != recorded.get(name)]
        if changed:
            raise ServerError(
                f"{self.url} is no longer the service that this run began to measure: its {', '.join(changed)} changed."
                " Measure it as a run of its own (--run-id NAME), or all anew (--mode fresh)."
            )
        self._seen = True

    def _key(self, more: Mapping[str, Any]) -> dict[str, Any]:
        """What a step depends on: both services (a window tells its own by its name) and the photo."""
        kit = self.lab.key("onnx", {"photo": np.frombuffer(self._photo, dtype=np.uint8)})
        return {**kit, YOURS: self.facts, **more}


def _put_under_load(target: WebTarget, options: LoadOptions, number: int, windows: int) -> dict[str, Any]:
    seconds = options.seconds or 1.0
    if options.clients:
        return closed_loop(target, options.clients, seconds, warm_up_s=options.warm_up)
    offered = Offered(options.offered_rps, seconds, options.warm_up, options.seed, number, windows, options.spacing)
    return open_loop(target, offered, max_clients=CONNECTIONS)


def _told(load: Mapping[str, Any]) -> str:
    if "asked_rps" in load:
        return f"{load['asked_rps']:g} arrive/s"
    return f"{load['clients']} client{'s' * (load['clients'] > 1)}"


def _photos() -> Sequence[bytes]:
    """PHOTOS of the rehearsal set's evaluation photos as JPEG files, two of each of its classes."""
    from PIL import Image

    from snippets.data.datasets import dataset

    split = dataset("rehearsal").split("evaluation")
    labels = np.asarray(split.labels)
    kinds = np.unique(labels)
    each = -(-PHOTOS // len(kinds))
    chosen = np.concatenate([np.flatnonzero(labels == kind)[:each] for kind in kinds])[:PHOTOS]
    files = []
    for index in chosen:
        file = io.BytesIO()
        Image.fromarray(np.asarray(split.images[index])).save(file, "JPEG", quality=95)
        files.append(file.getvalue())
    return files
