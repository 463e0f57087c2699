"""An adapter behind lm-eval's interface: what it is asked, and what is refused by name."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.api.instance import Instance
from lm_eval.api.model import CachingLM
from lm_eval.api.registry import get_model, model_registry
from PIL import Image

from selfreward_eval.harness.errors import InputError, MissingCapability, UnknownName, UsageError
from selfreward_eval.harness.instruments.backends.finite import NotFinite
from selfreward_eval.harness.models.lm_eval_bridge import ROWS, SelfRewardLM
from selfreward_eval.harness.testing.dummy_model import DummyModel

PICTURE = Image.new("RGB", (4, 4), "red")
OTHER = Image.new("RGB", (4, 4), "blue")


class Looker:
    """Answers with the picture's colour; a text's tokens are its words, each at -1 or, if true, -0.1."""

    max_new_tokens = 64

    def __init__(self) -> None:
        self.answered: list[list[str]] = []
        self.scored: list[tuple[str | None, list[str]]] = []

    def identity(self) -> dict[str, Any]:
        return {"name": "looker"}

    def answer(self, images: Sequence[Image.Image], questions: Sequence[str]) -> list[str]:
        self.answered.append(list(questions))
        return [colour(image) + "\nso it is" for image in images]

    def text_logprobs(
        self, images: Sequence[Image.Image], texts: Sequence[str], *, question: str | None = None
    ) -> list[torch.Tensor]:
        self.scored.append((question, list(texts)))
        return [
            torch.tensor([-0.1 if word == colour(image) else -1.0 for word in text.split()])
            for image, text in zip(images, texts, strict=True)
        ]


class Checkpoint(Looker):
    """A model before and after training has other weights and looks alike otherwise."""

    def __init__(self, weights: str) -> None:
        super().__init__()
        self.weights = weights

    def identity(self) -> dict[str, Any]:
        return {"name": "looker", "weights": self.weights}


class Reader(Looker):
    """Has a language side too."""

    def complete(self, contexts: Sequence[str], *, limit: int, until: Sequence[str] = ()) -> list[str]:
        return [f"{context}|{limit}|\n\nmore" for context in contexts]

    def completion_logprobs(
        self, contexts: Sequence[str], texts: Sequence[str]
    ) -> list[tuple[torch.Tensor, bool]]:
        return [(torch.full((len(text),), -1.0), text == " a") for text in texts]


def colour(image: Image.Image) -> str:
    return "red" if image.getpixel((0, 0)) == (255, 0, 0) else "blue"


def compare(doc: int, question: str, text: str, image: Image.Image | None = PICTURE) -> Instance:
    arguments = (question, text) if image is None else (question, text, {"visual": [image]})
    return Instance("loglikelihood", {}, arguments, 0, metadata=("colours", doc, 1))


def generate(question: str, image: Image.Image | None = PICTURE, **kwargs: Any) -> Instance:
    arguments = (question, kwargs) if image is None else (question, kwargs, {"visual": [image]})
    return Instance("generate_until", {}, arguments, 0, metadata=("colours", 0, 1))


def test_lm_eval_finds_it_beside_its_own_models() -> None:
    assert get_model("selfreward") is SelfRewardLM
    assert {"hf", "vllm"} <= set(model_registry.keys())


def test_later_releases_of_lm_eval_find_it_by_its_entry_point() -> None:
    (entry,) = {one.value: one for one in entry_points(group="lm_eval.models", name="selfreward")}.values()
    assert entry.load() is SelfRewardLM


def test_an_adapter_is_built_from_lm_evals_arguments() -> None:
    lm = SelfRewardLM.create_from_arg_string(
        "adapter=dummy,size=16", {"batch_size": "auto", "max_batch_size": None, "device": "cuda:0"}
    )
    assert isinstance(lm.model, DummyModel)
    assert (lm.model.size, lm.batch_size) == (16, 32)
    assert lm.get_model_info()["selfreward"]["name"] == "dummy"


def test_answers_of_another_model_are_not_taken_from_a_cache(tmp_path: Path) -> None:
    """lm-eval's cache knows requests and not models: after training it would answer as before."""
    cache = str(tmp_path / "answers")
    asked = [compare(0, "what colour?", "red")]
    first = CachingLM(SelfRewardLM(Checkpoint("before")), cache).loglikelihood(asked)
    again = CachingLM(SelfRewardLM(Checkpoint("before")), cache).loglikelihood(asked)
    assert again == first
    with pytest.raises(UsageError, match=f"the cache {cache} holds answers of another model"):
        CachingLM(SelfRewardLM(Checkpoint("after")), cache)
    assert CachingLM(SelfRewardLM(Checkpoint("after")), cache + "-after").loglikelihood(asked)


