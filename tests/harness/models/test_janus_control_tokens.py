"""A control token in what a user writes is refused by name: it would end the turn, or count as a picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.models.janus.adapter import JanusModel

Make = Callable[..., JanusModel]
Pictures = list[Image.Image]
TOKENS = (
    "<image_placeholder>", "<begin_of_image>", "<end_of_image>", "<bos>", "<eos>", "<pad>", "<unk>",
    "<|User|>", "<|Assistant|>",
)  # fmt: skip

WAYS: dict[str, Callable[[JanusModel, str, Pictures], Any]] = {
    "draw": lambda model, text, _: model.generate(["a red star", text], [0, 1]),
    "tokens": lambda model, text, _: model.prompt_ids([text]),
    "picture": lambda model, text, pictures: model.image_logprobs([text], pictures[:1]),
    "answer": lambda model, text, pictures: model.answer(pictures[:1], [text]),
    "question": lambda model, text, pictures: model.text_logprobs(pictures[:1], ["a star"], question=text),
    "text": lambda model, text, pictures: model.text_logprobs(pictures[:1], [text]),
    "option": lambda model, text, pictures: model.option_logprobs(pictures[:1], ["what"], [["a", text]]),
    "caption": lambda model, text, pictures: model.caption_logprobs(pictures[:1], "what", [text]),
    "complete": lambda model, text, _: model.complete([text], limit=2),
    "context": lambda model, text, _: model.completion_logprobs([text], [" a"]),
    "continuation": lambda model, text, _: model.completion_logprobs(["a"], [" " + text]),
}


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("token", TOKENS)
def test_it_is_refused_by_name(janus: Make, pictures: Pictures, way: str, token: str) -> None:
    text = f"a red {token} star"
    with pytest.raises(InputError) as caught:
        WAYS[way](janus(), text, pictures)
    assert f"holds {token}, a control token of" in str(caught.value)
    assert text in str(caught.value)


@pytest.mark.parametrize("text", ["< bos >", "<image>", "<s>", "</s>", "a <b>bold</b> star", "<|im_end|>"])
def test_what_only_looks_like_one_is_text(janus: Make, text: str) -> None:
    assert janus().prompt_ids([text])


def test_a_role_that_is_no_special_token_counts_too(hub_checkpoint: Path, tmp_path: Path) -> None:
    """Some tokenizers hold the roles of their template as plain added tokens."""
    model = JanusModel(str(hub_checkpoint), device="cpu")
    tokenizer = model.loaded.processor.tokenizer
    assert model.prompt_ids(["a <|Assistant|>: star"])
    tokenizer.add_tokens(["<|Assistant|>", "<|other|>"])
    with pytest.raises(InputError, match=r"holds <\|Assistant\|>"):
        model.prompt_ids(["a <|Assistant|>: star"])
    assert model.prompt_ids(["a <|other|> star"])


def test_what_a_normalizer_makes_into_one_is_one() -> None:
    from tokenizers import AddedToken, Tokenizer, models, normalizers
    from transformers import PreTrainedTokenizerFast

    from selfreward_eval.harness.instruments.backends.processors import refuse_control_tokens

    words = Tokenizer(models.WordLevel({"<unk>": 0, "star": 1}, unk_token="<unk>"))
    words.normalizer = normalizers.Lowercase()
    words.add_special_tokens([AddedToken("<end>", normalized=True, special=True)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>")
    with pytest.raises(InputError, match="holds <end>"):
        refuse_control_tokens(tokenizer, ["star", "star <END>"], "the prompt", "toy")
