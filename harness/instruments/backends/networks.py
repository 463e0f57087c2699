"""Networks of transformers from a folder: whole, from safetensors, in the precision asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import CheckpointError
from selfreward_eval.harness.instruments.backends.devices import usable_device
from selfreward_eval.harness.instruments.backends.finite import check_weights
from selfreward_eval.harness.instruments.backends.weights import loading_error

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

COMPUTED = ("position_ids", "relative_position_index", "relative_coords_table", "inv_freq", "masked_bias")
"""Last parts of the names of tensors that a network makes itself; older files hold them, and they say nothing
about the model."""


def load_config(folder: Path, model_types: Sequence[str] = ()) -> PreTrainedConfig:
    """The configuration in ``folder``.

    Args:
        folder: saved by ``save_pretrained``.
        model_types: the architectures that will do; any if empty.

    Raises:
        CheckpointError: it is damaged, or of another architecture.
    """
    from transformers import AutoConfig

    try:
        config: PreTrainedConfig = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder} holds no usable config.json ({loading_error(error)})") from error
    if model_types and config.model_type not in model_types:
        accepted = " or ".join(repr(model_type) for model_type in model_types)
        raise CheckpointError(
            f"{folder} is a {config.model_type!r} where {accepted} is needed; name other weights"
        )
    return config


def load_network(
    architecture: str, folder: Path, *, dtype: str, device: str | None, unused: Sequence[str] = ()
) -> Any:
    """The network in ``folder``, in evaluation mode; its class is that of the ``architecture``.

    Args:
        architecture: a class of transformers, such as ``BlipForQuestionAnswering``.
        folder: saved by ``save_pretrained``.
        dtype: of the weights, by torch's name.
        device: where to compute; a GPU if there is one.
        unused: beginnings of the names of weights that take no part in a reading. Published
            checkpoints may lack them, or hold them where the architecture has none.

    Raises:
        CheckpointError: it does not load, or some of its weights are not in the folder (they would be
            random, and so would the readings), or the folder holds weights that have no place in the
            network (a base would be measured in place of its fine-tune), or one is NaN or infinite.
        UsageError: there is no such device here.
    """
    import torch
    import transformers

    chosen = usable_device(architecture, device)
    transformers.utils.logging.disable_progress_bar()
    try:
        network, report = getattr(transformers, architecture).from_pretrained(
            folder,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=getattr(torch, dtype),
            output_loading_info=True,
        )
    except Exception as error:
        # Loaders raise anything from OSError to SafetensorError for a file that is not what it should be.
        raise CheckpointError(
            f"{folder} does not load as {architecture} ({loading_error(error)}); it needs whole safetensors "
            "that belong to its config.json"
        ) from error
    absent = sorted(
        name
        for name in (*report["missing_keys"], *(str(key) for key in report["mismatched_keys"]))
        if not name.startswith(tuple(unused))
    )
    if absent:
        raise CheckpointError(
            f"{folder} lacks {len(absent)} weights of {architecture}, such as {absent[0]}; random ones would "
            "give random readings, so name a complete checkpoint"
        )
    strange = sorted(
        name
        for name in map(str, report["unexpected_keys"])
        if not name.startswith(tuple(unused)) and name.rsplit(".", 1)[-1] not in COMPUTED
    )
    if strange:
        tensors = "1 tensor" if len(strange) == 1 else f"{len(strange)} tensors"
        raise CheckpointError(
            f"{folder} holds {tensors} that {architecture} has no place for, such as {strange[0]}; what was "
            "trained there would not be measured, so merge it into the network's own weights, or remove it"
        )
    check_weights(network, folder, sorted(folder.glob("*.safetensors")))
    return network.to(chosen).eval()
