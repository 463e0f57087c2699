"""One method with several training seeds, and several methods side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from selfreward_eval.harness.comparing.claims import Design, PooledComparison
from selfreward_eval.harness.comparing.compare import load_run
from selfreward_eval.harness.comparing.pooled import compare_pools
from selfreward_eval.harness.errors import InputError, NotComparable, UsageError
from selfreward_eval.trainers.report import write_method_page, write_methods_page, write_training_page
from selfreward_eval.trainers.report.methods import budget_words, claimed, methods_view
from selfreward_eval.trainers.verdict import Outcome

MakeTraining = Callable[..., Path]
RANGES = {"drawing": (0.0, 1.0), "answering": (1.0, 10.0)}


class Words(HTMLParser):
    """What can be read on a page, and where its links lead."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.said: list[str] = []
        self.feed(page.read_text(encoding="utf-8").split("</style>", 1)[1].split("<script>", 1)[0])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if tag == "a" and name == "href"]

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.said).split())


def pool(runs: Path, *after: str) -> PooledComparison:
    """The method claim of the runs ``after`` from the run ``before``."""
    trained = [load_run(runs / name) for name in after]
    return compare_pools([load_run(runs / "before")], trained, design=Design.UNTRAINED_A)


@pytest.fixture(scope="module")
def pooled(runs: Path) -> PooledComparison:
    return pool(runs, "after", "again")


def test_every_seed_has_a_line_and_a_link_to_its_page(
    make_training: MakeTraining, pooled: PooledComparison, tmp_path: Path
) -> None:
    folders = [make_training("after", seed=0), make_training("again", seed=1)]
    write_training_page(folders[0])
    words = Words(write_method_page(folders, pooled, tmp_path / "pages" / "method.html"))
    assert "seed 0" in words.text
    assert "seed 1" in words.text
    assert [one for one in words.links if one.endswith("report.html")] == ["../training-0/report.html"] * 3
    assert "its page is not written" in words.text


def test_a_link_with_odd_letters_still_leads_to_its_page(
    runs: Path, make_training: MakeTraining, pooled: PooledComparison, tmp_path: Path
) -> None:
    folder = make_training("after").rename(tmp_path / "srum #1 100%")
    write_training_page(folder)
    words = Words(write_method_page([folder], pooled, tmp_path / "method.html"))
    assert "./srum%20%231%20100%25/report.html" in words.links


def test_the_page_of_a_method_has_both_claims(
    make_training: MakeTraining, pooled: PooledComparison, tmp_path: Path
) -> None:
    folders = [make_training("after", seed=0), make_training("again", seed=1)]
    text = Words(write_method_page(folders, pooled, tmp_path / "method.html")).text
    for words in ("these checkpoints", "the method", "By category", "A is before training, B after"):
        assert words in text


def test_a_guard_stays_a_guard_when_seeds_are_pooled(
    make_training: MakeTraining, pooled: PooledComparison, tmp_path: Path
) -> None:
    folders = [make_training("after", seed=0), make_training("again", seed=1)]
    assert "answering: kept." in Words(write_method_page(folders, pooled, tmp_path / "method.html")).text


def test_one_training_seed_is_no_claim_about_the_method(
    runs: Path, make_training: MakeTraining, tmp_path: Path
) -> None:
    page = write_method_page([make_training("after")], pool(runs, "after"), tmp_path / "method.html")
    assert "drawing: no claim about the method." in Words(page).text


def test_what_is_claimed_of_a_method_goes_by_its_adjusted_p(pooled: PooledComparison) -> None:
    claims = pooled.tasks["drawing"].overall
    assert claims.method is not None
    sure = replace(claims, method=replace(claims.method, p=0.001, p_adjusted=0.002))
    unsure = replace(claims, method=replace(claims.method, p=0.03, p_adjusted=0.06))
    assert claimed(sure, higher_is_better=True) is Outcome.HELPED
    assert claimed(sure, higher_is_better=False) is Outcome.HURT
    assert claimed(unsure, higher_is_better=True) is Outcome.NO_EVIDENCE
    assert claimed(replace(claims, method=None), higher_is_better=True) is None


