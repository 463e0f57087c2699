"""Tokenizers and processors of transformers from a folder, and what their vocabularies reserve."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import CheckpointError, InputError
from selfreward_eval.harness.instruments.backends.weights import loading_error

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, ProcessorMixin
    from transformers.image_processing_utils import BaseImageProcessor

VOCABULARY_FILES = (("tokenizer.json",), ("vocab.txt",), ("vocab.json", "merges.txt"))
"""The files that a tokenizer can be in; one complete kind is enough."""

_NAMED = " or ".join(" + ".join(names) for names in VOCABULARY_FILES)

PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")
"""The files that a picture processor can be in."""


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer in ``folder``.

    Raises:
        CheckpointError: it does not load, or has no words.
    """
    tokenizer: PreTrainedTokenizerBase = _load("AutoTokenizer", folder, "tokenizer")
    require_words(tokenizer, f"the tokenizer in {folder}")
    return tokenizer


def load_tokenizer_with_offsets(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer in ``folder``, which can say which characters of a text a token came from.

    Raises:
        CheckpointError: there is none, it does not load, or it keeps no positions.
    """
    if not any(all((folder / name).is_file() for name in names) for names in VOCABULARY_FILES):
        raise CheckpointError(
            f"{folder} holds no tokenizer ({_NAMED}); save that of the network into it with save_pretrained"
        )
    tokenizer = load_tokenizer(folder)
    if not tokenizer.is_fast:
        raise CheckpointError(
            f"the tokenizer in {folder} cannot say which characters a token came from; name one that can"
        )
    return tokenizer


def load_processor(folder: Path, loader: str = "AutoProcessor") -> Any:
    """The processor of pictures and text in ``folder``.

    Args:
        folder: saved by ``save_pretrained``.
        loader: a class of transformers.

    Raises:
        CheckpointError: it does not load, is not one of pictures and text together, or knows no words.
    """
    processor: ProcessorMixin = _load(loader, folder, "processor")
    if not hasattr(processor, "tokenizer") or not hasattr(processor, "image_processor"):
        raise CheckpointError(
            f"{folder} holds no processor of pictures and text together; name an image-text-to-text model"
        )
    require_words(processor.tokenizer, f"the tokenizer in {folder}")
    return processor


def require_words(tokenizer: PreTrainedTokenizerBase, what: str) -> None:
    """Refuses a tokenizer that knows no words beside its control tokens.

    Where the files with the words are missing, transformers makes up an empty vocabulary for many kinds of
    models, and then every text is read as the same tokens, or as none.

    Args:
        tokenizer: of a model.
        what: it is, for messages.

    Raises:
        CheckpointError: it has none.
    """
    control = {str(token) for token in tokenizer.added_tokens_decoder.values()}
    # The space is a word that some of them make up, too.
    if len(tokenizer.get_vocab().keys() - control) < 2:
        raise CheckpointError(
            f"{what} knows no words: the files that hold them are missing ({_NAMED}); copy them from where "
            "the weights come from"
        )


def load_image_processor(folder: Path) -> BaseImageProcessor:
    """The picture processor in ``folder``.

    Raises:
        CheckpointError: it does not load.
    """
    processor: BaseImageProcessor = _load("AutoImageProcessor", folder, "picture processor")
    return processor


def require_chat_template(
    processor: ProcessorMixin | PreTrainedTokenizerBase, folder: Path, needed_by: str
) -> None:
    """Refuses a model that conversations cannot be written for.

    Raises:
        CheckpointError: ``processor``, loaded from ``folder``, has no chat template.
    """
    if not processor.chat_template:
        raise CheckpointError(
            f"the model in {folder} has no chat template, so {needed_by} cannot ask it anything; name an "
            "instruct model, or save its chat_template.jinja in that folder"
        )


def control_tokens(tokenizer: PreTrainedTokenizerBase, template: str = "") -> list[str]:
    """The tokens that stand for no text, sorted: pictures, roles, ends.

    Args:
        tokenizer: of the model.
        template: its chat template. Tokens that are not marked as special but are written by it, such as
            the roles of some models, count too.
    """
    added = (
        str(token)
        for token in tokenizer.added_tokens_decoder.values()
        if token.special or (str(token) in template and not str(token).isspace())
    )
    return sorted({*tokenizer.all_special_tokens, *added} - {""})


def refuse_control_tokens(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], what: str, shown: str, template: str = ""
) -> None:
    """Refuses texts by others that hold a control token of the model.

    Such a text would end the turn, or count as a picture, and the model would be asked something else.

    Args:
        tokenizer: of the model.
        texts: as they will be put into the conversation.
        what: each of them is, for messages, such as "the prompt".
        shown: what messages call the model.
        template: as for :func:`control_tokens`.

    Raises:
        InputError: by the first text and its token.
    """
    if not texts:
        return
    control = control_tokens(tokenizer, template)
    ids = {number: str(token) for number, token in tokenizer.added_tokens_decoder.items()}
    numbers = {number for number, token in ids.items() if token in control} - {tokenizer.unk_token_id}
    encoded = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    for text, row in zip(texts, encoded, strict=True):
        # Spelt, or what a normalizer makes of it: some tokenizers read <EOS> as <eos>.
        spelt = next((token for token in control if token in text), None)
        read = next((ids[number] for number in row if number in numbers), None)
        token = spelt or read
        if token is not None:
            raise InputError(
                f"{what} {text!r} holds {token}, a control token of {shown}, which would be read as such and "
                "not as text; write it otherwise"
            )


def _load(loader: str, folder: Path, what: str) -> Any:
    """``loader.from_pretrained(folder)`` of transformers, without code from the folder."""
    import transformers

    try:
        return getattr(transformers, loader).from_pretrained(folder, trust_remote_code=False)
    except Exception as error:
        # For a damaged file the tokenizers library raises Exception itself.
        raise CheckpointError(f"the {what} in {folder} does not load ({loading_error(error)})") from error
