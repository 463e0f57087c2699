"""BLIP asked yes-or-no questions, as T2I-CompBench's BLIP-VQA asks it.

Source: Karine-Huang/T2I-CompBench at 1b70949, BLIPvqa_eval. Cleaning a question
(lower case, punctuation, 50 words) and rounding to four decimals are the task's.

Three modes, which give different numbers:

========== ======= =================================================================
mode       pixels  position embedding
========== ======= =================================================================
native     384     the hub checkpoint's own
interpolated any   the hub checkpoint's, interpolated to the picture size
official   480     the original one, from a file: see ``blip_positions``
========== ======= =================================================================

The official mode also has upstream's layer norms (epsilon 1e-6 in the picture
encoder, where the hub's configuration says 1e-5), and then agrees with upstream's
own code to rounding on the same weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import CheckpointError, UsageError
from selfreward_eval.harness.instruments.backends.batching import batches, check_pairs, distinct_pictures
from selfreward_eval.harness.instruments.backends.blip_positions import interpolated, read_positions
from selfreward_eval.harness.instruments.backends.devices import check_settings
from selfreward_eval.harness.instruments.backends.networks import load_config, load_network
from selfreward_eval.harness.instruments.backends.preprocessing import CLIP_MEAN, CLIP_STD, preprocess
from selfreward_eval.harness.instruments.backends.processors import load_tokenizer, refuse_control_tokens
from selfreward_eval.harness.instruments.backends.weights import Weights, file_hash
from selfreward_eval.harness.instruments.backends.yes_no import YesNo, check_readings, read_answers

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from transformers import BlipForQuestionAnswering, PreTrainedTokenizerBase

ENC, DEC = 30523, 30522
"""[ENC] begins a question, [DEC] an answer. Both come after BERT's own 30,522 words."""
YES, NO = 2748, 2053
"""BERT's words "yes" and "no"."""
MAX_TOKENS = 35
"""What is longer is cut, as upstream."""
OFFICIAL_SIDE = 480
OFFICIAL_EPSILON = 1e-6
INTERPOLATED = "interpolated"


