"""The site opens from a file, fetches nothing, holds nothing of staff's and no answers, and replaces only itself."""

from __future__ import annotations

import ast
import html
import re
import shutil
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from grading.site.build import MARK, write_site
from grading.site.lessons import lessons
from snippets.errors import RecordError, StorageError, ToolMissing, UsageError
from snippets.machine.browser import chromium_path
from snippets.parts import NOTEBOOKS, PARTS
from snippets.record.run import open_run
from tests.grading.site import made
from tests.reserve.verbs.test_edition import LEAST_WORDS, plain, solution_lines, staff_texts

TAG = re.compile(r"<[^>]+>")


def pages(site: Path) -> dict[str, str]:
    return {path.relative_to(site).as_posix(): path.read_text() for path in sorted(site.rglob("*.html"))}


def words(site: Path) -> str:
    """All that can be read in the site, scripts and data included, without tags."""
    return plain(html.unescape(TAG.sub("", "\n".join(pages(site).values()))))


class Reader(HTMLParser):
    """Addresses, ids, levels of headings and pictures of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.levels: list[int] = []
        self.alts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.addresses += [found[name] for name in ("src", "href") if name in found]
        self.ids += [found["id"]] if "id" in found else []
        self.levels += [int(tag[1])] if re.fullmatch(r"h[1-6]", tag) else []
        self.alts += [found.get("alt", "")] if tag == "img" else []


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def test_there_is_an_index_a_guide_and_a_page_for_every_notebook(site: Path) -> None:
    found = {lesson.page for part in PARTS for lesson in lessons(part)}
    assert set(pages(site)) == {"index.html", "guide.html"} | found and len(found) >= 14


def test_every_local_address_leads_to_a_file_and_an_anchor_of_the_site(site: Path) -> None:
    whole = {name: read(page) for name, page in pages(site).items()}
    for name, page in whole.items():
        for address in page.addresses:
            if not address.startswith(("https://", "http://", "data:")):
                path, _, anchor = address.partition("#")
                target = (site / name).parent / path if path else site / name
                assert target.resolve().is_file(), f"{name} names {address}"
                if anchor:
                    assert anchor in whole[target.resolve().relative_to(site.resolve()).as_posix()].ids, address


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for name, page in pages(site).items():
        loaded = re.findall(r"<(?:img|script|link|iframe|source|video|audio|object|embed)\b[^>]*", page)
        assert [tag for tag in loaded if re.search(r"(?:src|href)=\"?(?:https?:)?//", tag)] == [], name
    assert not re.search(r"https?://(?!www\.w3\.org)|fetch\(|import\(|url\(", (site / "site.js").read_text())
    assert "url(" not in (site / "site.css").read_text() and "@import" not in (site / "site.css").read_text()


def test_every_page_has_one_title_headings_in_order_and_pictures_with_words(site: Path) -> None:
    for name, page in pages(site).items():
        found = read(page)
        assert found.levels[0] == 1 and found.levels.count(1) == 1, name
        assert all(after <= before + 1 for before, after in zip(found.levels, found.levels[1:], strict=False)), name
        assert all(len(alt.split()) >= 4 for alt in found.alts), name


def test_nothing_that_is_right_or_earns_points_is_in_it(site: Path, root: Path) -> None:
    given = words(site)
    secret = staff_texts(root)
    assert len(secret) > 200
    assert sorted(text for text in secret if text in given) == []
    assert sorted(line for line in solution_lines(root) if plain(line) in given) == []


def test_no_question_of_the_viva_is_in_it(site: Path, root: Path) -> None:
    asked = {
        text
        for path in (root / "grading/staff/viva").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if len((text := plain(node.value)).split()) >= LEAST_WORDS
    }
    asked_of_all = [*NOTEBOOKS.rglob("*.md"), *(root / "grading/questions").glob("*.toml")]
    kit = plain("\n".join(path.read_text() for path in asked_of_all))
    asked = {text for text in asked if text not in kit}
    given = words(site)
    assert len(asked) > 50 and sorted(text for text in asked if text in given) == []


def test_no_rubric_is_in_it_word_for_word_in_any_sentence(site: Path, root: Path) -> None:
    given = words(site)
    tables = [tomllib.loads(path.read_text()) for path in (root / "grading/staff/rubrics").glob("*.toml")]
    kinds = [value for table in tables for entry in table.values() for value in entry.values()]
    sentences = {sentence for text in kinds for sentence in re.split(r"(?<=[.;:]) ", plain(text))}
    told = {sentence for sentence in sentences if len(sentence.split()) >= LEAST_WORDS and sentence in given}
    assert len(sentences) > 100 and told == set()


def test_no_answer_no_path_of_the_machine_and_no_name_is_in_it(site: Path, runs: dict[str, Path], root: Path) -> None:
    whole = "\n".join(pages(site).values()) + (site / MARK).read_text()
    for secret in (made.ANSWER, "471", made.CODE, "zz9876", str(runs["model"].parent), str(root), str(Path.home())):
        assert secret not in whole, secret
    assert not re.search(r"(?<![\w.])/(?:home|root|tmp|Users)/", whole)


def test_a_part_without_a_run_says_so_on_every_page_of_it(site: Path) -> None:
    found = pages(site)
    assert "Part 2: edge: no recorded run" in found["index.html"]
    for lesson in lessons("edge"):
        assert "No recorded run." in found[lesson.page] and "servelab run edge" in found[lesson.page]
    assert "No recorded run of this lesson" in found["model/2_graph.html"]
    assert "With a recorded run" in found["model/1_baseline.html"]


def test_the_guide_says_what_to_reserve_and_what_grading_takes(site: Path) -> None:
    guide = plain(html.unescape(TAG.sub(" ", pages(site)["guide.html"])))
    assert "gpu_paper CHI@Nowhere 3 h less 30 min 20 min 2.50" in guide
    explanations = sum(q.kind == "explain" for part in PARTS for lesson in lessons(part) for q in lesson.questions)
    assert f"{explanations} explanations" in guide and f"= {30 * explanations * 2 / 60:.1f} hours of reading" in guide


def test_it_is_written_again_over_itself_and_leaves_what_is_not_its_own(
    site: Path, runs: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "site"
    shutil.copytree(site, out)
    (out / "notes.txt").write_text("mine")
    told = write_site([runs["system"]], out, [])
    assert (out / "notes.txt").read_text() == "mine"
    assert not list((out / "figures").rglob("*.png")), "pictures of the earlier site are gone"
    assert "no recorded run; `servelab run model` makes one" in told[1] and str(runs["system"]) in told[3]
    assert told[-1] == f"open it in a browser: {(out / 'index.html').as_uri()}"


def test_of_no_run_named_the_latest_of_each_part_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVELAB_RUNS", str(tmp_path / "runs"))
    folder = made.loaded(tmp_path / "runs")
    told = write_site([], tmp_path / "out", [])
    assert told[3] == f"  system: the run {folder}" and "no recorded run" in told[1]


def test_a_changed_record_is_shown_with_a_warning(tmp_path: Path) -> None:
    folder = made.measured(tmp_path)
    (folder / "figures/baseline-latency.png").write_bytes(made.png())
    told = write_site([folder], tmp_path / "out", [])
    assert "does not hold together: the file figures/baseline-latency.png was changed" in told[2]
    assert "does not hold together" in pages(tmp_path / "out")["index.html"]


def test_a_run_whose_models_were_left_out_is_no_changed_one(tmp_path: Path) -> None:
    run = open_run("model", notebook="1_baseline", run_id="quick", runs=tmp_path)
    model = run.folder / "models" / "fp32.onnx"
    model.parent.mkdir(exist_ok=True)
    model.write_bytes(b"x")
    run.step("export/fp32/size", lambda: {"file": model})
    model.unlink()
    told = write_site([run.folder], tmp_path / "out", [])
    assert run.record().verify(schema=False) == ["the file models/fp32.onnx is missing"]
    assert not any("hold together" in line for line in told)


def test_what_cannot_be_used_is_refused_in_a_sentence(runs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    file = tmp_path / "mine" / "thesis.txt"
    with pytest.raises(UsageError, match="holds something that is no site"):
        write_site([runs["model"]], tmp_path / "mine", [])
    with pytest.raises(UsageError, match="is a file; name a new folder"):
        write_site([runs["model"]], file, [])
    with pytest.raises(RecordError, match="no run record"):
        write_site([tmp_path / "nowhere"], tmp_path / "out", [])
    with pytest.raises(UsageError, match="runs of the same part, model"):
        write_site([runs["model"], runs["model"]], tmp_path / "out", [])
    with pytest.raises(StorageError, match=r"more than the 0\.01 MB .* largest files: "):
        write_site([runs["model"]], tmp_path / "out", [], most=10_000)
    with pytest.raises(StorageError, match="cannot be written"):
        write_site([runs["model"]], Path("/proc/site"), [])
    assert not (tmp_path / "out").exists() and file.read_text() == "x"


def test_a_mark_that_names_files_elsewhere_removes_none_of_them(runs: dict[str, Path], tmp_path: Path) -> None:
    out, other = tmp_path / "site", tmp_path / "other.txt"
    out.mkdir()
    other.write_text("x")
    (out / MARK).write_text('{"files": ["../other.txt", "old.html"]}')
    (out / "old.html").touch()
    write_site([runs["system"]], out, [])
    assert other.exists() and not (out / "old.html").exists()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_it_works_in_a_browser_from_a_file(site: Path, width: int, scheme: str) -> None:
    from playwright.sync_api import expect, sync_playwright

    try:
        browser_path = chromium_path()
    except ToolMissing as error:
        pytest.skip(str(error))
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox", "--disable-background-networking"]
        )
        shown = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        asked: list[str] = []
        wrong: list[str] = []
        shown.on("request", lambda request: asked.append(request.url))
        shown.on("console", lambda message: wrong.append(message.text))
        shown.on("pageerror", lambda error: wrong.append(str(error)))

        def fits() -> None:
            assert shown.evaluate("document.documentElement.scrollWidth") == width, shown.url

        shown.goto((site / "index.html").as_uri())
        fits()
        paper, ink = (
            shown.evaluate(f"getComputedStyle(document.body).{name}") for name in ("backgroundColor", "color")
        )
        bright = [sum(int(part) for part in colour[4:-1].split(",")) for colour in (paper, ink)]
        assert (bright[0] < bright[1]) == (scheme == "dark")

        shown.get_by_role("link", name="Baseline: how fast is the model as it is?").click()
        fits()
        value = shown.locator("[data-kind=percentile] output")
        expect(value).to_have_text("p95: 95.0 ms")
        slide = shown.get_by_label("Percentile", exact=True)
        slide.fill("50")
        expect(value).to_have_text("p50: 50.0 ms")
        slide.press("ArrowLeft")
        expect(value).to_have_text("p49: 49.0 ms")
        shown.get_by_label("Recorded step").select_option(label="baseline: compiled")
        expect(value).to_have_text("p49: 24.5 ms")
        figures = "[...document.images].map(one => (one.loading = 'eager', one.decode().then(() => one.naturalWidth)))"
        assert shown.evaluate(f"Promise.all({figures})") == [60, 60]

        shown.goto((site / "system" / "3_batching.html").as_uri())
        fits()
        clients = shown.locator("[data-kind=load]").first
        expect(clients.locator("output")).to_have_text("1 client")
        expect(clients.locator("tbody tr")).to_have_count(1)
        clients.get_by_role("slider").fill("1")
        expect(clients.locator("output")).to_have_text("8 clients")
        expect(clients.locator("tbody tr").nth(1)).to_contain_text(re.compile(r"batching: on.*20\.0"))

        shown.get_by_role("link", name="Instructor's guide").click()
        fits()
        shown.get_by_label("Students").fill("100")
        expect(shown.locator("output[name=nodes]")).to_have_text("250.0")
        assert wrong == [] and {url.partition(":")[0] for url in asked} <= {"file", "data"}
        browser.close()
