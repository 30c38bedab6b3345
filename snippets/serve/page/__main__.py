"""Run the page: `python -m snippets.serve.page --endpoint NAME=URL --triton NAME=URL/MODEL --port 8080`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from snippets.data.food11_classes import CLASSES
from snippets.errors import KitError, UsageError
from snippets.machine.process import require_free
from snippets.serve.page.app import create_page
from snippets.serve.page.services import Service


def parse_endpoint(text: str) -> Service:
    """`NAME=URL` of an endpoint of this kit."""
    name, url = _split(text)
    return Service(name, url)


def parse_triton(text: str) -> Service:
    """`NAME=URL/MODEL` of a model on Triton (its HTTP port)."""
    name, address = _split(text)
    url, _, model = address.rpartition("/")
    if "//" not in url:
        raise UsageError(f"{text}: write NAME=URL/MODEL, for example Triton=http://127.0.0.1:8000/food.")
    return Service(name, url, "triton", model)


def _split(text: str) -> tuple[str, str]:
    name, separator, url = text.partition("=")
    if not (name and separator and url.startswith(("http://", "https://"))):
        raise UsageError(f"{text}: write NAME=URL, for example ONNX=http://127.0.0.1:8000.")
    return name, url.rstrip("/")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the page until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m snippets.serve.page", description="Serve the GourmetGram page.")
    parser.add_argument("--endpoint", action="append", default=[], metavar="NAME=URL")
    parser.add_argument("--triton", action="append", default=[], metavar="NAME=URL/MODEL")
    parser.add_argument("--labels", default="", help="class names, comma-separated; default: Food-11's")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    options = parser.parse_args(arguments)
    try:
        require_free(options.port, options.host)
        services = [parse_endpoint(text) for text in options.endpoint]
        services += [parse_triton(text) for text in options.triton]
        app = create_page(services, tuple(name for name in options.labels.split(",") if name) or CLASSES)
    except KitError as error:
        print(f"page: {error}", file=sys.stderr)
        return error.exit_code
    import uvicorn

    uvicorn.run(app, host=options.host, port=options.port, log_level="warning", timeout_graceful_shutdown=3)
    return 0


if __name__ == "__main__":
    sys.exit(main())
