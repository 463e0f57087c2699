"""Questions to chat models: a tiny Qwen2-VL with random weights, and the Janus that the package ships."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.paths import ROOT

from selfreward_eval.harness.errors import CheckpointError, InputError, UsageError
from selfreward_eval.harness.instruments.backends.first_words import ReadsFirstWords
from selfreward_eval.harness.instruments.base import VQA
from selfreward_eval.harness.instruments.vlm_vqa import AnswerTokens, VlmVQA, answer_tokens

SPECIAL = (
    "<pad>",
    "<unk>",
    "<eos>",
    "<user>",
    "<assistant>",
    "<|image_pad|>",
    "<|video_pad|>",
    "<see>",
    "</see>",
)
WORDS = (*SPECIAL, "yes", "Yes", "no", "No", "Is", "there", "a", "red", "cup", "?", "Answer", "or", ".")
TEMPLATE = (
    "{% for message in messages %}<user>{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<see><|image_pad|></see>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)
PROMPT = "{question} Answer yes or no ."
QUESTIONS = ("Is there a cup ?", "red ?", "Is there a red red red red cup ?", "")


def tokenizer(words: tuple[str, ...] = WORDS) -> Any:
    """One token a word; what is no word is unknown."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    plain = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    plain.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=plain,
        pad_token="<pad>",
        unk_token="<unk>",
        eos_token="<eos>",
        extra_special_tokens=list(SPECIAL[3:]),
    )


