"""``tiny-flow``'s training: what it starts from, its losses, and its stages at toy length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from selfreward_eval.harness.models.bagel.network import Bagel
from selfreward_eval.harness.models.tiny import WEIGHTS
from selfreward_eval.tasks.shapes.language import Question
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.sampling import plain
from selfreward_eval.trainers.pretrain import mixture
from selfreward_eval.trainers.pretrain.codec import to_tensor
from selfreward_eval.trainers.pretrain.flow import asking, drawing, sizes, words
from selfreward_eval.trainers.pretrain.flow.pipeline import STAGES, FlowRecipe, load, new_network, run
from selfreward_eval.trainers.pretrain.flow.saving import export

SOURCE = WEIGHTS / "tiny-final"
TOY = FlowRecipe(
    autoencoder=2,
    autoencoder_batch=2,
    understand=2,
    asked_alone=2,
    unify=2,
    asked=2,
    drawn=2,
    keep=(1,),
    measured=8,
)
QUESTIONS = (
    Question("colour", "what colour is the star?", "red"),
    Question("caption", "describe the picture.", "a red star left of a blue ring"),
)


@pytest.fixture(scope="module", autouse=True)
def _threads() -> Iterator[None]:
    """The recipe's number of threads stays in these tests."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root in which every stage ran through."""
    root = tmp_path_factory.mktemp("pretraining")
    run(root, STAGES, TOY, SOURCE, silent)
    return root


@pytest.fixture(scope="module")
def network() -> Bagel:
    return new_network(TOY, SOURCE).eval()


def silent(stage: str, done: int, steps: int, loss: float) -> None:
    pass


def asked(questions: tuple[Question, ...]) -> asking.AskedBatch:
    scene = plain(np.random.default_rng(3))
    return asking.pack(words.build(), to_tensor(render(scene)[None]), [scene], [questions])


def drawn(prompts: list[str], trained: Path) -> drawing.DrawnBatch:
    from selfreward_eval.trainers.pretrain.flow.pipeline import trained_autoencoder

    scenes = [plain(np.random.default_rng(seed)) for seed in range(len(prompts))]
    pixels = to_tensor(np.stack([render(scene) for scene in scenes]))
    left_out = [not prompt for prompt in prompts]
    return drawing.pack(words.build(), trained_autoencoder(trained, TOY), prompts, pixels, left_out, 7)


def test_the_start_already_answers_better_than_chance(network: Bagel) -> None:
    batch = asking.pack(words.build(), *_pixels_scenes_questions())
    with torch.no_grad():
        started = float(asking.loss(network, batch, True, None)[0])
        fresh = float(asking.loss(Bagel(sizes.config(words.SIZE)), batch, True, None)[0])
    assert started < 4.0 < fresh


def _pixels_scenes_questions() -> tuple[torch.Tensor, Any, Any]:
    pictures, scenes, questions = mixture.asked_scenes(1, 0, 8)
    return to_tensor(pictures), scenes, questions


def test_a_fresh_network_predicts_no_velocity(network: Bagel, trained: Path) -> None:
    batch = drawn(["a red star", "two circles"], trained)
    expected = (batch.noise - batch.clean).pow(2).mean()
    torch.testing.assert_close(drawing.loss(network, batch), expected)


def test_questions_of_one_row_do_not_see_each_other(network: Bagel) -> None:
    both, alone = asked(QUESTIONS), asked(QUESTIONS[:1])
    kept = replace(both, labels=torch.where(alone.labels == -100, -100, both.labels))
    with torch.no_grad():
        together, single = (asking.loss(network, batch, False, None)[0] for batch in (kept, alone))
    torch.testing.assert_close(together, single)


def test_a_padded_prompt_changes_no_velocity(network: Bagel, trained: Path) -> None:
    """The padded batch of the training against the network's own forward pass."""
    from selfreward_eval.harness.models.bagel.contexts import Markers
    from selfreward_eval.harness.models.bagel.sequences import velocities

    busy = Bagel(sizes.config(words.SIZE)).eval()
    batch = drawn(["a red star", ""], trained)
    marks = words.marker_ids()
    noisy = (1 - batch.times[:, None, None]) * batch.clean + batch.times[:, None, None] * batch.noise
    ids = words.build()("a red star", add_special_tokens=False)["input_ids"]
    markers = Markers(*(marks[name] for name in ("text_start", "text_end", "picture_start", "picture_end")))
    with torch.no_grad():
        predicted = velocities(busy, markers, [ids, None], noisy, batch.times, (sizes.SIDE, sizes.SIDE))
        wanted = (predicted - (batch.noise - batch.clean)).pow(2).mean()
        torch.testing.assert_close(drawing.loss(busy, batch), wanted)


def test_a_prompt_that_does_not_fit_is_named(trained: Path) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        drawn(["star " * drawing.TEXT], trained)


def test_every_stage_leaves_its_weights(trained: Path) -> None:
    assert all((trained / stage / "resume.pt").is_file() for stage in STAGES)


def test_a_stage_whose_predecessor_is_missing_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="flow-understand"):
        run(tmp_path, ("flow-unify",), TOY, SOURCE, silent)


def test_a_killed_joint_stage_goes_on_to_the_same_weights(trained: Path, tmp_path: Path) -> None:
    for stage in STAGES[:2]:
        (tmp_path / stage).symlink_to(trained / stage)

    def kill(stage: str, done: int, steps: int, loss: float) -> None:
        if done == 2:
            raise KeyboardInterrupt

    saved_each = replace(TOY, save_every=1)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, ("flow-unify",), saved_each, SOURCE, kill)
    run(tmp_path, ("flow-unify",), saved_each, SOURCE, silent)
    there, here = (load(root / "flow-unify" / "resume.pt")["model"] for root in (trained, tmp_path))
    assert all((there[name] == here[name]).all() for name in there)


def test_an_exported_checkpoint_draws_and_answers(trained: Path, tmp_path: Path) -> None:
    from selfreward_eval.harness.models.bagel.adapter import BagelModel

    export(trained, 1, tmp_path / "model", TOY)
    model = BagelModel(str(tmp_path / "model"), num_timesteps=3)
    (picture,) = model.generate(["a red star"], [1])
    assert picture.size == (sizes.PICTURE, sizes.PICTURE)
    assert isinstance(model.answer([picture], ["what colour is the star?"])[0], str)
