"""The page passes photos on to whichever service is chosen, and its faults reach the visitor as sentences."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from snippets.data import image
from snippets.data.food11_classes import CLASSES
from snippets.errors import ServerError, ToolMissing, UsageError
from snippets.machine.browser import chromium_path, page_prediction, screenshot, swagger_prediction
from snippets.machine.process import Server, StartOptions, free_port, http_ready, start_server
from snippets.serve.page.__main__ import main, parse_endpoint, parse_triton
from snippets.serve.page.app import FOLDER, create_page
from snippets.serve.page.services import Service
from snippets.triton.server import TritonServer
from tests import pages
from tests.snippets.servers import encoded, plain, toy_classifier
from tests.snippets.triton.triton_models import colour_classifier

JPEG = encoded(plain("red"), "JPEG")
PHOTO = FOLDER / "static" / "coffee.jpg"


@pytest.fixture(scope="module")
def triton(triton_server: TritonServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a real Triton with a model `food` that answers as the toy classifier does."""
    triton_server.deploy(colour_classifier(tmp_path_factory.mktemp("food")))
    return f"http://{triton_server.url}"


@pytest.fixture(scope="module")
def endpoint(root: Path) -> Iterator[Server]:
    code = (
        "import sys, uvicorn; from tests.snippets.servers import toy_classifier;"
        "from snippets.serve.endpoint import create_app;"
        "uvicorn.run(create_app(toy_classifier), port=int(sys.argv[1]), log_level='warning')"
    )
    with start_server(
        "endpoint", lambda port: [sys.executable, "-c", code, str(port)], http_ready("/ready"), StartOptions(cwd=root)
    ) as server:
        yield server


@pytest.fixture(scope="module")
def services(endpoint: Server, triton: str) -> list[Service]:
    return [
        Service("FastAPI", endpoint.url),
        Service("Triton", triton, "triton", "food"),
        Service("Other model", triton, "triton", "drinks"),
        Service("Gone", f"http://127.0.0.1:{free_port()}"),
    ]


@pytest.fixture(scope="module")
def client(services: list[Service]) -> Iterator[TestClient]:
    with TestClient(create_page(services, CLASSES)) as client:
        yield client


def classify(client: TestClient, service: str, content: bytes = JPEG, kind: str = "image/jpeg"):
    return client.post(f"/classify?service={service}", content=content, headers={"content-type": kind})


def test_endpoint_and_triton_give_the_page_the_same_ranking(client: TestClient) -> None:
    expected = image.postprocess(toy_classifier().logits(image.preprocess(image.decode(JPEG))))[0]
    for service in ("FastAPI", "Triton"):
        answer = classify(client, service)
        assert answer.status_code == 200, answer.text
        ranking = answer.json()["ranking"]
        assert ranking[0]["name"] == "Bread"
        assert [guess["probability"] for guess in ranking] == pytest.approx(sorted(expected, reverse=True), rel=1e-5)


def test_the_page_lists_services_and_which_are_ready(client: TestClient) -> None:
    states = {item["name"]: item["ready"] for item in client.get("/services").json()}
    assert states == {"FastAPI": True, "Triton": True, "Other model": False, "Gone": False}


@pytest.mark.parametrize(
    ("service", "content", "kind", "status", "says"),
    [
        ("Gone", JPEG, "image/jpeg", 502, "Is it running"),
        ("Other model", JPEG, "image/jpeg", 502, "unknown model"),
        ("Nobody", JPEG, "image/jpeg", 404, "no service named Nobody"),
        ("FastAPI", b"a recipe", "image/jpeg", 422, "not a readable picture"),
        ("Triton", b"a recipe", "image/jpeg", 422, "not a readable picture"),
        ("FastAPI", b"a recipe", "text/plain", 415, "not a picture"),
        ("FastAPI", bytes(10_500_000), "image/jpeg", 413, "larger than the 10 MB"),
    ],
)
def test_faults_reach_the_visitor_as_sentences(
    client: TestClient, service: str, content: bytes, kind: str, status: int, says: str
) -> None:
    answer = classify(client, service, content, kind)
    assert answer.status_code == status
    assert says in answer.json()["detail"]


