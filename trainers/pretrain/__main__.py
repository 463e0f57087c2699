"""``python -m selfreward_eval.trainers.pretrain``: train, measure and export the tiny model.

python -m selfreward_eval.trainers.pretrain train --root pretraining
python -m selfreward_eval.trainers.pretrain measure --root pretraining --step 3000
python -m selfreward_eval.trainers.pretrain export --root pretraining --step 3000 --folder tiny-final
python -m selfreward_eval.trainers.pretrain clip --root pretraining --folder tiny-clip
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Train the embedded tiny model.", add_completion=False, pretty_exceptions_enable=False)

Root = Annotated[Path, typer.Option(help="Folder of the stages' checkpoints.")]
Step = Annotated[int, typer.Option(help="A kept step of the joint stage, or its last.")]


@app.command()
def train(
    root: Root = Path("pretraining"),
    stages: Annotated[
        str, typer.Option(help="Comma separated, in order.")
    ] = "codec,codec-fine,understand,question,unify",
    compile_: Annotated[
        bool, typer.Option("--compile", help="Compile the losses (needs a C++ compiler).")
    ] = False,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 2,
) -> None:
    """Run the stages; each goes on from its own checkpoint where it was stopped."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from selfreward_eval.trainers.pretrain.pipeline import run
    from selfreward_eval.trainers.pretrain.recipe import STAGES, Recipe

    chosen = tuple(name.strip() for name in stages.split(","))
    unknown = [name for name in chosen if name not in STAGES]
    if unknown:
        raise typer.BadParameter(f"unknown stage {unknown[0]!r}; known: {', '.join(STAGES)}")
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
        TimeRemainingColumn(),
    )
    ids = {}

    def show(stage: str, done: int, total: int, loss: float) -> None:
        if stage not in ids:
            ids[stage] = bars.add_task(stage, total=total, completed=done, loss=loss)
        bars.update(ids[stage], completed=done, loss=loss)

    with bars:
        run(root, chosen, Recipe(compile=compile_, threads=threads), show)


@app.command()
def measure(
    folder: Annotated[Path, typer.Option(help="A checkpoint folder (see export).")],
    pictures: Annotated[int, typer.Option(help="Scenes per measurement.")] = 800,
) -> None:
    """Print how well a checkpoint sees, answers and draws."""
    from selfreward_eval.harness.models.janus.adapter import JanusModel
    from selfreward_eval.tasks.shapes.oracle.accuracy import measure as read_scenes
    from selfreward_eval.trainers.pretrain.measuring import answers, drawing, round_trip

    model = JanusModel(str(folder), max_new_tokens=64)
    for row in read_scenes(pictures, seed=77, through=round_trip(model)):
        if row.property == "scene":
            print(f"round trip  {row.kind:12}{row.correct}/{row.total}  {row.rate:.3f}")
    for kind, count in answers(model, pictures // 4).items():
        print(f"answers     {kind:12}{count.correct}/{count.total}  {count.rate:.3f}")
    for guidance in (1.0, 2.0, 3.0, 4.0):
        drawn = drawing(JanusModel(str(folder), guidance=guidance), pictures // 2, 0)
        mean = sum(count.rate for count in drawn.values()) / len(drawn)
        tags = "  ".join(f"{tag} {count.rate:.2f}" for tag, count in drawn.items())
        print(f"drawing     guidance {guidance:.0f}: {mean:.3f}  {tags}")


@app.command()
def export(
    step: Step,
    folder: Annotated[Path, typer.Option(help="Where the checkpoint goes.")],
    root: Root = Path("pretraining"),
) -> None:
    """Write one checkpoint of the joint stage as a model in the hub's layout."""
    from selfreward_eval.trainers.pretrain.pipeline import joint_checkpoint
    from selfreward_eval.trainers.pretrain.saving import save

    save(joint_checkpoint(root, step), folder)
    print(f"wrote {folder}")


@app.command()
def clip(
    folder: Annotated[Path, typer.Option(help="Where the model goes, in open_clip's format.")],
    root: Root = Path("pretraining"),
    steps: Annotated[int, typer.Option(help="Training steps.")] = 3000,
    compile_: Annotated[
        bool, typer.Option("--compile", help="Compile the loss (needs a C++ compiler).")
    ] = False,
) -> None:
    """Train the tiny CLIP, write it and print how often it finds a held-out scene's text among 32."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from selfreward_eval.trainers.pretrain.clip import accuracy, pretrain, save

    bars = Progress(
        TextColumn("clip"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
        TimeRemainingColumn(),
    )
    with bars:
        bar = bars.add_task("clip", total=steps, loss=float("nan"))
        model = pretrain(
            root,
            steps=steps,
            compile_=compile_,
            progress=lambda done, terms: bars.update(bar, completed=done, loss=terms["loss"]),
        )
    save(model.eval(), folder)
    print(f"wrote {folder}")
    print(f"retrieval among 32: {accuracy(folder):.3f}")


if __name__ == "__main__":
    app()
