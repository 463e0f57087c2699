"""Grounding DINO as groundingdino-py computes it: the original code, for parity with work built on it.

Its weights are either transformers' or named as in the original checkpoint, beside transformers'
``config.json``. On the same weights both backends give the same boxes and scores, but for one
thing. Boxes are refined step by step, and a coordinate (centre or side, as a share of the picture) on
the way is kept from 0 and 1 by 0.001 in the original and by 0.00001 in transformers. So boxes that
fill the picture, or begin at its border, end up to about a thousandth of it apart. Their scores differ
too, and a little those of the boxes beside them, which attend to them: by up to 0.013 in a network of
the published size with random weights of which a quarter of the boxes were of this kind.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import CheckpointError
from selfreward_eval.harness.instruments.backends.captions import Caption
from selfreward_eval.harness.instruments.backends.finite import check_weights
from selfreward_eval.harness.instruments.backends.grounding import MODEL_TYPE, GroundingDetector
from selfreward_eval.harness.instruments.backends.groundingdino_convert import (
    is_idle,
    is_original,
    to_original,
)
from selfreward_eval.harness.instruments.backends.groundingdino_network import build, package_version
from selfreward_eval.harness.instruments.backends.weights import read_safetensors

if TYPE_CHECKING:
    from torch import Tensor, nn


class GroundingDinoPyDetector(GroundingDetector):
    """Finds what labels name, with boxes; the ``GroundingDINO`` of groundingdino-py.

    Arguments, scores and their limits are those of :class:`GroundingDetector`.

    Raises:
        MissingExtra: groundingdino-py is not installed.
    """

    NAME = "groundingdino_py"
    _model: nn.Module | None = None

    def _settings(self) -> dict[str, Any]:
        return {**super()._settings(), "package": package_version()}

    def _forward(self, pixels: Tensor, caption: Caption) -> tuple[Tensor, Tensor]:
        model = self._loaded()
        with warnings.catch_warnings(), self._precision():
            # Old spellings of meshgrid and autocast in the package.
            warnings.simplefilter("ignore")
            output = model(pixels, captions=[caption.text] * len(pixels))
        return output["pred_logits"], output["pred_boxes"]

    def _loaded(self) -> nn.Module:
        """The network, loaded once; every one of its weights must come from the checkpoint."""
        if self._model is not None:
            return self._model
        folder, place = self._weights.folder, self._place()
        network = build(self._config(), self._tokenizer())
        weights = _read_weights(folder)
        if not is_original(weights):
            weights = to_original(weights)
        weights = {name.removeprefix("module."): value for name, value in weights.items()}
        absent = sorted({name for name, _ in network.named_parameters()} - set(weights))
        if absent:
            raise CheckpointError(
                f"the {MODEL_TYPE} in {folder} lacks {len(absent)} of its weights, such as {absent[0]}; "
                "random ones would find nothing, so name a complete checkpoint"
            )
        try:
            report = network.load_state_dict(weights, strict=False)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1].strip()
            raise CheckpointError(f"the {MODEL_TYPE} in {folder} does not load ({reason})") from error
        strange = [name for name in report.unexpected_keys if not is_idle(name)]
        if strange:
            raise CheckpointError(
                f"the {MODEL_TYPE} in {folder} has weights that its configuration has no place for, such as "
                f"{strange[0]}; name a folder whose config.json belongs to its weights"
            )
        held = network.state_dict()
        heads = [name for name in weights if "bbox_embed." in name]
        apart = [name for name in heads if not held[name].equal(weights[name])]
        if apart:
            raise CheckpointError(
                f"the {MODEL_TYPE} in {folder} has a {apart[0]} of its own where groundingdino-py shares "
                "one; use the instrument grounding_dino"
            )
        check_weights(network, folder, sorted(folder.glob("*.safetensors")))
        self._model = network.to(place).eval()
        return self._model


def _read_weights(folder: Path) -> dict[str, Tensor]:
    """All safetensors in ``folder``, as float32."""
    weights: dict[str, Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        weights.update({name: value.float() for name, value in read_safetensors(path).items()})
    return weights
