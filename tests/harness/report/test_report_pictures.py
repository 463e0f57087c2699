"""Pictures inside a page: small ones exact, large ones as thumbnails, damaged ones named."""

from __future__ import annotations

import base64
import hashlib
import io
from pathlib import Path

import numpy as np
from PIL import Image

from selfreward_eval.harness.report.pictures import THUMBNAIL, Wanted, embed, embed_all


def saved(path: Path, side: int, seed: int = 0) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def decoded(url: str) -> Image.Image:
    assert url.startswith("data:image/webp;base64,")
    return Image.open(io.BytesIO(base64.b64decode(url.split(",", 1)[1])))


def test_a_small_picture_keeps_every_pixel(tmp_path: Path) -> None:
    path = saved(tmp_path / "small.png", 48)
    picture = embed(path)
    assert picture["pixelated"]
    np.testing.assert_array_equal(
        np.asarray(decoded(picture["url"]).convert("RGB")), np.asarray(Image.open(path))
    )


def test_a_large_picture_becomes_a_thumbnail_but_tells_its_own_size(tmp_path: Path) -> None:
    picture = embed(saved(tmp_path / "large.png", 600))
    assert (picture["width"], picture["height"], picture["pixelated"]) == (600, 600, False)
    assert max(decoded(picture["url"]).size) == THUMBNAIL


def test_a_missing_and_a_damaged_picture_are_named(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "torn.png").write_bytes(saved(tmp_path / "whole.png", 64).read_bytes()[:900])
    assert "missing" in embed(tmp_path / "none.png")["problem"]
    assert "cannot be read" in embed(tmp_path / "text.png")["problem"]
    assert "cannot be read" in embed(tmp_path / "torn.png")["problem"]


def test_pictures_are_embedded_in_order_until_the_budget_is_spent(tmp_path: Path) -> None:
    paths = [saved(tmp_path / f"{k}.png", 48, k) for k in range(4)]
    size = max(len(embed(path)["url"]) for path in paths)
    wanted = [Wanted(path) for path in paths]
    assert list(embed_all(wanted, budget=2 * size + 10)) == wanted[:2]
    assert list(embed_all(wanted)) == wanted


def test_a_picture_that_is_not_the_measured_one_is_not_shown(tmp_path: Path) -> None:
    """Both hashes are told, so that a reader can find which file it is."""
    path = saved(tmp_path / "drawn.png", 16)
    recorded = hashlib.sha256(path.read_bytes()).hexdigest()
    assert "url" in embed(path, recorded)
    saved(path, 17)
    now = hashlib.sha256(path.read_bytes()).hexdigest()
    problem = embed(path, recorded)["problem"]
    assert "not the one that was measured" in problem
    assert now[:12] in problem
    assert recorded[:12] in problem
