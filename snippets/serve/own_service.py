"""A running service of somebody's own: what it is, found by asking it, and requests with a photo that it takes.

Either a model of Open Inference Protocol (an address with /v2/models/NAME), or an endpoint that takes an upload: then
the usual ways to send a photo are tried in turn, until an answer names a class.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from snippets.errors import KitError, ServerError
from snippets.load.senders import WebTarget
from snippets.serve import classes, open_inference
from snippets.serve.open_inference import BINARY, JSON, Body
from snippets.serve.own_http import Question, Reply, ask, checked, refused

PROTOCOL, UPLOAD = "Open Inference Protocol", "upload"
# How photos are uploaded, the most usual way first: a form with this field, JSON with base64 under this name, or the
# file as it is.
UPLOADS = ("form:file", "json:image", "file", "form:image", "form:photo")
TRIAL_S = 30.0
Facts = Mapping[str, Any]


def describe(url: str, photo: bytes, labels: Sequence[str]) -> dict[str, Any]:
    """What answers at `url`, and how it wants the file `photo`: plain values, all that `target` and `predict` need.

    protocol (PROTOCOL or UPLOAD), url, sent (BINARY, JSON or one of UPLOADS), batch (photos a request), request_bytes,
    named (the class that the photo got), expects (text that every answer to it holds); of a PROTOCOL also metadata, and
    takes, its input in words. Raises UsageError for an address that is none, ServerError where nothing useful answers,
    ModelError for a model that takes no photos.
    """
    url = checked(url)
    where = open_inference.address(url)
    if where is None:
        return _describe_upload(url, photo, labels)
    told = open_inference.metadata(where)
    takes = open_inference.image_input(told, where.url)
    facts = {
        "protocol": PROTOCOL,
        "url": where.url,
        "metadata": told,
        "takes": takes.told(),
        "batch": takes.batch,
    }
    return facts | _form(facts, photo, labels)


def target(facts: Facts, photo: bytes, timeout_s: float = 30.0) -> WebTarget:
    """The request with `photo` for the load generators; the photo of a fixed batch is repeated.

    An answer of success that is no prediction counts as a failure.
    """
    made, url = _request(facts, [photo] * facts["batch"])
    return WebTarget(
        url,
        made.content,
        headers=made.headers,
        timeout_s=timeout_s,
        batch=facts["batch"],
        expects=facts["expects"].encode(),
    )


def predict(facts: Facts, photos: Sequence[bytes], labels: Sequence[str]) -> list[str]:
    """The class of each photo, as the service has it. Raises ServerError for a photo that it does not answer."""
    found: list[str] = []
    batch = facts["batch"]
    for start in range(0, len(photos), batch):
        group = list(photos[start : start + batch])
        whole = group + group[-1:] * (batch - len(group))
        found += _classes(facts, _ask(facts, whole), labels)[: len(group)]
    return found


def _form(facts: Facts, photo: bytes, labels: Sequence[str]) -> dict[str, Any]:
    """The form in which a model takes its tensor: bytes if it reads them as what they are, or else JSON.

    Both are tried: few servers announce what they take, and one that reads only the JSON before the bytes would answer
    something, but not to this photo.
    """
    answers: dict[str, list[str]] = {}
    problems: dict[str, KitError] = {}
    for form in (BINARY, JSON):
        try:
            asked = {**facts, "sent": form}
            answers[form] = _classes(asked, _ask(asked, [photo] * facts["batch"]), labels)
        except ServerError as error:
            problems[form] = error
    if not answers:
        # The refusal of the form that fits the type better: JSON has no halves and no files.
        raise problems[BINARY if facts["metadata"]["inputs"][0]["datatype"] in ("FP16", "BYTES") else JSON]
    alike = answers.get(BINARY) == answers.get(JSON, answers.get(BINARY))
    form = BINARY if BINARY in answers and alike else JSON
    made, _ = _request({**facts, "sent": form}, [photo] * facts["batch"])
    return {"sent": form, "request_bytes": len(made.content), "named": answers[form][0], "expects": '"outputs"'}


def _describe_upload(url: str, photo: bytes, labels: Sequence[str]) -> dict[str, Any]:
    facts: dict[str, Any] = {"protocol": UPLOAD, "url": url, "batch": 1}
    replies: list[Reply] = []
    for sent in UPLOADS:
        asked = {**facts, "sent": sent}
        made, _ = _request(asked, [photo])
        reply = ask(Question(url, "POST", made.content, made.headers, TRIAL_S))
        named = classes.of_answer(reply, labels) if reply.ok else None
        if named is not None:
            expects = named if named.encode() in reply.content else ""
            return {**asked, "request_bytes": len(made.content), "named": named, "expects": expects}
        replies.append(reply)
        if reply.status in (401, 403, 404, 405) or 300 <= reply.status < 400:
            break  # it is not the way of sending that is wrong
    raise _no_upload(url, replies)


def _no_upload(url: str, replies: Sequence[Reply]) -> ServerError:
    """Why no way of sending a photo got a class."""
    answered = next((reply for reply in replies if reply.ok), None)
    if answered is None:
        # Of several refusals the one that speaks of a file tells most; 415 and 422 of another way of sending do not.
        last = min(replies, key=lambda reply: (reply.status in (415, 422), -reply.status))
        return refused(last, f"a photo ({', '.join(UPLOADS[: len(replies)])} tried)")
    what = "a web page" if answered.is_page else "an answer"
    return ServerError(
        f"{url} answers {answered.status} to a photo, with {what} that names no class: `{answered.text[:200]}`. Let it "
        'answer with JSON such as {"prediction": "Dessert"}, and with a status of 4xx or 5xx when it has none; or '
        "correct the path."
    )


def _request(facts: Facts, photos: Sequence[bytes]) -> tuple[Body, str]:
    """The request with these photos (as many as a batch), and where it goes."""
    if facts["protocol"] == PROTOCOL:
        takes = open_inference.image_input(facts["metadata"], facts["url"])
        return open_inference.body(facts["sent"], takes, takes.tensor(photos)), f"{facts['url']}/infer"
    return _upload(facts["sent"], photos[0]), facts["url"]


def _upload(sent: str, photo: bytes) -> Body:
    import httpx

    way, _, name = sent.partition(":")
    if way == "form":
        form = httpx.Request("POST", "http://x", files={name: ("photo.jpg", photo, "image/jpeg")})
        return Body(form.read(), {"content-type": form.headers["content-type"]})
    if way == "json":
        text = {name: base64.b64encode(photo).decode()}
        return Body(json.dumps(text).encode(), {"content-type": "application/json"})
    return Body(photo, {"content-type": "image/jpeg"})


def _ask(facts: Facts, photos: Sequence[bytes]) -> Reply:
    made, url = _request(facts, photos)
    reply = ask(Question(url, "POST", made.content, made.headers, TRIAL_S))
    if not reply.ok:
        raise refused(reply, "a photo")
    return reply


def _classes(facts: Facts, reply: Reply, labels: Sequence[str]) -> list[str]:
    if facts["protocol"] == UPLOAD:
        named = classes.of_answer(reply, labels)
        found = None if named is None else [named]
    else:
        try:
            tensors = open_inference.outputs(reply.content, reply.headers)
        except ServerError as error:
            raise ServerError(
                f"{reply.url} answers {reply.status} to a photo, but {error}. Correct the server."
            ) from None
        found = classes.of_tensors(tensors, facts["batch"], labels)
    if found is None:
        raise ServerError(
            f"{reply.url} answers {reply.status} to a photo, but its answer tells no class: `{reply.text[:200]}`. Let "
            "it answer with a score for each class, or the class's name."
        )
    return found
