"""Errors of the web framework in the endpoint's own form: what to change, in a sentence, without the request."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse


def content_type(request: Request) -> str:
    """The request's content type without its parameters, in small letters; empty if it names none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def add_error_answers(app: FastAPI) -> None:
    """Answer what the framework refuses (415, 422) and what the model fails on (500) with a `detail`."""

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        kind = content_type(request)
        if kind != "application/json":
            detail = f"The content type is {kind or 'missing'}: send JSON (application/json)."
            return JSONResponse({"detail": f"{detail} A photo's file as it is goes to /predict/image."}, 415)
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "body") or "the body"
        return JSONResponse({"detail": f'{where}: {first["msg"]}. Send {{"image": "<the photo in base64>"}}.'}, 422)

    @app.exception_handler(Exception)
    async def failed(_: Request, error: Exception) -> Response:
        return JSONResponse({"detail": f"The model failed on this photo ({type(error).__name__})."}, 500)
