"""Chat models of transformers, text-only or vision-language: loaded whole, and given conversations as tokens.

Conversations hold text by others (a candidate's answer, another model's description).
Whatever in them spells a token of the chat template is encoded as plain text, so
that no answer can pass for a turn of the conversation.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import CheckpointError, UsageError
from selfreward_eval.harness.instruments.backends.networks import load_config, load_network
from selfreward_eval.harness.instruments.backends.processors import (
    control_tokens,
    load_processor,
    load_tokenizer,
    require_chat_template,
)
from selfreward_eval.harness.instruments.backends.weights import first_line
from selfreward_eval.harness.instruments.judging import Conversation

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedTokenizerBase, ProcessorMixin
    from transformers._typing import GenerativePreTrainedModel


@dataclass(frozen=True)
class ChatModel:
    """A network with its tokenizer and processor.

    Attributes:
        network: ready to generate.
        processor: of pictures and text; None for a text-only model.
        tokenizer: of the text.
        end_tokens: ids of the tokens that end a reply.
    """

    network: GenerativePreTrainedModel
    processor: ProcessorMixin | None
    tokenizer: PreTrainedTokenizerBase
    end_tokens: frozenset[int]

    @property
    def takes_pictures(self) -> bool:
        """Whether it is a vision-language model."""
        return self.processor is not None


def load_chat_model(folder: Path, dtype: str, device: str | None) -> ChatModel:
    """The model in ``folder``.

    Raises:
        CheckpointError: it does not load, has no chat template, or is of no architecture that writes.
    """
    if _takes_pictures(folder):
        processor, architecture = load_processor(folder), "AutoModelForImageTextToText"
        tokenizer: PreTrainedTokenizerBase = processor.tokenizer
        require_chat_template(processor, folder, "a judge")
    else:
        processor, architecture = None, "AutoModelForCausalLM"
        tokenizer = load_tokenizer(folder)
        require_chat_template(tokenizer, folder, "a judge")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    network: GenerativePreTrainedModel = load_network(architecture, folder, dtype=dtype, device=device)
    network.generation_config.update(temperature=None, top_p=None, top_k=None)
    ends = network.generation_config.eos_token_id
    ends = tokenizer.eos_token_id if ends is None else ends
    ids = frozenset(ends if isinstance(ends, list) else [ends]) - {None}
    return ChatModel(network, processor, tokenizer, ids)


def forged_token(tokenizer: PreTrainedTokenizerBase, conversation: Conversation) -> str | None:
    """A control token in the conversation's text that would not be encoded as text; None if there is none."""
    if escapes_control_tokens(tokenizer):
        return None
    control = control_tokens(tokenizer)
    return next((token for turn in conversation for token in control if token in turn.text), None)


def escapes_control_tokens(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether chat templates can be told to encode control tokens in turns as plain text."""
    return "sanitize_control_tokens" in inspect.signature(tokenizer.apply_chat_template).parameters


def _takes_pictures(folder: Path) -> bool:
    """Whether the model in ``folder`` is a vision-language model; otherwise it is text-only.

    Raises:
        CheckpointError: it is of no architecture that writes.
    """
    from transformers.models.auto import modeling_auto

    model_type = load_config(folder).model_type
    if model_type in modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        return True
    if model_type in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        return False
    raise CheckpointError(f"{folder} is a {model_type!r}, which writes no replies; name a chat model")


def encoded(model: ChatModel, conversations: Sequence[Conversation]) -> BatchEncoding:
    """Tokens and pixels of a batch, padded on the left.

    Raises:
        UsageError: the model's chat template does not take such turns.
    """
    from jinja2 import TemplateError

    common: dict[str, Any] = {
        "add_generation_prompt": True,
        "tokenize": True,
        "return_dict": True,
        "return_tensors": "pt",
    }
    if escapes_control_tokens(model.tokenizer):
        common["sanitize_control_tokens"] = True
    try:
        # A text-only model's template takes plain strings, a vision-language model's takes parts.
        inputs: Any
        if model.processor is not None:
            messages = [_parts(conversation) for conversation in conversations]
            padding = {"padding": True, "padding_side": "left"}
            inputs = model.processor.apply_chat_template(messages, processor_kwargs=padding, **common)
        else:
            plain = [[{"role": turn.role, "content": turn.text} for turn in turns] for turns in conversations]
            side = {"padding_side": "left"}
            inputs = model.tokenizer.apply_chat_template(plain, padding=True, tokenizer_kwargs=side, **common)
    except TemplateError as error:
        raise UsageError(
            f"the judge's chat template does not take these turns ({first_line(error)}); name another model"
        ) from error
    encoding: BatchEncoding = inputs
    return encoding


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
