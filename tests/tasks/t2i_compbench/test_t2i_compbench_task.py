"""The task: versions, seeds, instruments, a whole run, and what must not be compared."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.comparing.comparable import require_comparable
from selfreward_eval.harness.errors import InputError, NotComparable, UnknownName, UsageError
from selfreward_eval.harness.records import Item, Sample, Status
from selfreward_eval.harness.runs.reader import Run, load_run
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.t2i_compbench.data import CATEGORIES
from selfreward_eval.tasks.t2i_compbench.task import T2ICompBench

ITEM = Item("color-000", "a plum kettle", "color")


def equipped(instruments: Any, **arguments: Any) -> T2ICompBench:
    """The task with one object in every role."""
    task = T2ICompBench(**arguments)
    task._built = dict.fromkeys(("detector", "depth", "vqa", "similarity"), instruments)
    return task


class TestVersion:
    @pytest.mark.parametrize(
        ("arguments", "version"),
        [
            ({}, "1-grounding_dino"),
            ({"detector": "owlv2"}, "1-owlv2"),
            ({"protocol": "fixed"}, "fixed-1-grounding_dino"),
            ({"colour_list": "2023"}, "1-grounding_dino-colours2023"),
            ({"colour_list": 2023, "protocol": "fixed", "detector": "owlv2"}, "fixed-1-owlv2-colours2023"),
            ({"facts": "spacy"}, "1-grounding_dino-spacy"),
        ],
    )
    def test_it_tells_what_measures(self, arguments: dict[str, Any], version: str) -> None:
        task = T2ICompBench(**arguments)
        assert (task.info.name, task.info.version) == ("t2i_compbench", version)

    def test_the_class_describes_its_default(self) -> None:
        assert T2ICompBench.info == T2ICompBench().info
        assert T2ICompBench.info.images_per_item == 10

    def test_it_says_why_not_to_compare_and_whose_the_overall_is(self) -> None:
        told = T2ICompBench(detector="owlv2").info.comparable
        assert told.startswith("no: owlv2 stands in for UniDet")
        assert "BLIP at 480 pixels" in told
        assert "the overall score is this project's" in told


class TestSeeds:
    def test_official_seeds_are_42_to_51_for_every_prompt_and_run(self) -> None:
        task = T2ICompBench()
        for run_seed in (0, 7):
            for item in (ITEM, Item("complex-001", "a teal stool", "complex")):
                seeds = [task.seed(item, k, run_seed, "official") for k in range(10)]
                assert seeds == list(range(42, 52))

    def test_hashed_seeds_differ_by_picture_run_and_prompt(self) -> None:
        task = T2ICompBench()
        others = [Item(f"color-{k:03d}", "x", "color") for k in range(5)]
        seeds = {task.seed(item, k, run, "hashed") for item in others for k in range(10) for run in (0, 1)}
        assert len(seeds) == 100

    def test_whatever_measures_sees_the_same_pictures(self) -> None:
        tasks = [
            T2ICompBench(),
            T2ICompBench(detector="owlv2"),
            T2ICompBench(protocol="fixed"),
            T2ICompBench(facts="spacy"),
        ]
        assert len({task.seed(ITEM, 3, 0, "hashed") for task in tasks}) == 1

    def test_an_unknown_policy_is_refused(self) -> None:
        with pytest.raises(UsageError, match="hashed, official"):
            T2ICompBench().seed(ITEM, 0, 0, "lucky")


class TestArguments:
    def test_categories_come_in_official_order(self) -> None:
        assert T2ICompBench(categories="complex+color").categories == ("color", "complex")
        assert T2ICompBench(categories=["numeracy"]).categories == ("numeracy",)
        assert T2ICompBench().categories == CATEGORIES

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"categories": "colour"}, "no category 'colour'; choose among color, shape,"),
            ({"protocol": "free"}, "no protocol 'free'"),
            ({"colour_list": "1999"}, "no colour_list '1999'"),
            ({"facts": "guess"}, "shipped or spacy, got facts='guess'"),
            ({"threshold": 2}, r"threshold lies in \[0, 1\), got 2"),
        ],
    )
    def test_what_there_is_not_is_named(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(UsageError, match=message):
            T2ICompBench(**arguments)

    def test_a_missing_label_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="the label file"):
            T2ICompBench(labels=str(tmp_path / "none.json"))

    def test_the_threshold_is_the_detector_s_own_unless_given(self) -> None:
        thresholds = [
            T2ICompBench(**arguments).options()["threshold"]
            for arguments in (
                {},
                {"detector": "owlv2"},
                {"detector": "another"},
                {"detector": "owlv2", "threshold": 0},
            )
        ]
        assert thresholds == [0.35, 0.1, 0.1, 0.0]

    def test_labels_are_part_of_a_run_by_their_content(self, tmp_path: Path) -> None:
        for name, labels in (("a", ["dog"]), ("b", ["dog"]), ("c", ["cat"])):
            (tmp_path / name).write_text(json.dumps(labels))
        a, b, c = (T2ICompBench(labels=str(tmp_path / name)).options()["labels"] for name in "abc")
        assert a == b != c
        assert T2ICompBench().options()["labels"] == "the prompt's own nouns"

    def test_facts_are_part_of_a_run_by_their_hash(self) -> None:
        facts = T2ICompBench().options()["facts"]
        assert (facts["source"], len(facts["sha256"])) == ("shipped", 64)


class TestInstruments:
    def test_only_what_the_categories_need_is_built(self, scripted: Any) -> None:
        task = T2ICompBench(categories="color+shape", vqa="no_such_vqa", detector="no_such_detector")
        with pytest.raises(UnknownName, match="no_such_vqa"):
            task.instruments()
        assert list(equipped(scripted(), categories="3d_spatial").instruments()) == ["detector", "depth"]
        assert list(equipped(scripted()).instruments()) == ["detector", "depth", "vqa", "similarity"]

    def test_wrong_arguments_are_named(self) -> None:
        task = T2ICompBench(detector="mask2former", detector_args={"colour_depth": 3})
        with pytest.raises(UsageError, match=r"'mask2former': .*colour_depth"):
            task.instrument("detector")

    def test_declaring_the_task_loads_nothing_heavy(self) -> None:
        code = (
            "import sys, selfreward_eval.tasks.t2i_compbench.task\n"
            "print([name for name in ('torch', 'transformers', 'numpy', 'PIL') if name in sys.modules])"
        )
        found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert found.stdout.strip() == "[]"


def test_samples_find_their_item_in_any_order(official: Path, scripted: Any) -> None:
    instruments = scripted()
    task = equipped(instruments, categories="color")
    first, second = task.items()[:2]
    instruments.yes = {f"{first.metadata['chunks'][0]}?": 0.0}
    wanted = [Sample(second.id, 0, 0), Sample(first.id, 0, 0), Sample(second.id, 1, 1)]
    found = task.measure([first, second], wanted, [Image.new("RGB", (48, 48))] * 3)
    assert [one.values["score"] for one in found] == [0.25, 0.0, 0.25]


@pytest.fixture
def finished(official: Path, tmp_path: Path, scripted: Any) -> Any:
    """``finished("name", detector="owlv2")``: a run of eight prompts, read back."""

    def make(name: str, **arguments: Any) -> Run:
        boxes = (("giraffe", (20.0, 20.0, 220.0, 220.0), 0.9), ("lamp", (40.0, 40.0, 240.0, 240.0), 0.8))
        task = equipped(scripted(boxes), **arguments)
        model = DummyModel(name=name)
        return load_run(run(model, [task], tmp_path / "runs", limit=8, seed_policy="official").folder)

    return make


class TestWholeRun:
    def test_every_category_is_measured(self, finished: Any) -> None:
        done = finished("painter")
        scores = done.scores["t2i_compbench"]
        assert (scores.metric, scores.macro, scores.version) == ("score", True, "1-grounding_dino")
        assert tuple(scores.categories) == CATEGORIES
        assert scores.overall.n_scored == 8 * 10
        assert scores.failures == {}
        assert scores.categories["color"].value == pytest.approx(0.25)
        assert scores.categories["non_spatial"].value == pytest.approx(0.25)
        means = [one.value for one in scores.categories.values()]
        assert scores.overall.value == pytest.approx(sum(means) / 8)
        assert scores.extra["spatial_share_with_unidet_labels"] == 1.0

    def test_pictures_are_drawn_from_the_official_seeds(self, finished: Any) -> None:
        records = finished("painter").records["t2i_compbench"]
        assert {record.sample.seed - record.sample.index for record in records} == {42}

    def test_the_record_shows_why(self, finished: Any) -> None:
        records = finished("painter").records["t2i_compbench"]
        spatial = next(record for record in records if record.item.category == "spatial")
        assert spatial.item.metadata["file"] == "spatial_val.txt"
        assert [box["label"] for box in spatial.measurement.evidence["boxes"]] == ["giraffe", "lamp"]
        assert spatial.measurement.evidence["numbers"]["relation"] == "next to"
        assert all(record.measurement.status is Status.SUCCESS for record in records)

    def test_runs_of_one_kind_may_be_compared(self, finished: Any) -> None:
        require_comparable(finished("before"), finished("after"))

    @pytest.mark.parametrize(
        ("arguments", "difference"),
        [
            ({"detector": "owlv2"}, 'version: "1-grounding_dino" != "1-owlv2"'),
            ({"protocol": "fixed"}, 'version: "1-grounding_dino" != "fixed-1-grounding_dino"'),
            ({"colour_list": "2023"}, 'version: "1-grounding_dino" != "1-grounding_dino-colours2023"'),
            ({"threshold": 0.2}, r"options\.threshold: 0\.35 != 0\.2"),
            ({"categories": "color+numeracy"}, r"options\.categories"),
        ],
    )
    def test_runs_of_other_evaluators_are_not(
        self, finished: Any, arguments: dict[str, Any], difference: str
    ) -> None:
        with pytest.raises(NotComparable, match=difference):
            require_comparable(finished("before"), finished("after", **arguments))

    def test_other_settings_of_an_instrument_are_another_evaluator(
        self, official: Path, tmp_path: Path, scripted: Any
    ) -> None:
        """BLIP at 384 and at 480 pixels differ in their identity, and so do their runs."""
        runs = []
        for name, mode in (("before", "native"), ("after", "official")):
            task = equipped(scripted(name=f"blip_vqa {mode}"), categories="color")
            runs.append(load_run(run(DummyModel(name=name), [task], tmp_path, limit=1).folder))
        with pytest.raises(NotComparable, match=r'vqa\.name: "blip_vqa native" != "blip_vqa official"'):
            require_comparable(runs[0], runs[1])
