"""The whole pretraining: two codec stages, two of understanding, then all together.

The numbers are the defaults of
:class:`~selfreward_eval.trainers.pretrain.recipe.Recipe`. Every stage starts from the file that
the stage before it left, so any of them can be killed, resumed or repeated alone.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from selfreward_eval.tasks.shapes.vocabulary import COLOURS, SHAPES
from selfreward_eval.trainers.pretrain import (
    architecture,
    codec,
    describing,
    generation,
    mixture,
    tokenizer,
    understanding,
)
from selfreward_eval.trainers.pretrain.parallel import join
from selfreward_eval.trainers.pretrain.recipe import Recipe
from selfreward_eval.trainers.pretrain.stage import Stage, train

if TYPE_CHECKING:
    import torch


def run(
    root: Path, stages: tuple[str, ...], recipe: Recipe, progress: Callable[[str, int, int, float], None]
) -> None:
    """Runs ``stages`` in order under ``root``.

    Args:
        root: folder of the stages' folders.
        stages: names from :data:`STAGES`.
        recipe: all numbers.
        progress: told the stage, steps done, steps in all, and the loss.

    Raises:
        FileNotFoundError: a stage whose predecessor has not been run under ``root``.
    """
    import torch

    torch.set_num_threads(recipe.threads)
    for name in stages:
        _WORK[name](root, recipe, progress)


def _report(
    stage: Stage, progress: Callable[[str, int, int, float], None]
) -> Callable[[int, dict[str, float]], None]:
    return lambda done, terms: progress(stage.name, done, stage.last, terms["loss"])


def _compiled(function: Callable[..., Any], recipe: Recipe) -> Callable[..., Any]:
    import torch

    return torch.compile(function, dynamic=False) if recipe.compile else function


def _load(path: Path) -> dict[str, Any]:
    import torch

    if not path.exists():
        raise FileNotFoundError(f"{path} is not there; run the stage {path.parent.name!r} first")
    state: dict[str, Any] = torch.load(path, weights_only=True)
    return state


def _new_codec(recipe: Recipe) -> Any:
    configuration = architecture.config(tokenizer.SIZE, tokenizer.special_ids())
    return architecture.new_model(configuration, recipe.seed).model.vqmodel.train()


def _codec(root: Path, recipe: Recipe, progress: Callable[[str, int, int, float], None]) -> None:
    """Encoder and decoder without a codebook."""
    import torch

    stage = Stage("codec", root, recipe.codec, 2e-3)
    model = _new_codec(recipe)
    model.quantize.requires_grad_(False)
    torch.manual_seed(recipe.seed + 1)
    both = torch.nn.ModuleDict({"codec": model, "reader": describing.new_reader()})
    losses = _compiled(codec.open_losses, recipe)
    trainable = [parameter for parameter in both.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trainable, stage.peak, betas=(0.9, 0.99), weight_decay=1e-4)

    def step_losses(step: int) -> dict[str, torch.Tensor]:
        scenes, pictures = codec.scene_batch(
            np.random.default_rng((recipe.seed + 1, step)), recipe.codec_batch
        )
        generator = torch.Generator().manual_seed(step)
        side = describing.SIDE
        shape = (recipe.codec_batch, architecture.CODE_WIDTH, side, side)
        noise = codec.NOISE * torch.randn(shape, generator=generator)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            terms: dict[str, torch.Tensor] = losses(
                model, both["reader"], codec.to_tensor(pictures), noise, describing.descriptions(scenes)
            )
        return terms

    train(stage, both, optimizer, step_losses, progress=_report(stage, progress))


def _codec_fine(root: Path, recipe: Recipe, progress: Callable[[str, int, int, float], None]) -> None:
    """The same with a codebook, which starts where the encodings are."""
    import torch

    stage = Stage("codec-fine", root, recipe.codec_fine, 1e-3)
    model = _new_codec(recipe)
    state = codec.new_state(model)
    before = _load(root / "codec" / "resume.pt")["model"]
    if not (stage.folder / "resume.pt").exists():
        weights = {name.removeprefix("codec."): t for name, t in before.items() if name.startswith("codec.")}
        model.load_state_dict(weights)
        codec.start_codebook(model, state, recipe.seed + 2, recipe.codebook_pictures)
    losses = _compiled(codec.losses, recipe)
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trainable, stage.peak, betas=(0.9, 0.99), weight_decay=1e-4)

    def step_losses(step: int) -> dict[str, torch.Tensor]:
        _, pictures = codec.scene_batch(np.random.default_rng((recipe.seed + 2, step)), recipe.codec_batch)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            terms: dict[str, torch.Tensor] = losses(model, codec.to_tensor(pictures))
        return terms

    def after_step(step: int, terms: dict[str, torch.Tensor]) -> None:
        generator = torch.Generator().manual_seed(step)
        codec.update_codebook(model, state, terms["z"], terms["ids"], step, generator)

    extra = {"usage": state.usage, "sums": state.sums}
    train(
        stage,
        model,
        optimizer,
        step_losses,
        extra=extra,
        after_step=after_step,
        progress=_report(stage, progress),
    )


def _new_model(recipe: Recipe) -> Any:
    configuration = architecture.config(tokenizer.SIZE, tokenizer.special_ids())
    model = architecture.new_model(configuration, recipe.seed)
    # Eager attention is the fastest at these lengths on a CPU, and what compiles best.
    model.set_attn_implementation("eager")
    return model


def _understand(root: Path, recipe: Recipe, progress: Callable[[str, int, int, float], None]) -> None:
    schedule, stop = recipe.understand
    stage = Stage("understand", root, schedule, 2e-3, stop=stop)
    _answering(stage, _new_model(recipe), recipe, recipe.seed + 3, progress, weighted=False)


def _question(root: Path, recipe: Recipe, progress: Callable[[str, int, int, float], None]) -> None:
    schedule, stop = recipe.question
    stage = Stage("question", root, schedule, 1.5e-3, stop=stop)
    model = _new_model(recipe)
    model.load_state_dict(_load(root / "understand" / "resume.pt")["model"])
    _answering(stage, model, recipe, recipe.seed + 4, progress, weighted=True)


def _answering(
    stage: Stage,
    model: Any,
    recipe: Recipe,
    seed: int,
    progress: Callable[[str, int, int, float], None],
    *,
    weighted: bool,
) -> None:
    """Trains what sees and answers; what draws stays as it is."""
    import torch

    words, special = tokenizer.build(), tokenizer.special_ids()
    loss = _compiled(understanding.loss, recipe)
    trained = [
        p for name, p in model.named_parameters() if "vqmodel" not in name and "generation_" not in name
    ]
    optimizer = torch.optim.AdamW(trained, stage.peak, betas=(0.9, 0.98), weight_decay=0.01)

    def step_losses(step: int) -> dict[str, torch.Tensor]:
        batch = mixture.understanding_batch(words, special, seed, step, recipe.batch)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return {"loss": loss(model, batch, weighted)[0]}

    train(stage, model, optimizer, step_losses, progress=_report(stage, progress))


def _unify(root: Path, recipe: Recipe, progress: Callable[[str, int, int, float], None]) -> None:
    import torch

    ranks = join()
    stage = Stage("unify", root, recipe.unify, 1.5e-3, warmup=0.03, keep=recipe.keep)
    model = _new_model(recipe)
    model.load_state_dict(_load(root / "question" / "resume.pt")["model"])
    model.model.vqmodel.load_state_dict(_load(root / "codec-fine" / "resume.pt")["model"])
    model.model.vqmodel.requires_grad_(False)
    words, special = tokenizer.build(), tokenizer.special_ids()
    understand, draw = _compiled(understanding.loss, recipe), _compiled(generation.loss, recipe)
    encode = _compiled(codec.encode, recipe)
    encoder = copy.deepcopy(model.model.vqmodel).eval()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, stage.peak, betas=(0.9, 0.98), weight_decay=0.01)
    grounded = tokenizer.ids(words, tuple(COLOURS)), tokenizer.ids(words, SHAPES)
    asked_size, drawn_size = ranks.share(recipe.unify_asked), ranks.share(recipe.unify_drawn)

    def step_losses(step: int) -> dict[str, torch.Tensor]:
        # One stream of batches per rank; the ranks' streams never meet.
        number = step * ranks.count + ranks.rank
        asked = mixture.understanding_batch(
            words, special, recipe.seed + 5, number, asked_size, focus=recipe.focus(step)
        )
        sentences, pictures, dropped = mixture.drawing_scenes(
            recipe.seed + 6, number, drawn_size, binding=recipe.binding[0] <= step < recipe.binding[1]
        )
        # In float32, as the model will encode later: in half precision neighbouring codes are equal.
        with torch.no_grad():
            tokens = encode(encoder, codec.to_tensor(pictures))
        drawn = generation.pack(words, special, sentences, tokens, dropped)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            pairs = grounded if step >= recipe.ground_from else None
            (answering, ground), drawing = understand(model, asked, True, pairs), draw(model, drawn)
        return {
            "loss": recipe.answer_weight * answering + ground + recipe.draw_weight * drawing,
            "answering": answering.detach(),
            "grounding": ground.detach(),
            "drawing": drawing.detach(),
        }

    train(stage, model, optimizer, step_losses, progress=_report(stage, progress), ranks=ranks)


def joint_checkpoint(root: Path, step: int) -> Any:
    """The model after ``step`` steps of the joint stage: a kept step, or the resume file's.

    Raises:
        FileNotFoundError: no such checkpoint under ``root``.
    """
    import torch

    kept = root / "unify" / f"step{step}.pt"
    if kept.exists():
        state = torch.load(kept, weights_only=True)
    else:
        resume = _load(root / "unify" / "resume.pt")
        if resume["step"] != step:
            raise FileNotFoundError(f"{kept} is not there and {root}/unify stands at step {resume['step']}")
        state = resume["model"]
    model = _new_model(Recipe())
    model.load_state_dict(state)
    return model.eval()


_WORK = {
    "codec": _codec,
    "codec-fine": _codec_fine,
    "understand": _understand,
    "question": _question,
    "unify": _unify,
}