def network(seed: int = 0) -> Any:
    """A Qwen2-VL of some ten thousand weights."""
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10000.0}
    layers = {"num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2}
    ends = {"bos_token_id": 2, "eos_token_id": 2, "pad_token_id": 0}
    config = Qwen2VLConfig(
        text_config={
            "vocab_size": len(WORDS), "hidden_size": 32, "intermediate_size": 64, "rope_parameters": rope,
            "max_position_embeddings": 256, **layers, **ends,
        },
        vision_config={
            "depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "patch_size": 4, "mlp_ratio": 2,
        },
        image_token_id=WORDS.index("<|image_pad|>"),
        video_token_id=WORDS.index("<|video_pad|>"),
        vision_start_token_id=WORDS.index("<see>"),
        vision_end_token_id=WORDS.index("</see>"),
    )  # fmt: skip
    torch.manual_seed(seed)
    model = Qwen2VLForConditionalGeneration(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.normal_(0, 0.3)
    return model


def save(folder: Path, *, template: str | None = TEMPLATE, seed: int = 0) -> Path:
    from transformers import Qwen2VLImageProcessor, Qwen2VLProcessor, Qwen2VLVideoProcessor

    looks: dict[str, Any] = {"patch_size": 4, "merge_size": 2, "temporal_patch_size": 2}
    network(seed).save_pretrained(folder)
    Qwen2VLProcessor(
        image_processor=Qwen2VLImageProcessor(min_pixels=8 * 8, max_pixels=32 * 32, **looks),
        tokenizer=tokenizer(),
        video_processor=Qwen2VLVideoProcessor(**looks),
        chat_template=template,
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("weights") / "tiny")


@pytest.fixture(scope="module")
def vlm(folder: Path) -> VlmVQA:
    return tiny(folder)


def tiny(folder: Path, **settings: Any) -> VlmVQA:
    return VlmVQA(str(folder), **{"device": "cpu", "dtype": "float32", "prompt": PROMPT, **settings})


def picture(width: int = 40, height: int = 30, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def pictures() -> list[Image.Image]:
    """Of four shapes, so that rows differ in length."""
    return [picture(), picture(60, 20, seed=1), picture(16, 16, seed=2), picture(10, 90, seed=3)]


def slowly(folder: Path, image: Image.Image, question: str) -> dict[str, float]:
    """Probability of every word after one question, by a forward pass without generate or padding."""
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(folder)
    turn = [{"type": "image"}, {"type": "text", "text": PROMPT.format(question=question)}]
    asked = processor.apply_chat_template([{"role": "user", "content": turn}], add_generation_prompt=True)
    inputs = processor(text=[asked], images=[image], return_tensors="pt")
    with torch.no_grad():
        probability = network()(**inputs).logits[0, -1].softmax(dim=-1)
    return dict(zip(WORDS, probability.tolist(), strict=True))


def test_it_is_a_vqa_instrument(vlm: VlmVQA) -> None:
    assert isinstance(vlm, VQA)


def test_it_sums_the_spellings_of_the_first_answer_token(folder: Path, vlm: VlmVQA) -> None:
    (reading,) = vlm.readings([picture()], ["Is there a cup ?"])
    p = slowly(folder, picture(), "Is there a cup ?")
    assert reading.yes == pytest.approx(p["yes"] + p["Yes"], abs=1e-6)
    assert reading.no == pytest.approx(p["no"] + p["No"], abs=1e-6)
    assert reading.share == pytest.approx(reading.yes / (reading.yes + reading.no), abs=1e-6)


def test_batches_change_nothing(folder: Path, vlm: VlmVQA) -> None:
    """Padded rows of several lengths, pictures of several shapes."""
    alone = [vlm.readings([i], [q])[0] for i, q in zip(pictures(), QUESTIONS, strict=True)]
    together = tiny(folder, batch_size=4).readings(pictures(), QUESTIONS)
    for one, other in zip(alone, together, strict=True):
        assert (other.yes, other.no) == pytest.approx((one.yes, one.no), abs=1e-6)
    assert np.ptp([one.share for one in alone]) > 0.1


def test_the_share_or_the_mass(folder: Path, vlm: VlmVQA) -> None:
    (reading,) = vlm.readings([picture()], ["red ?"])
    assert vlm.yes_probabilities([picture()], ["red ?"]) == [reading.share]
    mass = tiny(folder, share=False)
    assert mass.yes_probabilities([picture()], ["red ?"]) == [reading.yes]
    assert mass.identity() != vlm.identity()


def test_a_shared_first_token_counts_for_neither() -> None:
    """As where a tokenizer writes a space of its own before " yes" and " no"."""

    class Spaced:
        unk_token_id = None

        def encode(self, text: str, add_special_tokens: bool) -> list[int]:
            first = [7] if text.startswith(" ") else []
            return [*first, {"yes": 1, "Yes": 2, "no": 3, "No": 3}[text.strip()], 9]

    spaced: Any = Spaced()
    assert answer_tokens(spaced) == AnswerTokens(yes=(1, 2), no=(3,))


def test_an_unknown_word_is_no_answer() -> None:
    words = tuple(word for word in WORDS if word not in ("Yes", "No"))
    found = answer_tokens(tokenizer(words))
    assert found == AnswerTokens(yes=(words.index("yes"),), no=(words.index("no"),))


def test_a_tokenizer_that_cannot_tell_yes_from_no_is_refused() -> None:
    words = tuple(word for word in WORDS if word not in ("no", "No"))
    with pytest.raises(CheckpointError, match="does not tell yes from no"):
        answer_tokens(tokenizer(words))


def test_a_word_is_read_like_a_yes(folder: Path, vlm: VlmVQA) -> None:
    assert isinstance(vlm, ReadsFirstWords)
    (reading,) = vlm.first_words([picture()], ["Is there a cup ?"], [("red", "cup", " red")])
    p = slowly(folder, picture(), "Is there a cup ?")
    assert reading.probability == pytest.approx(p["red"] + p["cup"], abs=1e-6)
    assert reading.said == max(p, key=lambda word: p[word])


def test_words_are_the_same_in_any_batch(folder: Path, vlm: VlmVQA) -> None:
    accepted = [("yes", "Yes"), ("red",), ("cup", "a"), ("no",)]
    alone = [
        vlm.first_words([i], [q], [own])[0] for i, q, own in zip(pictures(), QUESTIONS, accepted, strict=True)
    ]
    together = tiny(folder, batch_size=3).first_words(pictures(), QUESTIONS, accepted)
    assert [one.said for one in together] == [one.said for one in alone]
    assert [one.probability for one in together] == pytest.approx(
        [one.probability for one in alone], abs=1e-6
    )


def test_an_answer_that_no_token_begins_is_refused(vlm: VlmVQA) -> None:
    with pytest.raises(CheckpointError, match="no beginning of 'seven'"):
        vlm.first_words([picture()], ["red ?"], [("seven", "Seven", "7")])


def test_nothing_asked_is_nothing_answered(vlm: VlmVQA) -> None:
    assert vlm.yes_probabilities([], []) == []
    assert vlm.first_words([], [], []) == []


@pytest.mark.parametrize("question", ["", "nothing known", "Ünicode {braces} %s", "red " * 100])
def test_odd_questions_are_answered(vlm: VlmVQA, question: str) -> None:
    (found,) = vlm.yes_probabilities([picture()], [question])
    assert 0 <= found <= 1


@pytest.mark.parametrize("token", ["<|image_pad|>", "<user>", "<eos>"])
def test_a_question_cannot_speak_for_the_template(vlm: VlmVQA, token: str) -> None:
    with pytest.raises(InputError, match="a control token of tiny"):
        vlm.yes_probabilities([picture()], [f"red {token} ?"])


@pytest.mark.parametrize(
    "image", [Image.new("RGB", (1, 1)), Image.new("L", (9, 40)), Image.new("RGBA", (40, 9))]
)
def test_odd_pictures_are_read(vlm: VlmVQA, image: Image.Image) -> None:
    (found,) = vlm.yes_probabilities([image], ["red ?"])
    assert 0 <= found <= 1


def test_a_picture_without_a_pixel_is_refused(vlm: VlmVQA) -> None:
    with pytest.raises(InputError, match="picture 0 has 4x0 pixels"):
        vlm.yes_probabilities([Image.new("RGB", (4, 0))], ["red ?"])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(folder: Path, vlm: VlmVQA, dtype: str) -> None:
    found = tiny(folder, dtype=dtype).yes_probabilities([picture()], ["red ?"])
    assert found == pytest.approx(vlm.yes_probabilities([picture()], ["red ?"]), abs=0.05)


def test_the_janus_of_this_package_answers_too() -> None:
    weights = ROOT / "harness" / "models" / "weights" / "tiny-final"
    janus = VlmVQA(str(weights), device="cpu", dtype="float32", prompt="{question}", batch_size=2)
    questions = ["is there a red circle ?", "is there a star ?"]
    together = janus.yes_probabilities([picture(), picture(48, 48)], questions)
    alone = [janus.yes_probabilities([picture()], questions[:1])[0]]
    assert together[:1] == pytest.approx(alone, abs=1e-5)
    assert all(0 <= found <= 1 for found in together)


def test_identity_is_the_content_not_the_place(folder: Path, tmp_path: Path) -> None:
    assert tiny(save(tmp_path / "tiny")).identity() == tiny(folder).identity()


@pytest.mark.parametrize("change", [{"seed": 1}, {"template": TEMPLATE + " "}], ids=["weights", "template"])
def test_other_weights_or_another_template_are_another_identity(
    folder: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    assert tiny(save(tmp_path / "tiny", **change)).identity() != tiny(folder).identity()


def test_another_prompt_is_another_identity(folder: Path, vlm: VlmVQA) -> None:
    assert tiny(folder, prompt="Say it: {question}").identity() != vlm.identity()


def test_a_model_without_a_chat_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"has no chat template.*chat_template\.jinja"):
        tiny(save(tmp_path, template=None)).yes_probabilities([picture()], ["red ?"])


def test_a_model_of_text_alone_is_refused(tmp_path: Path) -> None:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    sizes: dict[str, Any] = dict.fromkeys(("hidden_size", "intermediate_size"), 16)
    sizes |= dict.fromkeys(("num_hidden_layers", "num_attention_heads"), 1)
    config = Qwen2Config(vocab_size=len(WORDS), num_key_value_heads=1, **sizes)
    Qwen2ForCausalLM(config).save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="no processor of pictures and text together"):
        tiny(tmp_path).yes_probabilities([picture()], ["red ?"])


def test_a_checkpoint_without_processor_is_refused(tmp_path: Path) -> None:
    network().save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="processor in"):
        tiny(tmp_path).yes_probabilities([picture()], ["red ?"])


def test_a_damaged_file_is_named(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(CheckpointError, match=str(tmp_path)):
        tiny(tmp_path).yes_probabilities([picture()], ["red ?"])


def test_an_unknown_architecture_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "unheard_of"}))
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    with pytest.raises(CheckpointError, match=r"no usable config\.json"):
        tiny(tmp_path).yes_probabilities([picture()], ["red ?"])


@pytest.mark.parametrize("settings", [{"dtype": "int8"}, {"batch_size": 0}, {"prompt": "yes or no?"}])
def test_impossible_settings_are_refused_at_once(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="vlm_vqa"):
        VlmVQA(**settings)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("place", [0, 3])
def test_one_logit_that_is_no_number_is_no_reading(value: float, place: int) -> None:
    from selfreward_eval.harness.instruments.backends.first_words import check_first_words, read_first_words
    from selfreward_eval.harness.instruments.backends.yes_no import check_readings, read_answers

    logits = torch.zeros(2, 5)
    logits[1, place] = value
    readings = read_answers(logits, [0], [1])
    check_readings("vlm_vqa", readings[:1], ["sound"], "float16")
    with pytest.raises(CheckpointError, match="no number for 'broken' in float16"):
        check_readings("vlm_vqa", readings, ["sound", "broken"], "float16")
    words = read_first_words(logits, [[0], [0]], str)
    with pytest.raises(CheckpointError, match="no number for 'broken' in float16"):
        check_first_words("vlm_vqa", words, ["sound", "broken"], "float16")
