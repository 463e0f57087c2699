"""Pictures as files: SVG and PNG of the same shapes."""

from __future__ import annotations

import io
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from selfreward_eval.harness.report.drawing import (
    COLOURS,
    SCALE,
    Disc,
    Drawing,
    Line,
    Word,
    to_png,
    to_svg,
    write_drawing,
)

SVG = "{http://www.w3.org/2000/svg}"


def picture(*shapes: Line | Disc | Word) -> Drawing:
    return Drawing(60.0, 40.0, "a test", shapes)


def pixels(drawing: Drawing) -> Image.Image:
    return Image.open(io.BytesIO(to_png(drawing)))


def rgb(name: str) -> tuple[int, ...]:
    return tuple(int(COLOURS[name][k : k + 2], 16) for k in (1, 3, 5))


def test_a_disc_is_where_it_was_put_in_both_files() -> None:
    drawing = picture(Disc(20, 10, 6, "up"))
    circle = ElementTree.fromstring(to_svg(drawing)).find(f"{SVG}circle")
    assert circle is not None
    assert (circle.get("cx"), circle.get("cy"), circle.get("fill")) == ("20", "10", COLOURS["up"])
    image = pixels(drawing)
    assert image.size == (60 * SCALE, 40 * SCALE)
    assert image.getpixel((20 * SCALE, 10 * SCALE)) == rgb("up")
    assert image.getpixel((50 * SCALE, 10 * SCALE)) == rgb("paper")


def test_a_broken_line_has_gaps_and_a_whole_one_none() -> None:
    def drawn(dash: bool) -> int:
        image = pixels(picture(Line(((5, 20), (55, 20)), "ink", 2.0, dash)))
        row = [image.getpixel((x, 20 * SCALE)) for x in range(6 * SCALE, 54 * SCALE)]
        return sum(colour == rgb("ink") for colour in row)

    whole = 48 * SCALE
    assert drawn(dash=False) == whole
    assert whole / 4 < drawn(dash=True) < 3 * whole / 4


def test_hostile_text_is_text() -> None:
    drawing = Drawing(60, 40, '"><script>x</script>', (Word(5, 20, "<b>&"),))
    root = ElementTree.fromstring(to_svg(drawing))
    assert {element.tag for element in root.iter()} == {
        f"{SVG}{tag}" for tag in ("svg", "title", "rect", "text")
    }
    assert root.get("aria-label") == drawing.title
    assert [element.text for element in root.iter(f"{SVG}text")] == ["<b>&"]


@pytest.mark.parametrize("anchor", ["start", "middle", "end"])
def test_words_are_anchored(anchor: str) -> None:
    red = np.asarray(pixels(picture(Word(30, 20, "III", 12, anchor))))[..., 0]
    centre = np.nonzero(red < 128)[1].mean() / SCALE
    assert {"start": 32 < centre < 40, "middle": 28 < centre < 32, "end": 20 < centre < 28}[anchor]


def test_a_png_replaces_letters_that_its_font_lacks() -> None:
    assert to_png(picture(Word(5, 20, "\N{MINUS SIGN}1"))) == to_png(picture(Word(5, 20, "-1")))
    assert to_png(picture(Word(5, 20, "色"))) == to_png(picture(Word(5, 20, "?")))


def test_both_files_are_written_under_one_name(tmp_path: Path) -> None:
    written = write_drawing(picture(), tmp_path / "new" / "plot-1.5")
    assert [path.name for path in written] == ["plot-1.5.svg", "plot-1.5.png"]
    assert all(path.is_file() for path in written)


def test_drawing_twice_gives_the_same_bytes() -> None:
    drawing = picture(Disc(20, 10, 6), Word(5, 30, "words"))
    assert to_png(drawing) == to_png(drawing)
