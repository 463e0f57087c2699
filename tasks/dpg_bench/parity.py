"""Our results on the golden cases of DPG-Bench: one reader per file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isnan
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.tasks.dpg_bench.scoring import official_image, official_run, windows
from selfreward_eval.tasks.dpg_bench.table import Questions, official_questions

Case = Mapping[str, Any]
Pair = tuple[Any, Any]
"""(expected, ours)."""

RESOLUTION = 512
"""Of cases that name none; no answer depends on it."""

QUARTERS = ((200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0))
"""Colours of the recorded test picture, by rows."""

CRASH = "!"
"""Stands for an answer that never came."""


def read_questions(document: Case, case: Case) -> Pair:
    """A question file against the questions, parents and tuples of its items."""
    items = official_questions(case["csv"])
    ours = {
        str(key): {
            "question": _by_number(questions.texts),
            "dependency": {str(number): list(parents) for number, parents in questions.parents.items()},
            "tuple": {str(number): _value(value) for number, value in questions.tuples.items()},
        }
        for key, questions in items.items()
    }
    return case["expected"], {"items": ours, "key_type": sorted({type(key).__name__ for key in items})}


def read_image(document: Case, case: Case) -> Pair:
    """The answers to one image against the scores of its pictures and what enters the categories."""
    numbers = [number for number, _ in case["dependency"]]
    if not all(isinstance(parents, list) for _, parents in case["dependency"]):
        raise InputError("a question's parents are no list")
    questions = Questions(
        {number: f"{number}?" for number in numbers},
        {number: tuple(parents) for number, parents in case["dependency"]},
        dict.fromkeys(numbers, "entity - whole (x)"),
    )
    items = {case.get("item_id", case["file"].split(".")[0]): questions}
    answers = [{number: _said(given, str(number)) for number in numbers} for given in case["answers"]]
    scored = official_image(case["file"], items, answers, _resolution(case), case["pic_num"])
    scores = [picture.score for picture in scored]
    return case["expected"], {
        "pictures": scores,
        "average": sum(scores) / len(scores),
        "last_picture_raw": _by_number(scored[-1].raw),
        "vqa_calls": len(scored) * len(numbers),
        "detail_lines": len(scored) * len(numbers),
    }


def read_crops(document: Case, case: Case) -> Pair:
    """The windows into a picture of four colours against their corners and centres."""
    from PIL import Image

    width, height = case["image_size"]
    image = Image.new("RGB", (width, height))
    for place, colour in enumerate(QUARTERS):
        x, y = (place % 2) * (width // 2), (place // 2) * (height // 2)
        image.paste(colour, (x, y, width if place % 2 else width // 2, height if place > 1 else height // 2))
    pictures = []
    for window in windows(case["resolution"], case["pic_num"]):
        part = image.crop(window)
        far_x, far_y = part.width - 1, part.height - 1
        corners = [(0, 0), (far_x, 0), (0, far_y), (far_x, far_y)]
        pictures.append(
            {
                "size": list(part.size),
                "corners": [_pixel(part, place) for place in corners],
                "centre": _pixel(part, (part.width // 2, part.height // 2)),
            }
        )
    return case["expected"], {"pictures": pictures}


def read_run(document: Case, case: Case) -> Pair:
    """A question file and the answers to a folder against everything that the program prints."""
    items = official_questions(case["csv"])
    answers = {name: _answers(name, items, case["answers"].get(name, ())) for name in case["files"]}
    result = official_run(items, answers, _resolution(case), case["pic_num"])
    ours = {
        "l1": {name: _value(score) for name, score in result.broad().items()},
        "l2": {name: _value(score) for name, score in result.detailed().items()},
        "dpg_score": _value(result.score()),
        "images": {
            name: {"pictures": scores, "average": average}
            for name, (scores, average) in result.images.items()
        },
        "failed": sorted(result.failed),
    }
    expected = case["expected"]
    # A recording of several processes holds the scores alone.
    return expected, ours if "error" in expected else {name: ours[name] for name in ours if name in expected}


READERS: dict[str, Callable[[Case, Case], Pair]] = {
    "dpg_questions.json": read_questions,
    "dpg_image.json": read_image,
    "dpg_crops.json": read_crops,
    "dpg_run.json": read_run,
    "dpg_multi_process.json": read_run,
}
"""Golden file name -> its reader."""


def _answers(
    name: str, items: Mapping[Any, Questions], given: Sequence[Mapping[str, str]]
) -> list[dict[int, str | None]]:
    """The answers of every picture by question number; they are recorded by the question's text."""
    questions = items.get(name.split(".")[0], Questions())
    return [{number: _said(said, text) for number, text in questions.texts.items()} for said in given]


def _said(answers: Mapping[str, str], key: str) -> str | None:
    said = answers.get(key)
    return None if said == CRASH else said


def _resolution(case: Case) -> int | None:
    resolution = case.get("resolution", RESOLUTION)
    if resolution is not None and not isinstance(resolution, int):
        raise InputError(f"the resolution {resolution!r} is no number")
    return resolution


def _by_number(values: Mapping[int, Any]) -> dict[str, Any]:
    return {str(number): value for number, value in values.items()}


def _value(value: Any) -> Any:
    return "nan" if isinstance(value, float) and isnan(value) else value


def _pixel(image: Any, place: tuple[int, int]) -> list[int]:
    return list(image.getpixel(place))
