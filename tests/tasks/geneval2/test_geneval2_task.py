"""The whole task on invented prompts: items, measuring, a run, and what is refused."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.paths import DATA, ROOT

from selfreward_eval.harness.data import declared_files, state
from selfreward_eval.harness.errors import BrokenPlugin, InputError, MissingData, UnknownName, UsageError
from selfreward_eval.harness.instruments.backends.first_words import FirstWord
from selfreward_eval.harness.instruments.vlm_vqa import VlmVQA
from selfreward_eval.harness.records import Sample, Status
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.geneval2.data import PROMPTS
from selfreward_eval.tasks.geneval2.items import load_items
from selfreward_eval.tasks.geneval2.task import UPSTREAM_READER, GenEval2

MakeReader = Callable[[Callable[[str], FirstWord]], Any]


def sure(question: str) -> FirstWord:
    """Yes to everything, and two of everything."""
    return FirstWord(0.9, "2" if question.startswith("How many") else " Yes")


def measured(task: GenEval2) -> list[Any]:
    items = task.items()
    samples = [Sample(item.id, 0, 0) for item in items]
    return task.measure(items, samples, [Image.new("RGB", (8, 8))] * len(items))


# Items


def test_a_prompt_is_an_item_of_its_number_of_atoms(prompt_file: Path) -> None:
    first, *_ = GenEval2().items()
    assert (first.id, first.text, first.category) == ("000", "two teal teapots", "atoms_3")
    assert first.metadata["skills"] == ["count", "attribute", "object"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompt": 7}, "no text as prompt"),
        ({"atom_count": "3"}, "no prompt of '3' atoms"),
        ({"atom_count": 11}, "no prompt of 11 atoms"),
        ({"atom_count": True}, "no prompt of True atoms"),
        ({"skills": ["count", "attribute", "style"]}, "no skill 'style'"),
        ({"skills": ["count", "attribute", 7]}, "no skill 7"),
        ({"vqa_list": [["Is it?", "No"]] * 3}, "only 'How many' questions"),
        ({"vqa_list": []}, "no questions with answers"),
        ({"vqa_list": [["Is it?"]]}, "no questions with answers"),
        ({"skills": ["count"]}, "one skill for each of its 3 questions"),
    ],
)
def test_damage_is_named(
    tmp_path: Path, rows: list[dict[str, Any]], change: dict[str, Any], message: str
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(rows[1]) + "\n" + json.dumps({**rows[0], **change}) + "\n")
    with pytest.raises(InputError, match=rf"rows\.jsonl, line 2.*{message}"):
        load_items(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "line 1 is not JSON"),
        ("[]", "line 1 lacks"),
        ("{}", "lacks prompt, atom_count"),
        ("", "no prompts"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "rows.jsonl").write_text(content)
    with pytest.raises(InputError, match=message):
        load_items(tmp_path / "rows.jsonl")


def test_the_official_prompts() -> None:
    folder = DATA.resolve()
    path = folder / PROMPTS.folder / PROMPTS.path
    if not path.is_file():
        pytest.skip(f"{path} is not here: fetch it, or set SELFREWARD_DATA")
    items = load_items(path)
    assert Counter(item.category for item in items) == {f"atoms_{n}": 100 for n in range(3, 11)}
    assert sum(len(item.metadata["vqa_list"]) for item in items) == 6012


def test_the_file_is_pinned_and_not_bundled() -> None:
    (file,) = declared_files(["geneval2"])["geneval2"]
    assert (len(file.sha256), len(file.commit)) == (64, 40)
    assert "NC" in file.licence
    assert not list((ROOT / "tasks" / "geneval2").rglob("*.json*"))


def test_without_the_file_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELFREWARD_DATA", str(tmp_path))
    monkeypatch.setenv("SELFREWARD_CACHE", str(tmp_path))
    with pytest.raises(MissingData, match="data fetch geneval2"):
        GenEval2().items()
    (tmp_path / "geneval2").mkdir()
    (tmp_path / "geneval2" / "geneval2_data.jsonl").write_text("{}\n")
    assert state(PROMPTS).status == "mismatch"
    with pytest.raises(InputError, match="sha256 differs"):
        GenEval2().items()


# Measuring


def test_every_atom_is_asked_once_with_the_spellings_of_its_answer(
    prompt_file: Path, reader: MakeReader
) -> None:
    asks = reader(sure)
    measured(GenEval2(vqa=asks))
    assert len(asks.asked) == 7
    assert asks.asked[0] == (
        "How many teapots are in the image?",
        ("two", "Two", " two", " Two", "2", " 2"),
    )


def test_a_picture_has_three_scores_and_every_reading_as_evidence(
    prompt_file: Path, reader: MakeReader
) -> None:
    def unsure_of_the_verb(question: str) -> FirstWord:
        return FirstWord(0.4, "No") if "chasing" in question else sure(question)

    found = measured(GenEval2(vqa=reader(unsure_of_the_verb)))[1]
    assert found.values == {
        "soft_tifa_gm": pytest.approx(0.6),
        "soft_tifa_am": pytest.approx(0.65),
        "tifa": 0.5,
    }
    assert found.evidence["atoms"][1] == {
        "question": "Is the robot chasing the barrel?",
        "answer": "Yes",
        "skill": "verb",
        "probability": 0.4,
        "said": "No",
        "right": False,
    }
    assert "least sure: Is the robot chasing the barrel? Yes 0.400" in found.reason


def test_a_wrong_count_is_wrong(prompt_file: Path, reader: MakeReader) -> None:
    found = measured(GenEval2(vqa=reader(sure)))
    assert [one.values["tifa"] for one in found] == [1.0, 1.0, 0.5]


def test_no_picture_no_question(prompt_file: Path, reader: MakeReader) -> None:
    asks = reader(sure)
    assert GenEval2(vqa=asks).measure([], [], []) == []
    assert asks.asked == []


# Runs


def test_a_run_gives_upstreams_numbers_beside_the_headline(
    tmp_path: Path, prompt_file: Path, reader: MakeReader
) -> None:
    scores = run(DummyModel(), [GenEval2(vqa=reader(sure))], tmp_path / "out").scores["geneval2"]
    assert scores.overall.value == pytest.approx(0.9)
    assert list(scores.categories) == ["atoms_3", "atoms_4"]
    assert scores.extra["soft_tifa_gm_x100"] == pytest.approx(90)
    assert scores.extra["tifa_x100"] == pytest.approx(100 * 2.5 / 3)
    assert scores.extra["skill_count_am_x100"] == pytest.approx(90)
    assert "atoms_4_gm_x100" in scores.extra


def test_a_picture_that_cannot_be_read_lowers_the_coverage_and_no_score(
    tmp_path: Path, prompt_file: Path, reader: MakeReader
) -> None:
    def blind(question: str) -> FirstWord:
        if "ladders" in question:
            raise RuntimeError("out of memory")
        return sure(question)

    scores = run(DummyModel(), [GenEval2(vqa=reader(blind))], tmp_path / "out").scores["geneval2"]
    assert scores.overall.value == pytest.approx(0.9)
    assert scores.failures == {str(Status.MEASUREMENT_ERROR): 1}
    assert scores.overall.coverage == pytest.approx(2 / 3)
    assert "atoms_4_gm_x100" not in scores.extra


def test_a_reader_that_always_raises_ends_the_run(
    tmp_path: Path, prompt_file: Path, reader: MakeReader
) -> None:
    def broken(question: str) -> FirstWord:
        raise RuntimeError("out of memory")

    with pytest.raises(BrokenPlugin, match=r"geneval2.*RuntimeError: out of memory"):
        run(DummyModel(), [GenEval2(vqa=reader(broken))], tmp_path / "out")


# The instrument


def test_upstreams_model_and_words_are_the_default_and_can_be_changed() -> None:
    usual = GenEval2().vqa
    assert isinstance(usual, VlmVQA)
    assert (usual.weights, usual.prompt) == (UPSTREAM_READER["weights"], UPSTREAM_READER["prompt"])
    changed = GenEval2(vqa_args={"weights": "other"}).vqa
    assert isinstance(changed, VlmVQA)
    assert (changed.weights, changed.prompt) == ("other", UPSTREAM_READER["prompt"])


def test_an_instrument_that_reads_no_words_is_refused() -> None:
    with pytest.raises(UsageError, match="'shapes_oracle_vqa' does not say how probable"):
        _ = GenEval2(vqa="shapes_oracle_vqa").vqa


def test_building_the_task_builds_no_instrument() -> None:
    with pytest.raises(UnknownName, match="no_such_reader"):
        _ = GenEval2(vqa="no_such_reader").vqa
