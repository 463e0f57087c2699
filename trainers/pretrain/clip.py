"""The tiny CLIP: open_clip's own architecture and file format, trained on the shapes world.

It stands where ViT-B/32 stands in the real benchmarks: CLIPScore and CLIP
rewards are real numbers of a real contrastive model here too. Half of a batch
are groups of near misses (same objects, one word changed), because a score
that cannot tell a picture from its near miss measures nothing
(Radford et al. 2021, arXiv:2103.00020, for the loss; hard negatives after
Yuksekgonul et al. 2023, arXiv:2210.01936).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from selfreward_eval.tasks.shapes.compbench import requests as compbench
from selfreward_eval.tasks.shapes.compbench.near_misses import near_miss
from selfreward_eval.tasks.shapes.compbench.scenes import realise
from selfreward_eval.tasks.shapes.language import caption
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.requests import FRAMES
from selfreward_eval.tasks.shapes.sampling import choose, mixed
from selfreward_eval.tasks.shapes.scene import Scene
from selfreward_eval.trainers.pretrain import tokenizer
from selfreward_eval.trainers.pretrain.codec import to_tensor
from selfreward_eval.trainers.pretrain.stage import Stage, train

CONTEXT = 32
WIDTH = 96
GROUP = 4
"""A request and three near misses of it."""

SCENES = {
    "plain": 3.0,
    "counted": 1.0,
    "textured": 1.5,
    "sized": 0.7,
    "lettered": 0.4,
    "occluding": 0.4,
    "touching": 0.4,
}

CONFIG: dict[str, Any] = {
    "model_cfg": {
        "embed_dim": WIDTH,
        "vision_cfg": {
            "image_size": 48,
            "layers": 4,
            "width": WIDTH,
            "head_width": 24,
            "patch_size": 8,
            "mlp_ratio": 3.0,
        },
        "text_cfg": {
            "context_length": CONTEXT,
            "vocab_size": tokenizer.SIZE,
            "width": WIDTH,
            "heads": 4,
            "layers": 2,
            "mlp_ratio": 3.0,
            "pool_type": "eos",
            "pad_id": tokenizer.SPECIAL.index(tokenizer.PAD),
            "eos_id": tokenizer.SPECIAL.index(tokenizer.EOS),
            # open_clip reads the tokenizer from the folder itself; the name only says that there is one.
            "hf_tokenizer_name": "local",
        },
    },
    "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bicubic"},
}
"""``open_clip_config.json``."""


def words() -> Any:
    """The tiny model's vocabulary with an end token, padded on the right, as open_clip expects."""
    from tokenizers import processors

    built = tokenizer.build()
    built.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{tokenizer.BOS} $A {tokenizer.EOS}",
        special_tokens=[(t, tokenizer.SPECIAL.index(t)) for t in (tokenizer.BOS, tokenizer.EOS)],
    )
    built.padding_side = "right"
    return built


def new_model(seed: int) -> Any:
    """A freshly initialised ``open_clip.CLIP``."""
    import torch
    from open_clip.model import CLIP

    torch.manual_seed(seed)
    parts = CONFIG["model_cfg"]
    return CLIP(parts["embed_dim"], dict(parts["vision_cfg"]), dict(parts["text_cfg"]))


def _group(rng: np.random.Generator) -> list[tuple[str, Scene]]:
    """A request and near misses of it, each with a scene; texts of one group differ."""
    category = compbench.CATEGORIES[int(rng.integers(len(compbench.CATEGORIES)))]
    while True:
        first = compbench.draw(rng, category)
        requests = {first.text: first}
        for _ in range(12):
            if len(requests) == GROUP:
                break
            other = near_miss(rng, first)
            requests.setdefault(other.text, other)
        scenes = [realise(rng, request, avoid_unseen=False) for request in requests.values()]
        if len(scenes) == GROUP and not any(text in compbench.withheld() for text in requests):
            group = [(text, scene) for text, scene in zip(requests, scenes, strict=True) if scene is not None]
            if len(group) == GROUP:
                return group


