"""Looking batch by batch: stops early, draws no more than it must, and leaves a run that can go on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL.Image import Image

from selfreward_eval.harness.errors import InputError, SelfRewardError
from selfreward_eval.harness.gating.candidates import Live, Replay
from selfreward_eval.harness.gating.findings import Outcome
from selfreward_eval.harness.gating.interim import item_order
from selfreward_eval.harness.gating.policy_file import read_policy
from selfreward_eval.harness.gating.sequential import judge_sequentially
from selfreward_eval.harness.records import Item, Measurement, Sample, Status
from selfreward_eval.harness.runs.reader import Run, load_run
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.runs.shards import Shard
from selfreward_eval.harness.stats.noninferiority import Verdict
from selfreward_eval.harness.task import Metric, Task, TaskInfo
from selfreward_eval.harness.testing.dummy_model import DummyModel

PASS, FAIL, INCONCLUSIVE = Verdict

RULE = '[[rule]]\ntask = "toy"\nmargin = 0.15\n'


@pytest.fixture
def replay(
    policy: Callable[[str], Path], make_run: Callable[..., Path], arms: Callable[..., Any]
) -> Callable[..., Outcome]:
    def judge(loss: float, text: str = RULE, **options: Any) -> Outcome:
        before, after = arms(loss, **options)
        base, candidate = load_run(make_run("base", before)), load_run(make_run("candidate", after))
        return judge_sequentially(read_policy(policy(text)), base, Replay(candidate))

    return judge


@pytest.mark.parametrize(("loss", "verdict"), [(0.0, PASS), (0.4, FAIL)])
def test_a_clear_case_stops_early(replay: Callable[..., Outcome], loss: float, verdict: Verdict) -> None:
    outcome = replay(loss)
    (progress,), (finding,) = outcome.progress_by_task, outcome.findings
    assert outcome.verdict is verdict
    assert progress.items < 200
    assert progress.items == 25 * progress.looks
    assert (progress.planned_items, progress.planned_samples) == (300, 600)
    assert outcome.saved == pytest.approx(1 - progress.items / 300)
    assert (finding.items, finding.planned_items) == (progress.items, 300)
    assert finding.p is None


def test_the_margin_itself_is_left_open_after_all_items(replay: Callable[..., Outcome]) -> None:
    outcome = replay(0.15)
    assert (outcome.verdict, outcome.exit_code, outcome.saved) == (INCONCLUSIVE, 3, 0.0)
    assert outcome.findings[0].needs is not None


def test_bounds_at_the_stop_are_beyond_the_limit(replay: Callable[..., Outcome]) -> None:
    assert (replay(0.0).findings[0].low or -1.0) >= -0.15 - 1e-6


def test_a_floor_is_looked_at_too(replay: Callable[..., Outcome]) -> None:
    outcome = replay(0.0, '[[rule]]\ntask = "toy"\nfloor = 0.3\n')
    (finding,) = outcome.findings
    assert finding.verdict is PASS
    assert finding.items < 300
    assert 0.3 <= (finding.low or 0.0) < (finding.value or 0.0) < (finding.high or 0.0) <= 1.0


def test_a_rule_on_a_category_needs_only_its_items(replay: Callable[..., Outcome]) -> None:
    outcome = replay(0.0, RULE + 'category = "two"\n')
    assert outcome.progress_by_task[0].planned_items == 150


def test_after_a_failure_nothing_else_is_looked_at(replay: Callable[..., Outcome]) -> None:
    outcome = replay(0.4, RULE + '[[rule]]\nname = "wide"\ntask = "toy"\nmargin = 0.41\n')
    assert outcome.verdict is FAIL
    assert outcome.findings[1].why == "the gate was decided before this rule was"


def test_a_family_divides_alpha(replay: Callable[..., Outcome]) -> None:
    family = '[[family]]\nname = "f"\n[[rule]]\nname = "r"\ntask = "toy"\nmargin = 0.3\nfamily = "f"\n'
    outcome = replay(0.0, family + '[[rule]]\nname = "s"\ntask = "toy"\nmargin = 0.2\nfamily = "f"\n')
    assert [one.alpha for one in outcome.findings] == [0.025, 0.025]


def test_samples_without_a_number_keep_it_from_passing(
    policy: Callable[[str], Path], make_run: Callable[..., Path], arms: Callable[..., Any]
) -> None:
    before, after = arms(0.0)
    after["one"][::10] = [[None, None]] * 15
    base, candidate = load_run(make_run("base", before)), load_run(make_run("candidate", after))
    outcome = judge_sequentially(read_policy(policy(RULE)), base, Replay(candidate))
    assert (outcome.verdict, outcome.saved) == (INCONCLUSIVE, 0.0)
    assert "would PASS" in outcome.findings[0].why


class TestOrder:
    ITEMS = tuple(Item(f"{k}", "text", "ab"[k % 2], cluster=f"c{k // 2}") for k in range(40))

    def test_it_is_the_seed_s_and_holds_every_item_once(self) -> None:
        first, again, other = (item_order(self.ITEMS, seed) for seed in (0, 0, 1))
        assert first == again != other
        assert sorted(name for cluster in first.clusters for name in cluster) == sorted(
            one.id for one in self.ITEMS
        )

    def test_clusters_stay_together(self) -> None:
        batches = item_order(self.ITEMS, 0).batches(5)
        assert [len(batch) for batch in batches] == [6, 6, 6, 6, 6, 6, 4]
        for batch in batches:
            assert len({int(name) // 2 for name in batch}) * 2 == len(batch)

    def test_every_stretch_mixes_the_categories(self) -> None:
        items = [Item(f"{k}", "text", "a" if k < 300 else "b") for k in range(400)]
        for batch in item_order(items, 0).batches(40):
            assert 25 <= sum(int(name) < 300 for name in batch) <= 35


class ToyTask(Task):
    """Right or wrong by the colour of the dummy's rectangle: worth nothing, and quick."""

    info = TaskInfo("toy", "1", "Toy", "none", images_per_item=2)
    metrics = (Metric("correct"),)

    def __init__(self, strict: int = 0) -> None:
        self.strict = strict

    def items(self) -> Sequence[Item]:
        return [Item(f"{c}-{k}", f"draw {c} {k}", c) for c in ("one", "two") for k in range(100)]

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image]
    ) -> list[Measurement]:
        def red(image: Image) -> int:
            return max(colour for _, colour in image.getcolors() or [] if colour != (240, 240, 240))[0]  # type: ignore[index]

        return [Measurement(Status.SUCCESS, {"correct": float(red(one) > 100)}) for one in images]

    def instruments(self) -> dict[str, dict[str, Any]]:
        return {"eye": {"name": "eye", "strict": self.strict}}


