"""``selfreward-eval reward`` and ``reward-audit`` as a user meets them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.files import read_json_lines
from selfreward_eval.harness.registry import registry
from selfreward_eval.rewarders.base import Reward, Rewarder, RewarderInfo, RewardSample

Command = Callable[..., Any]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run of the tiny model."""
    from selfreward_eval.harness.models.tiny import WEIGHTS, TinyModel
    from selfreward_eval.harness.runs.run import run as run_tasks
    from selfreward_eval.tasks.shapes.compbench.task import ShapesCompBench

    if not (WEIGHTS / "tiny-final").is_dir():
        pytest.skip("the tiny model's weights are not in this checkout")
    model = TinyModel("final", device="cpu")
    output = tmp_path_factory.mktemp("runs")
    return run_tasks(model, [ShapesCompBench()], output, limit=8, call={"model_args": "device=cpu"}).folder


class Odd(Rewarder):
    """Rewards a picture's width; raises at 10, hangs at 11, and gives NaN at 12."""

    info = RewarderInfo("odd", "1", "For tests", "external", (0.0, None))

    def identity(self) -> dict[str, Any]:
        return self.described()

    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        return [self._one(sample) for sample in samples]

    def _one(self, sample: RewardSample) -> Reward:
        number = sample.image.width
        if number == 10:
            raise RuntimeError("it broke")
        if number == 11:
            time.sleep(1.5)
        return Reward(float("nan")) if number == 12 else Reward(float(number))


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = SimpleNamespace(name="odd", value="json:Odd", module="json", dist=None, load=lambda: Odd)
    monkeypatch.setitem(registry("rewarders")._entries, "odd", entry)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five pictures of different width in a list; the prompt of one is hostile to a page."""
    rows = []
    for number in range(10, 15):
        Image.new("RGB", (number, 8), (number, 0, 0)).save(tmp_path / f"{number}.png")
        prompt = "<script>alert(1)</script>" if number == 14 else "a red star"
        rows.append({"id": str(number), "prompt": prompt, "image_path": f"{number}.png"})
    (tmp_path / "list.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def lines(folder: Path) -> list[dict[str, Any]]:
    return list(read_json_lines(folder / "rewards.jsonl").records)


@pytest.mark.usefixtures("odd")
def test_a_rewarder_that_raises_hangs_or_is_nan_marks_its_own_pictures(
    command: Command, folder: Path, tmp_path: Path
) -> None:
    outcome = command("reward", folder, "--rewarder", "odd", "--timeout", 0.3, "-o", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    found = lines(tmp_path / "out")
    assert [one["value"] for one in found] == [None, None, None, 13.0, 14.0]
    assert {one["status"] for one in found[:3]} == {"measurement_error"}
    assert "2 of 5 pictures have a reward" in outcome.out
    for reason in ("it broke", "longer than 0.3 s", "not a finite number"):
        assert reason in outcome.out


@pytest.mark.usefixtures("odd")
def test_the_page_says_who_has_no_reward_and_escapes_what_is_strange(
    command: Command, folder: Path, tmp_path: Path
) -> None:
    command("reward", folder, "--rewarder", "odd", "--timeout", 0.3, "-o", tmp_path / "out")
    page = (tmp_path / "out" / "rewards.html").read_text()
    assert "<script>alert" not in page
    assert page.count('data-place="unscored"') == 3
    assert "it broke" in page


def test_the_same_command_goes_on(command: Command, folder: Path, tmp_path: Path) -> None:
    arguments = ("reward", folder, "--rewarder", "random,seed=3", "-o", tmp_path / "out")
    assert command(*arguments).code == 0
    before = (tmp_path / "out" / "rewards.jsonl").read_bytes()
    path = tmp_path / "out" / "rewards.jsonl"
    path.write_bytes(before[:-30])
    assert command(*arguments).code == 0
    assert [one["value"] for one in lines(tmp_path / "out")] == [
        json.loads(line)["value"] for line in before.splitlines()
    ]


def test_another_rewarder_needs_another_folder(command: Command, folder: Path, tmp_path: Path) -> None:
    command("reward", folder, "--rewarder", "random", "-o", tmp_path / "out")
    outcome = command("reward", folder, "--rewarder", "random,seed=1", "-o", tmp_path / "out")
    assert outcome.code == 4
    assert "seed: 0 there, 1 here" in outcome.errors[0]


def test_a_newcomer_needs_no_arguments(command: Command, run: Path, tmp_path: Path) -> None:
    outcome = command("reward", run, "--rewarder", "srum", "-o", tmp_path / "out", "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert (found["pictures"], found["scored"], found["world"]) == (32, 32, "shapes")
    assert found["model"].startswith("tiny-final (sha256:")
    assert found["model"].endswith("the run's own")
    assert (found["rewarder"]["ask"], found["rewarder"]["questions"]) == ("yes", "shapes")
    page = Path(found["page"]).read_text()
    assert 'class="veil code"' in page
    assert 'class="veil paper"' in page
    assert lines(tmp_path / "out")[0]["map"]["shape"] == [48, 48]


def test_a_model_that_is_named_takes_the_runs_place(command: Command, run: Path, tmp_path: Path) -> None:
    named = ("--model", "tiny", "--model-args", "checkpoint=early,device=cpu")
    outcome = command("reward", run, "--rewarder", "dsr", *named, "-o", tmp_path / "out", "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert found["model"].startswith("tiny-early")
    assert found["model"].endswith("named by --model")


def test_a_model_that_changed_since_the_run_is_refused(command: Command, run: Path, tmp_path: Path) -> None:
    changed = tmp_path / "run"
    changed.mkdir()
    for file in run.iterdir():
        (changed / file.name).symlink_to(file)
    for name in ("run.json", *(file.name for file in run.glob("results_*.json"))):
        text = (run / name).read_text()
        (changed / name).unlink()
        (changed / name).write_text(text)
    manifest = json.loads((changed / "run.json").read_text())
    manifest["identity"]["model"]["revision"] = "sha256:other"
    (changed / "run.json").write_text(json.dumps(manifest))
    from selfreward_eval.harness.records import fingerprint

    for file in changed.glob("results_*.json"):
        results = json.loads(file.read_text())
        results["selfreward"]["fingerprint"] = fingerprint(manifest["identity"])
        file.write_text(json.dumps(results))
    outcome = command("reward", changed, "--rewarder", "dsr", "-o", tmp_path / "out")
    assert outcome.code == 4
    assert "its revision was 'sha256:other'" in outcome.errors[0]
    assert "--model" in outcome.errors[0]


def test_a_folder_has_no_model_of_its_own(command: Command, folder: Path, tmp_path: Path) -> None:
    outcome = command("reward", folder, "--rewarder", "dsr", "-o", tmp_path / "out")
    assert outcome.code == 2
    assert "name one by --model" in outcome.errors[0]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--rewarder", "randon"), 2, "unknown rewarder 'randon'; did you mean random"),
        (("--rewarder", "random,sead=1"), 2, "takes: seed"),
        (("--rewarder", "seed=1"), 2, "names no rewarder"),
        (("--rewarder", "random", "--tasks", "toy"), 2, "--tasks is for a run"),
        (("--rewarder", "random", "--timeout", 0), 2, "--timeout must be above 0 seconds"),
        (("--rewarder", "random", "--model-args", "a=1"), 2, "named by --model"),
        (("--rewarder", "random", "--layout", "flat"), 2, "no layout 'flat'"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    command: Command, folder: Path, tmp_path: Path, arguments: tuple[Any, ...], code: int, told: str
) -> None:
    outcome = command("reward", folder, *arguments, "-o", tmp_path / "out")
    assert outcome.code == code
    assert len(outcome.errors) == 1
    assert told in outcome.errors[0]


def test_the_audit_ranks_the_rewarders(command: Command, run: Path, tmp_path: Path) -> None:
    chosen = ("--rewarders", "random,vqa,sum=composite", "--rewarder-args", "sum.parts=vqa+0.5*clip")
    outcome = command("reward-audit", run, *chosen, "-o", tmp_path / "out", "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    audit = found["tasks"]["shapes_t2i_compbench"]
    by_label = {one["label"]: one for one in audit["rewarders"]}
    assert set(by_label) == {"random", "vqa", "sum"}
    assert by_label["vqa"]["auc"]["value"] > 0.7
    assert by_label["random"]["auc"]["low"] < 0.5 < by_label["random"]["auc"]["high"]
    assert by_label["random"]["kind"] == "control"
    assert audit["right_rule"] == "at least 0.5 (half of the full mark)"
    assert audit["agreement"]["vqa"]["vqa"]["value"] == pytest.approx(1.0)
    assert (tmp_path / "out" / "vqa" / "rewards.jsonl").is_file()
    page = Path(found["page"]).read_text()
    assert "where it was most wrong" in page
    assert "Right against wrong" in page


def test_the_audit_counts_what_a_rewarder_leaves_out(command: Command, run: Path, tmp_path: Path) -> None:
    outcome = command("reward-audit", run, "--rewarders", "detection,random", "-o", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert "32 not scored by detection: the item carries no include clauses" in outcome.out
    assert "0/32" in outcome.out
    assert "absent" in outcome.out


def test_by_default_all_that_apply_are_audited_and_the_others_named(
    command: Command, run: Path, tmp_path: Path
) -> None:
    found = json.loads(command("reward-audit", run, "-o", tmp_path / "out", "--json").out)
    labels = {one["label"] for one in found["tasks"]["shapes_t2i_compbench"]["rewarders"]}
    assert {"srum", "dsr", "vqa", "clip", "random", "constant"} <= labels
    assert "flow_losses" in found["skipped"]["flow_surrogate"]


def test_another_threshold_for_right(command: Command, run: Path, tmp_path: Path) -> None:
    arguments = ("reward-audit", run, "--rewarders", "random", "-o", tmp_path / "out", "--json")
    half = json.loads(command(*arguments).out)["tasks"]["shapes_t2i_compbench"]
    full = json.loads(command(*arguments, "--right", 1.0).out)["tasks"]["shapes_t2i_compbench"]
    assert full["right_rule"] == "at least 1 (as asked for)"
    assert full["right"] < half["right"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--rewarders", "random,random"), "'random' comes twice"),
        (("--rewarders", "random", "--rewarder-args", "clip.scorer=x"), "'clip' is none of the rewarders"),
        (("--rewarders", "random", "--rewarder-args", "random=1"), "write random.key=value"),
        (("--rewarders", "random", "--right", 7), "no measurement can be right at 7"),
        (("--rewarders", "random", "--tasks", "geneval"), "has no task 'geneval'"),
    ],
)
def test_a_wrong_audit_is_one_line(
    command: Command, run: Path, tmp_path: Path, arguments: tuple[Any, ...], told: str
) -> None:
    outcome = command("reward-audit", run, *arguments, "-o", tmp_path / "out")
    assert outcome.code == 2
    assert len(outcome.errors) == 1
    assert told in outcome.errors[0]
