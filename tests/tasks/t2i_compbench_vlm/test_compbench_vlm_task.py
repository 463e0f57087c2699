"""The task: what the judge is told, what becomes of its replies, and what a run says."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.errors import InputError, MissingData, UnknownName, UsageError
from selfreward_eval.harness.instruments.judging import Conversation, Reply
from selfreward_eval.harness.records import Item, Sample, Status
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.t2i_compbench_vlm.summary import CATEGORIES
from selfreward_eval.tasks.t2i_compbench_vlm.task import SRUM_JUDGE, T2ICompBenchVLM, measurement_of


class Scripted:
    """A judge that says what it is told to say of each instruction, and remembers what it was shown."""

    def __init__(self, says: Callable[[str], Reply | str]) -> None:
        self.says = says
        self.asked: list[Conversation] = []

    def identity(self) -> dict[str, Any]:
        return {"name": "scripted"}

    def replies(self, conversations: Sequence[Conversation]) -> list[Reply]:
        self.asked += conversations
        said = [self.says(conversation[-1].text) for conversation in conversations]
        return [one if isinstance(one, Reply) else Reply(one) for one in said]


def items(per_category: int = 2) -> tuple[Item, ...]:
    """Two prompts of every category, each said once."""
    return tuple(
        Item(
            f"{k}-{name}",
            f"thing {k} of {name}",
            "complex" if name.startswith("complex") else name,
            metadata={"Category": name},
        )
        for name in CATEGORIES
        for k in range(per_category)
    )


def with_judge(says: Callable[[str], Reply | str], **options: Any) -> T2ICompBenchVLM:
    task = T2ICompBenchVLM(**options)
    task.__dict__["judge"] = Scripted(says)
    task.__dict__["_items"] = items()
    return task


LOST = Reply(None, Status.JUDGE_TRANSPORT_ERROR, "the line was cut", {"attempts": 3})


def mostly(text: str) -> Reply | str:
    """80 for everything, but a lost reply for one picture and a useless one for another."""
    if "thing 0 of color" in text:
        return LOST
    return "I cannot tell" if "thing 0 of shape" in text else '{"score": 80, "explanation": "fine"}'


class TestMeasuring:
    def test_the_judge_sees_the_picture_and_the_prompt_once(self) -> None:
        task = with_judge(lambda text: '{"score": 80}')
        image = Image.new("RGB", (8, 8))
        item = Item("1", 'a "red" {prompt} dog', "color")
        task.measure([item], [Sample("1", 0, 0)], [image])
        ((turn,),) = task.judge.asked  # type: ignore[attr-defined]
        assert (turn.role, turn.images) == ("user", (image,))
        assert 'Text: "a "red" {prompt} dog"' in turn.text

    def test_no_picture_no_call(self) -> None:
        task = with_judge(lambda text: "")
        assert task.measure([], [], []) == []
        assert task.judge.asked == []  # type: ignore[attr-defined]

    def test_a_score_keeps_the_reply_as_evidence(self) -> None:
        reply = Reply('{"score": 81, "explanation": "good"}', details={"tokens": 12})
        measurement = measurement_of(reply)
        assert measurement.values == {"judgement": 81.0}
        assert measurement.evidence == {"reply": reply.text, "judge": {"tokens": 12}}

    def test_a_reply_without_score_keeps_its_words(self) -> None:
        measurement = measurement_of(Reply('{"score": 150}'))
        assert (measurement.status, measurement.values) == (Status.JUDGE_PARSE_ERROR, {})
        assert measurement.reason == "the judge's score 150 is outside 0 to 100"
        assert measurement.evidence["reply"] == '{"score": 150}'

    def test_a_lost_reply_says_why(self) -> None:
        measurement = measurement_of(LOST)
        assert (measurement.status, measurement.reason) == (Status.JUDGE_TRANSPORT_ERROR, "the line was cut")
        assert measurement.evidence == {"reply": None, "judge": {"attempts": 3}}

    def test_success_without_words_is_a_lost_reply(self) -> None:
        assert measurement_of(Reply(None)).status is Status.JUDGE_TRANSPORT_ERROR


class TestRuns:
    def test_failures_lower_the_coverage_and_not_the_score(self, tmp_path: Path) -> None:
        scores = run(DummyModel(), [with_judge(mostly)], tmp_path).scores["t2i_compbench_vlm"]
        assert scores.overall.value == 80
        assert (scores.overall.n_failed, scores.overall.coverage) == (2, 0.9)
        assert scores.failures == {"judge_parse_error": 1, "judge_transport_error": 1}
        assert scores.extra["Overall_Weighted"] == scores.extra["Overall_README"] == 80
        assert set(scores.categories) == {name for name in CATEGORIES if not name.startswith("complex_")}

    def test_the_published_arithmetic_counts_them_as_minus_one(self, tmp_path: Path) -> None:
        task = with_judge(mostly, upstream_failures=-1)
        scores = run(DummyModel(), [task], tmp_path).scores["t2i_compbench_vlm"]
        assert scores.extra["mean_color"] == scores.extra["mean_shape"] == 39.5
        assert scores.extra["Overall_README"] == pytest.approx((6 * 80 + 2 * 39.5) / 8)
        assert (scores.overall.value, scores.overall.n_failed) == (80, 2)
        assert scores.version == "1-upstream-failures"

    def test_records_hold_no_number_for_a_failure(self, tmp_path: Path) -> None:
        finished = run(DummyModel(), [with_judge(mostly, upstream_failures=-1)], tmp_path)
        (path,) = finished.folder.glob("samples_*.jsonl")
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        failed = [line for line in lines if line["status"] != "success"]
        assert len(failed) == 2
        assert not any("judgement" in line for line in failed)


class TestIdentity:
    def test_how_failures_count_is_part_of_a_run(self) -> None:
        plain, published = T2ICompBenchVLM(), T2ICompBenchVLM(upstream_failures=-1)
        assert plain.options()["upstream_failures"] is None
        assert published.options()["upstream_failures"] == -1
        assert (plain.info.version, published.info.version) == ("1", "1-upstream-failures")
        assert T2ICompBenchVLM.info.version == "1"

    def test_the_instruction_is_part_of_a_run(self) -> None:
        changed = T2ICompBenchVLM()
        changed.__dict__["_template"] = 'Rate this: "{prompt}"'
        assert changed.options() != T2ICompBenchVLM().options()

    def test_the_pictures_are_the_same_however_failures_count(self) -> None:
        item = Item("1", "a dog", "color")
        seeds = {
            task.seed(item, 0, 7, "hashed")
            for task in (T2ICompBenchVLM(), T2ICompBenchVLM(upstream_failures=-1))
        }
        assert len(seeds) == 1

    def test_there_is_no_official_seed(self) -> None:
        with pytest.raises(UsageError, match="known: hashed"):
            T2ICompBenchVLM().seed(Item("1", "a dog", "color"), 0, 0, "official")

    def test_the_instruction_asks_for_what_the_parser_reads(self) -> None:
        text = T2ICompBenchVLM().instruction("a dog")
        assert '"score"' in text
        assert all(band in text for band in ("81-100", "61-80", "41-60", "21-40", "1-20"))
        assert "{prompt}" not in text


class TestJudge:
    def test_building_the_task_builds_no_judge(self) -> None:
        task = T2ICompBenchVLM(judge="no_such_judge")
        with pytest.raises(UnknownName, match="no_such_judge"):
            _ = task.judge

    def test_an_instrument_that_does_not_reply_is_refused(self) -> None:
        with pytest.raises(UsageError, match="'shapes_oracle' is no judge"):
            _ = T2ICompBenchVLM(judge="shapes_oracle").judge

    def test_wrong_arguments_are_named(self) -> None:
        with pytest.raises(UsageError, match=r"'shapes_oracle': .*'temper'; its constructor takes"):
            _ = T2ICompBenchVLM(judge="shapes_oracle", judge_args={"temper": 1}).judge

    def test_srums_judge_is_the_default_and_its_arguments_can_be_changed(self) -> None:
        assert T2ICompBenchVLM()._judge_args == SRUM_JUDGE
        changed = T2ICompBenchVLM(judge_args={"weights": "other"})
        assert changed._judge_args == {**SRUM_JUDGE, "weights": "other"}
        assert T2ICompBenchVLM(judge="another")._judge_args == {}


@pytest.mark.parametrize("wrong", [0, True, "-1", 100])
def test_failures_count_in_two_ways_only(wrong: Any) -> None:
    with pytest.raises(UsageError, match="upstream_failures is"):
        T2ICompBenchVLM(upstream_failures=wrong)


def test_without_data_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SELFREWARD_DATA", raising=False)
    monkeypatch.setenv("SELFREWARD_CACHE", str(tmp_path))
    with pytest.raises(MissingData, match=r"data fetch t2i_compbench_vlm`.*srum/val_comp\.json"):
        T2ICompBenchVLM().items()


def test_another_file_in_its_place_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "srum").mkdir()
    (tmp_path / "srum" / "val_comp.json").write_text("[]")
    monkeypatch.setenv("SELFREWARD_DATA", str(tmp_path))
    with pytest.raises(InputError, match=r"sha256 differs.*data fetch t2i_compbench_vlm"):
        T2ICompBenchVLM().items()
