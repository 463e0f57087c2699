"""The shipped model: it sees better than it draws."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.models.base import CutAnswer, capabilities
from selfreward_eval.harness.models.tiny import CHECKPOINTS, WEIGHTS, TinyModel
from selfreward_eval.harness.registry import registry

shipped = pytest.mark.skipif(
    not all((WEIGHTS / f"tiny-{name}").is_dir() for name in CHECKPOINTS),
    reason="the tiny model's weights are not in this checkout",
)


@cache
def tiny(checkpoint: str = "final") -> TinyModel:
    return TinyModel(checkpoint, device="cpu")


def test_it_is_registered_with_every_capability() -> None:
    assert registry("models").load("tiny") is TinyModel
    assert capabilities(TinyModel) == ["generate", "answer", "text_logprobs", "image_logprobs"]


def test_an_unknown_checkpoint_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="no checkpoint 'best'; it has final, early"):
        TinyModel("best")


def test_weights_lie_inside_the_package() -> None:
    import selfreward_eval

    assert WEIGHTS.is_relative_to(Path(selfreward_eval.__file__).parent)


@shipped
def test_its_identity_holds_no_path_of_this_machine() -> None:
    identity = tiny().identity()
    assert (identity["adapter"], identity["name"], identity["weights"]) == (
        "tiny",
        "tiny-final",
        "tiny-final",
    )
    assert str(WEIGHTS.parent) not in str(identity)
    assert identity["revision"] != tiny("early").identity()["revision"]


@shipped
def test_unknown_words_are_told_apart_from_known_ones() -> None:
    asked = ["a picture of a red star", "a photo of a red Toaster", "three purple toaster"]
    assert tiny().unknown_words(asked) == ["photo", "Toaster", "toaster"]


@shipped
def test_its_codec_keeps_what_matters() -> None:
    """A picture encoded and decoded again is read by the oracle as the scene it was."""
    from selfreward_eval.tasks.shapes.oracle.accuracy import scene_is_read
    from selfreward_eval.tasks.shapes.oracle.reading import read
    from selfreward_eval.tasks.shapes.render import render
    from selfreward_eval.tasks.shapes.sampling import plain
    from selfreward_eval.trainers.pretrain.measuring import round_trip

    through = round_trip(tiny())
    scenes = [plain(np.random.default_rng((31, k))) for k in range(60)]
    assert sum(scene_is_read(scene, read(through(render(scene)))) for scene in scenes) >= 54


@shipped
@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_it_knows_the_tokens_of_a_rendered_picture(checkpoint: str) -> None:
    """R_U rests on them: a codec that encodes into codes the drawing side never saw makes it noise."""
    from PIL import Image

    from selfreward_eval.trainers.pretrain.mixture import drawing_scenes

    sentences, pictures, _ = drawing_scenes(seed=41, step=0, size=24)
    likelihood = tiny(checkpoint).image_logprobs(sentences, [Image.fromarray(one) for one in pictures])
    assert likelihood.mean() > -3.0


@shipped
def test_it_answers_questions() -> None:
    from selfreward_eval.trainers.pretrain.measuring import answers

    found = answers(tiny(), pictures=20)
    assert found["questions"].total >= 60
    assert found["questions"].rate >= 0.9


@shipped
def test_an_answer_that_ends_at_the_limit_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    model, picture, question = tiny(), Image.new("RGB", (48, 48), "white"), "describe the picture."
    (whole,) = model.answer([picture], [question])
    monkeypatch.setattr(model, "max_new_tokens", 2)
    (cut,) = model.answer([picture], [question])
    assert [isinstance(answer, CutAnswer) for answer in (whole, cut)] == [False, True]
    assert whole.startswith(cut)


@shipped
def test_it_draws_some_of_what_it_is_asked_for_and_more_than_it_did_early() -> None:
    from selfreward_eval.trainers.pretrain.measuring import drawing

    rates = {}
    for checkpoint in CHECKPOINTS:
        drawn = drawing(tiny(checkpoint), prompts=48, seed=1)
        rates[checkpoint] = sum(c.correct for c in drawn.values()) / sum(c.total for c in drawn.values())
    assert 0.3 < rates["final"] < 0.95
    assert rates["final"] > rates["early"]


@shipped
def test_the_same_prompt_and_seed_give_the_same_picture_in_any_batch() -> None:
    prompts = ["a picture of a red star", "two circles", "a picture of a red star"]
    together = tiny().generate(prompts, [1, 2, 3])
    alone = [tiny().generate([p], [s])[0] for p, s in zip(prompts, [1, 2, 3], strict=True)]
    assert [a.tobytes() for a in together] == [b.tobytes() for b in alone]
    assert together[0].tobytes() != together[2].tobytes()


@shipped
def test_its_own_likelihood_knows_a_right_prompt_from_a_wrong_one() -> None:
    """The premise of self-reward, on rendered pictures."""
    from PIL import Image

    from selfreward_eval.tasks.shapes.language import WHICH_PROMPT
    from selfreward_eval.tasks.shapes.render import render
    from selfreward_eval.tasks.shapes.scene import Scene, Thing

    picture = Image.fromarray(render(Scene((Thing("star", "red", 24, 24),))))
    texts = ["a red star", "a blue star", "a red ring"]
    means = [float(s.mean()) for s in tiny().text_logprobs([picture] * 3, texts, question=WHICH_PROMPT)]
    assert means[0] > max(means[1:])


@shipped
@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_it_is_small_and_safe(checkpoint: str) -> None:
    folder = WEIGHTS / f"tiny-{checkpoint}"
    files = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert sum(files.values()) < 12_000_000
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= set(files)
    assert not [name for name in files if name.endswith((".bin", ".pt", ".pkl"))]
