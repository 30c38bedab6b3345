"""The page's own backend: the files of the page, the list of services, and the route that passes a photo on."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel

from snippets.errors import DataError, UsageError
from snippets.serve.limits import MAX_IMAGE_MB, MEGABYTE, BodyLimits
from snippets.serve.page.services import Refusal, Service, classify, is_ready
from snippets.serve.schema import upload_problem

FOLDER = Path(__file__).parent
ANSWER_TIMEOUT_S = 20.0
# Styles and scripts from this page only; pictures also from the file that the visitor has just chosen.
CONTENT_POLICY = "default-src 'self'; img-src 'self' blob: data:; base-uri 'none'; frame-ancestors 'self'"


class ServiceState(BaseModel):
    """One service as the page lists it."""

    name: str
    kind: str
    ready: bool


class Guess(BaseModel):
    """One class and its probability."""

    name: str
    probability: float


class PageAnswer(BaseModel):
    """What the page shows for one photo; `milliseconds` from here to the service and back."""

    service: str
    ranking: list[Guess]
    milliseconds: float


def create_page(services: Sequence[Service], labels: Sequence[str]) -> FastAPI:
    """The page's application. `labels` are the class names in the models' order (Triton does not know them).

    Raises UsageError without services or if two have the same name.
    """
    named = {service.name: service for service in services}
    if not named or len(named) != len(services):
        raise UsageError("The page needs at least one service, and every service a name of its own.")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # Services are this course's own: a proxy from the environment must not come between.
        async with httpx.AsyncClient(timeout=ANSWER_TIMEOUT_S, trust_env=False) as client:
            app.state.client = client
            yield

    app = FastAPI(title="GourmetGram", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(
        BodyLimits, timeout_s=ANSWER_TIMEOUT_S, max_bytes=int(MAX_IMAGE_MB * MEGABYTE), photo_mb=MAX_IMAGE_MB
    )

    @app.get("/")
    async def page() -> FileResponse:
        return FileResponse(
            FOLDER / "index.html",
            headers={"content-security-policy": CONTENT_POLICY, "x-content-type-options": "nosniff"},
        )

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/services")
    async def list_services() -> list[ServiceState]:
        return [
            ServiceState(name=item.name, kind=item.kind, ready=await is_ready(app.state.client, item))
            for item in services
        ]

    @app.post("/classify")
    async def classify_photo(request: Request, service: str) -> PageAnswer:
        if service not in named:
            raise HTTPException(404, f"There is no service named {service}. Reload the page.")
        content_type = request.headers.get("content-type", "").partition(";")[0]
        if not content_type.startswith("image/"):
            raise HTTPException(415, "This file is not a picture. Choose a photo (JPEG, PNG, WebP or GIF).")
        content = await request.body()
        began = time.perf_counter()
        try:
            answer = await classify(app.state.client, named[service], content, content_type, labels)
        except Refusal as refusal:
            raise HTTPException(refusal.status, str(refusal)) from None
        except DataError as error:
            raise HTTPException(422, upload_problem(error)) from None
        return PageAnswer(
            service=service,
            ranking=[Guess(name=name, probability=value) for name, value in answer.ranking],
            milliseconds=(time.perf_counter() - began) * 1e3,
        )

    app.mount("/static", StaticFiles(directory=FOLDER / "static"), name="static")
    return app
