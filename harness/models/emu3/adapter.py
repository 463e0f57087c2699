"""The adapter: ``--model emu3 --model-args weights=BAAI/Emu3-Gen-hf`` draws, ``BAAI/Emu3-Chat-hf`` answers.

They are two checkpoints of one architecture; ``--model pair`` makes one model of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.backends.devices import usable_device
from selfreward_eval.harness.instruments.backends.finite import check_computed, watched
from selfreward_eval.harness.instruments.backends.networks import load_config, load_network
from selfreward_eval.harness.instruments.backends.processors import (
    load_processor,
    refuse_control_tokens,
    require_chat_template,
)
from selfreward_eval.harness.instruments.backends.weights import Weights, folder_revision
from selfreward_eval.harness.models.base import CutAnswer
from selfreward_eval.harness.models.emu3.drawing import draw_tokens
from selfreward_eval.harness.models.janus.decode import Sampling
from selfreward_eval.harness.models.precision import EXACT_BELOW, check_dtype

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

NEGATIVE = (
    "lowres, bad anatomy, bad hands, text, error, missing fingers, extra digit, fewer digits, cropped, "
    "worst quality, low quality, normal quality, jpeg artifacts, signature, watermark, username, blurry."
)
"""What the published guidance pushes away from, in the words of Emu3's own example."""

SYSTEM = "You are a helpful assistant."


@dataclass(frozen=True)
class Loaded:
    """A checkpoint ready to use: network, processor, revision as in an identity, torch's dtype name."""

    model: Any
    processor: Any
    revision: str
    dtype: str


