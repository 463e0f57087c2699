"""``python -m selfreward_eval.trainers.pretrain.flow``: train, measure and export ``tiny-flow``.

python -m selfreward_eval.trainers.pretrain.flow train --root pretraining
python -m selfreward_eval.trainers.pretrain.flow export --root pretraining --folder tiny-flow
python -m selfreward_eval.trainers.pretrain.flow measure --folder tiny-flow
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="Train the embedded flow model.", add_completion=False, pretty_exceptions_enable=False)

Root = Annotated[Path, typer.Option(help="Folder of the stages' checkpoints.")]


@app.command()
def train(
    root: Root = Path("pretraining"),
    stages: Annotated[
        str, typer.Option(help="Comma separated, in order.")
    ] = "flow-autoencoder,flow-understand,flow-unify",
    compile_: Annotated[
        bool, typer.Option("--compile", help="Compile the losses (needs a C++ compiler).")
    ] = False,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
) -> None:
    """Run the stages; each goes on from its own checkpoint where it was stopped."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from selfreward_eval.harness.models.tiny import WEIGHTS
    from selfreward_eval.trainers.pretrain.flow.pipeline import STAGES, FlowRecipe, run

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
    ids: dict[str, Any] = {}

    def show(stage: str, done: int, total: int, loss: float) -> None:
        if stage not in ids:
            ids[stage] = bars.add_task(stage, total=total, completed=done, loss=loss)
        bars.update(ids[stage], completed=done, loss=loss)

    with bars:
        run(root, chosen, FlowRecipe(compile=compile_, threads=threads), WEIGHTS / "tiny-final", show)


@app.command()
def export(
    folder: Annotated[Path, typer.Option(help="Where the checkpoint goes.")],
    root: Root = Path("pretraining"),
    step: Annotated[
        int | None, typer.Option(help="A kept step of the joint stage; its last by default.")
    ] = None,
) -> None:
    """Write one checkpoint of the joint stage in BAGEL's layout."""
    from selfreward_eval.trainers.pretrain.flow.saving import export as write

    write(root, step, folder)
    print(f"wrote {folder}")


@app.command()
def measure(
    folder: Annotated[Path, typer.Option(help="A checkpoint folder (see export).")],
    pictures: Annotated[int, typer.Option(help="Scenes per measurement.")] = 800,
    drawing_settings: Annotated[
        list[str] | None,
        typer.Option("--draw", help="guidance:times:shift to draw with; may be given several times."),
    ] = None,
) -> None:
    """Print how well a checkpoint sees, answers and draws."""
    from selfreward_eval.harness.models.bagel.adapter import BagelModel
    from selfreward_eval.tasks.shapes.oracle.accuracy import measure as read_scenes
    from selfreward_eval.trainers.pretrain.flow.measuring import round_trip
    from selfreward_eval.trainers.pretrain.measuring import answers, drawing

    model = BagelModel(str(folder), max_new_tokens=64)
    for row in read_scenes(pictures, seed=77, through=round_trip(model)):
        if row.property == "scene":
            print(f"round trip  {row.kind:12}{row.correct}/{row.total}  {row.rate:.3f}", flush=True)
    for kinds in (("plain", "counted"), ("textured", "occluding", "touching", "sized")):
        print(f"answers about {', '.join(kinds)} scenes")
        for kind, count in answers(model, pictures // 4, kinds).items():
            print(f"answers     {kind:12}{count.correct}/{count.total}  {count.rate:.3f}", flush=True)
    for setting in drawing_settings or ["1:16:1", "2:16:1", "3:16:1"]:
        guidance, times, shift = (float(part) for part in setting.split(":"))
        drawn = drawing(
            BagelModel(
                str(folder),
                guidance=guidance,
                guidance_start=0.0,
                renorm_min=1.0,
                num_timesteps=int(times),
                timestep_shift=shift,
            ),
            pictures // 2,
            0,
        )
        mean = sum(count.rate for count in drawn.values()) / len(drawn)
        tags = "  ".join(f"{tag} {count.rate:.2f}" for tag, count in drawn.items())
        print(f"drawing     {setting}: {mean:.3f}  {tags}", flush=True)


if __name__ == "__main__":
    app()
