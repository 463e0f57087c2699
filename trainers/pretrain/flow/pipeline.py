"""The stages of ``tiny-flow``'s training, each of which can be killed, resumed or repeated alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from selfreward_eval.tasks.shapes.vocabulary import COLOURS, SHAPES
from selfreward_eval.trainers.pretrain import codec, describing, mixture, tokenizer
from selfreward_eval.trainers.pretrain.flow import asking, autoencoding, drawing, sizes, words
from selfreward_eval.trainers.pretrain.flow.start import start
from selfreward_eval.trainers.pretrain.stage import Stage, train

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast

    from selfreward_eval.harness.models.bagel.autoencoder import FluxAutoencoder
    from selfreward_eval.harness.models.bagel.network import Bagel

STAGES = ("flow-autoencoder", "flow-understand", "flow-unify")

MEASURED = 5
"""Seed of the pictures that scales are measured on."""

Progress = Callable[[str, int, int, float], None]


@dataclass(frozen=True)
class FlowRecipe:
    """Steps, seeds and batch sizes.

    Attributes:
        autoencoder: steps of the autoencoder's stage.
        autoencoder_batch: its pictures per step.
        understand: steps in which only questions are learnt.
        asked_alone: pictures asked about per such step.
        unify: steps of the joint stage.
        asked: pictures asked about per joint step.
        drawn: pictures drawn per joint step.
        keep: joint steps at which weights are kept for good.
        answer_weight: of the answers' loss beside the velocities'.
        relation: joint steps, from and up to, in which most questions ask for a relation.
        measured: pictures that the scale of latents is measured on.
        save_every: joint steps between resume files.
        seed: of weights and batches.
        compile: compile the losses; faster, needs a C++ compiler, rounds differently.
        threads: CPU threads.
    """

    autoencoder: int = 1000
    autoencoder_batch: int = 32
    understand: int = 250
    asked_alone: int = 24
    unify: int = 2600
    asked: int = 8
    drawn: int = 64
    keep: tuple[int, ...] = tuple(range(200, 2600, 200))
    answer_weight: float = 0.5
    relation: tuple[int, int] = (400, 1800)
    measured: int = 512
    save_every: int = 250
    seed: int = 0
    compile: bool = False
    threads: int = 1


def run(root: Path, stages: tuple[str, ...], recipe: FlowRecipe, source: Path, progress: Progress) -> None:
    """Runs ``stages`` in order under ``root``.

    Args:
        root: folder of the stages' folders.
        stages: names from :data:`STAGES`.
        recipe: all numbers.
        source: folder of the ``tiny`` checkpoint that the network starts from.
        progress: told the stage, steps done, steps in all, and the loss.

    Raises:
        FileNotFoundError: a stage whose predecessor has not been run under ``root``.
    """
    import torch

    torch.set_num_threads(recipe.threads)
    for name in stages:
        if name == "flow-autoencoder":
            train_autoencoder(root, recipe, progress)
        else:
            (train_understanding if name == "flow-understand" else train_all)(root, recipe, source, progress)


def compiled(function: Callable[..., Any], recipe: FlowRecipe) -> Callable[..., Any]:
    """``function``, compiled if the recipe says so."""
    import torch

    return torch.compile(function, dynamic=False) if recipe.compile else function


def report(stage: Stage, progress: Progress) -> Callable[[int, dict[str, float]], None]:
    """What :func:`~selfreward_eval.trainers.pretrain.stage.train` tells, told with the stage's name."""
    return lambda done, terms: progress(stage.name, done, stage.last, terms["loss"])


def train_autoencoder(root: Path, recipe: FlowRecipe, progress: Progress) -> None:
    """Stage ``flow-autoencoder``."""
    import torch

    from selfreward_eval.harness.models.bagel.autoencoder import FluxAutoencoder

    stage = Stage("flow-autoencoder", root, recipe.autoencoder, 2e-3)
    torch.manual_seed(recipe.seed + 11)
    both = torch.nn.ModuleDict(
        {
            "autoencoder": FluxAutoencoder(sizes.config(words.SIZE).autoencoder),
            "reader": autoencoding.new_reader(sizes.TOKEN_WIDTH),
        }
    )
    losses = compiled(autoencoding.losses, recipe)
    optimizer = torch.optim.AdamW(both.parameters(), stage.peak, betas=(0.9, 0.99), weight_decay=1e-4)
    shape = (recipe.autoencoder_batch, sizes.LATENT_CHANNELS, sizes.LATENT_SIDE, sizes.LATENT_SIDE)

    def step_losses(step: int) -> dict[str, torch.Tensor]:
        scenes, pictures = codec.scene_batch(
            np.random.default_rng((recipe.seed + 11, step)), recipe.autoencoder_batch
        )
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(step))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            terms: dict[str, torch.Tensor] = losses(
                both["autoencoder"],
                both["reader"],
                codec.to_tensor(pictures),
                noise,
                describing.descriptions(scenes),
            )
        return terms

    train(stage, both, optimizer, step_losses, progress=report(stage, progress))


def load(path: Path) -> dict[str, Any]:
    """A stage's file.

    Raises:
        FileNotFoundError: the stage has not been run.
    """
    import torch

    if not path.exists():
        raise FileNotFoundError(f"{path} is not there; run the stage {path.parent.name!r} first")
    state: dict[str, Any] = torch.load(path, weights_only=True)
    return state


