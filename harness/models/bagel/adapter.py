"""The adapter: ``--model bagel --model-args weights=ByteDance-Seed/BAGEL-7B-MoT,preset=inferencer``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.models.bagel.captioning import CaptioningMethods
from selfreward_eval.harness.models.bagel.training import TrainingMethods

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

    from selfreward_eval.harness.models.bagel.contexts import Context
    from selfreward_eval.harness.models.bagel.drawing import Contexts


class BagelModel(CaptioningMethods, TrainingMethods):
    """A BAGEL checkpoint.

    Args:
        weights: folder in the hub's layout, or hub name.
        revision: the hub's branch, tag or commit.
        base: a whole checkpoint, for weights that lack the part that looks at pictures.
        file: ``ema`` or ``model``, where the folder holds both.
        preset: settings of a published source: ``inferencer``, ``geneval`` or ``editing``. The settings from
            ``guidance`` to ``think`` replace the preset's where they are given.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        device_map: ``auto``, ``balanced`` or ``sequential`` spreads the layers over several devices.
        dtype: ``auto``, ``float64``, ``float32``, ``bfloat16`` or ``float16``.
        guidance: scale of the text (``cfg_text_scale``); 1 is off.
        image_guidance: scale of an input picture (``cfg_img_scale``); 1 is off.
        guidance_start: guidance is on at times above it ...
        guidance_end: ... and up to this one (``cfg_interval``).
        renorm: ``global``, ``channel`` or ``text_channel`` (``cfg_renorm_type``); norms are per picture.
        renorm_min: least factor of the renormalisation; 1 switches it off.
        num_timesteps: times that drawing stops at; 50 of them make 49 steps.
        timestep_shift: above 1 spends more steps near the noise.
        size: of drawn pictures in pixels, ``1024`` or ``768x1024`` (height x width).
        crop_borders: whether black borders are cut off, as in BAGEL's GenEval script.
        think: whether a plan is written before a picture is drawn.
        max_think_tokens: length of the plan at most, in tokens.
        think_prompt: what asks for the plan. The default is in our words; the published sentence is another.
        answer_resizing: of pictures that are asked about: ``inferencer``, ``chat`` or ``vlm``.
        think_answers: whether reasoning is written before an answer.
        think_answers_prompt: what asks for it.
        rows: pictures computed together in narrow types; part of the result, so part of the identity.
        max_new_tokens: longest answer.
        name: how the run is called; the weights' own name by default.
    """

    def variant(self, *, weights: str | None = None, **changes: Any) -> BagelModel:
        """An adapter like this one, loaded anew, with these constructor arguments in place of its own; those
        that are None stay. Other weights are taken whole: without ``revision``, ``base`` and ``file``."""
        arguments = dict(self._arguments)
        if weights is not None:
            arguments |= {"weights": weights, "revision": None, "base": None, "file": None}
        filled = changes.pop("filled", True)
        arguments |= {name: value for name, value in changes.items() if value is not None}
        arguments["name"] = arguments["name"] or self.name
        made = type(self)._made(arguments)
        made.world = self.world
        made.filled = filled
        return made

    @classmethod
    def _made(cls, arguments: dict[str, Any]) -> BagelModel:
        """From the arguments of this class, whatever a subclass takes."""
        made = cls.__new__(cls)
        BagelModel.__init__(made, **arguments)
        return made

    def training_copy(self, *, guidance: float | None, temperature: float, rows: int) -> BagelModel:
        """A copy to train, in float32; batches of its candidates are not filled up to ``rows``.

        Raises:
            UsageError: a temperature other than 1, which flow matching does not have.
        """
        if temperature != 1:
            raise UsageError(
                f"temperature={temperature:g} is set, but {self.name} draws by flow matching, which has "
                "none; leave it at 1"
            )
        return self.variant(dtype="float32", guidance=guidance, rows=rows, filled=False)

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Image]:
        """One RGB picture per (prompt, seed); the same pair gives the same picture in any batch."""
        from selfreward_eval.harness.models.bagel.drawing import noise

        if len(prompts) != len(seeds):
            raise ValueError(f"{len(prompts)} prompts but {len(seeds)} seeds")
        ids = self.text_ids(prompts, "the prompt")
        plans = self._plans(ids) if self.drawing.think else [[] for _ in ids]
        out: dict[int, Image] = {}
        config, grid = self.config, self.latent_grid
        for group in self.grouped(
            [0] * len(ids), [(len(a), len(b)) for a, b in zip(ids, plans, strict=True)]
        ):
            contexts = self._prompt_contexts([ids[k] for k in group.rows], [plans[k] for k in group.rows])
            start = noise([seeds[k] for k in group.rows], grid, config.token_width)
            latents = self._drawn(contexts, start, grid)[: group.real]
            for k, row in zip(group.rows, latents, strict=False):
                out[k] = self._finished(row[None], grid)
        return [out[k] for k in range(len(ids))]

    def edit(self, images: Sequence[Image], prompts: Sequence[str], seeds: Sequence[int]) -> list[Image]:
        """One RGB picture per (picture, instruction, seed), of the input's size within the published limits.

        A seed's numbers are first those of the autoencoder's sample of the input, then the noise.
        """
        import torch

        from selfreward_eval.harness.models.bagel.pictures import on_white, resized, to_tensor
        from selfreward_eval.harness.models.bagel.tables import pack_latents

        if not len(images) == len(prompts) == len(seeds):
            raise ValueError(f"{len(images)} pictures, {len(prompts)} prompts, {len(seeds)} seeds")
        config = self.config
        ids = self.text_ids(prompts, "the prompt")
        inputs = [resized(on_white(image), config.vae_resizing) for image in images]
        grids = [config.grid((image.height, image.width)) for image in inputs]
        seen = [self.look(image, after_autoencoder=True) for image in inputs]
        kinds = [(grid, picture.grid) for grid, picture in zip(grids, seen, strict=True)]
        clean, start = [], []
        for image, grid, seed in zip(inputs, grids, seeds, strict=True):
            generator = torch.Generator().manual_seed(seed % (1 << 63))
            pixels = to_tensor(image)[None].to(self.loaded.device, self._picture_type())
            with torch.inference_mode():
                encoded = self.loaded.autoencoder.encode(pixels, generator)
            clean.append(pack_latents(encoded, config.latent_patch_size)[0])
            start.append(torch.randn(grid[0] * grid[1], config.token_width, generator=generator))
        out: dict[int, Image] = {}
        for group in self.grouped(kinds, [len(row) for row in ids]):
            grid = grids[group.rows[0]]
            contexts = self._editing_contexts(
                torch.stack([clean[k] for k in group.rows]),
                grid,
                self.loaded.network.patch_tokens(
                    torch.stack([seen[k].patches for k in group.rows]), seen[group.rows[0]].grid
                ),
                [ids[k] for k in group.rows],
            )
            latents = self._drawn(contexts, torch.stack([start[k] for k in group.rows]), grid)
            for k, row in zip(group.rows, latents[: group.real], strict=False):
                out[k] = self._finished(row[None], grid)
        return [out[k] for k in range(len(ids))]

    def _drawn(self, contexts: Contexts, start: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
        """Latents (B, L, C) from noise."""
        from selfreward_eval.harness.models.bagel.drawing import DrawnFrom, draw_latents

        loaded = self.loaded
        source = DrawnFrom(loaded.network, loaded.markers, contexts, grid, self.drawing.guidance)
        return draw_latents(source, start, self.times())

    def _finished(self, latents: torch.Tensor, grid: tuple[int, int]) -> Image:
        """The picture of latents (1, L, C), decoded alone so that shapes never vary."""
        from selfreward_eval.harness.models.bagel.pictures import without_black_border

        picture = self._decoded(latents, grid)
        return without_black_border(picture) if self.drawing.crop_borders else picture

    def _prompt_contexts(self, prompts: Sequence[Sequence[int]], plans: Sequence[Sequence[int]]) -> Contexts:
        """What is read before a picture: the prompt, or the sentence that asks for a plan, the prompt and
        the plan. Guidance goes without prompt and plan on the one side, without the plan on the other."""
        import torch

        from selfreward_eval.harness.models.bagel.contexts import empty, read_text
        from selfreward_eval.harness.models.bagel.drawing import Contexts as Three

        network = self.loaded.network
        with torch.inference_mode():
            before = empty(network, len(prompts))
            if self.drawing.think:
                before = self._asked_to_plan(len(prompts))
            asked, _ = read_text(network, before, [self.marked(row) for row in prompts])
            if not self.drawing.think:
                return Three(asked, before, asked)
            whole, _ = read_text(network, asked, [self.marked(row) for row in plans])
            return Three(whole, before, asked)

    def _editing_contexts(
        self,
        clean: torch.Tensor,
        grid: tuple[int, int],
        patches: torch.Tensor,
        prompts: Sequence[Sequence[int]],
    ) -> Contexts:
        """The input as clean latents and as patches, then the instruction."""
        import torch

        from selfreward_eval.harness.models.bagel.contexts import (
            empty,
            read_latents,
            read_patches,
            read_text,
        )
        from selfreward_eval.harness.models.bagel.drawing import Contexts as Three

        network, markers = self.loaded.network, self.loaded.markers
        texts = [self.marked(row) for row in prompts]
        with torch.inference_mode():
            nothing = empty(network, len(prompts))
            picture = read_latents(network, nothing, markers, clean, grid)
            picture, _ = read_patches(network, picture, markers, patches)
            whole, _ = read_text(network, picture, texts)
            words, _ = read_text(network, nothing, texts)
        return Three(whole, picture, words)

    def _asked_to_plan(self, rows: int) -> Context:
        from selfreward_eval.harness.models.bagel.contexts import empty, read_text

        network = self.loaded.network
        ids = self.text_ids([self.drawing.think_prompt], "think_prompt")[0]
        context, _ = read_text(network, empty(network, rows), [self.marked(ids)] * rows)
        return context

    def _plans(self, prompts: Sequence[Sequence[int]]) -> list[list[int]]:
        """Token ids of the plan that the model writes for each prompt, as its text is read again."""
        import torch

        from selfreward_eval.harness.models.bagel.contexts import read_text
        from selfreward_eval.harness.models.bagel.writing import write

        network, markers = self.loaded.network, self.loaded.markers
        texts = [""] * len(prompts)
        for group in self.grouped([0] * len(prompts), [len(row) for row in prompts]):
            with torch.inference_mode():
                context = self._asked_to_plan(len(group.rows))
                asked = [self.marked(prompts[k]) for k in group.rows]
                context, _ = read_text(network, context, asked)
                limit = self.drawing.max_think_tokens
                written = write(network, context, markers, limit, drops=self.is_exact)
            for k, (tokens, _) in zip(group.rows[: group.real], written, strict=False):
                texts[k] = self.to_text(tokens)
        return self.text_ids(texts, "the plan")
