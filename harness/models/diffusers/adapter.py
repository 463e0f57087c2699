"""The adapter: ``--model diffusers --model-args pretrained=black-forest-labs/FLUX.1-dev``.

A picture depends on its prompt and seed alone: each has a generator of its own, on the CPU, and the noise is
the same on every device. Whether batches keep that is asked of every pipeline before it draws, see
:mod:`selfreward_eval.harness.models.diffusers.repeating`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import InputError, SelfRewardError, UsageError
from selfreward_eval.harness.instruments.backends.finite import NotFinite
from selfreward_eval.harness.instruments.backends.weights import loading_error
from selfreward_eval.harness.models.diffusers.arguments import checked, settings_of, unquoted
from selfreward_eval.harness.models.diffusers.loading import Loaded, Source, check_settings, load
from selfreward_eval.harness.models.diffusers.repeating import Repeating, examine
from selfreward_eval.harness.models.diffusers.warnings import heard
from selfreward_eval.harness.records import Measurement, Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

BLACKED_OUT = "the pipeline's safety checker blacked the picture out"

TEST_STEPS = 2
"""Steps of a picture of the self-test."""


class DiffusersModel:
    """A text-to-image pipeline of diffusers. It draws; it answers nothing and is not trained here.

    Guidance has the pipeline's own name: ``guidance_scale`` is classifier-free guidance in most, an input of
    the network in FLUX.1-dev; QwenImage's is ``true_cfg_scale`` together with a ``negative_prompt``. What is
    not given is the pipeline's default, which the identity records.

    Args:
        pretrained: folder with a ``model_index.json``, or hub name.
        revision: the hub's branch, tag or commit.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        dtype: ``auto``, ``float64``, ``float32``, ``bfloat16`` or ``float16``. ``auto`` is bfloat16 on a GPU,
            float64 for small pipelines on a CPU and float32 for the others. Batches are drawn in float64 on
            a CPU only; everything else is drawn one by one.
        device_map: ``balanced`` or ``cuda``: diffusers places the parts.
        offload: ``none``, ``model`` or ``sequential``: parts wait on the CPU.
        num_inference_steps: denoising steps.
        guidance_scale: see above.
        true_cfg_scale: see above.
        negative_prompt: one for all pictures; in double quotes if it is a blank.
        height: of the pictures, in pixels.
        width: likewise.
        max_sequence_length: longest prompt, in tokens.
        extra: further arguments of the pipeline's call: ``extra.clean_caption=true``.
        lora: path of a LoRA, a safetensors file or a folder with one.
        lora_scale: its weight.
        local_files_only: whether nothing is downloaded.
        name: how the run is called; the pipeline's own name by default.
    """

    world = "photographs"

    def __init__(
        self,
        pretrained: str,
        revision: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
        device_map: str | None = None,
        offload: str = "none",
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        true_cfg_scale: float | None = None,
        negative_prompt: str | None = None,
        height: int | None = None,
        width: int | None = None,
        max_sequence_length: int | None = None,
        extra: Mapping[str, Any] | None = None,
        lora: str | None = None,
        lora_scale: float = 1.0,
        local_files_only: bool = False,
        name: str | None = None,
    ) -> None:
        self.source = Source(
            str(pretrained), revision, device, dtype, device_map, offload, lora, lora_scale, local_files_only
        )
        check_settings(self.source)
        named = {
            "num_inference_steps": num_inference_steps,
            "guidance_scale": guidance_scale,
            "true_cfg_scale": true_cfg_scale,
            "negative_prompt": unquoted(negative_prompt),
            "height": height,
            "width": width,
            "max_sequence_length": max_sequence_length,
        }
        if doubled := sorted(set(named) & set(extra or {})):
            raise UsageError(f"extra.{doubled[0]} has a name of its own; write {doubled[0]}=...")
        self.given = {key: value for key, value in named.items() if value is not None} | dict(extra or {})
        local = Path(self.source.pretrained).expanduser()
        self.shown = local.resolve().name if local.is_dir() else self.source.pretrained
        self.name = name or self.shown.rstrip("/").split("/")[-1]

    @cached_property
    def loaded(self) -> Loaded:
        """The pipeline, loaded on first use; its arguments are checked."""
        loaded = load(self.source)
        pipeline = type(loaded.pipeline)
        checked(pipeline.__name__, settings_of(pipeline.__call__), self.given)
        return loaded

    @cached_property
    def repeating(self) -> Repeating:
        """What the self-test found; the pipeline is loaded and draws six small pictures at most.

        Raises:
            InputError: it cannot draw from a prompt with these arguments.
        """
        steps = {} if self._steps is None else {"num_inference_steps": min(TEST_STEPS, self._steps)}
        stochastic: list[bool] = []

        def draw(prompts: Sequence[str], seeds: Sequence[int]) -> list[NDArray[np.uint8]]:
            with self._watched(stochastic) as generators:
                return self._call(prompts, seeds, steps, generators)[0]

        alone = "" if self.loaded.exact else f"{self.loaded.dtype} is not exact in batches"
        try:
            found = examine(draw, alone)
            if any(stochastic) and found.together:
                return Repeating(False, True, "its scheduler draws noise at every step", found.size)
            return found
        except (SelfRewardError, NotFinite):
            raise
        except Exception as error:  # Whatever a pipeline raises about its arguments.
            raise InputError(
                f"{self.source.pretrained} ({type(self.loaded.pipeline).__name__}) draws no picture with "
                f"{self.given or 'its own settings'}: {loading_error(error)}; correct --model-args"
            ) from error

    def identity(self) -> dict[str, Any]:
        """What can change a picture, the pipeline's own defaults included."""
        pipeline, found = self.loaded.pipeline, self.repeating
        scheduler = getattr(pipeline, "scheduler", None)
        about: dict[str, Any] = {
            "adapter": "diffusers",
            "name": self.name,
            "weights": self.shown,
            "revision": self.loaded.revision,
            "pipeline": type(pipeline).__name__,
            "scheduler": {"class": type(scheduler).__name__, **_plain(getattr(scheduler, "config", {}))},
            "reproducible": found.reproducible,
            "drawn": "in batches" if found.together else f"one by one: {found.why}",
            "generation": {
                **settings_of(type(pipeline).__call__),
                **self.given,
                "dtype": self.loaded.dtype,
                "size": list(found.size),
            },
        }
        return about if self.loaded.lora is None else {**about, "lora": self.loaded.lora}

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Image | Measurement]:
        """One RGB picture per (prompt, seed), or ``model_refused`` where its safety checker blacked it out.

        Raises:
            NotFinite: a pixel is NaN or infinite.
        """
        from PIL import Image as PillowImage

        if len(prompts) != len(seeds):
            raise ValueError(f"{len(prompts)} prompts but {len(seeds)} seeds")
        if not prompts:
            return []
        rows = [range(len(prompts))] if self.repeating.together else [[k] for k in range(len(prompts))]
        made: list[Image | Measurement] = []
        for row in rows:
            pixels, refused = self._call([prompts[k] for k in row], [seeds[k] for k in row])
            made += [
                Measurement(Status.MODEL_REFUSED, reason=BLACKED_OUT)
                if black
                else PillowImage.fromarray(picture)
                for picture, black in zip(pixels, refused, strict=True)
            ]
        return made

    @property
    def _steps(self) -> int | None:
        """Denoising steps; None for a pipeline that has no such setting."""
        known = settings_of(type(self.loaded.pipeline).__call__)
        steps = {**known, **self.given}.get("num_inference_steps")
        return steps if isinstance(steps, int) else None

    def _call(
        self,
        prompts: Sequence[str],
        seeds: Sequence[int],
        changes: Mapping[str, Any] | None = None,
        generators: list[Any] | None = None,
    ) -> tuple[list[NDArray[np.uint8]], list[bool]]:
        """Pixels (H, W, 3) of every picture, and whether the safety checker blacked it out."""
        import numpy as np
        import torch

        own = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
        if generators is not None:
            generators[:] = own
        settings = {**self.given, **(changes or {})}
        if "negative_prompt" in settings:
            settings["negative_prompt"] = [settings["negative_prompt"]] * len(prompts)
        cuda = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
        # Warnings of every call, such as prompts cut to the longest it reads, would fill the screen.
        with heard(), torch.random.fork_rng(devices=cuda), torch.inference_mode():
            if len(seeds) == 1:
                # For what a pipeline draws without its generator; in batches the self-test finds such draws.
                torch.manual_seed(seeds[0])
            # A list of its own: ZImagePipeline writes its chat template into the list that it is given.
            made = self.loaded.pipeline(
                prompt=list(prompts), generator=own, num_images_per_prompt=1, output_type="np", **settings
            )
        values = np.asarray(made.images)
        if not np.isfinite(values).all():
            raise NotFinite(
                f"a pixel is NaN or infinite in {self.loaded.dtype}: the pipeline overflows over this, or "
                "its weights are damaged; try dtype=float32"
            )
        pixels = (values.clip(0, 1) * 255).round().astype(np.uint8)
        flagged = getattr(made, "nsfw_content_detected", None) or [False] * len(prompts)
        return list(pixels), [bool(flag) for flag in flagged]

    @contextmanager
    def _watched(self, stochastic: list[bool]) -> Iterator[list[Any]]:
        """Yields a list for the generators; notes for every step of the scheduler whether it drew numbers."""
        import torch

        generators: list[Any] = []
        scheduler = getattr(self.loaded.pipeline, "scheduler", None)
        step = getattr(scheduler, "step", None)
        if scheduler is None or step is None:
            yield generators
            return

        def states() -> list[Any]:
            return [torch.get_rng_state(), *(generator.get_state() for generator in generators)]

        @wraps(step)
        def watching(*args: Any, **kwargs: Any) -> Any:
            before = states()
            made = step(*args, **kwargs)
            stochastic.append(any(not torch.equal(a, b) for a, b in zip(before, states(), strict=True)))
            return made

        scheduler.step = watching
        try:
            yield generators
        finally:
            del scheduler.step


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """A scheduler's configuration as JSON values, without what diffusers keeps for itself."""
    import json

    kept = {name: value for name, value in dict(config).items() if not name.startswith("_")}
    plain: dict[str, Any] = json.loads(json.dumps(kept, default=str))
    return plain
