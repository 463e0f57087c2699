"""Pages as files, and the command that writes them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
import typer
from support.paths import ROOT
from typer.testing import CliRunner

from selfreward_eval.cli.report import report
from selfreward_eval.harness.comparing.compare import compare_runs, load_run
from selfreward_eval.harness.errors import InputError, RunFolderError, UsageError
from selfreward_eval.harness.report import write_comparison_page, write_run_page

MakeRun = Callable[..., Path]
VOID = {"meta", "link", "img", "input", "br", "path"}


class Outline(HTMLParser):
    """Collects addresses, scripts, ids and unbalanced tags of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.scripts = 0
        self.ids: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.addresses += [
            value or "" for name, value in attrs if name in ("src", "href", "action", "srcset")
        ]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"


@pytest.fixture
def pages(make_run: MakeRun, tmp_path: Path) -> dict[str, Path]:
    before, after = make_run("before", rate=0.4), make_run("after", rate=0.6, flaws=False)
    a, b = load_run(before), load_run(after)
    comparison = write_comparison_page(compare_runs(a, b), a, b, tmp_path / "new" / "compare.html")
    return {"run": write_run_page(before), "comparison": comparison}


@pytest.mark.parametrize("kind", ["run", "comparison"])
def test_a_page_is_whole_and_asks_for_nothing_outside_itself(pages: dict[str, Path], kind: str) -> None:
    outline = Outline(pages[kind].read_text(encoding="utf-8"))
    assert outline.open == []
    assert all(address.startswith(("data:", "#")) for address in outline.addresses)
    assert len(outline.ids) == len(set(outline.ids))


@pytest.mark.parametrize("kind", ["run", "comparison"])
def test_a_hostile_prompt_is_text_and_the_policy_names_the_only_script(
    pages: dict[str, Path], kind: str
) -> None:
    html = pages[kind].read_text(encoding="utf-8")
    assert Outline(html).scripts == 1
    assert "&lt;script&gt;alert(" in html
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    assert policy[1].startswith(
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-"
    )


def test_templates_never_switch_escaping_off() -> None:
    folder = ROOT / "harness" / "report" / "templates"
    sources = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.jinja")}
    assert {"comparison.jinja", "page.jinja", "parts.jinja", "power.jinja", "run.jinja"} <= set(sources)
    assert not [name for name, text in sources.items() if re.search(r"\|\s*safe\b|autoescape", text)]


def test_a_page_that_would_be_too_large_says_what_it_leaves_out(make_run: MakeRun, tmp_path: Path) -> None:
    html = write_run_page(make_run(), tmp_path / "page.html", budget=6_000).read_text(encoding="utf-8")
    said = re.search(r"(\d+) of 48 pictures are on this page", html)
    assert said is not None
    assert 0 < int(said[1]) == html.count('<li class="card"') < 48


def test_a_page_with_room_for_all_says_nothing_of_it(pages: dict[str, Path]) -> None:
    html = pages["run"].read_text(encoding="utf-8")
    assert "are on this page" not in html
    assert html.count('<li class="card"') == 48


def test_writing_twice_gives_the_same_page(make_run: MakeRun, tmp_path: Path) -> None:
    folder = make_run()
    first, second = (write_run_page(folder, tmp_path / name).read_bytes() for name in ("1.html", "2.html"))
    assert first == second


def test_the_package_loads_no_template_engine_until_a_page_is_written() -> None:
    code = (
        "import sys, selfreward_eval.harness.report, selfreward_eval.cli.report; "
        "print({'jinja2', 'PIL', 'numpy'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "set()"


class TestCommand:
    app = typer.Typer()
    app.command()(report)

    def test_it_prints_the_page_in_the_run_folder(self, make_run: MakeRun) -> None:
        folder = make_run()
        result = CliRunner().invoke(self.app, [str(folder)])
        assert result.exit_code == 0
        assert result.output.strip() == str(folder / "report.html")
        assert (folder / "report.html").is_file()

    def test_it_writes_where_it_is_told_and_answers_in_json(self, make_run: MakeRun, tmp_path: Path) -> None:
        page = tmp_path / "elsewhere" / "page.html"
        result = CliRunner().invoke(self.app, [str(make_run()), "-o", str(page), "--json"])
        assert json.loads(result.output) == {"page": str(page), "bytes": page.stat().st_size}

    @pytest.mark.parametrize(("missing", "error"), [(True, InputError), (False, RunFolderError)])
    def test_a_bad_folder_is_one_line(self, tmp_path: Path, missing: bool, error: type[Exception]) -> None:
        folder = tmp_path / "gone" if missing else tmp_path
        result = CliRunner().invoke(self.app, [str(folder)])
        assert isinstance(result.exception, error)
        assert "\n" not in str(result.exception)

    def test_a_folder_is_not_a_file(self, make_run: MakeRun, tmp_path: Path) -> None:
        result = CliRunner().invoke(self.app, [str(make_run()), "--output-path", str(tmp_path)])
        assert isinstance(result.exception, UsageError)