def trained_autoencoder(root: Path, recipe: FlowRecipe) -> FluxAutoencoder:
    """The autoencoder as its stage left it, its latents scaled and shifted to a spread of 1 around 0."""
    import torch

    from selfreward_eval.harness.models.bagel.autoencoder import FluxAutoencoder

    state = {
        name.removeprefix("autoencoder."): tensor
        for name, tensor in load(root / "flow-autoencoder" / "resume.pt")["model"].items()
        if name.startswith("autoencoder.")
    }
    plain = FluxAutoencoder(sizes.config(words.SIZE).autoencoder).eval().requires_grad_(False)
    plain.load_state_dict(state)
    with torch.no_grad():
        _, pictures = codec.scene_batch(np.random.default_rng(MEASURED), recipe.measured)
        mean, _ = plain.moments(codec.to_tensor(pictures))
    config = sizes.config(
        words.SIZE, scale=round(1 / float(mean.std()), 4), shift=round(float(mean.mean()), 4)
    )
    made = FluxAutoencoder(config.autoencoder).eval().requires_grad_(False)
    made.load_state_dict(state)
    return made


def new_network(recipe: FlowRecipe, source: Path) -> Bagel:
    """A network that starts from ``tiny``."""
    import torch

    from selfreward_eval.harness.models.bagel.network import Bagel

    torch.manual_seed(recipe.seed + 12)
    network = Bagel(sizes.config(words.SIZE))
    with torch.no_grad():
        # Velocities are 0 at first.
        network.llm2vae.weight.zero_()
        network.llm2vae.bias.zero_()
    _, pictures = codec.scene_batch(np.random.default_rng(MEASURED), 64)
    start(network, source, codec.to_tensor(pictures))
    return network


def train_understanding(root: Path, recipe: FlowRecipe, source: Path, progress: Progress) -> None:
    """Stage ``flow-understand``: questions and captions only; what draws stays as it is."""
    import torch

    stage = Stage("flow-understand", root, recipe.understand, 7e-4)
    network = new_network(recipe, source)
    loss = compiled(asking.loss, recipe)
    trained = [
        parameter
        for name, parameter in network.named_parameters()
        if parameter.requires_grad and "_moe_gen" not in name
    ]
    optimizer = torch.optim.AdamW(trained, stage.peak, betas=(0.9, 0.98), weight_decay=0.01)
    names, grounded = words.build(), _grounded()

    def step_losses(step: int) -> dict[str, torch.Tensor]:
        batch = asked_batch(names, recipe.seed + 13, step, recipe.asked_alone, "all")
        with torch.autocast("cpu", dtype=torch.bfloat16):
            answers, ground = loss(network, batch, True, grounded)
        return {"loss": answers + 0.2 * ground, "answers": answers.detach(), "grounding": ground.detach()}

    train(stage, network, optimizer, step_losses, progress=report(stage, progress))


def train_all(root: Path, recipe: FlowRecipe, source: Path, progress: Progress) -> None:
    """Stage ``flow-unify``: velocities, questions and captions together."""
    import torch

    from selfreward_eval.trainers.pretrain.parallel import join

    ranks = join()
    stage = Stage(
        "flow-unify", root, recipe.unify, 1.2e-3, warmup=0.03, keep=recipe.keep, save_every=recipe.save_every
    )
    network = new_network(recipe, source)
    network.load_state_dict(load(root / "flow-understand" / "resume.pt")["model"])
    autoencoder = trained_autoencoder(root, recipe)
    ask, draw = compiled(asking.loss, recipe), compiled(drawing.loss, recipe)
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, stage.peak, betas=(0.9, 0.98), weight_decay=0.01)
    names, grounded = words.build(), _grounded()
    asked_size, drawn_size = ranks.share(recipe.asked), ranks.share(recipe.drawn)

    def step_losses(step: int) -> dict[str, torch.Tensor]:
        # One stream of batches per rank; the ranks' streams never meet.
        number = step * ranks.count + ranks.rank
        focus = "relation" if recipe.relation[0] <= step < recipe.relation[1] else "all"
        asked = asked_batch(names, recipe.seed + 14, number, asked_size, focus)
        sentences, pictures, dropped = mixture.drawing_scenes(recipe.seed + 15, number, drawn_size)
        drawn = drawing.pack(names, autoencoder, sentences, codec.to_tensor(pictures), dropped, number)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            answers, ground = ask(network, asked, True, grounded)
            velocities = draw(network, drawn)
        return {
            "loss": velocities + recipe.answer_weight * (answers + 0.2 * ground),
            "velocities": velocities.detach(),
            "answers": answers.detach(),
            "grounding": ground.detach(),
        }

    train(stage, network, optimizer, step_losses, progress=report(stage, progress), ranks=ranks)


def asked_batch(
    names: PreTrainedTokenizerFast, seed: int, step: int, size: int, focus: str
) -> asking.AskedBatch:
    """Questions of one step; see :func:`selfreward_eval.trainers.pretrain.mixture.asked_scenes`."""
    pictures, scenes, questions = mixture.asked_scenes(seed, step, size, focus=focus)
    return asking.pack(names, codec.to_tensor(pictures), scenes, questions)


def _grounded() -> tuple[torch.Tensor, torch.Tensor]:
    names = words.build()
    return tokenizer.ids(names, tuple(COLOURS)), tokenizer.ids(names, SHAPES)
