"""Recorded numbers of BAGEL: read from any file of the form, and a wrong number shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support.paths import GOLDEN

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.models.bagel import golden
from selfreward_eval.harness.models.bagel.golden_rules import guidance_of, reward_map, wave
from selfreward_eval.harness.models.bagel.settings import Guidance
from selfreward_eval.tasks.parity import READERS, Sectioned, check_file, difference

FILE = GOLDEN / "bagel_tiny.json"
READER = READERS["bagel_*.json"]
assert isinstance(READER, Sectioned)
SAME = READER.same


@pytest.fixture
def document() -> dict[str, Any]:
    if not FILE.is_file():
        pytest.skip("no golden file bagel_tiny.json: set SELFREWARD_GOLDEN")
    content: dict[str, Any] = json.loads(FILE.read_text())
    return content


def differing(document: dict[str, Any]) -> set[str]:
    """Parts in which ours are not the document's numbers."""
    parts = {}
    for case in golden.sections(document):
        expected, ours = golden.read(document, case)
        parts[case["id"]] = difference(expected, ours, same=SAME)
    return {name for name, found in parts.items() if found is not None}


@pytest.mark.parametrize(
    ("edit", "parts"),
    [
        (lambda d: d["velocity_t0.8"]["text4_global_min0.0"].__setitem__(63, 9.0), {"velocity_t0.8"}),
        (lambda d: d["generate"]["latent_tokens"].__setitem__(383, 9.0), {"generate"}),
        (lambda d: d["decode"].__setitem__("uint8_sum", 588800), {"decode"}),
        (lambda d: d["understand"]["greedy_ids_with_start"].__setitem__(7, 1), {"understand"}),
        (lambda d: d["train"]["reward"].__setitem__("mse", 0.4194), {"train"}),
        (lambda d: d["train"]["reward"]["grad_norms"].__setitem__("vae2llm.weight", 0.2), {"train"}),
        (lambda d: d["train"]["attention_allowed"][0].__setitem__(12, 1), {"train"}),
        (lambda d: d["time_embed_0.37"].__setitem__(31, 1.0), {"time_embed_0.37"}),
        (lambda d: d["edit_context"].__setitem__("rope", [7]), {"edit_context"}),
        (lambda d: d["generate"].__setitem__("timestep_shift", 2.0), {"generate", "decode"}),
    ],
)
def test_a_wrong_number_shows_in_its_part(
    document: dict[str, Any], edit: Callable[[dict[str, Any]], Any], parts: set[str]
) -> None:
    edit(document)
    assert differing(document) == parts


def test_a_file_of_other_sizes_is_computed_with_them(document: dict[str, Any]) -> None:
    document["llm_config"] |= {"num_hidden_layers": 3, "hidden_size": 64, "num_attention_heads": 8}
    document["vit_config"]["num_hidden_layers"] = 3
    document["ae_params"]["num_res_blocks"] = 2
    document["text_context"]["prompt_ids"] = [1, 2, 3]
    found = differing(document)
    assert {"velocity_t0.8", "understand", "train", "encode_mean", "text_context"} <= found


def test_a_part_that_nothing_computes_does_not_agree(document: dict[str, Any]) -> None:
    document["flow_matching"] = {"steps": [1.0]}
    document["decode"]["uint8_last"] = [7]
    assert differing(document) == {"flow_matching", "decode"}


def test_a_damaged_file_is_named(document: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "bagel_other.json"
    del document["new_token_ids"]["end_of_image"]
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"bagel_other.json: .* lacks 'end_of_image'"):
        check_file(path)
    path.write_text("[]")
    with pytest.raises(InputError, match="no list of cases"):
        check_file(path)


def test_names_of_guidance_settings() -> None:
    assert guidance_of("text4_img1.5_channel_min0.25") == Guidance(4, 1.5, 0, 1, "channel", 0.25)
    assert guidance_of("text2.5_text_channel_min1") == Guidance(2.5, 1, 0, 1, "text_channel", 1)
    with pytest.raises(ValueError, match="no setting of guidance"):
        guidance_of("text4_local")


def test_rules_of_arrays() -> None:
    assert torch.allclose(
        wave("1.3*sin(0.9*i+2) over the flat (1,2) array"), torch.tensor([[1.1821, 0.3114]]), atol=1e-3
    )
    assert wave("sin(0.05*i+0.7) over (3,32,32), latent mean").shape == (3, 32, 32)
    with pytest.raises(ValueError, match="no rule"):
        wave("cos(i)")


def test_rules_of_reward_maps() -> None:
    values = reward_map("4x6 of 0.5, rows 0-1 columns 2-3 set to 0.9, times 2")
    assert values.shape == (4, 6)
    assert values[1, 3] == pytest.approx(1.8)
    assert values[2, 3] == 1.0
