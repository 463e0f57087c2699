"""Labelled cases: what the scene or people say, in numbers a judge is held to."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.tasks.judge_check.csv_cases import ANNOTATED, Labels, csv_cases
from selfreward_eval.tasks.judge_check.shapes_cases import MISS, RIGHT, labelled, shapes_cases
from selfreward_eval.tasks.shapes.compbench.requests import Wanted
from selfreward_eval.tasks.shapes.reasonbench.requests import DIMENSIONS, ReasonRequest
from selfreward_eval.tasks.shapes.scene import Scene, Thing

TWO_RINGS = ReasonRequest(
    "scientific",
    "a blue ring and its mirror image",
    (Wanted("ring", "blue", count=2),),
    "mirror",
    "",
    "symmetry",
)


def truths(*things: Thing, request: ReasonRequest = TWO_RINGS) -> list[float]:
    return [one.truth for one in labelled(request, Scene(things))]


def test_a_right_scene_earns_everything() -> None:
    assert truths(Thing("ring", "blue", 8, 24), Thing("ring", "blue", 40, 24)) == [1.0, 1.0, 1.0]


def test_things_that_stand_otherwise_earn_a_half() -> None:
    assert truths(Thing("ring", "blue", 8, 8), Thing("ring", "blue", 40, 24)) == [1.0, 0.5, 1.0]


def test_one_of_two_is_another_number_and_no_place() -> None:
    assert truths(Thing("ring", "blue", 8, 24)) == [0.5, 0.0, 1.0]


def test_further_objects_cost_by_their_number() -> None:
    right = (Thing("ring", "blue", 8, 24), Thing("ring", "blue", 40, 24))
    star, cross = Thing("star", "red", 24, 8), Thing("cross", "red", 24, 40)
    assert truths(*right, star) == [1.0, 1.0, 0.5]
    assert truths(*right, star, cross) == [1.0, 1.0, 0.0]


def test_letters_stand_in_a_row_from_left_to_right() -> None:
    wanted = (Wanted("letter H", "red"), Wanted("letter E", "red"))
    request = ReasonRequest("textual_image", "a sign", wanted, "row", "", "sign")
    h, e = Thing("letter H", "red", 8, 24), Thing("letter E", "red", 24, 24)
    assert truths(h, e, request=request)[2] == 1.0
    assert truths(Thing("letter H", "red", 40, 24), e, request=request)[2] == 0.5


def test_every_beginning_is_half_right_over_all_dimensions() -> None:
    cases = shapes_cases(16)
    assert Counter(case.groups["picture"] for case in cases) == {RIGHT: 8, MISS: 8}
    assert Counter(case.groups["dimension"] for case in cases) == dict.fromkeys(DIMENSIONS, 4)


def test_right_pictures_are_right_and_near_misses_are_not() -> None:
    for case in shapes_cases():
        all_right = all(one.truth == 1 for one in case.questions)
        assert all_right == (case.groups["picture"] == RIGHT), case.id


def test_the_cases_are_the_same_every_time() -> None:
    first, second = shapes_cases(8), shapes_cases(8)
    assert [case.questions for case in first] == [case.questions for case in second]
    assert first[1].picture().tobytes() == second[1].picture().tobytes()


PLAIN = "image,question,label,category\n"


def plain(folder: Path, *lines: str, header: str = PLAIN) -> Labels:
    path = folder / "labels.csv"
    path.write_text(header + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return csv_cases(path, folder)


def test_rows_of_one_picture_are_asked_together(tmp_path: Path) -> None:
    labels = plain(
        tmp_path, "a.png,Is it red?,1,colour", "b.png,Is it red?,0,colour", "a.png,Is it big?,0.5,"
    )
    first, second = labels.cases
    assert [(one.question.text, one.truth, one.category) for one in first.questions] == [
        ("Is it red?", 1.0, "colour"),
        ("Is it big?", 0.5, "all"),
    ]
    assert second.id == "b.png"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("a.png,Is it?,0.7,", "'0.7' is none of 0, 0.5 and 1"),
        ("a.png,,1,", "lacks an image or a question"),
        ("../a.png,Is it?,1,", "outside the folder"),
        ("/etc/a.png,Is it?,1,", "outside the folder"),
    ],
)
def test_a_damaged_row_is_named_by_its_line(tmp_path: Path, line: str, fault: str) -> None:
    with pytest.raises(InputError, match=f"line 3.*{fault}"):
        plain(tmp_path, "a.png,Is it?,1,", line)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no labels"):
        plain(tmp_path, "1,2", header="x,y\n")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--images"):
        csv_cases(tmp_path / "labels.csv", tmp_path / "nowhere")


def annotated(folder: Path, caption: str, *answers: tuple[str, str], prompt: str = "7") -> Labels:
    """One picture of donuts, with (count, colours) of every annotator."""
    path = folder / "annotations.csv"
    names = [*ANNOTATED, "Input.object_0_name_plural", "Input.object_1_name"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*names, "Answer.task-count-0", "Answer.task-color-0"])
        for answer in answers:
            writer.writerow([prompt, "2", caption, "donut", "donuts", "", *answer])
    return csv_cases(path, folder)


def test_most_annotators_decide(tmp_path: Path) -> None:
    labels = annotated(tmp_path, "a photo of four donuts", ("5", ""), ("4", ""), ("5", ""))
    (case,) = labels.cases
    assert [(one.question.text, one.truth) for one in case.questions] == [
        ("Is there a donut in the picture?", 1.0),
        ("Are there exactly four donuts in the picture?", 0.0),
    ]


def test_a_colour_in_the_caption_is_asked_for(tmp_path: Path) -> None:
    labels = annotated(tmp_path, "a photo of a pink donut", ("1", "pink|white"), ("1", "pink"), ("0", ""))
    (case,) = labels.cases
    assert [(one.category, one.truth) for one in case.questions] == [("object", 1.0), ("colour", 1.0)]


def test_split_annotators_label_nothing(tmp_path: Path) -> None:
    labels = annotated(tmp_path, "a photo of two donuts", ("2", ""), ("1", ""))
    (case,) = labels.cases
    assert [one.category for one in case.questions] == ["object"]
    assert labels.notes == ("annotations.csv: 1 questions were left out because no answer has a majority",)


def test_a_picture_lies_where_upstream_publishes_it(tmp_path: Path) -> None:
    (case,) = annotated(tmp_path, "a photo of a donut", ("1", "")).cases
    with pytest.raises(FileNotFoundError) as error:
        case.picture()
    assert str(error.value.filename).endswith("00007/samples/00002.png")
