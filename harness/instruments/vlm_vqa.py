"""Any vision-language chat model of transformers, asked yes-or-no questions.

The answer is not written out: what counts is how probable the first token of a
yes and of a no is, over every way to begin them (yes, Yes, with and without a
space before). Upstream of GenEval 2 and VQAScore do so too, with prompts of their own.

Nothing counts twice: a token that begins several spellings counts once, and
one that begins a yes as well as a no (a bare space, an unknown word) does not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import CheckpointError, UsageError
from selfreward_eval.harness.instruments.backends.batching import batches, check_pairs
from selfreward_eval.harness.instruments.backends.devices import check_settings
from selfreward_eval.harness.instruments.backends.first_words import (
    FirstWord,
    check_first_words,
    first_tokens,
    read_first_words,
)
from selfreward_eval.harness.instruments.backends.networks import load_config, load_network
from selfreward_eval.harness.instruments.backends.processors import (
    load_processor,
    refuse_control_tokens,
    require_chat_template,
)
from selfreward_eval.harness.instruments.backends.weights import Weights
from selfreward_eval.harness.instruments.backends.yes_no import YesNo, check_readings, read_answers

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from transformers import PreTrainedTokenizerBase

PROMPT = "{question} Answer yes or no."
YES = ("yes", "Yes", " yes", " Yes")
NO = ("no", "No", " no", " No")


@dataclass(frozen=True)
class AnswerTokens:
    """Ids of the tokens that begin an answer.

    Attributes:
        yes: distinct, ascending.
        no: distinct, ascending; none is also in ``yes``.
    """

    yes: tuple[int, ...]
    no: tuple[int, ...]


def answer_tokens(tokenizer: PreTrainedTokenizerBase) -> AnswerTokens:
    """The first tokens of every spelling of yes and no.

    Raises:
        CheckpointError: the tokenizer does not tell yes from no by the first token.
    """
    unknown = {tokenizer.unk_token_id}

    def begin(spellings: Sequence[str]) -> set[int]:
        encoded = (tokenizer.encode(text, add_special_tokens=False) for text in spellings)
        return {tokens[0] for tokens in encoded if tokens} - unknown

    yes, no = begin(YES), begin(NO)
    tokens = AnswerTokens(tuple(sorted(yes - no)), tuple(sorted(no - yes)))
    if not tokens.yes or not tokens.no:
        raise CheckpointError(
            "vlm_vqa: the tokenizer does not tell yes from no by the first token, so the model cannot be "
            "read; name another model"
        )
    return tokens


class VlmVQA:
    """P(yes) of the answer's first token.

    Args:
        weights: folder or hub name of a model that ``AutoModelForImageTextToText`` knows, with a chat
            template, in safetensors.
        prompt: what is asked; ``{question}`` stands for the question.
        share: read P(yes) / (P(yes) + P(no)), as the contract has it; otherwise P(yes) alone, as
            Soft-TIFA has it. :meth:`readings` gives both.
        device: where to compute; a GPU if there is one.
        dtype: of weights and activations; probabilities are always computed in float64.
        batch_size: questions computed together.
        revision: of the hub repository.

    Nothing is loaded before the first :meth:`identity` or question.
    """

    def __init__(
        self,
        weights: str = "Qwen/Qwen3-VL-8B-Instruct",
        prompt: str = PROMPT,
        share: bool = True,
        device: str | None = None,
        dtype: str = "bfloat16",
        batch_size: int = 4,
        revision: str | None = None,
    ) -> None:
        check_settings("vlm_vqa", dtype, batch_size)
        if "{question}" not in prompt:
            raise UsageError(f"vlm_vqa: the prompt {prompt!r} has no {{question}} in it")
        self.weights, self.revision = weights, revision
        self.prompt, self.share = prompt, share
        self.device, self.dtype, self.batch_size = device, dtype, batch_size
        self._weights = Weights(weights, revision, reads_text=True)
        self._loaded: tuple[Any, Any, AnswerTokens] | None = None
        self._identity: dict[str, Any] | None = None

    def identity(self) -> dict[str, Any]:
        """What a reading depends on. Weights are known by their content, not by their name.

        Raises:
            CheckpointError: the weights cannot be had.
        """
        if self._identity is None:
            self._identity = {
                "name": "vlm_vqa",
                "weights": self._weights.shown,
                "revision": self.revision,
                "sha256": self._weights.sha256,
                "dtype": self.dtype,
                "prompt": self.prompt,
                "share": self.share,
                "spellings": [*YES, *NO],
            }
        return dict(self._identity)

    def yes_probabilities(self, images: Sequence[Image], questions: Sequence[str]) -> list[float]:
        """P(yes) in [0, 1] for every (picture, question), aligned: a share or a mass, as constructed.

        Raises:
            UsageError: not as many questions as pictures.
            InputError: a picture has no pixel, or a question spells a control token of the model.
            CheckpointError: the weights do not load, have no chat template, or compute no number.
        """
        return [reading.share if self.share else reading.yes for reading in self.readings(images, questions)]

    def readings(self, images: Sequence[Image], questions: Sequence[str]) -> list[YesNo]:
        """P(yes), P(no) and their share for every (picture, question). Their sum says how far the
        model answered the question at all.
        """
        check_pairs("vlm_vqa", images, questions)
        self._check_questions(questions)
        readings: list[YesNo] = []
        for batch in batches(range(len(questions)), self.batch_size):
            logits = self._ask([images[i] for i in batch], [questions[i] for i in batch])
            tokens = self.answer_tokens()
            readings += read_answers(logits, tokens.yes, tokens.no)
        check_readings("vlm_vqa", readings, questions, self.dtype)
        return readings

    def first_words(
        self, images: Sequence[Image], questions: Sequence[str], accepted: Sequence[Sequence[str]]
    ) -> list[FirstWord]:
        """How probable the accepted answers are, and what the model would say; errors as in
        :meth:`yes_probabilities`. ``share`` plays no part.
        """
        check_pairs("vlm_vqa", images, questions)
        self._check_questions(questions)
        if not questions:
            return []
        tokenizer = self._load()[1].tokenizer
        words: list[FirstWord] = []
        for batch in batches(range(len(questions)), self.batch_size):
            ids = [first_tokens(tokenizer, accepted[i]) for i in batch]
            logits = self._ask([images[i] for i in batch], [questions[i] for i in batch])
            words += read_first_words(logits, ids, lambda token: str(tokenizer.decode([token])))
        check_first_words("vlm_vqa", words, questions, self.dtype)
        return words

    def answer_tokens(self) -> AnswerTokens:
        """The token ids that count as a yes and as a no."""
        return self._load()[2]

    def _check_questions(self, questions: Sequence[str]) -> None:
        """A question that spells a control token would change the conversation, or the count of pictures."""
        if not questions:
            return
        processor = self._load()[1]
        template = str(processor.chat_template)
        refuse_control_tokens(
            processor.tokenizer, questions, "vlm_vqa: the question", self._weights.shown, template
        )

    def _ask(self, images: Sequence[Image], questions: Sequence[str]) -> torch.Tensor:
        """Logits of the first answer token to one question per picture, (B, vocabulary)."""
        import torch

        network, processor, _ = self._load()
        inputs = processor.apply_chat_template(
            [
                [
                    {
                        "role": "user",
                        "content": [_shown(image), {"type": "text", "text": self._asked(question)}],
                    }
                ]
                for image, question in zip(images, questions, strict=True)
            ],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            # What follows the last token of every row is the answer.
            processor_kwargs={"padding": True, "padding_side": "left"},
        ).to(network.device, network.dtype)
        with torch.inference_mode():
            # generate(), not forward(): it gives padded rows the positions that the model wants.
            generated = network.generate(
                **inputs,
                max_new_tokens=1,
                do_sample=False,
                num_beams=1,
                output_logits=True,
                return_dict_in_generate=True,
            )
        logits: torch.Tensor = generated.logits[0]
        return logits

    def _asked(self, question: str) -> str:
        # Not str.format: a prompt may hold other braces.
        return self.prompt.replace("{question}", question)

    def _load(self) -> tuple[Any, Any, AnswerTokens]:
        """Network, processor and the ids that are read, loaded once."""
        if self._loaded is None:
            folder = self._weights.folder
            load_config(folder)
            processor = load_processor(folder)
            require_chat_template(processor, folder, "vlm_vqa")
            tokens = answer_tokens(processor.tokenizer)
            network = load_network(
                "AutoModelForImageTextToText", folder, dtype=self.dtype, device=self.device
            )
            # Settings of sampling and of length that would only be warned of.
            network.generation_config.update(temperature=None, top_p=None, top_k=None, max_length=None)
            self._loaded = (network, processor, tokens)
        return self._loaded


def _shown(image: Image) -> dict[str, Any]:
    return {"type": "image", "image": image.convert("RGB")}
