"""A tiny BLIP with random weights, saved as the real one is, with the official word numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from selfreward_eval.harness.instruments.blip_vqa import DEC, ENC, NO, YES, BlipVQA

SIDE, PATCH = 32, 8
WORDS = {"a": 200, "red": 201, "cup": 202, "?": 203, "dog": 204, "yes": YES, "no": NO}


class TinyBlip:
    """What the tests of this folder share."""

    side, patch = SIDE, PATCH

    @staticmethod
    def network(seed: int = 0, words: int = 30524) -> Any:
        """A BLIP of a million weights, nearly all of them its vocabulary."""
        from transformers import BlipConfig, BlipForQuestionAnswering

        widths = {
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
        }
        config = BlipConfig(
            vision_config={"image_size": SIDE, "patch_size": PATCH, **widths},
            text_config={
                "vocab_size": words,
                "encoder_hidden_size": 16,
                "max_position_embeddings": 64,
                **widths,
            },
        )
        torch.manual_seed(seed)
        model = BlipForQuestionAnswering(config).eval()
        with torch.no_grad():
            # BLIP begins with a picture encoder of nearly zero, which would see nothing.
            for weight in model.parameters():
                if weight.ndim > 1:
                    weight.normal_(0, 0.5)
        return model

    @staticmethod
    def save_tokenizer(folder: Path, *, changes: dict[str, int] | None = None) -> None:
        """BERT's tokenizer with a few words, numbered as the official one."""
        from transformers import BertTokenizer

        numbers = {
            "[PAD]": 0,
            "[UNK]": 100,
            "[CLS]": 101,
            "[SEP]": 102,
            "[MASK]": 103,
            **WORDS,
            **(changes or {}),
        }
        words = [f"[unused{number}]" for number in range(30522)]
        for word, number in numbers.items():
            words[number] = word
        BertTokenizer(vocab={word: number for number, word in enumerate(words)}).save_pretrained(folder)

    def save(self, folder: Path, **settings: Any) -> Path:
        """A whole checkpoint; ``settings`` are those of :meth:`network`."""
        self.network(**settings).save_pretrained(folder)
        self.save_tokenizer(folder)
        return folder

    @staticmethod
    def instrument(folder: Path, **settings: Any) -> BlipVQA:
        return BlipVQA(str(folder), **{"image_size": SIDE, "device": "cpu", **settings})

    @staticmethod
    def picture(width: int = 40, height: int = 30, seed: int = 0) -> Image.Image:
        pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
        return Image.fromarray(pixels)

    @staticmethod
    def slowly(model: Any, image: Image.Image, question: list[int], side: int = SIDE) -> float:
        """One picture and question through transformers' own forward pass, by upstream's formula."""
        from torchvision import transforms
        from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

        bicubic = transforms.InterpolationMode.BICUBIC
        look = transforms.Compose(
            [
                transforms.Resize((side, side), interpolation=bicubic),
                transforms.ToTensor(),
                transforms.Normalize(OPENAI_CLIP_MEAN, OPENAI_CLIP_STD),
            ]
        )
        said: list[torch.Tensor] = []
        hook = model.text_decoder.register_forward_hook(lambda _, __, output: said.append(output.logits))
        with torch.no_grad():
            model(
                input_ids=torch.tensor([[ENC, *question, 102]]),
                pixel_values=look(image.convert("RGB"))[None],
                decoder_input_ids=torch.tensor([[DEC]]),
                interpolate_pos_encoding=True,
            )
        hook.remove()
        probability = said[0][:, 0, :].softmax(dim=1)[0]
        return float(probability[YES] / (probability[YES] + probability[NO]))


@pytest.fixture(scope="session")
def tiny() -> TinyBlip:
    return TinyBlip()


@pytest.fixture(scope="session")
def folder(tiny: TinyBlip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One checkpoint for all tests that only read."""
    return tiny.save(tmp_path_factory.mktemp("weights") / "tiny")


@pytest.fixture(scope="session")
def blip(tiny: TinyBlip, folder: Path) -> BlipVQA:
    return tiny.instrument(folder)
