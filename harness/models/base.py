"""Model adapters: capabilities as small Protocols.

An adapter implements the Protocols it can serve; :func:`require` refuses the
rest by name before anything is computed. What a trainer asks of a model stands in
:mod:`selfreward_eval.harness.models.training`, what a text-only task asks in
:mod:`selfreward_eval.harness.models.language`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, overload, runtime_checkable

from selfreward_eval.harness.errors import MissingCapability
from selfreward_eval.harness.models.language import Completes, CompletionLogProbs
from selfreward_eval.harness.models.training import Trains as Trains
from selfreward_eval.harness.models.training import TrainsCaptioning as TrainsCaptioning
from selfreward_eval.harness.models.training import TrainsDrawing as TrainsDrawing
from selfreward_eval.harness.models.training import TrainsFlow as TrainsFlow
from selfreward_eval.harness.models.training import TrainsLikelihoods as TrainsLikelihoods
from selfreward_eval.harness.records import Item, Measurement, Status

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

    from selfreward_eval.harness.models.inventory import Inventory
    from selfreward_eval.harness.task import Task


@runtime_checkable
class Model(Protocol):
    """What every adapter has."""

    def identity(self) -> dict[str, Any]:
        """Name, revision and every setting that can change an output; JSON values."""
        ...


@runtime_checkable
class Generates(Protocol):
    """Draws pictures.

    A model that cannot promise the same picture for the same pair says ``"reproducible": False`` in its
    identity.
    """

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Sequence[Image | Measurement]:
        """One RGB picture per (prompt, seed), or a measurement whose status says why there is none.

        The same pair gives the same picture in any batch.
        """
        ...


@dataclass(frozen=True)
class Request:
    """One picture that a task asks for, by what it is and not only by what it shows.

    Attributes:
        task: the task's name.
        item: what the picture answers.
        index: k, the number of this picture among the item's, from 0.
        seed: what a model would draw it with.
    """

    task: str
    item: Item
    index: int
    seed: int


REVISED_PROMPT = "revised_prompt"
"""Key of a drawn picture's ``info``: the prompt that was drawn in place of the one that was asked for. The
runner keeps it in the picture's file and in the sample's evidence."""


@runtime_checkable
class Supplies(Protocol):
    """Hands out pictures made elsewhere. The runner asks it by item and index, and never to draw."""

    def survey(self, tasks: Sequence[Task], limit: int | None = None) -> Inventory:
        """What is there for ``tasks`` under ``limit``; comes before :meth:`pictures`.

        Raises:
            InputError: a task has no picture at all.
        """
        ...

    def pictures(self, requests: Sequence[Request]) -> list[Image | Measurement]:
        """One RGB picture per request, or a measurement whose status says why there is none."""
        ...


class NotServed(Exception):
    """Why a model has no answer for one sample, although it works: raised by ``answer`` and the like.

    No :class:`~selfreward_eval.harness.errors.SelfRewardError`, so that a batch is tried one by one and every
    sample gets its own status.

    Attributes:
        status: ``model_refused``, ``model_transport_error`` or ``generation_error``.
    """

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status = Status(status)


class CutAnswer(str):
    """An answer that ended at the model's limit of tokens, not by itself.

    It is a text like any other; who reads a number from it can tell that the number may have gone on.
    """

    __slots__ = ()


@runtime_checkable
class Answers(Model, Protocol):
    """Answers questions about pictures."""

    def answer(self, images: Sequence[Image], questions: Sequence[str]) -> list[str]:
        """One greedy answer per (picture, question); a :class:`CutAnswer` where it ended at a limit."""
        ...


@runtime_checkable
class TextLogProbs(Model, Protocol):
    """log pi(text | picture)."""

    def text_logprobs(
        self,
        images: Sequence[Image],
        texts: Sequence[str],
        *,
        question: str | None = None,
        gradients: bool = False,
    ) -> list[torch.Tensor]:
        """Per-token natural log-probabilities of every text given its picture: tensors (T_i,), float32."""
        ...


@runtime_checkable
class ImageLogProbs(Protocol):
    """log pi(picture tokens | text); autoregressive models only."""

    def image_logprobs(
        self, texts: Sequence[str], images: Sequence[Image], *, gradients: bool = False
    ) -> torch.Tensor:
        """Per-token natural log-probabilities of every picture's tokens: float32 (B, N)."""
        ...


@runtime_checkable
class OptionLogProbs(Protocol):
    """log pi(text | picture, question) of several answers to each question, read once. Optional beside
    :class:`TextLogProbs`, whose values it gives faster.
    """

    def option_logprobs(
        self, images: Sequence[Image], questions: Sequence[str], options: Sequence[Sequence[str]]
    ) -> list[list[torch.Tensor]]:
        """For every (picture, question, its answers) one float32 tensor (T_i,) of natural per-token
        log-probabilities per answer, aligned.
        """
        ...


@runtime_checkable
class LimitsAnswers(Protocol):
    """Stops its answers after a number of tokens. Optional; a model without it has no limit of its own."""

    max_new_tokens: int


CAPABILITIES: dict[str, type] = {
    "generate": Generates,
    "pictures": Supplies,
    "answer": Answers,
    "text_logprobs": TextLogProbs,
    "image_logprobs": ImageLogProbs,
    "complete": Completes,
    "completion_logprobs": CompletionLogProbs,
}
"""Capability name -> Protocol, as ``list models`` shows them."""


def capabilities(model: object) -> list[str]:
    """Names of the capabilities that ``model`` (an adapter or its class) has."""
    return [name for name in CAPABILITIES if callable(getattr(model, name, None))]


@overload
def require(model: Model, capability: Literal["answer"], needed_by: str) -> Answers: ...
@overload
def require(model: Model, capability: Literal["text_logprobs"], needed_by: str) -> TextLogProbs: ...
@overload
def require(model: Model, capability: Literal["complete"], needed_by: str) -> Completes: ...
@overload
def require(
    model: Model, capability: Literal["completion_logprobs"], needed_by: str
) -> CompletionLogProbs: ...
@overload
def require(model: Model, capability: str, needed_by: str) -> Any: ...
def require(model: Model, capability: str, needed_by: str) -> Any:
    """``model`` itself, if it has ``capability``.

    Raises:
        MissingCapability: it has not; the message says what needs it and what the model offers.
    """
    if not callable(getattr(model, capability, None)):
        offered = ", ".join(capabilities(model)) or "nothing"
        name = model.identity().get("name", type(model).__name__)
        raise MissingCapability(
            f"{needed_by} needs a model that can {capability!r}; {name} offers: {offered}. "
            "`selfreward-eval list models` shows what each adapter can do"
        )
    return model
