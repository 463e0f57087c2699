"""The parts of a training run's page, as plain dictionaries: verdicts, rewards, rounds, settings. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.report.drawing import Drawing
from selfreward_eval.harness.report.identity import flatten
from selfreward_eval.harness.report.line_chart import Series, line_chart
from selfreward_eval.harness.report.notation import Notation, count, notation_for, p_number, share, signed
from selfreward_eval.harness.report.plots import Axis, difference_axis, interval_mark
from selfreward_eval.trainers.verdict import GUARDING, SHARE, Audit, Outcome, guarding, improvement

if TYPE_CHECKING:
    from selfreward_eval.harness.comparing.records import TaskComparison
    from selfreward_eval.trainers.record import TrainingRecord
    from selfreward_eval.trainers.report.reading import Round, Training

TONES = {
    Outcome.HELPED: "up",
    Outcome.KEPT: "up",
    Outcome.HURT: "down",
    Outcome.LOST: "down",
    Outcome.GAMED: "gamed",
    Outcome.NOT_SHOWN: "open",
    Outcome.NO_EVIDENCE: "open",
    Outcome.CANNOT_TELL: "open",
}

SYMBOLS = {"up": "✓", "down": "✗", "gamed": "!", "open": "?"}
"""A verdict is never told by colour alone."""

KINDS = {
    "self": "the model under training is its own rewarder",
    "external": "rewarded by something other than the model",
    "control": "a control, which measures nothing and must not help",
}

REWARD = Notation(1.0, 3)

OPENINGS = {
    Outcome.HELPED: "Helped on {}.",
    Outcome.HURT: "Hurt {}.",
    Outcome.GAMED: "Reward rose while quality did not on {}.",
    Outcome.NOT_SHOWN: "Reward rose and quality was not shown to rise on {}.",
    Outcome.NO_EVIDENCE: "No evidence of a change on {}.",
    Outcome.KEPT: "Kept {}.",
    Outcome.LOST: "Lost on {}.",
    Outcome.CANNOT_TELL: "Cannot tell whether {} was kept.",
}
"""How the headline says each verdict, in its order."""


def headline(verdicts: Mapping[str, Outcome]) -> list[dict[str, str]]:
    """The verdicts of all tasks in sentences, each with its ``tone``."""
    said = []
    for outcome, words in OPENINGS.items():
        tasks = [task for task, verdict in verdicts.items() if verdict is outcome]
        if tasks:
            said.append({"text": words.format(_listed(tasks)), "tone": TONES[outcome]})
    return said


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def outcome_view(outcome: Outcome) -> dict[str, Any]:
    """A verdict's badge: ``word``, ``tone``, ``symbol`` and ``guard``."""
    tone = TONES[outcome]
    return {"word": str(outcome), "tone": tone, "symbol": SYMBOLS[tone], "guard": outcome in GUARDING}


def because(
    task: TaskComparison, outcome: Outcome, audit: Audit | None, value_range: tuple[float, float]
) -> str:
    """Why a task has its verdict where that is more than its p-value; a sentence, or empty."""
    if outcome in GUARDING:
        return _guarded(task, outcome, value_range)
    if audit is None or not audit.rose:
        return ""
    interval = REWARD.difference_interval(audit.low, audit.high)
    gain = f"{REWARD.difference(audit.effect)} (95 % interval {interval})"
    if outcome is Outcome.GAMED:
        return f"The rewarder's own mean on these very pictures rose by {gain}, and the score did not follow."
    if outcome is Outcome.NOT_SHOWN:
        return (
            f"The rewarder's own mean on these very pictures rose by {gain}. The score was not shown to "
            f"rise, and a gain of {_margin(value_range)} is not excluded either: more items would tell."
        )
    if outcome is Outcome.HURT:
        return f"The rewarder's own mean on these very pictures rose by {gain} all the same."
    return ""


