"""``python -m studies.composition``: candidates of prompts of every category, their rewards, and a page."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from selfreward_eval.harness.files import atomic_write_json, atomic_write_text
from selfreward_eval.harness.folders import FolderUse, claim_identity, lock_folder
from selfreward_eval.harness.registry import registry
from studies.composition.candidates import Candidates, candidates, is_complete
from studies.composition.figures import category_figures
from studies.composition.page import page
from studies.composition.prompts import SEED, prompts, tasks
from studies.composition.trained import gains

FINDINGS = Path(__file__).with_name("findings.md")
"""What the committed figures say, for the top of the page."""

FOLDER = FolderUse("other candidates", "choose another --output")


def main() -> None:
    """Makes what is missing in the folder; writes figures and the page after every round of prompts."""
    parser = argparse.ArgumentParser(prog="python -m studies.composition", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder of candidates and figures")
    parser.add_argument("--prompts", type=int, default=5, help="per category (default: %(default)s)")
    parser.add_argument("--candidates", type=int, default=128, help="per prompt (default: %(default)s)")
    parser.add_argument(
        "--rewarded", type=int, default=32, help="of them, the first ones (default: %(default)s)"
    )
    parser.add_argument("--guidance", type=float, default=2.0, help="scale (default: %(default)s)")
    parser.add_argument(
        "--trained", type=Path, nargs="*", default=[], help="training runs' folders, whose gains are joined"
    )
    parser.add_argument(
        "--stored", action="store_true", help="figures of what is there; nothing is drawn or rewarded"
    )
    parser.add_argument("--page", type=Path, help="Markdown page; OUTPUT/composition.md by default")
    options = parser.parse_args()
    model = registry("models").load("tiny")(guidance=options.guidance)
    options.output.mkdir(parents=True, exist_ok=True)
    plan = {
        "model": model.identity(),
        "tasks": {
            name: {"version": task.info.version, "instruments": dict(task.instruments())}
            for name, task in tasks().items()
        },
        "candidates": options.candidates,
        "rewarded": options.rewarded,
        "seed": SEED,
    }
    rows: dict[tuple[str, str], list[Candidates]] = {}
    with lock_folder(options.output, FOLDER):
        claim_identity(options.output / "plan.json", plan, FOLDER)
        for place, chosen in enumerate(prompts(options.prompts), 1):
            for prompt in chosen:
                if options.stored and not is_complete(options.output, prompt):
                    continue
                began = time.process_time()
                row = candidates(options.output, model, prompt, options.candidates, options.rewarded)
                rows.setdefault((prompt.task, prompt.item.category), []).append(row)
                print(f"{time.process_time() - began:6.1f} s CPU  {prompt.item.text}", flush=True)
            write(rows, plan, options.trained, options.output, options.page)
            print(f"figures of {place} of {options.prompts} prompts a category", flush=True)


def write(
    rows: Mapping[tuple[str, str], Sequence[Candidates]],
    plan: Mapping[str, Any],
    trained: Sequence[Path],
    folder: Path,
    target: Path | None,
) -> None:
    """Figures and page of the prompts that are done."""
    figures = {
        task: {
            category: category_figures(members)
            for (owner, category), members in rows.items()
            if owner == task
        }
        for task in tasks()
    }
    content = {"plan": plan, "tasks": figures, "trained": gains(trained)}
    atomic_write_json(folder / "figures.json", content)
    atomic_write_text(
        target or folder / "composition.md", page(content, FINDINGS.read_text(encoding="utf-8"))
    )


if __name__ == "__main__":
    main()
