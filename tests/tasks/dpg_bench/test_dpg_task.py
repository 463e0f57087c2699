"""The whole task on invented prompts: items, measuring by every kind of instrument, runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.dpg_bench import Answers, Probabilities

from selfreward_eval.harness.comparing.compare import compare_runs
from selfreward_eval.harness.errors import InputError, MissingData, NotComparable, UnknownName, UsageError
from selfreward_eval.harness.instruments.judging import Reply
from selfreward_eval.harness.instruments.vlm_vqa import VlmVQA
from selfreward_eval.harness.models.folder import FolderModel
from selfreward_eval.harness.records import Sample, Status
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.harness.testing.scripted_judge import ScriptedJudge
from selfreward_eval.tasks.dpg_bench.task import DPGBench

pytestmark = pytest.mark.usefixtures("invented")


def yes(question: str) -> str:
    return "yes"


def no_owls(question: str) -> str:
    return "no" if question == "Are there owls?" else "yes"


def measured(task: DPGBench, name: str) -> Any:
    """The measurement of a black picture of one item."""
    item = next(item for item in task.items() if item.id == name)
    (found,) = task.measure([item], [Sample(item.id, 0, 0)], [Image.new("RGB", (8, 8))])
    return found


class TestItems:
    def test_a_prompt_is_an_item_of_its_source(self) -> None:
        items = {item.id: item for item in DPGBench().items()}
        assert {name: item.category for name, item in items.items()} == {
            "partiprompts97": "partiprompts",
            "12": "numbered",
            "posescript3": "posescript",
        }
        assert items["12"].text == "Two owls that read."
        assert items["12"].metadata["questions"][2] == {
            "number": 3,
            "question": "Do the owls read?",
            "parents": [1, 2],
            "tuple": "entity - state (owls, read)",
        }

    def test_without_the_files_the_way_out_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("SELFREWARD_DATA", "SELFREWARD_CACHE"):
            monkeypatch.setenv(name, str(tmp_path / "nowhere"))
        with pytest.raises(MissingData, match="data fetch dpg_bench"):
            DPGBench().items()

    def test_another_question_file_is_refused(self, invented: Path) -> None:
        invented.write_text("item_id\n")
        with pytest.raises(InputError, match="its git blob differs"):
            DPGBench().items()


class TestMeasuring:
    def test_every_question_is_asked_as_it_stands(self) -> None:
        instrument = Answers(yes)
        found = measured(DPGBench(vqa=instrument), "12")
        assert instrument.asked == ["Are there owls?", "Are there two owls?", "Do the owls read?"]
        assert found.values == {"dpg": 1}

    def test_a_question_counts_only_if_its_parents_do(self) -> None:
        found = measured(DPGBench(vqa=Answers(no_owls)), "12")
        assert found.values == {"dpg": 0}
        assert [row["raw"] for row in found.evidence["questions"]] == [0, 1, 1]
        assert found.reason == "0 of 3 questions count; first no: Are there owls?"

    def test_upstream_loses_the_image_whose_first_row_it_skips_and_the_fixed_rule_does_not(self) -> None:
        lost = measured(DPGBench(vqa=Answers(yes)), "partiprompts97")
        assert (lost.status, lost.values) == (Status.MEASUREMENT_ERROR, {})
        assert lost.reason == "question 2 depends on 1, which does not exist"
        assert measured(DPGBench(vqa=Answers(yes), protocol="fixed"), "partiprompts97").values == {"dpg": 1}

    def test_a_yes_in_other_words_counts_in_the_fixed_rule_only(self) -> None:
        loud = Answers(lambda question: " Yes ")
        assert measured(DPGBench(vqa=loud), "12").values == {"dpg": 0}
        assert measured(DPGBench(vqa=loud, protocol="fixed"), "12").values == {"dpg": 1}

    def test_an_answer_that_is_no_text_fails_the_picture(self) -> None:
        found = measured(DPGBench(vqa=Answers(lambda question: 1)), "12")
        assert (found.status, found.values) == (Status.MEASUREMENT_ERROR, {})

    def test_a_probability_above_one_half_is_a_yes(self) -> None:
        unsure = Probabilities(lambda question: 0.5 if "two" in question else 0.51)
        found = measured(DPGBench(vqa=unsure), "12")
        assert found.values == {"dpg": pytest.approx(1 / 3)}
        assert found.evidence["questions"][1]["probability"] == 0.5

    @pytest.mark.parametrize("said", ["yes", "Yes.", "<think>no?</think> YES", "**yes**"])
    def test_a_judge_may_say_yes_in_its_own_way(self, said: str) -> None:
        assert measured(DPGBench(vqa=ScriptedJudge(said)), "12").values == {"dpg": 1}

    @pytest.mark.parametrize(
        ("said", "status"),
        [
            ("I cannot tell", Status.JUDGE_PARSE_ERROR),
            ("yes and no", Status.JUDGE_PARSE_ERROR),
            (Reply("yes", details={"finish_reason": "length"}), Status.JUDGE_PARSE_ERROR),
            (None, Status.JUDGE_TRANSPORT_ERROR),
        ],
    )
    def test_a_judge_that_gives_no_answer_fails_the_picture(self, said: Any, status: Status) -> None:
        judge = ScriptedJudge(lambda turns: said if "two" in turns[-1].text else "yes")
        found = measured(DPGBench(vqa=judge), "12")
        assert (found.status, found.values) == (status, {})
        assert found.reason.startswith("question 2: ")

    def test_no_picture_no_question(self) -> None:
        instrument = Answers(yes)
        assert DPGBench(vqa=instrument).measure([], [], []) == []
        assert instrument.asked == []


class TestRuns:
    def test_the_official_numbers(self, tmp_path: Path) -> None:
        score = run(DummyModel(), [DPGBench(vqa=Answers(no_owls))], tmp_path).scores["dpg_bench"]
        assert score.overall.value == pytest.approx(0.5)
        assert score.failures == {"measurement_error": 4}
        assert score.extra["dpg_x100"] == pytest.approx(50)
        assert score.extra["images"] == 2
        assert score.extra["raw_last_l1_entity_x100"] == pytest.approx(100 * 2 / 3)
        assert score.extra["raw_last_l2_entity_-_state_answers"] == 1
        assert score.extra["raw_last_l2_global_-_x100"] == 100

    def test_the_fixed_numbers_keep_both_columns(self, tmp_path: Path) -> None:
        task = DPGBench(vqa=Answers(no_owls), protocol="fixed")
        score = run(DummyModel(), [task], tmp_path).scores["dpg_bench"]
        assert score.overall.coverage == 1
        assert score.overall.value == pytest.approx(2 / 3)
        assert score.extra["l1_entity_x100"] == pytest.approx(100 * 2 / 4)
        assert score.extra["raw_l1_entity_x100"] == pytest.approx(100 * 3 / 4)
        assert score.extra["l1_entity_answers"] == 16

    def test_pictures_made_elsewhere_one_of_which_is_missing(self, tmp_path: Path) -> None:
        Image.new("RGB", (8, 8)).save(tmp_path / "owls.png")
        row = {"id": "12", "prompt": "Two owls that read.", "image_path": "owls.png"}
        lines = [json.dumps({**row, "index": k}) for k in range(3)]
        (tmp_path / "list.jsonl").write_text("\n".join(lines))
        task = DPGBench(vqa=Answers(yes), protocol="fixed")
        score = run(FolderModel(str(tmp_path / "list.jsonl")), [task], tmp_path / "out").scores["dpg_bench"]
        assert score.overall.n_scored == 3
        assert score.failures == {"missing_image": 9}
        assert "dpg_x100" not in score.extra

    def test_an_interrupted_run_resumes_and_draws_nothing_twice(self, tmp_path: Path) -> None:
        calls: list[str] = []

        def stopping(question: str) -> str:
            calls.append(question)
            if len(calls) > 12:
                raise KeyboardInterrupt
            return "yes"

        with pytest.raises(KeyboardInterrupt):
            run(DummyModel(), [DPGBench(vqa=Answers(stopping))], tmp_path, batch_size=4)
        model = DummyModel()
        done = run(model, [DPGBench(vqa=Answers(yes))], tmp_path, batch_size=4)
        assert done.scores["dpg_bench"].overall.n_scored == 8
        assert (done.reused, len(model.drawn)) == (4, 4)

    def test_runs_by_one_instrument_can_be_compared(self, tmp_path: Path) -> None:
        def finished(name: str, vqa: Any, **options: Any) -> Any:
            return load_run(run(DummyModel(name=name), [DPGBench(vqa=vqa, **options)], tmp_path).folder)

        a, b = finished("a", Answers(no_owls)), finished("b", Answers(yes))
        assert compare_runs(a, b).tasks["dpg_bench"].overall.effect == pytest.approx(0.5)
        with pytest.raises(NotComparable, match="fixed-1-Answers"):
            compare_runs(a, finished("c", Answers(yes), protocol="fixed"))

    def test_the_pictures_are_the_same_whatever_measures_them(self) -> None:
        item = DPGBench().items()[0]
        tasks = (DPGBench(), DPGBench(vqa="blip_vqa"), DPGBench(protocol="fixed"))
        assert len({task.seed(item, 1, 7, "hashed") for task in tasks}) == 1
        assert [task.info.version for task in tasks] == ["1-vlm_vqa", "1-blip_vqa", "fixed-1-vlm_vqa"]

    def test_the_question_files_own_hash_is_recorded(self) -> None:
        assert len(DPGBench().options()["questions_sha256"]) == 64


class TestInstrument:
    def test_a_vision_language_model_is_the_default(self) -> None:
        assert isinstance(DPGBench().vqa, VlmVQA)

    def test_an_instrument_that_answers_nothing_is_refused(self) -> None:
        with pytest.raises(UsageError, match="'shapes_oracle' answers no questions"):
            _ = DPGBench(vqa="shapes_oracle").vqa

    def test_building_the_task_builds_no_instrument(self) -> None:
        with pytest.raises(UnknownName, match="no_such_reader"):
            _ = DPGBench(vqa="no_such_reader").vqa

    def test_an_unknown_protocol_is_refused(self) -> None:
        with pytest.raises(UsageError, match="choose official or fixed"):
            DPGBench(protocol="right")
