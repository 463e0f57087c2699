"""Puts a run's results into a model's repository on the Hub: metadata of its card, eval results, page.

>>> remote = read_remote("lab/model", "main", [CARD])  # doctest: +SKIP
>>> push = plan_push(run, "lab/model", remote, page=page)  # doctest: +SKIP
>>> send(push)  # doctest: +SKIP

The token is the environment's (``HF_TOKEN``, or what ``hf auth login`` stored): no argument takes one, and
nothing is sent that contains it. One commit holds all files, on top of the one whose card was read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.runs.reader import Run
from selfreward_eval.harness.runs.store import sanitise
from selfreward_eval.leaderboards.export.hub_errors import one_line
from selfreward_eval.leaderboards.export.hugging_face import (
    Benchmark,
    eval_results,
    model_index,
    yaml_text,
)
from selfreward_eval.leaderboards.export.model_card import Change, merge_entries, safe_yaml, with_results

__all__ = [
    "CARD",
    "Push",
    "Remote",
    "is_offline",
    "page_path",
    "plan_push",
    "read_remote",
    "require_repository",
    "require_token",
    "require_weights",
    "results_path",
    "send",
]

CARD = "README.md"
PAGES = "selfreward-eval"
"""Folder of the pages in a repository."""

MOST_BYTES = 4_000_000
"""Of a card or results file that is read from the Hub."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Remote:
    """What a repository holds before.

    Attributes:
        revision: branch that is pushed to.
        commit: its newest one; empty if it was not asked for.
        texts: path -> text of the files that are there.
    """

    revision: str = "main"
    commit: str = ""
    texts: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Push:
    """One commit, ready to be sent.

    Attributes:
        repository: ``owner/name``.
        remote: what is there.
        files: path in the repository -> content.
        changes: values that replace others.
        message: of the commit.
    """

    repository: str
    remote: Remote
    files: Mapping[str, bytes]
    changes: tuple[Change, ...]
    message: str


def plan_push(
    run: Run,
    repository: str,
    remote: Remote,
    *,
    page: bytes | None = None,
    benchmarks: Mapping[str, Benchmark] | None = None,
) -> Push:
    """The commit that adds a run's results to what ``remote`` holds.

    Args:
        run: a finished run.
        repository: ``owner/name`` of the model.
        remote: what is there.
        page: the run's page; None to leave it out.
        benchmarks: task -> its benchmark on the Hub, for ``.eval_results``; none without them.

    Raises:
        InputError: the run has no score, or the card or a results file there cannot be edited.
        UsageError: ``benchmarks`` for a run of some items only: on a leaderboard it would stand beside
            whole ones.
    """
    texts = remote.texts or {}
    source = {"name": _measured_by(run)}
    if page is not None:
        source = {"url": _address(repository, remote.revision, page_path(run)), **source}
    index = model_index(run)
    for result in index["model-index"][0]["results"] if page is not None else ():
        result["source"] = dict(source)
    card, changes = with_results(texts.get(CARD, ""), index, repository.partition("/")[2])
    files = {CARD: card.encode("utf-8")}
    if benchmarks:
        if (limit := run.manifest.identity.get("limit")) is not None:
            raise UsageError(
                f"{run.folder} measured {limit} items only (--limit), and a leaderboard compares whole "
                "benchmarks; run it without --limit, or leave out --dataset"
            )
        for path, entries in eval_results(run, benchmarks, source if page is not None else None).items():
            merged, more = merge_entries(safe_yaml(texts.get(path, ""), path), entries, path)
            files[path] = yaml_text(merged).encode("utf-8")
            changes += more
    if page is not None:
        files[page_path(run)] = page
    return Push(repository, remote, files, tuple(changes), f"Results of selfreward-eval: {run.name}")


def page_path(run: Run) -> str:
    """Where a run's page lies in the repository."""
    return f"{PAGES}/{sanitise(run.name)}.html"


def results_path(task: str) -> str:
    """Where a task's results lie in the repository."""
    return f".eval_results/{task}.yaml"


