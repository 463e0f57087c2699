"""Official functions and loop bodies of flow trainers, recomputed, and that a difference would be seen."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from support.paths import GOLDEN

from selfreward_eval.harness.errors import InputError
from selfreward_eval.tasks.parity import check_file, check_folder
from selfreward_eval.trainers.flow.golden import READERS
from selfreward_eval.trainers.flow.golden_inputs import added_waves, wave

NAME = "flow_rl.json"

STEP: dict[str, Any] = {
    "id": "a step",
    "kind": "bagel_step",
    "input": {
        "num_timesteps": 15,
        "timestep_shift": 3.0,
        "index": 0,
        "noise_level": 1.3,
        "sde_type": "sde",
        "x": {"seed": 1, "shape": [6, 8], "amp": 1.0},
        "v": {"seed": 2, "shape": [6, 8], "amp": 1.2},
        "noise": {"seed": 3, "shape": [6, 8], "amp": 1.4},
    },
    "expected": {"t": 1.0, "t_next": 0.975, "std_dev_t": 8.221907, "log_prob": -0.489522},
}


def written(folder: Path, *cases: dict[str, Any]) -> Path:
    path = folder / NAME
    path.write_text(json.dumps({"cases": cases}))
    return path


def test_every_official_number_agrees() -> None:
    path = GOLDEN / NAME
    if not path.is_file():
        pytest.skip(f"no golden file {NAME}: set SELFREWARD_GOLDEN")
    result = check_file(path, READERS)
    assert result.first_difference is None
    assert result.agreeing == result.cases > 40


def test_a_difference_beyond_the_files_tolerance_is_seen(tmp_path: Path) -> None:
    near, far = copy.deepcopy(STEP), copy.deepcopy(STEP)
    near["expected"]["log_prob"] += 2e-5
    far["expected"]["log_prob"] += 4e-5
    result = check_file(written(tmp_path, STEP, near, far), READERS)
    assert result.agreeing == 2
    assert str(result.first_difference).startswith("a step: log_prob is -0.489482")


def test_any_file_of_the_family_is_read(tmp_path: Path) -> None:
    written(tmp_path, STEP).rename(tmp_path / "flow_rl_more.json")
    (tmp_path / "flow.json").write_text("{}")
    result = check_folder(tmp_path, READERS)
    assert (result.agree, result.unknown) == (True, ["flow.json"])


def test_a_kind_that_is_not_known_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a step lacks 'walk'"):
        check_file(written(tmp_path, {**STEP, "kind": "walk"}), READERS)


def test_a_deterministic_step_has_no_likelihood(tmp_path: Path) -> None:
    still = copy.deepcopy(STEP)
    still["input"]["noise_level"] = 0.0
    still["expected"] = {"std_dev_t": 0.0, "log_prob": None}
    assert check_file(written(tmp_path, still), READERS).agreeing == 1


def test_a_wave_is_rounded_to_float32() -> None:
    assert wave(0.0, (2,), amp=2.0, offset=1.0).tolist() == pytest.approx([1.0, 2.28996], abs=1e-5)
    values = wave(3, (5, 7))
    assert values.equal(values.float().double())


def test_rules_in_words_name_their_waves() -> None:
    assert added_waves("mean + wave(2, amp 0.1)") == {"": (2.0, 0.1)}
    assert added_waves("target = noise - x0; old = target + wave(3, amp 0.3)") == {"old": (3.0, 0.3)}