def test_nothing_on_the_page_comes_from_another_host(client: TestClient) -> None:
    for path in ("/", "/static/page.css", "/static/page.js"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "http://" not in answer.text and "https://" not in answer.text
    assert client.get("/").headers["content-security-policy"].startswith("default-src 'self'")


def test_services_are_read_from_the_command_line() -> None:
    assert parse_endpoint("ONNX=http://127.0.0.1:8000/") == Service("ONNX", "http://127.0.0.1:8000")
    assert parse_triton("T=http://h:1/food") == Service("T", "http://h:1", "triton", "food")
    for parse, text in (
        (parse_endpoint, "http://127.0.0.1"),
        (parse_endpoint, "A=8000"),
        (parse_triton, "T=http://h:1"),
    ):
        with pytest.raises(UsageError, match="write NAME=URL"):
            parse(text)


def test_a_page_without_services_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", str(free_port())]) == UsageError.exit_code
    assert "at least one service" in capsys.readouterr().err


def test_two_services_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="a name of its own"):
        create_page([Service("A", "http://h"), Service("A", "http://i")], CLASSES)


def test_a_missing_chromium_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("SERVELAB_CHROMIUM", raising=False)
    with pytest.raises(ToolMissing, match="apt-get install chromium"):
        chromium_path()


@pytest.fixture(scope="module")
def page(services: list[Service], root: Path) -> Iterator[Server]:
    fastapi, triton, _, gone = services
    options = [f"--endpoint={one.name}={one.url}" for one in (fastapi, gone)]
    options.append(f"--triton={triton.name}={triton.url}/{triton.model}")
    with start_server(
        "page",
        lambda port: [sys.executable, "-m", "snippets.serve.page", *options, f"--port={port}"],
        http_ready("/health"),
        StartOptions(cwd=root),
    ) as server:
        yield server


@pages.needs_chromium
def test_a_browser_classifies_a_photo_on_the_page(page: Server) -> None:
    before = screenshot(page.url, width=1000, height=640)
    after = page_prediction(page.url, str(PHOTO), "Triton")
    assert before.startswith(b"\x89PNG") and after.startswith(b"\x89PNG")
    assert before != after


@pages.needs_chromium
def test_a_long_folder_for_temporary_files_stops_no_browser(
    page: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    assert screenshot(page.url).startswith(b"\x89PNG")


@pages.needs_chromium
def test_the_page_tells_a_visitor_what_is_wrong_with_a_file(page: Server, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.jpg"
    recipe.write_text("two eggs")
    with pytest.raises(ServerError, match="not a readable picture"):
        page_prediction(page.url, str(recipe), "FastAPI")


@pages.needs_chromium
def test_swagger_executes_a_prediction(endpoint: Server) -> None:
    assert swagger_prediction(endpoint.url, str(PHOTO)).startswith(b"\x89PNG")


@pages.needs_chromium
def test_the_page_has_no_fault_in_a_browser_and_what_is_new_on_it_takes_no_focus_away(page: Server) -> None:
    focused: list[str] = []

    def use(shown) -> None:
        chosen = shown.get_by_role("radio", name="Triton")
        chosen.focus()
        chosen.press(" ")
        with shown.expect_response("**/services"):
            pass  # the list is asked for again as long as a service is not ready
        shown.wait_for_timeout(200)
        focused.append(shown.evaluate("document.activeElement.value"))
        shown.set_input_files("#photo", str(PHOTO))
        shown.get_by_role("button", name="Classify").press("Enter")
        shown.locator("#ranking li").first.wait_for()
        focused.append(shown.evaluate("document.activeElement.id"))

    assert pages.faults(page.url, use) == []
    assert focused == ["Triton", "send"]