def test_methods_stand_in_rows_and_tasks_in_columns(runs: Path, pooled: PooledComparison) -> None:
    view = methods_view({"srum": pooled, "random": pool(runs, "idle")}, RANGES, ["answering"])
    assert [one["name"] for one in view["methods"]] == ["srum", "random"]
    assert [one["name"] for one in view["tasks"]] == ["drawing", "answering"]
    first, second = (one["cells"][0] for one in view["methods"])
    assert first["effect"].startswith("+")
    assert second["badge"]["word"] == "checkpoints only"
    assert second["tone"] == "open"


def test_a_task_that_a_method_was_not_run_on_is_an_empty_cell(pooled: PooledComparison) -> None:
    part = replace(pooled, tasks={"drawing": pooled.tasks["drawing"]})
    view = methods_view({"srum": pooled, "rejection": part}, RANGES)
    assert view["methods"][1]["cells"][1] is None


def test_a_task_of_another_version_is_not_put_in_the_same_table(pooled: PooledComparison) -> None:
    other = replace(pooled, tasks={"drawing": replace(pooled.tasks["drawing"], version="2")})
    with pytest.raises(NotComparable, match="drawing is not the same for srum and old: version is 1 and 2"):
        methods_view({"srum": pooled, "old": other}, RANGES)


def test_methods_that_began_elsewhere_are_told_apart(runs: Path, pooled: PooledComparison) -> None:
    trained = [load_run(runs / "after"), load_run(runs / "again")]
    other = compare_pools([load_run(runs / "idle")], trained, design=Design.UNTRAINED_A)
    said = " ".join(methods_view({"srum": pooled, "rejection": other}, RANGES)["remarks"])
    assert "did not start from the same runs" in said
    assert "did not start" not in " ".join(methods_view({"srum": pooled, "again": pooled}, RANGES)["remarks"])


def test_the_page_of_methods_is_written_and_escaped(pooled: PooledComparison, tmp_path: Path) -> None:
    page = write_methods_page({"<b>srum</b>": pooled, "rejection": pooled}, tmp_path / "new" / "methods.html")
    assert "<b>srum</b>" in Words(page).text
    assert "<b>srum" not in page.read_text(encoding="utf-8")


def test_pages_of_nothing_are_refused(pooled: PooledComparison, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least one training run"):
        write_method_page([], pooled, tmp_path / "method.html")
    with pytest.raises(UsageError, match="at least one method"):
        write_methods_page({}, tmp_path / "methods.html")


def test_a_run_that_is_gone_is_named(pooled: PooledComparison, tmp_path: Path) -> None:
    [start] = pooled.a
    gone = replace(pooled, a=(replace(start, folder=str(tmp_path / "gone")),))
    with pytest.raises(InputError, match="gone"):
        write_methods_page({"srum": gone}, tmp_path / "methods.html")


def test_the_page_says_who_beats_the_baseline(pooled: PooledComparison, tmp_path: Path) -> None:
    page = write_methods_page(
        {"srum": pooled, "rejection": pooled},
        tmp_path / "methods.html",
        baseline="rejection",
        against={"srum": pooled},
    )
    assert "Method minus rejection" in Words(page).text


@pytest.mark.parametrize(
    ("drawn", "said"),
    [
        ({"srum": 8192, "rejection": 8192}, ["Every run of every method drew 8,192 pictures to learn from."]),
        (
            {"srum": 512, "rejection": 8192},
            [
                "The methods drew unequal numbers of pictures (srum 512, rejection 8,192): "
                "a difference may be one of budget."
            ],
        ),
        ({"srum": 512}, []),
    ],
)
def test_an_unequal_budget_is_told(drawn: dict[str, int], said: list[str]) -> None:
    assert budget_words(drawn) == said
