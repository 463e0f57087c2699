"""The page of one training run, as a file."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from selfreward_eval.trainers.report import write_training_page

MakeTraining = Callable[..., Path]
VOID = {"meta", "link", "img", "input", "br"}
NOT_ROSE = {"before": 0.4, "after": 0.4, "effect": 0.0, "low": -0.1, "high": 0.1, "p": 0.9, "n": 60, "of": 60}


class Outline(HTMLParser):
    """Addresses, scripts, ids and words of a page; fails where a tag closes another element."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.scripts = 0
        self.ids: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.addresses += [
            value or "" for name, value in attrs if name in ("src", "href", "action", "srcset")
        ]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture
def outline(make_training: MakeTraining) -> Outline:
    return Outline(write_training_page(make_training()))


def text_of(folder: Path) -> str:
    return Outline(write_training_page(folder)).text


def test_the_page_lies_in_the_training_runs_folder(make_training: MakeTraining) -> None:
    folder = make_training()
    assert write_training_page(folder) == folder / "report.html"


def test_nothing_on_the_page_is_asked_for_elsewhere(outline: Outline) -> None:
    assert [one for one in outline.addresses if not one.startswith(("#", "data:"))] == []


def test_prompts_and_notes_are_words_and_no_markup(outline: Outline) -> None:
    assert outline.scripts == 1
    assert '<script>alert("drawn")</script> <b>star</b>' in outline.text
    assert "<i>rewarder</i>" in outline.text


def test_elements_are_balanced_and_ids_are_single(outline: Outline) -> None:
    assert outline.open == []
    assert len(set(outline.ids)) == len(outline.ids)


def test_the_headline_says_what_was_helped_and_what_was_kept(outline: Outline) -> None:
    assert "Helped on drawing. Kept answering." in outline.text


def test_gaming_is_named_with_what_the_reward_did(make_training: MakeTraining) -> None:
    text = text_of(make_training("idle"))
    assert "Reward rose while quality did not on drawing. Lost on answering." in text
    assert "rose by +0.110 (95 % interval +0.080 to +0.140), and the score did not follow" in text


def test_no_higher_reward_and_no_gain_is_no_evidence(make_training: MakeTraining) -> None:
    text = text_of(make_training("idle", audit={"drawing": NOT_ROSE}))
    assert "No evidence of a change on drawing." in text
    assert "did not follow" not in text


def test_a_reward_stands_beside_its_score(outline: Outline) -> None:
    assert "reward, 58 of 60 items 0.410 0.520 +0.110 +0.080 to +0.140" in outline.text


def test_without_an_audit_the_page_says_that_gaming_cannot_be_seen(make_training: MakeTraining) -> None:
    assert "whether its reward was gamed cannot be seen here" in text_of(make_training(audit={}))


def test_too_few_rewards_are_told_as_such(make_training: MakeTraining) -> None:
    text = text_of(make_training(audit={"drawing": {"n": 1, "of": 60}}))
    assert "drawing: the rewarder scored 1 of 60 items in both arms, too few for a difference." in text


def test_a_guard_is_called_one_with_its_margin(outline: Outline) -> None:
    assert "A guard, which training must not cost: a loss of 0.090 is excluded." in outline.text


def test_guidance_is_told_in_a_sentence(outline: Outline) -> None:
    assert "drawing: The gain survives;" in outline.text
    assert "before, at 2" in outline.text


def test_both_arms_scales_are_named_where_they_differ(make_training: MakeTraining) -> None:
    text = text_of(make_training(policy="tuned", guidance_after=1.0))
    assert "guidance 2 before, 1 after (tuned)" in text
    assert "after, at 1" in text


def test_rounds_settings_and_times_are_on_the_page(outline: Outline) -> None:
    for words in (
        "reward of candidates, drawing",
        "3 judge_parse_error: no score",
        "learning_rate 0.0005",
        "self: the model under training is its own rewarder",
        "train 6 min 52 s",
        "1 step left out because half precision overflowed",
    ):
        assert words in outline.text


def test_a_missing_step_log_is_said(make_training: MakeTraining) -> None:
    folder = make_training()
    (folder / "log.jsonl").unlink()
    assert "There is no log of the steps (log.jsonl) in this folder." in text_of(folder)


def test_pictures_stand_before_left_and_after_right(make_training: MakeTraining) -> None:
    page = write_training_page(make_training()).read_text(encoding="utf-8")
    first = page.split('data-verdict="improved"', 1)[1].split("</li>", 1)[0]
    assert first.count("data:image/webp") == 2
    halves = first[first.index('class="half"') :]
    words = [halves.index(word) for word in (">before</b>", "</span> Wrong<", ">after</b>", "</span> Right<")]
    assert words == sorted(words)


def test_a_full_page_says_how_many_pairs_it_leaves_out(make_training: MakeTraining) -> None:
    folder = make_training()
    write_training_page(folder, budget=2_000)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert re.search(r"\d+ of \d+ chosen pairs are on this page", page)


def test_hostile_names_in_the_record_stay_words(make_training: MakeTraining) -> None:
    evil = "</title><script>alert(1)</script>"
    folder = make_training(name=evil, rewarder={"name": evil, "kind": evil}, seconds={evil: 1.0})
    page = write_training_page(folder)
    assert Outline(page).scripts == 1
    assert html.escape(evil) in page.read_text(encoding="utf-8")


def test_a_picture_outside_the_run_folder_is_not_shown(
    make_training: MakeTraining, runs: Path, tmp_path: Path
) -> None:
    copied = tmp_path / "outside"
    copied.mkdir()
    for file in (runs / "after").iterdir():
        if file.is_file():
            (copied / file.name).write_bytes(file.read_bytes())
    samples = next(copied.glob("samples_drawing_*.jsonl"))
    lines = [json.loads(line) for line in samples.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        line["image"] = "../../secret.png"
    samples.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    folder = make_training(after=str(copied))
    assert "Its record points outside the run folder" in text_of(folder)