def test_a_cache_that_was_filled_by_nobody_knows_which_model_is_refused(tmp_path: Path) -> None:
    from sqlitedict import SqliteDict

    with SqliteDict(str(tmp_path / "answers"), autocommit=True) as kept:
        kept["0123"] = (-1.0, True)
    with pytest.raises(UsageError, match="holds answers of another model"):
        CachingLM(SelfRewardLM(Checkpoint("before")), str(tmp_path / "answers"))


def test_an_unknown_adapter_and_an_unknown_argument_are_named() -> None:
    with pytest.raises(UnknownName, match="dumy"):
        SelfRewardLM("dumy")
    with pytest.raises(UsageError, match=r"'dummy'.*unexpected keyword argument 'device'"):
        SelfRewardLM("dummy", device="cpu")


def test_texts_of_one_question_are_scored_together_in_the_models_words() -> None:
    model = Looker()
    found = SelfRewardLM(model).loglikelihood(
        [
            compare(0, "<image>what colour?", " red"),
            compare(0, "<image>what colour?", " blue"),
            compare(1, "<image>what colour?", " red", OTHER),
        ]
    )
    assert model.scored == [("what colour?", ["red", "blue"]), ("what colour?", ["red"])]
    assert [greedy for _, greedy in found] == [True, False, False]
    assert [score for score, _ in found] == pytest.approx([-0.1, -1.0, -1.0])


def test_a_text_asked_twice_is_scored_once() -> None:
    model = Looker()
    first, _, second = SelfRewardLM(model).loglikelihood(
        [compare(0, "what?", text) for text in (" red", " blue", " red")]
    )
    assert model.scored == [("what?", ["red", "blue"])]
    assert first == second


def test_many_texts_are_scored_in_parts() -> None:
    model = Looker()
    texts = [f" shade {k}" for k in range(ROWS + 1)]
    found = SelfRewardLM(model).loglikelihood([compare(0, "what?", text) for text in texts])
    assert [len(part) for _, part in model.scored] == [ROWS, 1]
    assert [score for score, _ in found] == [-2.0] * (ROWS + 1)


def test_an_empty_text_is_no_answer() -> None:
    with pytest.raises(ValueError, match="empty continuation"):
        SelfRewardLM(Looker()).loglikelihood([compare(0, "what?", " ")])


def test_answers_are_asked_in_batches_and_cut() -> None:
    model = Looker()
    requests = [generate("<image>a?", until=["\n"]), generate("b?", OTHER, until=[]), generate("c?")]
    assert SelfRewardLM(model, batch_size=2).generate_until(requests) == [
        "red",
        "blue\nso it is",
        "red\nso it is",
    ]
    assert model.answered == [["a?", "b?"], ["c?"]]


def test_a_model_that_stops_before_the_task_does_is_refused() -> None:
    lm = SelfRewardLM(Looker())
    assert lm.generate_until([generate("a?", max_gen_toks=64)]) == ["red\nso it is"]
    with pytest.raises(
        UsageError, match=r"'colours' allows answers of 65 tokens.*gen_kwargs max_gen_toks=64"
    ):
        lm.generate_until([generate("a?", max_gen_toks=65)])


def test_text_without_a_picture_goes_to_the_language_side() -> None:
    lm = SelfRewardLM(Reader())
    assert lm.loglikelihood([compare(0, "b c", " a", None), compare(0, "b c", " dd", None)]) == [
        (-2.0, True),
        (-3.0, False),
    ]
    assert lm.generate_until([generate("x", None, max_gen_toks=500, until=["\n\n"])]) == ["x|500|"]
    assert lm.generate_until([generate("x", None)]) == ["x|256|\n\nmore"]