class BlipVQA:
    """P(yes) / (P(yes) + P(no)) of the answer's first token.

    Args:
        weights: folder or hub name of a ``BlipForQuestionAnswering``, in safetensors.
        image_size: side in pixels to which pictures are squashed (bicubic): 384, or 480 as upstream.
        positions: ``interpolated`` takes the checkpoint's position embedding to ``image_size``; a path
            is a safetensors file with the embedding of that very size.
        device: where to compute; a GPU if there is one.
        dtype: of weights and activations; probabilities are always computed in float64.
        batch_size: pictures, and questions, computed together.
        revision: of the hub repository.

    Nothing is loaded before the first :meth:`identity` or question.
    """

    def __init__(
        self,
        weights: str = "Salesforce/blip-vqa-base",
        image_size: int = 384,
        positions: str = INTERPOLATED,
        device: str | None = None,
        dtype: str = "float32",
        batch_size: int = 16,
        revision: str | None = None,
    ) -> None:
        check_settings("blip_vqa", dtype, batch_size)
        if image_size < 1:
            raise UsageError(f"blip_vqa needs an image_size of at least one patch, got {image_size}")
        self.weights, self.revision = weights, revision
        self.image_size, self.positions = image_size, positions
        self.device, self.dtype, self.batch_size = device, dtype, batch_size
        self._weights = Weights(weights, revision, reads_text=True)
        self._loaded: tuple[BlipForQuestionAnswering, PreTrainedTokenizerBase] | None = None
        self._identity: dict[str, Any] | None = None

    def identity(self) -> dict[str, Any]:
        """What a reading depends on. Weights are known by their content, not by their name.

        Raises:
            CheckpointError: the weights cannot be had.
        """
        if self._identity is None:
            original = self._positions_file()
            self._identity = {
                "name": "blip_vqa",
                "weights": self._weights.shown,
                "revision": self.revision,
                "sha256": self._weights.sha256,
                "dtype": self.dtype,
                "mode": self.mode(),
                "image_size": self.image_size,
                "positions": None if original is None else file_hash(original),
            }
        return dict(self._identity)

    def mode(self) -> str:
        """``native``, ``interpolated``, ``official``, or ``file`` for an embedding of an unofficial size.

        Raises:
            CheckpointError: the weights cannot be had.
        """
        if self._positions_file() is not None:
            return "official" if self.image_size == OFFICIAL_SIDE else "file"
        own = load_config(self._weights.folder, ["blip"]).vision_config.image_size
        return "native" if self.image_size == own else INTERPOLATED

    def yes_probabilities(self, images: Sequence[Image], questions: Sequence[str]) -> list[float]:
        """P(yes) / (P(yes) + P(no)) in [0, 1] for every (picture, question), aligned; not rounded.

        Raises:
            UsageError: not as many questions as pictures.
            InputError: a picture has no pixel, or a question spells a control token such as [SEP].
            CheckpointError: the weights do not load, or compute no number.
        """
        return [reading.share for reading in self.readings(images, questions)]

    def readings(self, images: Sequence[Image], questions: Sequence[str]) -> list[YesNo]:
        """As :meth:`yes_probabilities`, with the two probabilities themselves.

        A picture that comes with several questions (the same object) is encoded once.
        """
        check_pairs("blip_vqa", images, questions)
        pictures, picture_of = distinct_pictures(images)
        tokens = self._tokens(questions)
        by_pair: dict[int, YesNo] = {}
        for places in batches(range(len(pictures)), self.batch_size):
            embeddings = self._encode_pictures([pictures[place] for place in places])
            pairs_of_batch = (pair for pair, place in enumerate(picture_of) if place in places)
            for pairs in self._equally_long(pairs_of_batch, tokens):
                rows = [picture_of[pair] - places[0] for pair in pairs]
                answers = self._ask(embeddings[rows], [tokens[pair] for pair in pairs])
                by_pair.update(zip(pairs, answers, strict=True))
        readings = [by_pair[pair] for pair in range(len(questions))]
        check_readings("blip_vqa", readings, questions, self.dtype)
        return readings

    def _encode_pictures(self, images: Sequence[Image]) -> torch.Tensor:
        """Embeddings of the picture encoder: (B, patches + 1, width)."""
        import torch

        network, _ = self._load()
        pixels = preprocess(images, self.image_size, resample="bicubic", mean=CLIP_MEAN, std=CLIP_STD)
        with torch.inference_mode():
            return network.vision_model(pixels.to(network.device, network.dtype)).last_hidden_state

    def _tokens(self, questions: Sequence[str]) -> list[list[int]]:
        """Every question as the network reads it, [ENC] first."""
        if not questions:
            return []
        _, tokenizer = self._load()
        refuse_control_tokens(tokenizer, questions, "blip_vqa: the question", self._weights.shown)
        ids = tokenizer(list(questions), truncation=True, max_length=MAX_TOKENS).input_ids
        return [[ENC, *row[1:]] for row in ids]

    def _equally_long(self, pairs: Iterable[int], tokens: Sequence[Sequence[int]]) -> Iterator[Sequence[int]]:
        """``pairs`` in batches whose questions have the same number of tokens.

        Padding is masked upstream. The decoder of transformers 5 drops that mask, so a padded question
        would be answered otherwise than the same question alone: there is none here.
        """
        lengths: dict[int, list[int]] = {}
        for pair in pairs:
            lengths.setdefault(len(tokens[pair]), []).append(pair)
        for equally_long in lengths.values():
            yield from batches(equally_long, self.batch_size)

    def _ask(self, embeddings: torch.Tensor, tokens: Sequence[Sequence[int]]) -> list[YesNo]:
        """The first answer token to one question per row of ``embeddings``, all of one length."""
        import torch

        network, _ = self._load()
        start = torch.full((len(tokens), 1), DEC, device=network.device)
        with torch.inference_mode():
            questions = network.text_encoder(
                input_ids=torch.tensor(tokens, device=network.device), encoder_hidden_states=embeddings
            ).last_hidden_state
            answer = network.text_decoder(input_ids=start, encoder_hidden_states=questions, use_cache=False)
        return read_answers(answer.logits[:, 0], [YES], [NO])

    def _positions_file(self) -> Path | None:
        """The file with the position embedding; None if the checkpoint's own is used."""
        if self.positions == INTERPOLATED:
            return None
        path = Path(self.positions).expanduser()
        if not path.is_file():
            raise CheckpointError(
                f"blip_vqa: there is no file {self.positions}; positions is {INTERPOLATED!r} or the path of "
                "a safetensors file"
            )
        return path

    def _load(self) -> tuple[BlipForQuestionAnswering, PreTrainedTokenizerBase]:
        """Network and tokenizer, loaded once."""
        if self._loaded is None:
            folder = self._weights.folder
            config = load_config(folder, ["blip"])
            patch = config.vision_config.patch_size
            if self.image_size % patch:
                raise UsageError(
                    f"blip_vqa reads patches of {patch} pixels, so an image_size of {self.image_size} does "
                    f"not fit; choose a multiple of {patch}"
                )
            tokenizer = load_blip_tokenizer(folder, config.text_config.vocab_size)
            network = load_network("BlipForQuestionAnswering", folder, dtype=self.dtype, device=self.device)
            self._set_positions(network, self.image_size // patch)
            if self.mode() == "official":
                self._set_layer_norms(network)
            self._loaded = (network, tokenizer)
        return self._loaded

    def _set_positions(self, network: BlipForQuestionAnswering, side: int) -> None:
        """Gives the picture encoder the embedding for ``side`` x ``side`` patches."""
        import torch

        embeddings, original = network.vision_model.embeddings, self._positions_file()
        own = embeddings.position_embedding
        chosen = (
            interpolated(own.detach(), side)
            if original is None
            else read_positions(original, side, own.shape[-1])
        )
        embeddings.position_embedding = torch.nn.Parameter(chosen.to(own), requires_grad=False)

    def _set_layer_norms(self, network: BlipForQuestionAnswering) -> None:
        """Gives the picture encoder upstream's layer norms."""
        import torch

        for module in network.vision_model.modules():
            if isinstance(module, torch.nn.LayerNorm):
                module.eps = OFFICIAL_EPSILON


def load_blip_tokenizer(folder: Path, vocabulary_size: int) -> PreTrainedTokenizerBase:
    """The tokenizer in ``folder``, if it numbers words as the official one.

    Args:
        folder: saved by ``save_pretrained``.
        vocabulary_size: words that the network knows.

    Raises:
        CheckpointError: it does not load, numbers them otherwise, or the network knows fewer words.
    """
    tokenizer = load_tokenizer(folder)
    if vocabulary_size <= ENC:
        raise CheckpointError(
            f"the network in {folder} knows {vocabulary_size} words, BLIP's [ENC] is number {ENC}; name a "
            "BLIP VQA checkpoint"
        )
    vocabulary = tokenizer.get_vocab()
    for word, number in (("[ENC]", ENC), ("[DEC]", DEC)):
        # The hub's tokenizer is BERT's own and lacks both; where they are, they must be right.
        if vocabulary.get(word, number) != number:
            raise CheckpointError(
                f"the tokenizer in {folder} numbers {word} {vocabulary[word]} where BLIP has {number}; name "
                "the tokenizer that belongs to the weights"
            )
    for word, number in (("yes", YES), ("no", NO)):
        ids = tokenizer(word).input_ids
        # One token before the word is what [ENC] takes the place of.
        if len(ids) != 3 or ids[1] != number:
            raise CheckpointError(
                f"the tokenizer in {folder} writes {word!r} as {ids}, BLIP as [101, {number}, 102]; name "
                "the tokenizer that belongs to the weights"
            )
    return tokenizer