def require_repository(name: str) -> None:
    """Returns if ``name`` can be a repository.

    Raises:
        UsageError: it is not ``owner/name``.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise UsageError(f"--repo {name!r} is no repository: {error}") from error
    if "/" not in name:
        raise UsageError(f"--repo {name!r} has no owner; write OWNER/{name}")


def require_weights(run: Run, repository: str) -> str:
    """Returns if the run may be of the model in ``repository``.

    Returns:
        What its weights are, if nothing tells whether they are the repository's; else empty.

    Raises:
        UsageError: its weights came from another repository.
    """
    model = run.manifest.identity.get("model", {})
    weights, revision = str(model.get("weights") or model.get("name")), str(model.get("revision") or "")
    if weights == repository:
        return ""
    if _HUB_NAME.fullmatch(weights) and _COMMIT.fullmatch(revision):
        raise UsageError(
            f"{run.folder} measured {weights}, not {repository}; push it to --repo {weights}, or give "
            "--any-weights if both hold the same ones"
        )
    return f"{weights} ({revision or 'no revision'})"


def require_token() -> None:
    """Returns if there is a token to push with.

    Raises:
        UsageError: there is none.
    """
    from huggingface_hub import get_token

    if get_token() is None:
        raise UsageError(
            "pushing needs a token that may write: set HF_TOKEN, or run `hf auth login`; --dry-run needs none"
        )


def is_offline() -> bool:
    """Whether ``HF_HUB_OFFLINE`` forbids to ask the Hub."""
    from huggingface_hub import constants

    return bool(constants.is_offline_mode())


def read_remote(repository: str, revision: str, paths: Sequence[str]) -> Remote:
    """What the repository holds of ``paths`` at the newest commit of ``revision``.

    Raises:
        InputError: no such repository or branch, no access, no connection, or a file too large to be one.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    texts = {}
    with one_line(repository, revision), TemporaryDirectory() as folder:
        info = api.model_info(repository, revision=revision)
        commit = str(info.sha)
        there = {file.rfilename for file in info.siblings or ()}
        for path in paths:
            if path not in there:
                continue
            # By commit: the branch may move between two requests.
            file = Path(api.hf_hub_download(repository, path, revision=commit, local_dir=folder))
            if file.stat().st_size > MOST_BYTES:
                raise InputError(f"{path} of {repository} has more than {MOST_BYTES:,} bytes; mend it there")
            try:
                texts[path] = file.read_bytes().decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise InputError(f"{path} of {repository} is not UTF-8 ({error}); mend it there") from error
    return Remote(revision, commit, texts)


def send(push: Push, *, create_pr: bool = False) -> str:
    """Sends the commit.

    Args:
        push: from :func:`plan_push`.
        create_pr: open a pull request in place of a commit to the branch.

    Returns:
        Address of the commit or pull request.

    Raises:
        InputError: the Hub refuses it, the branch has moved since it was read, or there is no connection.
        UsageError: no token.
    """
    from huggingface_hub import CommitOperationAdd, HfApi, get_token

    require_token()
    token = str(get_token())
    for path, content in push.files.items():
        if token.encode("utf-8") in content:
            raise InputError(f"{path} contains your Hub token; nothing was sent. Find out how it got there")
    with one_line(push.repository, push.remote.revision):
        done = HfApi().create_commit(
            push.repository,
            [CommitOperationAdd(path, content) for path, content in push.files.items()],
            commit_message=push.message,
            revision=push.remote.revision,
            parent_commit=push.remote.commit or None,
            create_pr=create_pr,
        )
    return str(done.pr_url if create_pr else done.commit_url)


def _measured_by(run: Run) -> str:
    """``selfreward-eval, weights at 0123abc``: what was measured, which later commits are not."""
    revision = str(run.manifest.identity.get("model", {}).get("revision") or "")
    shown = revision[:7] if _COMMIT.fullmatch(revision) else revision
    return f"selfreward-eval, weights at {shown}" if shown else "selfreward-eval"


def _address(repository: str, revision: str, path: str) -> str:
    from urllib.parse import quote

    from huggingface_hub import constants

    place = f"{quote(revision, safe='')}/{quote(path)}"
    return f"{constants.ENDPOINT}/{repository}/blob/{place}"
