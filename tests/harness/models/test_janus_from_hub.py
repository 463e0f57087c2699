"""``--model janus --model-args weights=OWNER/NAME,revision=...``: weights of a private repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.hub import COMMIT, TOKEN, FakeHub

from selfreward_eval.api.arguments import parse
from selfreward_eval.api.objects import build_model
from selfreward_eval.harness.errors import CheckpointError


@pytest.fixture
def served(hub: FakeHub, hub_checkpoint: Path) -> FakeHub:
    hub.repository = "lab/janus"
    hub.files = {path.name: path.read_bytes() for path in hub_checkpoint.iterdir() if path.is_file()}
    hub.files["pytorch_model.bin"] = b"pickled"
    return hub


def revision_of(arguments: str) -> object:
    model = build_model("janus", parse(arguments, "--model-args"), "--model-args")
    return model.identity()["revision"]


@pytest.mark.parametrize("revision", ["", ",revision=main", f",revision={COMMIT}"])
def test_the_commit_is_the_revision(served: FakeHub, revision: str) -> None:
    assert revision_of(f"weights=lab/janus{revision}") == COMMIT
    assert served.tokens() == {f"Bearer {TOKEN}"}
    assert not any("pytorch_model.bin" in request.url.path for request in served.requests)


def test_offline_takes_the_cache_and_asks_nobody(served: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    revision_of("weights=lab/janus")
    served.requests.clear()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert revision_of("weights=lab/janus") == COMMIT
    assert served.requests == []


def test_offline_without_a_cache_says_what_to_do(served: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="connect once to download it"):
        revision_of("weights=lab/janus")
    assert served.requests == []


def test_another_revision_is_named(served: FakeHub) -> None:
    with pytest.raises(CheckpointError, match="'lab/janus' at revision 'v9' is neither"):
        revision_of("weights=lab/janus,revision=v9")


def test_a_private_repository_needs_the_token(served: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(CheckpointError, match="'lab/janus' is neither a folder nor weights"):
        revision_of("weights=lab/janus")
