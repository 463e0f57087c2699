"""Two models as one: ``--model pair --model-args generator=NAME,generator.weights=...,understander=NAME``.

One draws, the other answers. Together they run every task, and rewarders may use the pair; its judgement is
then an external one, and no trainer takes the two for one policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.models.base import Model, capabilities, require
from selfreward_eval.harness.records import Measurement, fingerprint
from selfreward_eval.harness.registry import construct, registry

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

OF_UNDERSTANDER = ("answer", "text_logprobs", "option_logprobs", "complete", "completion_logprobs")
"""Optional capabilities of the second model. log pi(picture | text) is none of them: no picture of the first
model is one of the second's."""


class PairModel:
    """A generator and an understander under one name.

    Args:
        generator: registry name of a model that draws.
        understander: registry name of a model that answers.
        generator_args: its arguments; ``generator.NAME=value`` on the command line.
        understander_args: likewise.
        name: how the run is called; both names by default.

    Raises:
        MissingCapability: the first does not draw, or the second does not answer.
    """

    two_models = True
    """Rewarders that would be of kind ``self`` are external with it, and trainers refuse it."""

    def __init__(
        self,
        generator: str | Model,
        understander: str | Model,
        generator_args: Mapping[str, Any] | None = None,
        understander_args: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> None:
        self.generator = _part("generator", generator, generator_args, "generate")
        self.understander = _part("understander", understander, understander_args, "answer")
        self.name = name or f"{_name(self.generator)}+{_name(self.understander)}"
        self.world = getattr(self.generator, "world", "photographs")
        offered = {*capabilities(self.understander), *_optional(self.understander)}
        for capability in OF_UNDERSTANDER:
            if capability not in offered:
                setattr(self, capability, None)

    @property
    def max_new_tokens(self) -> int:
        """Longest answer of the understander."""
        return int(self.understander.max_new_tokens)

    def identity(self) -> dict[str, Any]:
        """Both identities; settings of drawing and of answering are apart."""
        parts = {"generator": self.generator.identity(), "understander": self.understander.identity()}
        about: dict[str, Any] = {
            "adapter": "pair",
            "name": self.name,
            "revision": fingerprint([part.get("revision") for part in parts.values()])[:16],
            "generation": {role: part.pop("generation", {}) for role, part in parts.items()},
            **parts,
        }
        if parts["generator"].get("reproducible") is not None:
            about["reproducible"] = parts["generator"]["reproducible"]
        return about

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Sequence[Image | Measurement]:
        """As the generator draws."""
        drawn: Sequence[Image | Measurement] = self.generator.generate(prompts, seeds)
        return drawn

    def answer(self, images: Sequence[Image], questions: Sequence[str]) -> list[str]:
        """As the understander answers."""
        answers: list[str] = self.understander.answer(images, questions)
        return answers

    def text_logprobs(
        self,
        images: Sequence[Image],
        texts: Sequence[str],
        *,
        question: str | None = None,
        gradients: bool = False,
    ) -> list[torch.Tensor]:
        """log pi(text | picture) of the understander."""
        found: list[torch.Tensor] = self.understander.text_logprobs(
            images, texts, question=question, gradients=gradients
        )
        return found

    def option_logprobs(
        self, images: Sequence[Image], questions: Sequence[str], options: Sequence[Sequence[str]]
    ) -> list[list[torch.Tensor]]:
        """log pi(text | picture, question) of the understander, several texts to a question."""
        found: list[list[torch.Tensor]] = self.understander.option_logprobs(images, questions, options)
        return found

    def complete(self, contexts: Sequence[str], *, limit: int, until: Sequence[str] = ()) -> list[str]:
        """As the understander continues texts."""
        texts: list[str] = self.understander.complete(contexts, limit=limit, until=until)
        return texts

    def completion_logprobs(
        self, contexts: Sequence[str], texts: Sequence[str]
    ) -> list[tuple[torch.Tensor, bool]]:
        """log pi(text | context) of the understander."""
        found: list[tuple[torch.Tensor, bool]] = self.understander.completion_logprobs(contexts, texts)
        return found


def _part(role: str, given: str | Model, arguments: Mapping[str, Any] | None, capability: str) -> Any:
    """One of the two models, checked for what it is there for."""
    made = given
    if isinstance(given, str):
        factory = registry("models").load(given)
        made = construct(factory, dict(arguments or {}), f"{role} {given!r}", f"{role}_args")
    return require(made, capability, f"the {role} of a pair")  # type: ignore[arg-type]


def _name(model: Any) -> str:
    return str(getattr(model, "name", type(model).__name__))


def _optional(model: Any) -> list[str]:
    return ["option_logprobs"] if callable(getattr(model, "option_logprobs", None)) else []
