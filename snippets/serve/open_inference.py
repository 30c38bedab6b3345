"""A model behind the Open Inference Protocol (KServe v2) over HTTP: its metadata, requests that fit it, its answers.

Triton, KServe, MLServer, OpenVINO Model Server, TorchServe and others speak it. Tensors go as JSON, which every server
takes, or as bytes behind the JSON (the binary tensor data extension), which many take.
https://github.com/kserve/open-inference-protocol
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import numpy as np

from snippets.data import image
from snippets.errors import ModelError, ServerError, UsageError, first_line
from snippets.serve.own_http import Question, Reply, ask, refused

BINARY, JSON = "binary", "JSON"
NUMBERS = {"FP32": np.float32, "FP16": np.float16, "FP64": np.float64, "UINT8": np.uint8}
TYPES = (*NUMBERS, "BYTES")
MOST_SIDE, MOST_BATCH = 2048, 256
METADATA_S = 10.0
_MODEL = re.compile(
    r"^(?P<server>https?://[^?]*?/v2)/models/(?P<model>[^/?]+)(?P<version>/versions/[^/?]+)?(/(infer|ready|stats|config))?/?$"
)
_NEAR = re.compile(r"^(?P<server>https?://[^/?]+(/[^?]*?)?/v2)(/.*)?$")


@dataclass(frozen=True)
class Address:
    """Where a model is. `server`: up to and with /v2; `url`: the model's own."""

    server: str
    model: str
    url: str


@dataclass(frozen=True)
class ImageInput:
    """What a model takes: `batch` photos a request, each as a file (`side` (0, 0)) or as an image of `side` (height,
    width); `shape` is the whole request's, `batched` whether its first axis counts photos."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    side: tuple[int, int] = (0, 0)
    channels_last: bool = False
    batched: bool = True

    @property
    def batch(self) -> int:
        """Photos in one request."""
        return self.shape[0] if self.batched else 1

    def tensor(self, photos: Sequence[bytes]) -> np.ndarray:
        """`batch` photos' files -> what the model takes, of `shape`: the files themselves, pixels of 0..255 (UINT8), or
        the kit's own normalized images (floats). An image that is not square is the square, stretched.

        Raises DataError for a file that is no picture.
        """
        if self.datatype == "BYTES":
            files = np.empty(len(photos), dtype=object)
            files[:] = list(photos)
            return files.reshape(self.shape)
        pixels = np.stack([_pixels(photo, self.side) for photo in photos])
        if self.datatype == "UINT8":
            images = pixels if self.channels_last else pixels.transpose(0, 3, 1, 2)
        else:
            images = image.preprocess(pixels)
            images = images.transpose(0, 2, 3, 1) if self.channels_last else images
        return np.ascontiguousarray(images.reshape(self.shape), dtype=NUMBERS[self.datatype])

    def told(self) -> str:
        """In words: "`input` FP32 1x3x224x224, channels first: the kit's normalized images"."""
        kind = {"BYTES": "the photo's file", "UINT8": "pixels of 0 to 255"}.get(
            self.datatype, "the kit's normalized images"
        )
        axes = "" if self.datatype == "BYTES" else f", channels {'last' if self.channels_last else 'first'}"
        return f"`{self.name}` {self.datatype} {'x'.join(map(str, self.shape))}{axes}: {kind}"


@dataclass(frozen=True)
class Body:
    """A request's body and headers."""

    content: bytes
    headers: Mapping[str, str]


def address(url: str) -> Address | None:
    """The model that a checked address names; None where it is not of this protocol.

    Raises UsageError, naming the server's models where it tells them, for one that names a v2 server and no model.
    """
    if found := _MODEL.match(url):
        return Address(
            found["server"],
            unquote(found["model"]),
            f"{found['server']}/models/{found['model']}" + (found["version"] or ""),
        )
    near = _NEAR.match(url)
    if near is None:
        return None
    known = models(near["server"])
    raise UsageError(
        f"endpoint={url!r} names no model. Write it as {near['server']}/models/NAME"
        f"{', of ' + ', '.join(known) if known else ''}."
    )