class TestLive:
    @pytest.fixture
    def base(self, tmp_path: Path) -> Any:
        return load_run(run(DummyModel(name="base"), [ToyTask()], tmp_path).folder)

    @pytest.fixture
    def asked(self, policy: Callable[[str], Path]) -> Any:
        return read_policy(policy(RULE))

    def live(self, base: Any, out: Path, model: DummyModel, **options: Any) -> Live:
        return Live(model, [ToyTask(**options)], base, out)

    def test_it_draws_only_what_it_looks_at(self, base: Any, asked: Any, tmp_path: Path) -> None:
        model = DummyModel(name="candidate")
        outcome = judge_sequentially(asked, base, self.live(base, tmp_path, model))
        assert outcome.verdict is PASS
        assert len(model.drawn) == outcome.progress_by_task[0].samples < 400
        assert "unfinished" in outcome.notes[-1]
        with pytest.raises(SelfRewardError, match="not finished"):
            load_run(tmp_path / "candidate")

    def test_it_agrees_with_the_replay_of_the_whole_run(self, base: Any, asked: Any, tmp_path: Path) -> None:
        drawn = judge_sequentially(asked, base, self.live(base, tmp_path / "a", DummyModel(name="candidate")))
        whole = load_run(run(DummyModel(name="candidate"), [ToyTask()], tmp_path / "b").folder)
        replayed = judge_sequentially(asked, base, Replay(whole))
        assert drawn.findings == replayed.findings
        assert drawn.progress_by_task == replayed.progress_by_task

    def test_a_stopped_gate_goes_on_without_drawing_twice(
        self, base: Any, asked: Any, tmp_path: Path
    ) -> None:
        class Stop(Exception):
            pass

        class Interrupted(Live):
            """Is interrupted after the first batch is drawn."""

            def reveal(self, task: str, items: Collection[str]) -> Run:
                super().reveal(task, items)
                raise Stop

        first, second = DummyModel(name="candidate"), DummyModel(name="candidate")
        with pytest.raises(Stop):
            judge_sequentially(asked, base, Interrupted(first, [ToyTask()], base, tmp_path))
        outcome = judge_sequentially(asked, base, self.live(base, tmp_path, second))
        assert len(first.drawn) == 50
        assert not set(first.drawn) & set(second.drawn)
        assert len(first.drawn) + len(second.drawn) == outcome.progress_by_task[0].samples

    def test_an_ordinary_run_finishes_what_the_gate_began(
        self, base: Any, asked: Any, tmp_path: Path
    ) -> None:
        judge_sequentially(asked, base, self.live(base, tmp_path, DummyModel(name="candidate")))
        rest = run(DummyModel(name="candidate"), [ToyTask()], tmp_path)
        plain = run(DummyModel(name="candidate"), [ToyTask()], tmp_path / "plain")
        assert rest.drawn + rest.reused == 400
        assert rest.reused > 0
        assert rest.scores == plain.scores
        assert load_run(rest.folder).scores == plain.scores

    def test_what_shards_drew_before_is_looked_at(self, base: Any, asked: Any, tmp_path: Path) -> None:
        first = run(DummyModel(name="candidate"), [ToyTask()], tmp_path, shard=Shard(0, 2)).drawn
        model = DummyModel(name="candidate")
        outcome = judge_sequentially(asked, base, self.live(base, tmp_path, model))
        whole = load_run(run(DummyModel(name="candidate"), [ToyTask()], tmp_path / "whole").folder)
        assert outcome.findings == judge_sequentially(asked, base, Replay(whole)).findings
        assert 0 < len(model.drawn) < outcome.progress_by_task[0].samples
        assert first > 0

    def test_when_all_is_drawn_the_run_is_whole(
        self, base: Any, policy: Callable[[str], Path], tmp_path: Path
    ) -> None:
        asked = read_policy(policy('[[rule]]\ntask = "toy"\nmargin = 0.001\n'))
        outcome = judge_sequentially(asked, base, self.live(base, tmp_path, DummyModel(name="candidate")))
        assert (outcome.verdict, outcome.saved) == (INCONCLUSIVE, 0.0)
        assert load_run(tmp_path / "candidate").scores["toy"].overall.coverage == 1
        assert "is whole" in outcome.notes[-1]

    def test_what_cannot_be_compared_is_not_drawn(self, base: Any, asked: Any, tmp_path: Path) -> None:
        model = DummyModel(name="candidate")
        with pytest.raises(InputError, match="instruments"):
            judge_sequentially(asked, base, self.live(base, tmp_path, model, strict=1))
        assert model.drawn == []
        assert not (tmp_path / "candidate").exists()
