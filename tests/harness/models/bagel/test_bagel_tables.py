"""Orders that no shape shows: of a table's halves, of a token's numbers, of times."""

from __future__ import annotations

import math

import pytest
import torch

from selfreward_eval.harness.models.bagel.config import Resizing
from selfreward_eval.harness.models.bagel.pictures import from_pixels, on_white, resized_size, to_tensor
from selfreward_eval.harness.models.bagel.tables import (
    pack_latents,
    places,
    rotary,
    sincos_table,
    time_features,
    unpack_latents,
)


def test_a_tables_row_has_the_column_first_and_sines_before_cosines() -> None:
    row = sincos_table(8, 3)[1 * 3 + 2]  # row 1, column 2
    slow = 10000**-0.5
    column = [math.sin(2), math.sin(2 * slow), math.cos(2), math.cos(2 * slow)]
    assert row.tolist() == pytest.approx(
        [*column, math.sin(1), math.sin(slow), math.cos(1), math.cos(slow)], abs=1e-6
    )


def test_a_smaller_picture_lies_in_the_tables_corner() -> None:
    assert places((2, 3), 8).tolist() == [0, 1, 2, 8, 9, 10]


def test_in_a_token_the_channel_runs_fastest() -> None:
    latents = torch.arange(2 * 4 * 4).reshape(1, 2, 4, 4)
    tokens = pack_latents(latents, 2)
    assert tokens.shape == (1, 4, 8)
    # Second token: columns 2 and 3 of rows 0 and 1; of each place both channels, which lie 16 apart.
    assert tokens[0, 1].tolist() == [2, 18, 3, 19, 6, 22, 7, 23]


def test_unpacking_is_the_inverse_of_packing() -> None:
    latents = torch.randn(3, 5, 4, 6)
    assert torch.equal(unpack_latents(pack_latents(latents, 2), (2, 3), 2), latents)


def test_times_enter_unscaled_and_cosines_come_first() -> None:
    features = time_features(torch.tensor([0.37], dtype=torch.float64))[0]
    assert features[0] == math.cos(0.37)
    assert features[128] == math.sin(0.37)
    assert float(features[1]) == pytest.approx(math.cos(0.37 * 10000 ** (-1 / 128)))


def test_rotary_positions_turn_the_first_pair_by_the_position() -> None:
    cosine, sine = rotary(torch.tensor([[3]]), 4, 1e6, torch.float64)
    assert float(cosine[0, 0, 0, 0]) == pytest.approx(math.cos(3))
    assert float(sine[0, 0, 0, 1]) == pytest.approx(math.sin(3 / 1000))


@pytest.mark.parametrize(
    ("size", "limits", "found"),
    [
        ((1024, 1024), Resizing(1024, 512, 16), (1024, 1024)),
        ((48, 48), Resizing(1024, 512, 16), (512, 512)),
        ((2048, 1000), Resizing(1024, 512, 16), (1024, 496)),
        ((500, 700), Resizing(980, 224, 14), (504, 700)),
        ((100, 3000), Resizing(980, 224, 14), (28, 980)),
    ],
)
def test_pictures_are_resized_within_the_published_limits(
    size: tuple[int, int], limits: Resizing, found: tuple[int, int]
) -> None:
    assert resized_size(size, limits) == found


def test_pixels_are_truncated() -> None:
    picture = from_pixels(torch.full((3, 1, 1), 2 * 200.9 / 255 - 1))
    assert picture.getpixel((0, 0)) == (200, 200, 200)


def test_what_is_transparent_becomes_white() -> None:
    from PIL import Image

    assert on_white(Image.new("RGBA", (2, 2), (10, 20, 30, 0))).getpixel((1, 1)) == (255, 255, 255)


def test_pixels_become_numbers_from_minus_one_to_one() -> None:
    from PIL import Image

    values = to_tensor(Image.new("RGB", (3, 2), (0, 255, 51)))
    assert values.shape == (3, 2, 3)
    assert values[:, 0, 0].tolist() == pytest.approx([-1, 1, -0.6])
