"""Our adapters as a model of lm-eval: ``lm_eval --model selfreward --model_args adapter=tiny,...``.

A question about a picture goes to the adapter's understanding side (``answer``,
``text_logprobs``), which writes its own chat template around it; a text without
a picture goes to its language side (``complete``, ``completion_logprobs``), as it
stands. What the adapter lacks is refused by name.

The class is declared in the entry-point group ``lm_eval.models``, which lm-eval
reads from the release after 0.4.13 on; importing this module registers it in
any release. See ``docs/lm_eval.md``.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

# lm-eval fills its registry with its own models only as long as nothing else is in it.
import lm_eval.models  # noqa: F401
from lm_eval.api.model import LM, CacheHook
from lm_eval.api.registry import register_model

from selfreward_eval.harness.errors import InputError, MissingCapability, UsageError
from selfreward_eval.harness.instruments.backends.finite import NotFinite
from selfreward_eval.harness.models.base import LimitsAnswers, Model, require
from selfreward_eval.harness.models.lm_eval_requests import (
    Decoding,
    Query,
    begins_with,
    cut,
    parse_decoding,
    parse_query,
)
from selfreward_eval.harness.records import fingerprint
from selfreward_eval.harness.registry import construct, registry
from selfreward_eval.harness.user_files.pictures import Unreadable, as_rgb

if TYPE_CHECKING:
    import torch
    from lm_eval.api.instance import Instance
    from PIL.Image import Image

ROWS = 16
"""Texts scored in one pass at most. The texts of one question are scored together and apart from all others,
so that the shapes of a pass, and with them its rounding, do not depend on the batch size."""

DEFAULT_LIMIT = 256
"""Longest continuation of a text, in tokens, where a task sets no limit: lm-eval's own."""

DEFAULT_DEVICE = "cuda:0"
"""What lm-eval asks for where its user asks for nothing, GPU or not (lm_eval/config/evaluate_config.py)."""

NAMING = ("peft", "delta", "pretrained", "model", "path", "engine")
"""Arguments after which lm-eval names a model (lm_eval/loggers/evaluation_tracker.py)."""

HOLDER = "selfreward: fingerprint of the model"
"""Key in a cache of lm-eval's, beside its own, which are hexadecimal digits."""

BATCH = 32
"""Questions answered together where ``batch_size`` is ``auto``."""