def _margin(value_range: tuple[float, float]) -> str:
    notation = notation_for(value_range)
    return f"{notation.number(SHARE * (value_range[1] - value_range[0]))}{notation.difference_unit}"


def _guarded(task: TaskComparison, outcome: Outcome, value_range: tuple[float, float]) -> str:
    notation = notation_for(value_range)
    result = guarding(task.overall, value_range, higher_is_better=task.higher_is_better)
    if result is None or result.low is None or result.high is None:
        if outcome is not Outcome.CANNOT_TELL:
            return (
                f"A guard, which training must not cost: {outcome}. This record is older than the bounds "
                "that guards go by, and lacks them; train again to see them."
            )
        why = task.overall.why if result is None else result.why
        return f"A guard: training must not cost it. It cannot be judged: {why}."
    margin = f"{notation.number(result.margin)}{notation.difference_unit}"
    low, high = notation.difference(result.low), notation.difference(result.high)
    said = {
        Outcome.KEPT: f"a loss of {margin} is excluded",
        Outcome.LOST: f"a loss of more than {margin} is shown",
        Outcome.CANNOT_TELL: f"a loss of {margin} can be neither shown nor excluded",
    }[outcome]
    more = ""
    if outcome is Outcome.CANNOT_TELL and result.needed_n:
        more = f" About {count(result.needed_n, 'item')} would do for a model that did not change."
    return (
        f"A guard, which training must not cost: {said}. Where a gain is positive, the change lies between "
        f"{low} and {high}{notation.difference_unit}, each end with 95 % confidence.{more}"
    )


def reward_rows(training: Training) -> list[dict[str, Any]]:
    """Two rows for every audited task: what the rewarder gives to its pictures, and what the task measures.

    Rewards share an axis; scores share another, on which a metric's whole range is 1.

    Returns:
        ``task``, ``outcome``, and ``rows`` with ``name``, ``a``, ``b``, ``effect``, ``interval``, ``tone``,
        ``mark`` and ``zero``.
    """
    tasks = {name: task for name, task in training.comparison.tasks.items() if name in training.audits}
    widths = {name: _width(training, name) for name in tasks}
    audits = training.audits
    rewards = difference_axis(
        end for name in tasks for end in (audits[name].effect, audits[name].low, audits[name].high)
    )
    scores = difference_axis(
        None if end is None else end / widths[name]
        for name, task in tasks.items()
        for end in (task.overall.effect, task.overall.low, task.overall.high)
    )
    return [
        {
            "task": name,
            "outcome": outcome_view(training.verdicts[name]),
            "rows": [_reward_row(audits[name], rewards), _score_row(training, task, widths[name], scores)],
        }
        for name, task in tasks.items()
    ]


def unaudited(training: Training) -> list[str]:
    """Tasks of which the rewarder could score too little, as sentences."""
    return [
        f"{task}: the rewarder scored {audit.get('n', 0)} of {audit.get('of', 0)} items in both arms, "
        "too few for a difference."
        for task, audit in training.record.audit.items()
        if task not in training.audits
    ]


def _width(training: Training, task: str) -> float:
    low, high = training.before.scores[task].range
    return high - low


def _reward_row(audit: Audit, axis: Axis) -> dict[str, Any]:
    fell = audit.high is not None and audit.high < 0
    return {
        "name": "reward" if audit.n == audit.of else f"reward, {audit.n:,} of {count(audit.of, 'item')}",
        "a": REWARD.number(audit.before),
        "b": REWARD.number(audit.after),
        "effect": REWARD.difference(audit.effect),
        "interval": REWARD.difference_interval(audit.low, audit.high),
        "tone": "up" if audit.rose else "down" if fell else "open",
        "mark": interval_mark(axis, audit.effect, audit.low, audit.high),
        "zero": axis.at(0.0),
    }


