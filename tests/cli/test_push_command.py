"""``selfreward-eval push`` against a Hub that answers within this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub.constants import ENDPOINT
from support.commands import Outcome
from support.hub import AFTER, COMMIT, TOKEN, FakeHub

Command = Callable[..., Outcome]

MARKS = {"one": [[1.0, 0.0], [1.0, 1.0]], "two": [[0.0, 0.0], [1.0, 1.0]]}
CARD = b"---\nlicense: mit\n---\n# Tiny\n"
DATASET = ("--dataset", "toy=org/toy-benchmark:default")


@pytest.fixture
def run(make_run: Callable[..., Path]) -> Path:
    return make_run("after", MARKS)


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_push_is_one_commit_of_card_results_and_page(command: Command, hub: FakeHub, run: Path) -> None:
    from huggingface_hub import ModelCard, parse_eval_result_entries

    hub.files["README.md"] = CARD
    done = command("push", run, "--repo", "lab/tiny", *DATASET)
    assert done.code == 0, done.err
    assert done.out.strip() == f"{ENDPOINT}/lab/tiny/commit/{AFTER}"
    ((header, files),) = hub.commits
    assert header["parentCommit"] == COMMIT
    assert list(files) == ["README.md", ".eval_results/toy.yaml", "selfreward-eval/after.html"]

    card = ModelCard(files["README.md"].decode())
    # Its class does not declare what it reads.
    data: Any = card.data
    assert data.license == "mit"
    assert card.text.strip() == "# Tiny"
    overall = data.eval_results[0]
    assert (overall.dataset_type, overall.metric_value) == ("toy", 0.625)
    assert overall.source_url == f"{ENDPOINT}/lab/tiny/blob/main/selfreward-eval/after.html"

    (entry,) = parse_eval_result_entries(yaml.safe_load(files[".eval_results/toy.yaml"]))
    assert (entry.dataset_id, entry.task_id, entry.value) == ("org/toy-benchmark", "default", 0.625)
    assert entry.source_url == overall.source_url
    assert entry.source_name == "selfreward-eval, weights at 0"
    assert files["selfreward-eval/after.html"].startswith(b"<!DOCTYPE html>")


def test_a_dry_run_shows_the_differences_and_sends_nothing(command: Command, hub: FakeHub, run: Path) -> None:
    hub.files["README.md"] = CARD
    before = files_below(run)
    done = command("push", run, "--repo", "lab/tiny", "--dry-run", *DATASET)
    assert done.code == 0, done.err
    assert f"would push to lab/tiny, branch main at {COMMIT[:7]}:" in done.out
    assert "+model-index:" in done.out
    assert "+++ b/.eval_results/toy.yaml" in done.out
    assert "selfreward-eval/after.html" in done.out
    assert done.out.rstrip().endswith("nothing was sent")
    assert {request.method for request in hub.requests} <= {"GET", "HEAD"}
    assert files_below(run) == before


def test_a_dry_run_while_offline_asks_nobody(
    command: Command, hub: FakeHub, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    done = command("push", run, "--repo", "lab/tiny", "--dry-run")
    assert done.code == 0, done.err
    assert "lab/tiny is shown as if it were empty" in done.err
    assert "no .eval_results" in done.err
    assert hub.requests == []


def test_a_push_while_offline_is_refused(
    command: Command, hub: FakeHub, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    done = command("push", run, "--repo", "lab/tiny")
    assert done.code == 2
    assert done.errors == [
        "error: HF_HUB_OFFLINE is set, so nothing can be pushed; unset it, or add --dry-run"
    ]
    assert hub.requests == []


def test_the_token_is_neither_printed_nor_sent_nor_written(
    command: Command, hub: FakeHub, run: Path, tmp_path: Path
) -> None:
    done = command("push", run, "--repo", "lab/tiny", "--no-page")
    assert done.code == 0, done.err
    assert hub.tokens() == {f"Bearer {TOKEN}"}
    assert TOKEN not in done.out + done.err
    assert all(TOKEN.encode() not in request.read() for request in hub.requests)
    assert not any(TOKEN.encode() in content for content in files_below(tmp_path).values())


def test_a_file_with_the_token_in_it_is_not_sent(
    command: Command, hub: FakeHub, make_run: Callable[..., Path]
) -> None:
    leaking = make_run("leaking", MARKS, identity={"model.revision": TOKEN})
    done = command("push", leaking, "--repo", "lab/tiny")
    assert done.code == 4
    assert "contains your Hub token; nothing was sent" in done.err
    assert TOKEN not in "".join(done.errors)
    assert hub.commits == []


def test_without_a_token_nothing_is_asked(
    command: Command, hub: FakeHub, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    done = command("push", run, "--repo", "lab/tiny")
    assert done.code == 2
    assert "set HF_TOKEN, or run `hf auth login`" in done.err
    assert hub.requests == []


def test_other_values_are_replaced_only_on_request(
    command: Command, hub: FakeHub, run: Path, make_run: Callable[..., Path]
) -> None:
    command("push", run, "--repo", "lab/tiny", *DATASET)
    hub.files |= hub.commits[0][1]
    better = make_run("better", {"one": [[1.0, 1.0], [1.0, 1.0]], "two": [[0.0, 0.0], [1.0, 1.0]]})
    refused = command("push", better, "--repo", "lab/tiny", *DATASET)
    assert refused.code == 2
    assert "README.md, toy, correct: 0.625 -> 0.75" in refused.err
    assert ".eval_results/toy.yaml, org/toy-benchmark:default: 0.625 -> 0.75" in refused.err
    assert "add --overwrite" in refused.err
    done = command("push", better, "--repo", "lab/tiny", *DATASET, "--overwrite")
    assert done.code == 0, done.err
    assert len(yaml.safe_load(hub.commits[1][1][".eval_results/toy.yaml"])) == 1


def test_a_pull_request_is_opened_on_request(command: Command, hub: FakeHub, run: Path) -> None:
    done = command("push", run, "--repo", "lab/tiny", "--create-pr", "--json")
    assert done.code == 0, done.err
    answer = json.loads(done.out)
    assert answer["address"] == f"{ENDPOINT}/lab/tiny/discussions/1"
    assert answer["sent"] is True


def test_a_run_of_another_repository_s_weights_is_refused(
    command: Command, hub: FakeHub, make_run: Callable[..., Path]
) -> None:
    identity = {"model.weights": "lab/other", "model.revision": COMMIT}
    run = make_run("other", MARKS, identity=identity)
    done = command("push", run, "--repo", "lab/tiny")
    assert done.code == 2
    assert "measured lab/other, not lab/tiny; push it to --repo lab/other" in done.err
    assert hub.requests == []
    assert command("push", run, "--repo", "lab/tiny", "--any-weights", "--no-page").code == 0


def test_weights_that_nobody_can_tell_are_noted(command: Command, hub: FakeHub, run: Path) -> None:
    done = command("push", run, "--repo", "lab/tiny", "--no-page")
    assert "nothing tells whether after.safetensors (0) are the weights of lab/tiny" in done.err


def test_a_part_of_a_benchmark_is_not_put_on_a_leaderboard(
    command: Command, hub: FakeHub, make_run: Callable[..., Path]
) -> None:
    part = make_run("part", MARKS, identity={"limit": 4})
    done = command("push", part, "--repo", "lab/tiny", *DATASET)
    assert done.code == 2
    assert "measured 4 items only (--limit)" in done.err
    assert hub.commits == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--repo", "tiny"), 2, "--repo 'tiny' has no owner"),
        (("--repo", "a/b/c"), 2, "--repo 'a/b/c' is no repository"),
        (("--repo", "lab/gone"), 4, "no model repository lab/gone that your token can see"),
        (("--repo", "lab/tiny", "--revision", "dev"), 4, "lab/tiny has no branch 'dev'"),
        (("--repo", "lab/tiny", "--dataset", "toy"), 2, "--dataset 'toy' is not TASK="),
        (("--repo", "lab/tiny", "--dataset", "wise=a/b:c"), 4, "has no task 'wise'; it has: toy"),
    ],
)
def test_a_wrong_request_is_one_line(
    command: Command, hub: FakeHub, run: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = command("push", run, *arguments)
    assert done.code == code
    (line,) = done.errors
    assert message in line


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (403, "refuses to write to lab/tiny (403); set an HF_TOKEN that may write there"),
        (412, "lab/tiny has changed since its card was read; push again"),
        (500, "the Hub refuses the push to lab/tiny"),
    ],
)
def test_a_refusal_is_one_line(command: Command, hub: FakeHub, run: Path, status: int, message: str) -> None:
    hub.statuses["commit/"] = status
    done = command("push", run, "--repo", "lab/tiny", "--no-page")
    assert done.code == 4
    (line,) = done.errors
    assert message in line


def test_a_card_that_the_hub_finds_wrong_is_not_sent(command: Command, hub: FakeHub, run: Path) -> None:
    hub.card_errors.append('"license" must be one of ...')
    done = command("push", run, "--repo", "lab/tiny", "--no-page")
    assert done.code == 4
    assert done.errors == [
        'error: the Hub refuses the files: Invalid metadata in README.md. - "license" must be one of ...'
    ]
    assert hub.commits == []


def test_a_card_that_is_not_text_is_named(command: Command, hub: FakeHub, run: Path) -> None:
    hub.files["README.md"] = b"\xff\xfe\x00"
    done = command("push", run, "--repo", "lab/tiny", "--dry-run")
    assert done.code == 4
    assert "README.md of lab/tiny is not UTF-8" in done.err
