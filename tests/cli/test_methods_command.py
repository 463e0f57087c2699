"""What ``methods`` prints: names may be long, numbers are whole."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from rich.console import Console

from selfreward_eval.cli import methods


def claims(effect: float) -> Any:
    contrast = SimpleNamespace(low=effect - 0.123, high=effect + 0.123, p=0.0209, p_adjusted=None)
    overall = SimpleNamespace(
        deciding=contrast,
        method=contrast,
        pooled=None,
        checkpoint=SimpleNamespace(effect=effect),
        scores_a=(5.636,),
        scores_b=(5.636 + effect,),
    )
    return SimpleNamespace(tasks={"shapes_llava_bench_hard": SimpleNamespace(overall=overall)}, b=(1, 2, 3))


def test_in_eighty_columns_a_long_name_is_broken_and_no_number() -> None:
    console = Console(width=80)
    with console.capture() as printed:
        console.print(
            methods._table("after minus before", {"dsr_grpo-dsr-dsr_understanding": claims(-0.383)})
        )
    row = next(line for line in printed.get().splitlines() if "dsr_grpo-dsr" in line)
    assert row.split()[1:] == ["3", "5.636", "5.253", "-0.383", "-0.506", "to", "-0.260", "0.0209"]
    assert "…" not in printed.get()