def models(server: str) -> list[str]:
    """The models that a server lists (an extension of the protocol); none where it does not tell."""
    headers = {"content-type": "application/json"}
    try:
        reply = ask(Question(f"{server}/repository/index", "POST", b"{}", headers, METADATA_S))
    except ServerError:
        return []
    listed = reply.json() if reply.ok else None
    names = [one.get("name") for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    return sorted({name for name in names if isinstance(name, str)})[:20]


def metadata(where: Address) -> dict[str, Any]:
    """The model's own account: name, platform, versions, inputs and outputs with name, datatype and shape.

    Raises ServerError for a model that is not there or not ready, and for an answer that is not of this protocol.
    """
    reply = ask(Question(where.url, timeout_s=METADATA_S))
    if not reply.ok:
        raise _no_metadata(where, reply)
    value = reply.json()
    # Some servers write null for what they do not know.
    tensors = [value.get("inputs"), value.get("outputs") or []] if isinstance(value, Mapping) else [None]
    if not all(isinstance(each, list) and all(map(_is_tensor, each)) for each in tensors):
        if isinstance(value, Mapping) and not value.get("inputs") and "name" in value:
            raise _untold(where)
        what = "a web page" if reply.is_page else f"`{reply.words()[:120]}`"
        raise ServerError(
            f"{where.url} answers with {what}, not with a model's metadata (name, inputs, outputs) in JSON. Give the "
            "address of a model of Open Inference Protocol, or of an upload such as http://HOST:PORT/predict."
        )
    if not value["inputs"]:
        raise _untold(where)
    _require_ready(where)
    kept = {name: value[name] for name in ("name", "platform", "versions") if name in value}
    return kept | {
        kind: [{name: one[name] for name in ("name", "datatype", "shape")} for one in value.get(kind) or []]
        for kind in ("inputs", "outputs")
    }


def image_input(told: Mapping[str, Any], url: str) -> ImageInput:
    """How the model with this metadata takes photos. Raises ModelError, with what it takes, where it takes none."""
    inputs = told["inputs"]
    if len(inputs) != 1:
        names = ", ".join(one["name"] for one in inputs)
        raise ModelError(
            f"{url} takes {len(inputs)} inputs ({names}); a photo is one. Serve a model of one input, for example "
            "with a step before it that makes the others (Triton: an ensemble)."
        )
    name, datatype, shape = inputs[0]["name"], inputs[0]["datatype"], tuple(inputs[0]["shape"])
    shown = f"`{name}` {datatype} [{', '.join(map(str, shape))}]"
    if datatype not in TYPES:
        raise ModelError(
            f"{url} takes {shown}; photos are sent as {', '.join(TYPES)}. Serve it with one of these, for example with "
            "a step before it that converts."
        )
    if datatype == "BYTES":
        if not shape or any(size not in (-1, 1) for size in shape[1:]):
            raise ModelError(
                f"{url} takes {shown}; a photo's file is one text. Serve it with the shape [-1] or [-1, 1]."
            )
        return ImageInput(name, datatype, (_batch(shape[0], url), *(1 for _ in shape[1:])))
    if len(shape) not in (3, 4):
        raise ModelError(
            f"{url} takes {shown}, of {len(shape)} axes; an image has three, a batch of them four: [-1, 3, 224, 224] "
            "or [-1, 224, 224, 3]. Give an image classifier."
        )
    batched, sizes = len(shape) == 4, shape[-3:]
    channels_last = sizes[2] == 3 and sizes[0] != 3
    if not channels_last and sizes[0] not in (-1, 3):
        raise ModelError(
            f"{url} takes {shown}: images of {sizes[0]} channels; photos have 3 (red, green, blue). Serve it with a "
            "step before it that makes its channels of these."
        )
    height, width = (size if size > 0 else image.SIDE for size in (sizes[:2] if channels_last else sizes[1:]))
    if max(height, width) > MOST_SIDE:
        raise ModelError(f"{url} takes {shown}: images beyond {MOST_SIDE} pixels. Serve a model of smaller ones.")
    whole = (height, width, 3) if channels_last else (3, height, width)
    front = (_batch(shape[0], url),) if batched else ()
    return ImageInput(name, datatype, front + whole, (height, width), channels_last, batched)


def body(form: str, where: ImageInput, tensor: np.ndarray) -> Body:
    """A request with that tensor, as BINARY (as tritonclient makes it) or as JSON (row-major, nothing optional in it).

    A file has no form of its own in JSON: it goes as base64 and says so, as MLServer wants it.
    """
    if form == BINARY:
        import tritonclient.http as client

        given = client.InferInput(where.name, list(tensor.shape), where.datatype)
        given.set_data_from_numpy(tensor)
        content, size = client.InferenceServerClient.generate_request_body([given])
        headers = {"content-type": "application/octet-stream", "inference-header-content-length": str(size)}
        return Body(bytes(content), headers)
    one: dict[str, Any] = {"name": where.name, "shape": list(tensor.shape), "datatype": where.datatype}
    if where.datatype == "BYTES":
        one["parameters"] = {"content_type": "base64"}
        one["data"] = [base64.b64encode(each).decode() for each in tensor.ravel()]
    elif where.datatype == "UINT8":
        one["data"] = tensor.ravel().tolist()
    else:
        # As short as the type allows: 0.485, where a float64 of the same number has 17 digits.
        one["data"] = [float(str(each)) for each in tensor.ravel()]
    content = json.dumps({"inputs": [one]}, separators=(",", ":")).encode()
    return Body(content, {"content-type": "application/json"})


def outputs(content: bytes, headers: Mapping[str, str]) -> dict[str, np.ndarray]:
    """An answer's tensors by name; its header tells whether their bytes stand behind the JSON.

    Raises ServerError where the answer is not of this protocol.
    """
    import tritonclient.http as client

    length = headers.get("inference-header-content-length")
    try:
        result = client.InferResult.from_response_body(content, header_length=int(length) if length else None)
        told = result.get_response()["outputs"]
        found = {one["name"]: result.as_numpy(one["name"]) for one in told}
    except Exception as error:  # whatever a stranger's answer makes of the library
        raise ServerError(
            f"the answer is not of Open Inference Protocol: `outputs` cannot be read ({first_line(error)})"
        ) from None
    return {name: value for name, value in found.items() if value is not None and value.size}


def _pixels(photo: bytes, side: tuple[int, int]) -> np.ndarray:
    """uint8 (height, width, 3) of a photo's file."""
    height, width = side
    square = image.decode(photo, max(side))
    if height == width:
        return square
    from PIL import Image

    return np.asarray(Image.fromarray(square).resize((width, height), Image.Resampling.BILINEAR))


def _batch(size: int, url: str) -> int:
    if size > MOST_BATCH:
        raise ModelError(f"{url} takes {size} photos a request; up to {MOST_BATCH} are sent. Serve it with fewer.")
    return max(size, 1)


def _is_tensor(one: Any) -> bool:
    return (
        isinstance(one, Mapping)
        and all(isinstance(one.get(name), str) for name in ("name", "datatype"))
        and isinstance(one.get("shape"), list)
        and all(isinstance(size, int) and not isinstance(size, bool) for size in one["shape"])
    )


def _untold(where: Address) -> ModelError:
    return ModelError(
        f"The metadata of `{where.model}` ({where.url}) name no inputs, so nobody can tell what to send. Declare them "
        "where the server reads them (MLServer: inputs and outputs in model-settings.json; KServe: the model's "
        "get_input_types)."
    )


def _no_metadata(where: Address, reply: Reply) -> ServerError:
    """Whether the model is missing, or the whole protocol is."""
    if reply.status not in (400, 404):
        return refused(reply, "the question for the model's metadata")
    server = ask(Question(where.server, timeout_s=METADATA_S))
    if not server.ok or not isinstance(server.json(), Mapping):
        return ServerError(
            f"{where.server} is no server of Open Inference Protocol: it answers {server.status}, and {where.url} "
            f"{reply.status} ({reply.words()}). Correct the path, or give that of an upload, such as "
            "http://HOST:PORT/predict."
        )
    known = models(where.server)
    has = f"It has {', '.join(known)}. " if known else ""
    return ServerError(
        f"The server at {where.server} serves no model `{where.model}`: {reply.words()} ({reply.status}). {has}Load it "
        "there, or correct its name."
    )


def _require_ready(where: Address) -> None:
    """Raise ServerError for a model that says it is not ready. A server that lacks this question is not held to it."""
    reply = ask(Question(f"{where.url}/ready", timeout_s=METADATA_S))
    value = reply.json()
    told = isinstance(value, Mapping) and value.get("ready") is False
    if told or not (reply.ok or reply.status in (404, 405, 501)):
        words = "" if reply.words() == "no words" else f", {reply.words()}"
        raise ServerError(
            f"The model `{where.model}` at {where.server} is not ready ({reply.status}{words}). Wait until it is "
            "loaded, or look into the server's log; then run this step again."
        )
