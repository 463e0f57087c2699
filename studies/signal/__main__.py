"""``python -m studies.signal``: how much of a batch's policy gradient is signal, by reward."""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from selfreward_eval.harness.files import atomic_write_json
from selfreward_eval.harness.models.tiny import TinyModel
from studies.signal.batches import batch
from studies.signal.figures import agreement, cosines, divided, pictures_to_half
from studies.signal.gradients import PART, by_cell, gradients

if TYPE_CHECKING:
    import torch

REFERENCES = ("detection", "dsr")
"""Rewards that the others are held against: GenEval's rule on the oracle's detections, which scores the
prompts of GenEval's wordings alone, and the reward whose training is known to raise scores."""

GUIDANCE = 1.5
"""Of the drawing and of the likelihoods, as in the training runs."""


def main() -> None:
    """Draws and rewards what is missing in the folder, and writes ``figures.json``."""
    parser = argparse.ArgumentParser(prog="python -m studies.signal", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder of batches and figures")
    parser.add_argument("--batches", type=int, default=12, help="(default: %(default)s)")
    parser.add_argument("--prompts", type=int, default=64, help="of a batch (default: %(default)s)")
    parser.add_argument("--candidates", type=int, default=8, help="of a prompt (default: %(default)s)")
    parser.add_argument("--part", default=PART, help="of the weights' names (default: %(default)s)")
    options = parser.parse_args()
    model = TinyModel().training_copy(guidance=GUIDANCE, temperature=1.0, rows=256)
    found: dict[str, list[torch.Tensor]] = {}
    cells = []
    for number in range(options.batches):
        made = batch(options.output, model, number, options.prompts, options.candidates)
        for name, gradient in gradients(model, made, options.part).items():
            found.setdefault(name, []).append(gradient)
        cells.append(by_cell(made))
        print(f"batch {number + 1} of {options.batches}", flush=True)
    pictures = options.prompts * options.candidates
    figures = {}
    for name, each in found.items():
        own, error = agreement(cosines(each, each))
        by_adam, adam_error = agreement(cosines(divided(each), divided(each)))
        shared = {one: agreement(cosines(each, found[one])) for one in REFERENCES}
        figures[name] = {
            "own": [own, error],
            "after_division": [by_adam, adam_error],
            "shared": shared,
            "pictures_to_half": pictures_to_half(own, pictures),
            "pictures_to_half_after_division": pictures_to_half(by_adam, pictures),
        }
        print(
            f"{name:12} own {own:+.4f} ({error:.4f})  after division {by_adam:+.4f} ({adam_error:.4f})"
            + "".join(f"  with {one} {mean:+.4f} ({se:.4f})" for one, (mean, se) in shared.items()),
            flush=True,
        )
    kinds = {kind: [fmean(each[kind][place] for each in cells) for place in (0, 1)] for kind in cells[0]}
    print(f"cells of the map, share and mean advantage: {kinds}")
    plan = {"batches": options.batches, "pictures": pictures, "part": options.part}
    atomic_write_json(options.output / "figures.json", {"plan": plan, "rewards": figures, "cells": kinds})


if __name__ == "__main__":
    main()