@register_model("selfreward")
class SelfRewardLM(LM):
    """An adapter behind lm-eval's interface.

    Args:
        adapter: registry name (``selfreward-eval list models``), or an adapter.
        batch_size: questions answered together; changes speed only.
        max_batch_size: accepted because lm-eval passes it on.
        device: of the adapter; ``cuda:0``, lm-eval's own default, leaves the choice to it.
        arguments: the adapter's other arguments, such as ``checkpoint=final``. ``model`` is the name of the
            results where the adapter takes no such argument.

    Raises:
        UnknownName: no such adapter.
        UsageError: it does not take these arguments.
    """

    MULTIMODAL = True

    def __init__(
        self,
        adapter: str | Model = "tiny",
        batch_size: int | str = 1,
        max_batch_size: int | None = None,
        device: str | None = None,
        **arguments: Any,
    ) -> None:
        super().__init__()
        if device not in (None, DEFAULT_DEVICE):
            arguments["device"] = device
        self.model: Model = _build(adapter, arguments) if isinstance(adapter, str) else adapter
        self.batch_size = BATCH if str(batch_size).startswith("auto") else max(1, int(batch_size))

    @classmethod
    def create_from_arg_obj(
        cls, arg_dict: dict[str, Any], additional_config: dict[str, Any] | None = None
    ) -> SelfRewardLM:
        """The model, built from lm-eval's arguments.

        lm-eval names the folder and the results after one of the arguments ``NAMING``. Where there is none
        it draws eight characters that are the same in every run, so that two models share a folder.
        ``arg_dict`` therefore gets the adapter's name as ``model``.
        """
        given = {key: value for key, value in (additional_config or {}).items() if value is not None}
        lm = cls(**arg_dict, **given)
        if not any(key in arg_dict for key in NAMING):
            arg_dict["model"] = str(lm.model.identity().get("name") or arg_dict.get("adapter", "tiny"))
        return lm

    def get_model_info(self) -> dict[str, Any]:
        """What lm-eval writes into its results: the adapter's identity."""
        return {"selfreward": self.model.identity()}

    def set_cache_hook(self, cache_hook: CacheHook) -> None:
        """Takes the store of ``--use_cache``, if what it holds was answered by this model.

        lm-eval finds an answer by the request alone, so that a model would be scored by another one's
        answers, such as those from before its training.

        Raises:
            UsageError: it holds answers of another model, or of nobody knows which.
        """
        kept = cache_hook.dbdict
        if kept is not None:
            own = fingerprint(self.model.identity())
            holder = kept.get(HOLDER, own if not len(kept) else None)
            if holder != own:
                raise UsageError(
                    f"the cache {kept.filename} holds answers of another model, and lm-eval would score this "
                    "one by them; name a --use_cache of its own for every model and checkpoint"
                )
            kept[HOLDER] = own
        super().set_cache_hook(cache_hook)

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """(log-probability, whether the greedy answer begins with it) of every continuation.

        Blanks before a continuation about a picture are left out: the adapter writes its own. Without a
        picture a continuation is scored as it stands.

        Raises:
            MissingCapability: the adapter cannot do it.
            UsageError: a request that no adapter can serve; see :func:`~.lm_eval_requests.parse_query`.
            ValueError: an empty continuation, whose probability would be 1.
            NotFinite: a log-probability is NaN or infinite; lm-eval would rank it like a number.
        """
        groups = _groups(requests)
        with_picture = [group for group in groups if group.query.image is not None]
        answers = iter(self._answers(with_picture))
        results: dict[int, tuple[float, bool]] = {}
        for group in groups:
            texts = [str(requests[k].args[1]) for k in group.members]
            image = group.query.image
            if image is None:
                scores = self._after_text(group, texts)
            else:
                texts = [text.lstrip() for text in texts]
                scores = self._about_picture(group, image, texts, next(answers))
            results |= {k: scores[text] for k, text in zip(group.members, texts, strict=True)}
        return [results[k] for k in range(len(requests))]

    def generate_until(self, requests: list[Instance]) -> list[str]:
        """The greedy answer to every context, cut before the first of the task's ``until`` strings.

        Raises:
            MissingCapability: the adapter cannot do it.
            UsageError: the task samples, or wants longer answers than the adapter gives.
        """
        groups = [_Group(_query(request), [k], _where(request)) for k, request in enumerate(requests)]
        decodings = [parse_decoding(request.args[1], _where(request)) for request in requests]
        for group, decoding in zip(groups, decodings, strict=True):
            if group.query.image is not None:
                self._check_length(group, decoding)
        answers = iter(self._answers([group for group in groups if group.query.image is not None]))
        return [
            cut(next(answers), decoding.until)
            if group.query.image is not None
            else self._complete(group, decoding)
            for group, decoding in zip(groups, decodings, strict=True)
        ]

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        """Not offered.

        Raises:
            MissingCapability: always.
        """
        where = _where(requests[0]) if requests else "lm-eval"
        raise MissingCapability(
            f"{where} measures the perplexity of whole documents (loglikelihood_rolling), which no adapter "
            "offers; choose a task that asks for answers or compares texts"
        )

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """Not offered: the adapters put their own template around every question about a picture.

        Raises:
            UsageError: always.
        """
        raise UsageError("the adapters write their own chat template; leave --apply_chat_template out")

    def _check_length(self, group: _Group, decoding: Decoding) -> None:
        """Refuses a task whose answers the adapter would cut short: halves of answers would be scored."""
        if not isinstance(self.model, LimitsAnswers) or decoding.limit is None:
            return
        longest = self.model.max_new_tokens
        if decoding.limit > longest:
            raise UsageError(
                f"{group.where} allows answers of {decoding.limit} tokens, but this model stops after "
                f"{longest}: give the model max_new_tokens={decoding.limit} if it takes that, or ask for "
                f"less with gen_kwargs.max_gen_toks={longest} (lm_eval: --gen_kwargs max_gen_toks={longest})"
            )

    def _answers(self, groups: Sequence[_Group]) -> list[str]:
        """The greedy answer to each group's question about its picture, aligned."""
        out: list[str] = []
        for start in range(0, len(groups), self.batch_size):
            part = groups[start : start + self.batch_size]
            model = require(self.model, "answer", part[0].where)
            images = [_rgb(group.query.image, group.where) for group in part if group.query.image is not None]
            out += model.answer(images, [group.query.question for group in part])
        for group, answer in zip(groups, out, strict=True):
            if answer is None:
                raise ValueError(f"{group.where}: no answer to {group.query.question!r}")
        return out

    def _about_picture(
        self, group: _Group, image: Image, texts: Sequence[str], answer: str
    ) -> dict[str, tuple[float, bool]]:
        model = require(self.model, "text_logprobs", group.where)
        distinct = _distinct(texts, group.where)
        picture = _rgb(image, group.where)
        scores: dict[str, tuple[float, bool]] = {}
        for start in range(0, len(distinct), ROWS):
            part = distinct[start : start + ROWS]
            scored = model.text_logprobs([picture] * len(part), part, question=group.query.question)
            for text, tokens in zip(part, scored, strict=True):
                scores[text] = (_total(tokens, text, group.where), begins_with(answer, text))
        return scores

    def _after_text(self, group: _Group, texts: Sequence[str]) -> dict[str, tuple[float, bool]]:
        model = require(self.model, "completion_logprobs", group.where)
        distinct = _distinct(texts, group.where)
        scores: dict[str, tuple[float, bool]] = {}
        for start in range(0, len(distinct), ROWS):
            part = distinct[start : start + ROWS]
            scored = model.completion_logprobs([group.query.question] * len(part), part)
            for text, (tokens, greedy) in zip(part, scored, strict=True):
                scores[text] = (_total(tokens, text, group.where), bool(greedy))
        return scores

    def _complete(self, group: _Group, decoding: Decoding) -> str:
        model = require(self.model, "complete", group.where)
        limit = decoding.limit if decoding.limit is not None else DEFAULT_LIMIT
        (completion,) = model.complete([group.query.question], limit=limit, until=decoding.until)
        return cut(completion, decoding.until)


