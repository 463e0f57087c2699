"""What an instrument takes per reading: ours in batches, beside the plain loop over one pair at a time.

Both sides have the same random weights, pictures and texts, and their readings are
compared, so that the faster one is no other measurement. The loop is what the
official evaluators do: every picture is encoded anew for every question about it.
Networks are small, and what counts is CPU time on one thread: wall time depends on
what else the machine does. The ratio grows with the questions per picture, of which
T2I-CompBench has up to eight.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from selfreward_eval.harness.instruments.backends.preprocessing import CLIP_MEAN, CLIP_STD
from selfreward_eval.harness.instruments.blip_vqa import DEC, ENC, NO, YES, BlipVQA

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

PICTURES, QUESTIONS, ROUNDS = 6, 4, 3
SIDE = 96
CLIP = "small-clip-for-timing"
WORDS = ("a", "red", "green", "cup", "dog", "on", "the", "table", "?")


@dataclass(frozen=True)
class Side:
    """One way to read pairs.

    Attributes:
        name: as printed.
        read: pictures and questions -> one number per pair.
    """

    name: str
    read: Callable[[Sequence[Picture], Sequence[str]], list[float]]


def pairs() -> tuple[list[Picture], list[str]]:
    """Every picture with every question, as a task asks them."""
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)) for _ in range(PICTURES)]
    questions = ["a red cup?", "the table?", "a green dog on the table?", "a cup on a red table?"][:QUESTIONS]
    return [p for p in pictures for _ in questions], questions * PICTURES


def save_blip(folder: Path) -> None:
    """BLIP's architecture, 6 layers of width 192, with BERT's numbers for the words it needs."""
    from transformers import BertTokenizer, BlipConfig, BlipForQuestionAnswering

    numbers = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, "yes": YES, "no": NO}
    numbers |= {word: 200 + place for place, word in enumerate(WORDS)}
    words = [f"[unused{number}]" for number in range(DEC)]
    for word, number in numbers.items():
        words[number] = word
    BertTokenizer(vocab={word: number for number, word in enumerate(words)}).save_pretrained(folder)
    size = {"hidden_size": 192, "intermediate_size": 768, "num_hidden_layers": 6, "num_attention_heads": 3}
    config = BlipConfig(
        vision_config={"image_size": SIDE, "patch_size": 16, **size},
        text_config={"vocab_size": ENC + 1, "encoder_hidden_size": 192, **size},
    )
    network = BlipForQuestionAnswering(config)
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim > 1:
                weight.normal_(0, 0.05)
    network.save_pretrained(folder)


def blip_sides(folder: Path) -> tuple[Side, Side]:
    from torchvision import transforms
    from transformers import AutoTokenizer, BlipForQuestionAnswering

    save_blip(folder)
    network: Any = BlipForQuestionAnswering.from_pretrained(folder).eval()
    tokenise: Any = AutoTokenizer.from_pretrained(folder)
    bicubic = transforms.InterpolationMode.BICUBIC
    look = transforms.Compose(
        [
            transforms.Resize((SIDE, SIDE), interpolation=bicubic),
            transforms.ToTensor(),
            transforms.Normalize(CLIP_MEAN, CLIP_STD),
        ]
    )
    start = torch.tensor([[DEC]])

    def loop(pictures: Sequence[Picture], questions: Sequence[str]) -> list[float]:
        found = []
        for picture, question in zip(pictures, questions, strict=True):
            words = tokenise(question, truncation=True, max_length=35, return_tensors="pt").input_ids
            words[:, 0] = ENC
            with torch.inference_mode():
                seen = network.vision_model(look(picture)[None]).last_hidden_state
                asked = network.text_encoder(input_ids=words, encoder_hidden_states=seen).last_hidden_state
                said = network.text_decoder(input_ids=start, encoder_hidden_states=asked, use_cache=False)
            p = said.logits[0, 0].softmax(dim=0)
            found.append(float(p[YES] / (p[YES] + p[NO])))
        return found

    ours = BlipVQA(str(folder), image_size=SIDE, device="cpu")
    return Side("blip_vqa", ours.yes_probabilities), Side("transformers, one pair at a time", loop)


def clip_sides(folder: Path) -> tuple[Side, Side]:
    import open_clip
    from safetensors.torch import save_file

    from selfreward_eval.harness.instruments.open_clip_scorer import OpenClipScorer

    vision = {"image_size": SIDE, "layers": 6, "width": 192, "head_width": 64, "patch_size": 16}
    text = {"context_length": 77, "vocab_size": 49408, "width": 192, "heads": 3, "layers": 6}
    (folder / f"{CLIP}.json").write_text(
        json.dumps({"embed_dim": 128, "vision_cfg": vision, "text_cfg": text})
    )
    open_clip.add_model_config(folder / f"{CLIP}.json")
    network: Any = open_clip.CLIP(128, vision, text)
    file = folder / "clip.safetensors"
    save_file({name: value.clone().contiguous() for name, value in network.state_dict().items()}, file)
    network, _, look = open_clip.create_model_and_transforms(CLIP, pretrained=str(file))
    network.eval()
    tokenise = open_clip.get_tokenizer(CLIP)

    def loop(pictures: Sequence[Picture], texts: Sequence[str]) -> list[float]:
        found = []
        for picture, text in zip(pictures, texts, strict=True):
            with torch.inference_mode():
                seen = network.encode_image(look(picture)[None], normalize=True)[0]
                said = network.encode_text(tokenise([text]), normalize=True)[0]
            found.append(float(seen @ said))
        return found

    ours = OpenClipScorer(CLIP, str(file), device="cpu")
    return Side("open_clip", ours.similarities), Side("open_clip, one pair at a time", loop)


def race(ours: Side, loop: Side) -> None:
    """Times both in turn, after one round that loads the weights, and prints them."""
    pictures, texts = pairs()
    taken: dict[str, list[float]] = {ours.name: [], loop.name: []}
    for turn in range(ROUNDS + 1):
        readings = []
        for side in (ours, loop):
            began = time.process_time()
            readings.append(side.read(pictures, texts))
            if turn:
                taken[side.name].append(time.process_time() - began)
    apart = max(abs(a - b) for a, b in zip(*readings, strict=True))
    if apart > 1e-3:
        raise SystemExit(f"{ours.name} reads otherwise than {loop.name}, by up to {apart:.1e}")
    slow = median(taken[loop.name])
    for side in (ours, loop):
        middle = median(taken[side.name])
        print(f"{side.name:36} {1000 * middle / len(texts):9.2f} ms {slow / middle:9.1f}x")
    print(f"{'  readings differ by at most':36} {apart:9.0e}")


def main() -> None:
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.set_num_threads(1)
    print(f"{PICTURES} pictures, {QUESTIONS} texts each, on one thread; CPU time of one reading")
    print(f"{'':36} {'CPU':>12} {'as fast':>10}")
    for sides in (blip_sides, clip_sides):
        with tempfile.TemporaryDirectory() as folder:
            try:
                ours, loop = sides(Path(folder))
            except ModuleNotFoundError as error:
                print(f"{sides.__name__.removesuffix('_sides')} is left out: {error.name} is not installed")
                continue
            race(ours, loop)


if __name__ == "__main__":
    main()
