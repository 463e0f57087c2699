"""Writes a stage's weights as a checkpoint in BAGEL's layout, in half precision."""

from __future__ import annotations

from pathlib import Path

from selfreward_eval.trainers.pretrain.flow import sizes, words
from selfreward_eval.trainers.pretrain.flow.pipeline import FlowRecipe, load, trained_autoencoder


def export(root: Path, step: int | None, folder: Path, recipe: FlowRecipe | None = None) -> None:
    """Writes the joint stage's network and the autoencoder into ``folder``.

    Args:
        root: folder of the stages' folders.
        step: a kept step; None for the last one.
        folder: made where it is missing; files of the same names are replaced.
        recipe: that the stages were run with; None for the default one.

    Raises:
        FileNotFoundError: no such step under ``root``.
    """
    import torch

    from selfreward_eval.harness.models.bagel.network import Bagel
    from selfreward_eval.harness.models.bagel.saving import save_checkpoint

    autoencoder = trained_autoencoder(root, recipe or FlowRecipe())
    numbers = autoencoder.config
    config = sizes.config(words.SIZE, scale=numbers.scale_factor, shift=numbers.shift_factor)
    network = Bagel(config)
    if step is None:
        network.load_state_dict(load(root / "flow-unify" / "resume.pt")["model"])
    else:
        path = root / "flow-unify" / f"step{step}.pt"
        if not path.exists():
            raise FileNotFoundError(f"{path} is not there; see which steps the recipe keeps")
        network.load_state_dict(torch.load(path, weights_only=True))
    folder.mkdir(parents=True, exist_ok=True)
    save_checkpoint(folder, network, autoencoder, config, dtype="float16", autoencoder_dtype="float16")
    words.build().save_pretrained(folder)