@dataclass(frozen=True)
class _Group:
    """Requests of one question.

    Attributes:
        query: their question and picture.
        members: positions in the list of requests.
        where: the task, for messages.
    """

    query: Query
    members: list[int]
    where: str


def _groups(requests: Sequence[Instance]) -> list[_Group]:
    """Neighbouring requests about the same document, question and picture, together."""
    groups: list[_Group] = []
    before: tuple[object, ...] = ()
    for k, request in enumerate(requests):
        query = _query(request)
        key = (request.task_name, request.doc_id, query.question, id(query.image))
        if groups and key == before:
            groups[-1].members.append(k)
        else:
            groups.append(_Group(query, [k], _where(request)))
        before = key
    return groups


def _query(request: Instance) -> Query:
    return parse_query(
        str(request.args[0]), request.args[2] if len(request.args) > 2 else None, _where(request)
    )


def _where(request: Instance) -> str:
    return f"lm-eval's task {request.task_name!r}" if request.task_name else "a request of lm-eval"


def _total(tokens: torch.Tensor, text: str, where: str) -> float:
    """The sum of a text's log-probabilities, a number."""
    total = float(tokens.double().sum())
    if not isfinite(total):
        raise NotFinite(f"{where}: the log-probability of {text!r} is {total}; the model computes no number")
    return total


def _rgb(image: Image, where: str) -> Image:
    try:
        return as_rgb(image)
    except Unreadable as error:
        raise InputError(f"a picture of {where} cannot be read: {error}; correct the data") from error


def _distinct(texts: Sequence[str], where: str) -> list[str]:
    distinct = list(dict.fromkeys(texts))
    if "" in distinct:
        raise ValueError(f"{where} has an empty continuation; its probability would be 1 whatever was asked")
    return distinct


def _build(name: str, arguments: dict[str, Any]) -> Model:
    factory = registry("models").load(name)
    if "model" not in inspect.signature(factory).parameters:
        arguments = {key: value for key, value in arguments.items() if key != "model"}
    model: Model = construct(factory, arguments, f"model {name!r}", "--model_args")
    return model
