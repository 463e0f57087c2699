"""A task that is broken is found before anything is drawn, or on its first samples, in its own words.

One sample over which it raises stays one status: see :mod:`selfreward_eval.harness.runs.giving_up`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL.Image import Image

from selfreward_eval.harness.errors import BrokenPlugin, InputError, SelfRewardError
from selfreward_eval.harness.records import Item, Measurement, Sample, Status
from selfreward_eval.harness.runs.giving_up import GIVE_UP
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.harness.runs.run import Finished, run
from selfreward_eval.harness.task import Metric, Task, TaskInfo
from selfreward_eval.harness.testing.dummy_model import DummyModel

ITEMS = [Item(f"item-{number}", f"draw {number}", "plain") for number in range(12)]


def right(**values: Any) -> Measurement:
    return Measurement(Status.SUCCESS, {"score": 1.0, **values})


class Toy(Task):
    """Twelve items with two pictures each; ``measured`` makes the measurements of a batch."""

    info = TaskInfo("toy", "1", "Toy", "none", images_per_item=2)
    metrics: tuple[Metric, ...] = (Metric("score"),)

    def __init__(
        self, measured: Callable[[Sequence[Sample]], Any] = lambda samples: [right() for _ in samples]
    ) -> None:
        self.measured = measured
        self.all: Any = ITEMS

    def items(self) -> Any:
        return self.all() if callable(self.all) else self.all

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image]
    ) -> list[Measurement]:
        return self.measured(samples)

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        return {}


def draw(task: Task, out: Path, **options: Any) -> Finished:
    return run(DummyModel(), [task], out, **options)


def failing(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any) -> Any:
        raise error

    return fail


@pytest.mark.parametrize("batch_size", [1, 3, 64])
@pytest.mark.parametrize(
    ("measured", "told"),
    [
        (failing(RuntimeError("no\nweights")), r"RuntimeError: no weights at .*test_broken_tasks\.py:\d+"),
        (lambda samples: None, "TypeError: 'NoneType' object is not iterable"),
        (
            lambda samples: [{"score": 1.0} for _ in samples],
            r"measure\(\) returned a dict, not a Measurement",
        ),
        (
            lambda samples: [Measurement(Status.SUCCESS, {"skore": 1.0}) for _ in samples],
            "a success without the value 'score', which is the task's metric; measured: 'skore'",
        ),
        (lambda samples: [Measurement(Status.SUCCESS) for _ in samples], "measured: nothing"),
        (lambda samples: [right(score=1.5) for _ in samples], r"score = 1\.5 is not in \[0, 1\]"),
        (lambda samples: [right(score=float("nan")) for _ in samples], "score = nan is not a finite number"),
        (lambda samples: [right(score="1") for _ in samples], "score = '1' is not a finite number"),
        (lambda samples: [right(other=float("inf")) for _ in samples], "other = inf is not a finite number"),
        (lambda samples: [right(seed=3.0) for _ in samples], "a value is called 'seed', a name that sample"),
        (
            lambda samples: [replace(right(), evidence={"boxes": {1, 2}}) for _ in samples],
            r"cannot be written as JSON \(TypeError: Object of type set",
        ),
        (lambda samples: [replace(right(), reason="\ud800") for _ in samples], "cannot be written as JSON"),
    ],
)
def test_a_task_that_cannot_measure_anything_is_an_error_with_its_own_words(
    tmp_path: Path, batch_size: int, measured: Callable[..., Any], told: str
) -> None:
    with pytest.raises(BrokenPlugin, match=told) as caught:
        draw(Toy(measured), tmp_path, batch_size=batch_size)
    message = str(caught.value)
    assert message.startswith("the task 'toy' failed to measure each of the first ")
    assert "'draw 0'" in message
    assert "\n" not in message
    assert not list(tmp_path.glob("*/samples_*"))
    # The pictures are kept: with the task mended nothing is drawn again.
    model = DummyModel()
    finished = run(model, [Toy()], tmp_path)
    assert finished.scores["toy"].overall.n_scored == 24
    assert len(model.drawn) <= 24 - (GIVE_UP if batch_size < 64 else 24)


@pytest.mark.parametrize("count", [0, 1, 7, 9])
def test_more_or_fewer_measurements_than_samples_are_an_error_at_once(tmp_path: Path, count: int) -> None:
    """Which sample each belongs to is not known, so that none may count."""
    with pytest.raises(
        BrokenPlugin, match=rf"returned {count} measurements for 8 samples; it must return one"
    ):
        draw(Toy(lambda samples: [right()] * count), tmp_path, batch_size=8)
    assert not list(tmp_path.glob("*/samples_*"))


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_a_sample_that_cannot_be_measured_is_a_status(tmp_path: Path, batch_size: int) -> None:
    """The first two of 24, and one that breaks the contract: the run goes on, and 21 have a number."""

    def measured(samples: Sequence[Sample]) -> list[Measurement]:
        if any(sample.item_id == "item-0" for sample in samples):
            raise RuntimeError("this picture is too dark")
        return [right(score=9.0 if (s.item_id, s.index) == ("item-5", 1) else 1.0) for s in samples]

    finished = draw(Toy(measured), tmp_path, batch_size=batch_size)
    assert finished.scores["toy"].failures == {"measurement_error": 3}
    assert finished.scores["toy"].overall.n_scored == 21
    reasons = {
        record.sample.item_id: record.measurement.reason
        for record in load_run(finished.folder).records["toy"]
        if not record.measurement.ok
    }
    assert reasons == {
        "item-0": "RuntimeError: this picture is too dark",
        "item-5": "ContractError: score = 9.0 is not in [0, 1]",
    }


def test_a_task_that_breaks_when_it_has_numbers_costs_statuses(tmp_path: Path) -> None:
    """A later sitting with a broken task: the earlier numbers stand, and coverage tells the rest."""
    draw(Toy(), tmp_path, only={"toy": ["item-0"]})
    finished = draw(Toy(failing(RuntimeError("gone"))), tmp_path)
    assert finished.scores["toy"].failures == {"measurement_error": 22}


def test_one_sample_that_is_all_there_is_decides(tmp_path: Path) -> None:
    """A table without any number is no result."""
    task = Toy(failing(RuntimeError("dark")))
    task.info = replace(task.info, images_per_item=1)
    with pytest.raises(BrokenPlugin, match="each of the first 1 samples"):
        draw(task, tmp_path, limit=1)


def test_a_judge_that_is_away_from_the_start_is_a_status(tmp_path: Path) -> None:
    """The task says so itself; nothing of it is broken, and a later call asks again."""
    away = Measurement(Status.JUDGE_TRANSPORT_ERROR, reason="nobody there")
    finished = draw(Toy(lambda samples: [away for _ in samples]), tmp_path)
    assert finished.scores["toy"].failures == {"judge_transport_error": 24}


def test_the_task_is_named_where_the_model_failed_on_other_samples(tmp_path: Path) -> None:
    model = DummyModel(fail="draw 0", missing="draw 1")
    with pytest.raises(
        BrokenPlugin, match=r"^the task 'toy' failed to measure each of the first \d+ samples"
    ):
        run(model, [Toy(failing(RuntimeError("gone")))], tmp_path)


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ([ITEMS[0], ITEMS[1], ITEMS[0]], "the item ids must be unique; used more than once: 'item-0'"),
        ([], "the task 'toy' has no items"),
        ([Item("", "draw", "plain")], "item 1 .'.. has the id ''; it must be text"),
        ([Item(3, "draw", "plain")], "item 1 .3. has the id 3; it must be text"),  # type: ignore[arg-type]
        ([Item("a", None, "plain")], "has the text None; it must be text"),  # type: ignore[arg-type]
        ([Item("a", "draw", None)], "has the category None; it must be text"),  # type: ignore[arg-type]
        ([Item("a", "x", "p", metadata={"n": float("nan")})], r"item 1 .'a'. cannot be written as JSON"),
        ([Item("a", "x", "p", metadata={"n": {1}})], r"item 1 .'a'. cannot be written as JSON"),
        ([Item("a", "\ud800", "p")], r"item 1 .'a'. cannot be written as JSON"),
        (
            [Item("a", "x", "p", "c"), Item("b", "x", "q", "c")],
            "cluster 'c' lies in the categories 'p' and 'q'",
        ),
    ],
)
def test_items_that_cannot_be_run_are_found_before_anything_is_drawn(
    tmp_path: Path, items: list[Item], told: str
) -> None:
    task, model = Toy(), DummyModel()
    task.all = items
    with pytest.raises(InputError, match=told):
        run(model, [task], tmp_path, limit=1)
    assert model.drawn == []
    assert not list(tmp_path.iterdir())


def test_items_whose_pictures_would_be_one_file_are_refused(tmp_path: Path) -> None:
    """The second would be measured on the first one's picture."""

    class SameSeeds(Toy):
        def seed(self, item: Item, index: int, run_seed: int, policy: str) -> int:
            return index

    task = SameSeeds()
    task.all = [Item("a/b", "draw", "plain"), Item("a:b", "draw", "plain")]
    with pytest.raises(InputError, match=r"items 'a/b' and 'a:b' would share the picture file a__b/0_0\.png"):
        draw(task, tmp_path)


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, True, None])
def test_a_seed_that_is_none_is_refused(tmp_path: Path, seed: Any) -> None:
    class Seeded(Toy):
        def seed(self, item: Item, index: int, run_seed: int, policy: str) -> int:
            return seed

    with pytest.raises(BrokenPlugin, match="the task 'toy' gives sample 0 of item 'item-0' the seed"):
        draw(Seeded(), tmp_path)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"info": replace(Toy.info, name="../toy")}, "its name '../toy' is no file name"),
        ({"info": replace(Toy.info, images_per_item=0)}, "images_per_item is 0"),
        ({"metrics": ()}, "its metrics are"),
        ({"metrics": (Metric("score", (0.0, float("inf"))),)}, r"has the range \(0\.0, inf\)"),
        ({"metrics": (Metric("status"),)}, "a metric cannot be called 'status'"),
        ({"all": ["draw"]}, "item 1 is a str, not an Item"),
    ],
)
def test_a_description_that_breaks_the_contract_is_refused(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    task = Toy()
    vars(task).update(changes)
    with pytest.raises(BrokenPlugin, match=told):
        draw(task, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("method", ["items", "seed", "instruments", "options", "extra"])
@pytest.mark.parametrize("error", [KeyError("word"), FileNotFoundError(2, "none", "x"), SystemExit(1)])
def test_whatever_a_task_raises_names_the_task_and_the_method(
    tmp_path: Path, method: str, error: BaseException
) -> None:
    task = Toy()
    setattr(task, method, failing(error))
    raised = rf"{type(error).__name__}: .*test_broken_tasks\.py:\d+; mend it"
    told = rf"^the task 'toy' failed in {method}\(\): {raised}"
    with pytest.raises(BrokenPlugin, match=told) as caught:
        draw(task, tmp_path)
    assert caught.value.exit_code == 6


def test_an_error_made_for_users_keeps_its_own_kind(tmp_path: Path) -> None:
    task = Toy()
    task.items = failing(InputError("get the data first"))  # type: ignore[method-assign]
    with pytest.raises(InputError, match=r"^get the data first$"):
        draw(task, tmp_path)


def test_further_numbers_that_are_not_json_are_refused(tmp_path: Path) -> None:
    task = Toy()
    task.extra = lambda records: {"ratio": float("nan")}  # type: ignore[method-assign]
    with pytest.raises(
        BrokenPlugin, match=r"the task 'toy': what extra\(\) returned cannot be written as JSON"
    ):
        draw(task, tmp_path)


def test_a_model_that_does_not_know_itself_is_named(tmp_path: Path) -> None:
    class Nameless(DummyModel):
        def identity(self) -> dict[str, Any]:
            raise ZeroDivisionError("no steps")

    with pytest.raises(
        BrokenPlugin, match=r"^the model failed in identity\(\): ZeroDivisionError: no steps at"
    ):
        run(Nameless(), [Toy()], tmp_path)


@pytest.mark.parametrize("code", [0, 1])
def test_a_plug_in_that_leaves_the_program_is_an_error(tmp_path: Path, code: int) -> None:
    with pytest.raises(BrokenPlugin, match=rf"the task 'toy' called sys\.exit\({code}\) at .*\.py:\d+"):
        draw(Toy(lambda samples: sys.exit(code)), tmp_path)


def test_the_traceback_of_the_first_failure_is_kept(tmp_path: Path) -> None:
    with pytest.raises(SelfRewardError) as caught:
        draw(Toy(failing(RuntimeError("no weights"))), tmp_path)
    assert isinstance(caught.value, BrokenPlugin)
    assert "in fail\n" in str(caught.value.trace)
    assert "RuntimeError: no weights" in str(caught.value.trace)