class Emu3Model:
    """One of Emu3's checkpoints.

    Args:
        weights: folder in the hub's layout, or hub name. The Gen weights draw, the Chat weights answer.
        revision: the hub's branch, tag or commit.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        dtype: as for ``janus``. Pictures are drawn together in float64 only, else one by one.
        guidance: classifier-free guidance scale; 1 draws without.
        temperature: when drawing; 0 takes the likeliest token.
        top_k: picture tokens that are sampled from at each place; 0 for all.
        ratio: width to height.
        image_area: of a picture, in pixels.
        suffix: what follows every prompt; the published example adds words of praise, which are another
            prompt, so none is the default.
        negative_prompt: what guidance pushes away from.
        max_new_tokens: longest answer.
        name: how the run is called; the weights' own name by default.
    """

    world = "photographs"

    def __init__(
        self,
        weights: str,
        revision: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
        guidance: float = 3.0,
        temperature: float = 1.0,
        top_k: int = 2048,
        ratio: str = "1:1",
        image_area: int = 518_400,
        suffix: str = "",
        negative_prompt: str = NEGATIVE,
        max_new_tokens: int = 128,
        name: str | None = None,
    ) -> None:
        check_dtype(dtype)
        if temperature < 0 or top_k < 0 or max_new_tokens < 1 or image_area < 64:
            raise UsageError(
                "emu3: temperature and top_k are 0 or more, max_new_tokens at least 1, image_area at least 64"
            )
        self.weights, self.device_name, self.dtype_name = str(weights), device, dtype
        self.source = Weights(self.weights, revision, reads_text=True)
        self.sampling = Sampling(float(guidance), float(temperature), int(top_k))
        self.ratio, self.image_area = str(ratio), int(image_area)
        self.suffix, self.negative_prompt = str(suffix), str(negative_prompt)
        self.max_new_tokens = int(max_new_tokens)
        self.name = name or self.source.shown.rstrip("/").split("/")[-1]

    @cached_property
    def loaded(self) -> Loaded:
        """The checkpoint, loaded on first use.

        Raises:
            CheckpointError: nothing there, damaged, or another architecture.
            UsageError: no such device.
        """
        import torch

        device = usable_device("the model 'emu3'", None if self.device_name == "auto" else self.device_name)
        folder = self.source.folder
        load_config(folder, ["emu3"])
        dtype = self.dtype_name
        if dtype == "auto" and device != "cpu":
            dtype = "bfloat16"
        model = load_network(
            "Emu3ForConditionalGeneration",
            folder,
            dtype="float32" if dtype == "auto" else dtype,
            device=device,
        )
        if dtype == "auto":
            small = sum(p.numel() for p in model.parameters()) < EXACT_BELOW
            dtype = "float64" if small else "float32"
            model.to(getattr(torch, dtype))
        model.requires_grad_(False)
        recorded = folder_revision(folder.resolve()) if self.source.is_local else folder.name
        return Loaded(model, load_processor(folder, "Emu3Processor"), recorded, dtype)

    def identity(self) -> dict[str, Any]:
        """What can change a picture or an answer."""
        return {
            "adapter": "emu3",
            "name": self.name,
            "weights": self.weights,
            "revision": self.loaded.revision,
            "generation": {
                "guidance": self.sampling.guidance,
                "temperature": self.sampling.temperature,
                "top_k": self.sampling.top_k,
                "ratio": self.ratio,
                "image_area": self.image_area,
                "suffix": self.suffix,
                "negative_prompt": self.negative_prompt,
                "dtype": self.loaded.dtype,
                "max_new_tokens": self.max_new_tokens,
            },
        }

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Image]:
        """One RGB picture per (prompt, seed); the same pair gives the same picture in any batch."""
        import torch

        if len(prompts) != len(seeds):
            raise ValueError(f"{len(prompts)} prompts but {len(seeds)} seeds")
        written = [self._prompt(f"{prompt}{self.suffix}") for prompt in prompts]
        groups: dict[object, list[int]] = defaultdict(list)
        for k, (ids, _) in enumerate(written):
            groups[len(ids) if self.loaded.dtype == "float64" else ("alone", k)].append(k)
        made: dict[int, Image] = {}
        for members in groups.values():
            model = self.loaded.model
            against, size = self._prompt(self.negative_prompt)
            tokens = draw_tokens(
                model,
                torch.tensor([written[k][0] for k in members], device=model.device),
                torch.tensor([against], device=model.device),
                [seeds[k] for k in members],
                self.sampling,
                size,
            )
            for k, row in zip(members, tokens, strict=True):
                made[k] = self._picture(row, size)
        return [made[k] for k in range(len(prompts))]

    def answer(self, images: Sequence[Image], questions: Sequence[str]) -> list[str]:
        """One greedy answer per (picture, question), each computed alone.

        Raises:
            CheckpointError: the weights have no chat template; those of Chat have.
        """
        if len(images) != len(questions):
            raise ValueError(f"{len(images)} pictures but {len(questions)} questions")
        require_chat_template(self.loaded.processor, self.source.folder, "the model 'emu3'")
        refuse_control_tokens(self.loaded.processor.tokenizer, questions, "the question", self.name)
        return [self._answer(image, question) for image, question in zip(images, questions, strict=True)]

    def _answer(self, image: Image, question: str) -> str:
        import torch

        loaded = self.loaded
        turns = [
            {"role": "system", "content": [{"type": "text", "text": SYSTEM}]},
            {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]},
        ]
        text = loaded.processor.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        inputs = loaded.processor(images=[image.convert("RGB")], text=[text], return_tensors="pt")
        inputs = inputs.to(loaded.model.device, getattr(torch, loaded.dtype))
        end = loaded.processor.tokenizer.eos_token_id
        with torch.inference_mode(), watched(loaded.model, "a logit of the answer"):
            made = loaded.model.generate(
                **inputs,
                do_sample=False,
                max_new_tokens=self.max_new_tokens,
                eos_token_id=end,
                pad_token_id=loaded.processor.tokenizer.pad_token_id,
            )[0, inputs["input_ids"].shape[1] :]
        answer = loaded.processor.tokenizer.decode(made, skip_special_tokens=True).strip()
        return answer if bool((made == end).any()) else CutAnswer(answer)

    def _prompt(self, text: str) -> tuple[list[int], tuple[int, int]]:
        """Token ids of a drawing prompt up to where the picture begins, and its rows and columns.

        Raises:
            InputError: it holds a control token of the model.
        """
        processor = self.loaded.processor
        refuse_control_tokens(processor.tokenizer, [text], "the prompt", self.name)
        made = processor(
            text=[text], return_for_image_generation=True, ratio=self.ratio, image_area=self.image_area
        )
        rows, columns = made["image_sizes"][0]
        return [int(token) for token in made["input_ids"][0]], (int(rows), int(columns))

    def _picture(self, tokens: torch.Tensor, size: tuple[int, int]) -> Image:
        import torch

        model, processor = self.loaded.model, self.loaded.processor
        with torch.inference_mode():
            pixels = model.decode_image_tokens(
                image_tokens=tokens[None], height=size[0], width=size[1]
            ).float()
        check_computed(pixels, "a pixel of the decoded picture")
        shown: Image = processor.postprocess(list(pixels.cpu()), return_tensors="PIL.Image.Image")[
            "pixel_values"
        ][0]
        return shown