@pytest.mark.parametrize(
    ("request_", "capability"),
    [
        (compare(0, "b", " a", None), "completion_logprobs"),
        (generate("b", None), "complete"),
    ],
)
def test_a_model_without_a_language_side_is_refused_by_name(request_: Instance, capability: str) -> None:
    with pytest.raises(MissingCapability, match=f"'colours' needs a model that can '{capability}'; looker"):
        getattr(SelfRewardLM(Looker()), request_.request_type)([request_])


def test_a_model_that_only_draws_is_refused_by_name() -> None:
    with pytest.raises(MissingCapability, match="can 'answer'; dummy offers: generate"):
        SelfRewardLM("dummy").loglikelihood([compare(0, "what?", " red")])


def test_what_is_not_offered_says_so() -> None:
    lm = SelfRewardLM(Looker())
    with pytest.raises(MissingCapability, match="perplexity of whole documents"):
        lm.loglikelihood_rolling([Instance("loglikelihood_rolling", {}, ("text",), 0)])
    with pytest.raises(UsageError, match="own chat template"):
        lm.apply_chat_template([{"role": "user", "content": "hello"}])


class Broken(Reader):
    """Its log-probabilities are no numbers."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def text_logprobs(
        self, images: Sequence[Image.Image], texts: Sequence[str], *, question: str | None = None
    ) -> list[torch.Tensor]:
        return [torch.tensor([-1.0, self.value]) for _ in texts]

    def completion_logprobs(
        self, contexts: Sequence[str], texts: Sequence[str]
    ) -> list[tuple[torch.Tensor, bool]]:
        return [(torch.tensor([self.value]), True) for _ in texts]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("image", [PICTURE, None])
def test_a_log_probability_that_is_no_number_is_no_answer(value: float, image: Image.Image | None) -> None:
    with pytest.raises(NotFinite, match=r"lm-eval's task 'colours': the log-probability of ' ?red' is"):
        SelfRewardLM(Broken(value)).loglikelihood([compare(0, "what?", " red", image)])


@pytest.mark.parametrize(
    "request_",
    [
        compare(0, "what <eos> colour?", "red"),
        compare(0, "what?", "red <image_placeholder>"),
        generate("what <|Assistant|> colour?"),
    ],
)
def test_a_control_token_in_a_request_is_refused_by_name(janus: Any, request_: Instance) -> None:
    lm = SelfRewardLM(janus(max_new_tokens=4))
    ask = lm.loglikelihood if request_.request_type == "loglikelihood" else lm.generate_until
    with pytest.raises(InputError, match=r"holds <\S+>, a control token of"):
        ask([request_])


@pytest.mark.parametrize("request_", [compare(0, "a <eos>", " red", None), compare(0, "a", " <bos>", None)])
def test_a_control_token_in_a_text_is_refused_by_name(janus: Any, request_: Instance) -> None:
    with pytest.raises(InputError, match=r"holds <\S+>, a control token of"):
        SelfRewardLM(janus()).loglikelihood([request_])


def lm_evals_name(arguments: dict[str, Any]) -> str | None:
    """What lm-eval calls a model of these arguments; None where it draws a name."""
    from lm_eval.loggers.evaluation_tracker import GeneralConfigTracker

    return GeneralConfigTracker._get_model_name(arguments)


def test_lm_eval_gets_the_adapters_name() -> None:
    """Without it lm-eval draws eight characters, the same in every run: two models would share a folder."""
    arguments = {"adapter": "dummy", "size": 16}
    assert lm_evals_name(arguments) is None
    SelfRewardLM.create_from_arg_obj(arguments, {"batch_size": 2, "max_batch_size": None})
    assert lm_evals_name(arguments) == "dummy"
    again = SelfRewardLM.create_from_arg_obj(arguments)  # lm-eval's caller may use them twice.
    assert isinstance(again.model, DummyModel)
    assert lm_evals_name(arguments) == "dummy"


def test_a_name_of_the_users_own_stays() -> None:
    arguments = {"adapter": "dummy", "model": "mine"}
    SelfRewardLM.create_from_arg_obj(arguments)
    assert lm_evals_name(arguments) == "mine"


def test_a_name_in_a_text_of_arguments_is_no_argument_of_the_adapter() -> None:
    lm = SelfRewardLM.create_from_arg_string("adapter=dummy,model=mine,size=16")
    assert lm.get_model_info()["selfreward"]["name"] == "dummy"