def _score_row(training: Training, task: TaskComparison, width: float, axis: Axis) -> dict[str, Any]:
    found, notation = task.overall, notation_for(training.before.scores[task.task].range)
    change = improvement(found, higher_is_better=task.higher_is_better)
    effect, low, high = (
        None if end is None else end / width for end in (found.effect, found.low, found.high)
    )
    return {
        "name": task.metric,
        "a": notation.number(found.a),
        "b": notation.number(found.b),
        "effect": notation.difference(found.effect),
        "interval": notation.difference_interval(found.low, found.high),
        "tone": {1: "up", -1: "down", 0: "open"}[change],
        "mark": interval_mark(axis, effect, low, high),
        "zero": axis.at(0.0),
    }


def round_rows(rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """A row per round and side.

    Returns:
        Texts ``round``, ``side``, ``mean``, ``best``, ``scored``, ``groups``, ``reasons``.
    """
    return [
        {
            "round": f"{one.number + 1}",
            "side": name,
            "mean": REWARD.number(side.mean),
            "best": REWARD.number(side.best),
            "scored": share(round(side.scored * 1_000_000), 1_000_000),
            "groups": f"{side.groups:,} of {side.of:,}",
            "reasons": "; ".join(f"{number:,} {why}" for why, number in one.reasons.items()),
        }
        for one in rounds
        for name, side in one.sides.items()
    ]


def round_charts(rounds: Sequence[Round]) -> list[Drawing]:
    """Rewards of the candidates by round, a chart per side that has two rounds or more with a reward."""
    charts = []
    for name in dict.fromkeys(name for one in rounds for name in one.sides):
        those = [(one.number + 1.0, one.sides[name]) for one in rounds if name in one.sides]
        mean = tuple((number, side.mean) for number, side in those if side.mean is not None)
        best = tuple((number, side.best) for number, side in those if side.best is not None)
        if len(mean) > 1:
            curves = [
                Series("mean", mean, "accent", dots=True),
                Series("best of each group", best, "second", dots=True),
            ]
            charts.append(line_chart(f"reward of candidates, {name}", curves, axis_name="round", whole=True))
    return charts


def settings(record: TrainingRecord) -> list[dict[str, Any]]:
    """What was trained, as groups of rows: ``title`` and ``rows``."""
    run = {
        "seed": record.seed,
        "guidance policy": record.policy,
        "guidance before": record.before.guidance,
        "guidance after": record.after.guidance,
        "checkpoint": record.checkpoint,
        "run before": record.before.folder,
        "run after": record.after.folder,
    }
    method = {key: value for key, value in record.trainer.items() if key != "settings"}
    parts = {"training run": run, "trainer": method, "settings": record.trainer.get("settings", {})}
    parts |= {"rewarder": record.rewarder, "prompts": record.prompts, "starting model": record.model}
    tables = [{"title": title, "rows": flatten(part)} for title, part in parts.items() if part]
    if record.seconds:
        rows = [(stage, duration(seconds)) for stage, seconds in record.seconds.items()]
        rows.append(("all stages", duration(sum(record.seconds.values()))))
        tables.append({"title": "time", "rows": rows})
    if record.profile:
        rows = [(part, duration(seconds)) for part, seconds in record.profile.items()]
        tables.append({"title": "time within training", "rows": rows})
    return tables


def duration(seconds: float) -> str:
    """A wall time for a human.

    >>> duration(4.24), duration(93), duration(3725)
    ('4.2 s', '1 min 33 s', '1 h 02 min')
    """
    if seconds < 60:
        return f"{signed(seconds, 1)} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def guidance_words(record: TrainingRecord) -> str:
    """How the two arms' scales were set."""
    before, after = record.before.guidance, record.after.guidance
    if before == after:
        return f"guidance {before:g} in both arms ({record.policy})"
    return f"guidance {before:g} before, {after:g} after ({record.policy})"


def adjusted_p(task: TaskComparison) -> str:
    """The p-value that the verdict goes by."""
    found = task.overall
    return p_number(found.p if found.p_adjusted is None else found.p_adjusted)
