"""The options that say where the work of a command is done."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["EngineArguments", "EngineName"]

EngineName = Annotated[
    str, typer.Option(help="local: this process; ray: a Ray cluster that runs (extra [ray]).")
]

EngineArguments = Annotated[str, typer.Option(help="Arguments of the engine: address=auto,actors=4,gpus=1.")]
