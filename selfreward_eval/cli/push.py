"""``selfreward-eval push RUN --repo ORG/NAME``: a run's results into a model's repository on the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from selfreward_eval.leaderboards.export.hub import Push

EXAMPLES = (
    "push results/tiny-final --repo ORG/NAME --dry-run",
    "push results/janus --repo ORG/NAME --dataset geneval=ORG/BENCHMARK:default --create-pr",
)


def push(
    run_folder: Annotated[Path, typer.Argument(help="A finished run: the folder that holds run.json.")],
    repo: Annotated[str, typer.Option("--repo", help="The model's repository: ORG/NAME.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent, and send nothing.")
    ] = False,
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            "--dataset", help="TASK=ORG/NAME:TASK_ID[@COMMIT]: the task's benchmark on the Hub. Repeatable."
        ),
    ] = None,
    page: Annotated[bool, typer.Option("--page/--no-page", help="Push the page with its pictures.")] = True,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace values that are there and differ.")
    ] = False,
    any_weights: Annotated[
        bool, typer.Option("--any-weights", help="Push although the run names another repository's weights.")
    ] = False,
    revision: Annotated[str, typer.Option("--revision", help="Branch to push to.")] = "main",
    create_pr: Annotated[
        bool, typer.Option("--create-pr", help="Open a pull request in place of a commit.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Put a run's scores into a model's card on the Hub, with its .eval_results and its page.

    The token is the one of HF_TOKEN or of `hf auth login`. Other results on the card stay, and so does its
    text. With HF_HUB_OFFLINE set, only --dry-run works, and shows the files as for an empty repository.
    """
    from selfreward_eval.harness.errors import UsageError
    from selfreward_eval.harness.runs.reader import load_run
    from selfreward_eval.leaderboards.export import hub
    from selfreward_eval.leaderboards.export.hugging_face import parse_benchmarks

    hub.require_repository(repo)
    benchmarks = parse_benchmarks(dataset or [])
    offline = hub.is_offline()
    if not dry_run:
        if offline:
            raise UsageError("HF_HUB_OFFLINE is set, so nothing can be pushed; unset it, or add --dry-run")
        hub.require_token()
    run = load_run(run_folder)
    unknown = "" if any_weights else hub.require_weights(run, repo)
    if unknown:
        typer.echo(f"note: nothing tells whether {unknown} are the weights of {repo}", err=True)
    paths = [hub.CARD, *map(hub.results_path, benchmarks)]
    remote = hub.Remote(revision) if offline else hub.read_remote(repo, revision, paths)
    if offline:
        typer.echo(f"note: HF_HUB_OFFLINE is set; {repo} is shown as if it were empty", err=True)
    commit = hub.plan_push(run, repo, remote, page=_page(run_folder) if page else None, benchmarks=benchmarks)
    if not benchmarks:
        typer.echo("note: no .eval_results, as no --dataset names a task's benchmark on the Hub", err=True)
    if commit.changes and not (overwrite or dry_run):
        raise UsageError(
            f"{repo} has other values: {'; '.join(map(str, commit.changes))}; add --overwrite to replace them"
        )
    address = "" if dry_run else hub.send(commit, create_pr=create_pr)
    if as_json:
        import json

        files = {path: len(content) for path, content in commit.files.items()}
        changes = [str(change) for change in commit.changes]
        answer = {"repository": repo, "sent": not dry_run, "address": address or None}
        print(json.dumps({**answer, "files": files, "changes": changes}, ensure_ascii=False))
    elif dry_run:
        _show(commit)
    else:
        print(address)


def _page(run_folder: Path) -> bytes:
    """The run's page, made anew: nothing is written into the run's folder."""
    from tempfile import TemporaryDirectory

    from selfreward_eval.harness.report import write_run_page

    with TemporaryDirectory() as folder:
        return write_run_page(run_folder, Path(folder) / "report.html").read_bytes()


def _show(commit: Push) -> None:
    """What would be sent: every file, the differences of text files, and the values replaced."""
    from difflib import unified_diff

    from selfreward_eval.harness.user_files.text_files import split_lines

    remote = commit.remote
    at = f" at {remote.commit[:7]}" if remote.commit else ""
    print(f"would push to {commit.repository}, branch {remote.revision}{at}:")
    for path, content in commit.files.items():
        print(f"  {path}  {len(content):,} bytes")
    for path, content in commit.files.items():
        if path.endswith(".html"):
            continue
        before = (remote.texts or {}).get(path, "")
        lines = unified_diff(
            split_lines(before), split_lines(content.decode("utf-8")), f"a/{path}", f"b/{path}", lineterm=""
        )
        print("\n".join(["", *lines]))
    if commit.changes:
        print("\nvalues that are replaced (needs --overwrite):")
        for change in commit.changes:
            print(f"  {change}")
    print("\nnothing was sent")