def _free(rng: np.random.Generator) -> tuple[str, Scene]:
    """Any scene with its canonical description, framed half of the time."""
    scene = mixed(rng, SCENES)
    text = caption(scene)
    return (choose(rng, FRAMES).format(text) if rng.integers(2) else text), scene


def batch(seed: int, step: int, size: int) -> tuple[list[str], np.ndarray]:
    """Texts and pictures uint8 (size, 48, 48, 3): near misses first, then free scenes."""
    rng = np.random.default_rng((seed, step))
    pairs = [pair for _ in range(size // 2 // GROUP) for pair in _group(rng)]
    pairs += [_free(rng) for _ in range(size - len(pairs))]
    return [text for text, _ in pairs], np.stack([render(scene) for _, scene in pairs])


def tokens(built: Any, texts: list[str]) -> Any:
    """Token ids int64 (B, CONTEXT), padded on the right."""
    return built(texts, padding="max_length", max_length=CONTEXT, return_tensors="pt")["input_ids"]


def loss(model: Any, pictures: Any, ids: Any) -> Any:
    """Symmetric cross-entropy over the batch's similarities (natural log)."""
    import torch
    import torch.nn.functional as F

    seen, said, scale = model(pictures, ids)
    logits = scale.clamp(max=100.0) * seen.float() @ said.float().T
    own = torch.arange(len(logits))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def pretrain(
    root: Path,
    *,
    steps: int = 3000,
    size: int = 128,
    seed: int = 0,
    compile_: bool = False,
    progress: Callable[[int, dict[str, float]], None] | None = None,
) -> Any:
    """Trains the tiny CLIP under ``root/clip``, going on from where it was stopped; returns it."""
    import torch

    stage = Stage("clip", root, steps, 1e-3)
    model, built = new_model(seed), words()
    computed = torch.compile(loss, dynamic=False) if compile_ else loss
    optimizer = torch.optim.AdamW(model.parameters(), stage.peak, betas=(0.9, 0.98), weight_decay=0.05)

    def step_losses(step: int) -> dict[str, torch.Tensor]:
        texts, pictures = batch(seed + 21, step, size)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return {"loss": computed(model, to_tensor(pictures), tokens(built, texts))}

    train(
        stage,
        model,
        optimizer,
        step_losses,
        progress=progress,
    )
    return model


def save(model: Any, folder: Path, card: str = "") -> None:
    """Writes ``folder`` as open_clip's ``local-dir:`` reads it: configuration, safetensors, tokenizer.

    Weights are stored in float16, half the size.
    """
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "open_clip_config.json").write_text(json.dumps(CONFIG, indent=2) + "\n", encoding="utf-8")
    weights = {name: tensor.to(torch.float16).contiguous() for name, tensor in model.state_dict().items()}
    save_file(weights, folder / "open_clip_model.safetensors", metadata={"format": "pt"})
    words().save_pretrained(folder)
    if card:
        (folder / "README.md").write_text(card, encoding="utf-8")


def accuracy(folder: Path, batches: int = 20, among: int = 32, seed: int = 78) -> float:
    """Share of held-out scenes whose own text scores highest among ``among`` texts, read as any user would.

    Args:
        folder: of :func:`save`.
        batches: groups of ``among`` scenes; no training step draws from this seed.
        among: candidates.
        seed: of the scenes.
    """
    from PIL import Image

    from selfreward_eval.harness.instruments.open_clip_scorer import OpenClipScorer

    scorer = OpenClipScorer(str(folder))
    right = 0
    for k in range(batches):
        rng = np.random.default_rng((seed, k))
        pairs: dict[str, Scene] = {}
        while len(pairs) < among:
            text, scene = _free(rng)
            pairs.setdefault(text, scene)
        pictures = [Image.fromarray(render(scene)) for scene in pairs.values()]
        predicted = scorer.classify(pictures, list(pairs), templates=("{}",))
        right += sum(text == own for text, own in zip(predicted, pairs, strict=True))
    return right / (batches * among)
