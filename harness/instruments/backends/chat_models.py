"""Chat models of transformers, with or without eyes: loaded whole, and given conversations as tokens.

Conversations hold what others wrote (a candidate's answer, another model's description).
Whatever in them spells a token of the chat template is encoded as plain text, so
that no answer can speak in the model's own voice.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import CheckpointError, UsageError
from selfreward_eval.harness.instruments.backends.networks import first_line, load_config, load_network
from selfreward_eval.harness.instruments.judging import Conversation


@dataclass(frozen=True)
class ChatModel:
    """A network with what turns conversations into its tokens.

    Attributes:
        network: ready to generate.
        processor: of pictures and text, or the tokenizer of a text model.
        tokenizer: of the text.
        sees: whether the network takes pictures.
        ends: ids of the tokens that end a reply.
    """

    network: Any
    processor: Any
    tokenizer: Any
    sees: bool
    ends: frozenset[int]


def load_chat_model(folder: Path, dtype: str, device: str | None) -> ChatModel:
    """The model in ``folder``.

    Raises:
        CheckpointError: it does not load, has no chat template, or is of no architecture that writes.
    """
    sees = _sees(folder)
    processor = _processor(folder, sees)
    tokenizer = processor.tokenizer if sees else processor
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    name = "AutoModelForImageTextToText" if sees else "AutoModelForCausalLM"
    network = load_network(name, folder, dtype=dtype, device=device)
    network.generation_config.update(temperature=None, top_p=None, top_k=None)
    ends = network.generation_config.eos_token_id
    ends = tokenizer.eos_token_id if ends is None else ends
    ids = frozenset(ends if isinstance(ends, list) else [ends]) - {None}
    return ChatModel(network, processor, tokenizer, sees, ids)


def forged_token(tokenizer: Any, conversation: Conversation) -> str | None:
    """A token of the template that the conversation spells, if it would be taken for one."""
    if writes_text_only(tokenizer):
        return None
    added = (str(token) for token in tokenizer.added_tokens_decoder.values() if token.special)
    special = sorted({*tokenizer.all_special_tokens, *added})
    return next((token for turn in conversation for token in special if token in turn.text), None)


def writes_text_only(tokenizer: Any) -> bool:
    """Whether chat templates can be told to encode what turns spell as plain text."""
    return "sanitize_control_tokens" in inspect.signature(tokenizer.apply_chat_template).parameters


def _sees(folder: Path) -> bool:
    """Whether the model in ``folder`` takes pictures.

    Raises:
        CheckpointError: it is of no architecture that writes.
    """
    from transformers.models.auto import modeling_auto

    kind = load_config(folder).model_type
    if kind in modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        return True
    if kind in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        return False
    raise CheckpointError(f"{folder} is a {kind!r}, which writes no replies; name a chat model")


def _processor(folder: Path, sees: bool) -> Any:
    """The processor, or a text model's tokenizer, in ``folder``.

    Raises:
        CheckpointError: it does not load, or has no chat template.
    """
    from transformers import AutoProcessor, AutoTokenizer

    kind = AutoProcessor if sees else AutoTokenizer
    try:
        found = kind.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        raise CheckpointError(f"the processor in {folder} does not load ({first_line(error)})") from error
    if not found.chat_template:
        raise CheckpointError(
            f"the model in {folder} has no chat template, so it cannot be talked to; name an instruct model, "
            "or save its chat_template.jinja beside it"
        )
    return found


def encoded(model: ChatModel, conversations: Sequence[Conversation]) -> Any:
    """Tokens and pixels of a batch, padded on the left.

    Raises:
        UsageError: the model's chat template does not take such turns.
    """
    from jinja2 import TemplateError

    padding = {"padding": True, "padding_side": "left"}
    # A text model's template takes plain strings, one of pictures takes parts.
    common: dict[str, Any] = {
        "add_generation_prompt": True,
        "tokenize": True,
        "return_dict": True,
        "return_tensors": "pt",
    }
    if writes_text_only(model.tokenizer):
        common["sanitize_control_tokens"] = True
    try:
        if model.sees:
            messages = [_parts(conversation) for conversation in conversations]
            return model.processor.apply_chat_template(messages, processor_kwargs=padding, **common)
        plain = [[{"role": turn.role, "content": turn.text} for turn in said] for said in conversations]
        side = {"padding_side": "left"}
        return model.tokenizer.apply_chat_template(plain, padding=True, tokenizer_kwargs=side, **common)
    except TemplateError as error:
        raise UsageError(
            f"the judge's chat template does not take these turns ({first_line(error)}); name another model"
        ) from error


def _parts(conversation: Conversation) -> list[dict[str, Any]]:
    """Turns as templates of pictures and text take them, pictures first."""
    return [
        {
            "role": turn.role,
            "content": [
                *({"type": "image", "image": image.convert("RGB")} for image in turn.images),
                {"type": "text", "text": turn.text},
            ],
        }
        for turn in conversation
    ]
