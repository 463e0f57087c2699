"""lm-eval's own command and ours, on the same tasks with the same model, give the same numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.tasks.lm_eval import PLUGIN
from selfreward_eval.tasks.lm_eval.examples.shapes import rows, scene, write

QUESTIONS = """
dataset_path: json
dataset_kwargs:
  data_files:
    test: {data}
  cache_dir: {cache}
test_split: test
num_fewshot: 0
doc_to_image: !function selfreward_eval.tasks.lm_eval.examples.shapes.pictures
doc_to_text: "<image>{{{{question}}}}"
metadata:
  version: 1.0
"""

CHOOSE = """
task: local_choose
output_type: multiple_choice
doc_to_choice: choices
doc_to_target: gold
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
  - {metric: acc_norm, aggregation: mean, higher_is_better: true}
  - {metric: exact_match, aggregation: mean, higher_is_better: true}
"""

SAY = """
task: local_say
output_type: generate_until
doc_to_target: answer
generation_kwargs: {until: ["\\n"], do_sample: false, max_gen_toks: 16}
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true}
"""

NAMES = ("local_choose", "local_say")


@pytest.fixture
def shapes(tmp_path: Path) -> Path:
    """A folder with two tasks over one file of questions about rendered pictures."""
    place = tmp_path / "questions"
    place.mkdir()
    data = place / "questions.jsonl"
    # The shipped models were never asked to compare, so that some of their answers are wrong.
    write(data, kinds=("relation", "compare", "count"), scenes=8)
    shared = QUESTIONS.format(data=data, cache=tmp_path / "cache")
    (place / "choose.yaml").write_text(CHOOSE + shared)
    (place / "say.yaml").write_text(SAY + shared)
    return place


@pytest.fixture
def lm_eval(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What the ``lm_eval`` script does with these arguments, in this process."""
    from lm_eval.__main__ import cli_evaluate

    def call(*arguments: object) -> None:
        monkeypatch.setattr(sys, "argv", ["lm_eval", *map(str, arguments)])
        cli_evaluate()

    return call


@pytest.fixture
def ours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., dict[str, Any]]:
    """What ``selfreward-eval run --json`` prints."""
    from selfreward_eval.cli.main import main

    def call(*arguments: object) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", ["selfreward-eval", "run", "--json", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit, match=r"^0$"):
            main()
        printed: dict[str, Any] = json.loads(capsys.readouterr().out)
        return printed

    return call


def numbers(results: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Task -> ``metric,filter`` -> value, without standard errors."""
    return {
        name: {key: value for key, value in row.items() if "," in key and "_stderr" not in key}
        for name, row in results["results"].items()
        if name in NAMES
    }


def test_both_commands_give_the_same_numbers(
    shapes: Path,
    tmp_path: Path,
    lm_eval: Callable[..., None],
    ours: Callable[..., dict[str, Any]],
) -> None:
    lm_eval(
        *("--model", "selfreward", "--model_args", "adapter=tiny,checkpoint=final"),
        *("--include_path", shapes, "--tasks", f"{PLUGIN},{','.join(NAMES)}", "--batch_size", 4),
        *("--output_path", tmp_path / "theirs", "--log_samples"),
    )
    (path,) = (tmp_path / "theirs").rglob("results_*.json")
    theirs = json.loads(path.read_text())
    summary = ours(
        *(
            "--model",
            "tiny",
            "--model-args",
            "checkpoint=final",
            "--task-args",
            f"include_path={shapes}",
        ),
        *("--tasks", ",".join(f"lm_eval:{name}" for name in NAMES), "-o", tmp_path / "ours"),
    )
    extras = {name: summary["tasks"][f"lm_eval:{name}"]["extra"] for name in NAMES}
    assert extras == numbers(theirs)
    headline = {name: summary["tasks"][f"lm_eval:{name}"]["overall"]["value"] for name in NAMES}
    assert headline["local_choose"] == pytest.approx(extras["local_choose"]["acc,none"], abs=1e-15)
    assert 0 < headline["local_choose"] < 1
    assert 0 < headline["local_say"] < 1
    assert theirs["config"]["selfreward"]["name"] == "tiny-final"
    assert _likelihoods_of(tmp_path / "theirs") == _likelihoods(Path(summary["folder"]))


def _likelihoods_of(folder: Path) -> list[list[float]]:
    """What lm-eval's command recorded: per document the log-probability of every choice."""
    (path,) = folder.rglob("samples_local_choose_*.jsonl")
    samples = [json.loads(line) for line in path.read_text().splitlines()]
    return [[float(response[0][0]) for response in sample["resps"]] for sample in samples]


def _likelihoods(folder: Path) -> list[list[float]]:
    (path,) = folder.glob("samples_lm_eval:local_choose_*.jsonl")
    texts = [json.loads(line)["text"] for line in path.read_text().splitlines()]
    return [[score for _, score, _ in json.loads(text)] for text in texts]


@pytest.mark.slow
def test_the_script_itself_finds_our_model(shapes: Path, tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("lm_eval")
    arguments = ["--model", "selfreward", "--model_args", "adapter=tiny", "--limit", "2"]
    tasks = ["--include_path", str(shapes), "--tasks", f"{PLUGIN},local_choose"]
    done = subprocess.run(
        [script, *arguments, *tasks],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "|local_choose|" in done.stdout


def test_the_plug_in_says_where_it_lies() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "selfreward_eval.tasks.lm_eval"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(PLUGIN)


def test_the_examples_ask_about_the_scenes_they_show() -> None:
    found = rows(("existence", "colour"), scenes=20)
    assert {row["kind"] for row in found} == {"existence", "colour"}
    assert all(row["choices"][row["gold"]] == row["answer"] for row in found)
    for row in (row for row in found if row["kind"] == "colour"):
        form = row["question"].removeprefix("what colour is the ").removesuffix("?")
        assert [thing.colour for thing in scene(row["scene"]).things if thing.form == form] == [row["answer"]]


def test_the_examples_are_the_same_every_time() -> None:
    assert rows(("count",), scenes=3) == rows(("count",), scenes=5)[:3]
