"""Tasks of lm-eval by name, file and group; what is not found, cannot be loaded or served says so."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from selfreward_eval.harness.errors import InputError, UnknownName, UsageError
from selfreward_eval.tasks.lm_eval import loading
from selfreward_eval.tasks.lm_eval.loading import Aggregate, load
from selfreward_eval.tasks.lm_eval.task import LmEvalTask


@pytest.fixture(autouse=True)
def _near(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only our folders: indexing lm-eval's own tasks takes seconds."""
    from lm_eval.tasks import TaskManager

    monkeypatch.setattr(
        loading, "_whole_index", lambda paths: TaskManager(include_path=list(paths), include_defaults=False)
    )


def change(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / f"{name}.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_task_is_found_by_its_name_and_by_its_file(folder: Path) -> None:
    by_name = load("colours_choose", folder)
    by_file = load(str(folder / "colours_choose.yaml"))
    assert by_name.name == by_file.name == "colours_choose"
    assert (by_name.version, by_name.aggregate) == ("2.0", None)
    assert list(by_file.tasks) == ["colours_choose"]


def test_our_own_examples_need_no_folder() -> None:
    assert load("shapes_yes_no").name == "shapes_yes_no"


def test_a_group_is_its_tasks_and_the_number_it_has_of_its_own(folder: Path) -> None:
    (folder / "group.yaml").write_text(
        "group: all_colours\ntask: [colours_choose, colours_again]\n"
        "aggregate_metric_list:\n  - metric: acc\n    weight_by_size: false\nmetadata: {version: 3.0}\n"
    )
    loaded = load("all_colours", folder)
    assert list(loaded.tasks) == ["colours_choose", "colours_again"]
    assert (loaded.version, loaded.aggregate) == ("3.0", Aggregate("acc", None, False))


def test_a_group_without_a_number_names_its_tasks(folder: Path) -> None:
    (folder / "group.yaml").write_text("group: all_colours\ntask: [colours_choose, colours_again]\n")
    with pytest.raises(UsageError, match="lm_eval:colours_choose,lm_eval:colours_again"):
        load("all_colours", folder)


def test_a_group_of_several_kinds_is_refused(folder: Path) -> None:
    (folder / "group.yaml").write_text(
        "group: mixed\ntask: [colours_choose, words]\naggregate_metric_list: [{metric: acc}]\n"
    )
    with pytest.raises(UsageError, match="of several kinds"):
        load("mixed", folder)


def test_a_wrong_name_gets_the_nearest(folder: Path) -> None:
    with pytest.raises(UnknownName, match="'colour_choose'; did you mean colours_choose"):
        load("colour_choose", folder)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no folder .*nowhere"):
        load("words", tmp_path / "nowhere")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no task file .*nothing\.yaml"):
        load(str(tmp_path / "nothing.yaml"))


def test_data_that_is_missing_is_an_input_error(folder: Path) -> None:
    (folder / "colours.jsonl").unlink()
    with pytest.raises(InputError, match="lm-eval cannot load 'words'"):
        load("words", folder)


def test_perplexity_of_documents_is_not_served(folder: Path) -> None:
    change(folder, "words", "output_type: multiple_choice", "output_type: loglikelihood_rolling")
    change(folder, "words", "metric: acc", "metric: word_perplexity")
    with pytest.raises(UsageError, match="'words' is of the kind loglikelihood_rolling"):
        load("words", folder)


def test_tasks_that_run_the_models_code_want_to_be_asked_for(folder: Path) -> None:
    change(folder, "words", "task: words", "task: words\nunsafe_code: true")
    with pytest.raises(UsageError, match="unsafe_code=true"):
        load("words", folder)
    assert load("words", folder, unsafe_code=True).name == "words"


def test_generation_settings_can_be_changed(folder: Path) -> None:
    task = load("colours_say", folder, gen_kwargs={"max_gen_toks": 8}).tasks["colours_say"]
    assert task.config.generation_kwargs == {"until": ["."], "do_sample": False, "max_gen_toks": 8}


def test_examples_can_be_asked_for_unless_the_task_fixes_none(folder: Path) -> None:
    assert load("words", folder, num_fewshot=2).tasks["words"].config.num_fewshot == 0
    change(folder, "words", "num_fewshot: 0\n", "")
    assert load("words", folder).tasks["words"].config.num_fewshot == 0
    task = LmEvalTask("words", str(folder), num_fewshot=1)
    assert all(item.text.count(" is") == 2 for item in task.items())
    assert task.options()["num_fewshot"] == {"words": 1}


def test_loading_leaves_the_global_generators_as_they_were(folder: Path) -> None:
    random.seed(7)
    expected = random.random()
    random.seed(7)
    load("words", folder)
    assert random.random() == expected
