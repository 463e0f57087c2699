"""Asks a judge labelled questions, and compares its scores with the labels.

A question without a score (no picture, no reply, a reply that cannot be parsed) is counted by its status
only. Questions of one picture are asked together, so a picture is a cluster.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.records import Status
from selfreward_eval.harness.stats.means import Interval, cluster_values, mean_interval
from selfreward_eval.harness.stats.wilson import wilson_clustered
from selfreward_eval.harness.user_files.pictures import Unreadable, as_rgb
from selfreward_eval.tasks.judge_check.cases import Case, Labelled
from selfreward_eval.tasks.judged.evidence import JudgeSetup
from selfreward_eval.tasks.t2i_reasonbench.measuring import DESCRIBE, Prompts, ask, only_thoughts
from selfreward_eval.tasks.t2i_reasonbench.parsing import parser_named

if TYPE_CHECKING:
    from PIL.Image import Image

    from selfreward_eval.harness.instruments.judging import Judge, Reply

__all__ = [
    "Bin",
    "CheckResult",
    "QuestionResult",
    "Summary",
    "ask_cases",
    "calibration",
    "failures",
    "groupings",
    "summary",
]

BLOCK = "questions"
AT_ONCE = 32
"""Number of pictures that are open at the same time."""


@dataclass(frozen=True)
class QuestionResult:
    """The judge's score for one labelled question.

    Attributes:
        case: id of its picture.
        groups: grouping -> group, the question's own kind under ``question``.
        question: its text.
        truth: the right score, in [0, 1].
        status: ``SUCCESS``, or why there is no score.
        score: the judge's, in [0, 1]; None unless the status is ``SUCCESS``.
        reason: why there is no score.
    """

    case: str
    groups: Mapping[str, str]
    question: str
    truth: float
    status: Status
    score: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class CheckResult:
    """The result of a judge on all cases.

    Attributes:
        answers: one per question, in order.
        evidence: case id -> the raw replies, for every picture that was shown to the judge.
    """

    answers: tuple[QuestionResult, ...]
    evidence: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Summary:
    """Numbers over some answers; None where nothing was scored.

    Attributes:
        asked: questions.
        scored: those with a score.
        accuracy: share of the scored whose score is the label.
        accuracy_low: lower end of its interval (Wilson's, with pictures as clusters), None for one picture.
        accuracy_high: upper end, likewise.
        bias: mean of score minus label; above 0 the judge scores too high.
    """

    asked: int
    scored: int
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    bias: Interval | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Bin:
    """Questions to which the judge gave (nearly) the same score.

    Attributes:
        score: their mean score.
        truth: their mean label, which a calibrated judge's score equals.
    """

    score: float
    truth: Interval

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def ask_cases(
    judge: Judge,
    cases: Sequence[Case],
    parser: str = "tolerant",
    prompts: Prompts | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> CheckResult:
    """Asks the judge the questions about every picture, in ReasonBench's conversation.

    Args:
        judge: must read pictures.
        cases: labelled pictures.
        parser: name of one in :data:`selfreward_eval.tasks.t2i_reasonbench.parsing.PARSERS`.
        prompts: the prompts for the judge; the task's own by default.
        progress: called after every batch with its number of pictures.

    Raises:
        UsageError: no such parser.
    """
    parse, texts = parser_named(parser), prompts or Prompts.ours()
    setup = JudgeSetup.of(judge, texts.hashes(), parser)
    answers: list[QuestionResult] = []
    evidence: dict[str, Mapping[str, Any]] = {}
    for start in range(0, len(cases), AT_ONCE):
        batch = cases[start : start + AT_ONCE]
        opened = [_open(case) for case in batch]
        readable = [
            (case, picture)
            for case, picture in zip(batch, opened, strict=True)
            if not isinstance(picture, tuple)
        ]
        blocks = [{BLOCK: [labelled.question for labelled in case.questions]} for case, _ in readable]
        given = ask(judge, [picture for _, picture in readable], blocks, texts) if readable else []
        replies = {case.id: reply for (case, _), reply in zip(readable, given, strict=True)}
        for case, picture in zip(batch, opened, strict=True):
            if isinstance(picture, tuple):
                answers += _failed(case, *picture)
                continue
            evidence[case.id] = setup.evidence(replies[case.id])
            answers += _read(case, replies[case.id], parse)
        progress(len(batch))
    return CheckResult(tuple(answers), evidence)


def summary(answers: Sequence[QuestionResult], level: float = 0.95) -> Summary:
    """Accuracy and bias with intervals over pictures; ``level`` is their coverage, in (0, 1)."""
    scored = [(result, result.score) for result in answers if result.score is not None]
    if not scored:
        return Summary(len(answers), 0, None, None, None, None)
    marks: dict[str, list[float]] = {}
    for result, score in scored:
        marks.setdefault(result.case, []).append(float(score == result.truth))
    right = sum(map(sum, marks.values())) / len(scored)
    interval = wilson_clustered(list(marks.values()), level) if len(marks) > 1 else None
    errors = cluster_values(
        [score - result.truth for result, score in scored], [result.case for result, _ in scored]
    )
    return Summary(
        asked=len(answers),
        scored=len(scored),
        accuracy=right,
        accuracy_low=None if interval is None else interval.low,
        accuracy_high=None if interval is None else interval.high,
        bias=mean_interval(errors, level),
    )


def groupings(answers: Sequence[QuestionResult]) -> dict[str, dict[str, Summary]]:
    """Grouping -> group -> its summary, in order of first appearance."""
    members: dict[str, dict[str, list[QuestionResult]]] = {}
    for result in answers:
        for grouping, group in result.groups.items():
            members.setdefault(grouping, {}).setdefault(group, []).append(result)
    return {
        grouping: {group: summary(group_results) for group, group_results in groups.items()}
        for grouping, groups in members.items()
    }


def failures(answers: Sequence[QuestionResult]) -> dict[str, int]:
    """Status -> questions without a score."""
    return dict(sorted(Counter(str(result.status) for result in answers if result.score is None).items()))


def calibration(answers: Sequence[QuestionResult], bins: int = 10, level: float = 0.95) -> list[Bin]:
    """The mean label for every score that the judge gave.

    Args:
        answers: those without a score are left out.
        bins: if there are more distinct scores than this, they are grouped into this many bins of
            equal width over [0, 1]; else every distinct score is a bin.
        level: coverage of the intervals, in (0, 1).
    """
    scored = [(result, result.score) for result in answers if result.score is not None]
    few = len({score for _, score in scored}) <= bins
    members: dict[float, list[tuple[QuestionResult, float]]] = {}
    for result, score in scored:
        key = score if few else float(min(int(score * bins), bins - 1))
        members.setdefault(key, []).append((result, score))
    calibrated = []
    for _, group in sorted(members.items()):
        truths = cluster_values([result.truth for result, _ in group], [result.case for result, _ in group])
        mean = sum(score for _, score in group) / len(group)
        calibrated.append(Bin(mean, mean_interval(truths, level)))
    return calibrated


def _open(case: Case) -> Image | tuple[Status, str]:
    try:
        return as_rgb(case.picture())
    except FileNotFoundError as error:
        return Status.MISSING_IMAGE, f"{error.filename or error} is not there"
    except (OSError, Unreadable) as error:
        return Status.UNREADABLE_IMAGE, f"the picture cannot be read: {error}"


def _read(case: Case, replies: Mapping[str, Reply], parse: Callable[..., Any]) -> list[QuestionResult]:
    if BLOCK not in replies and (complaint := only_thoughts(replies[DESCRIBE])):
        return _failed(case, Status.JUDGE_PARSE_ERROR, f"{DESCRIBE}: {complaint}")
    for stage in (DESCRIBE, BLOCK):
        reply = replies[stage]
        if reply.text is None:
            return _failed(case, Status.JUDGE_TRANSPORT_ERROR, f"no reply to {stage!r}: {reply.reason}")
    reply = replies[BLOCK]
    parsed = parse(reply.text, len(case.questions), reply.cut)
    if parsed.scores is None:
        return _failed(case, Status.JUDGE_PARSE_ERROR, parsed.complaint)
    if len(parsed.scores) != len(case.questions):
        complaint = f"{len(parsed.scores)} scores for {len(case.questions)} questions"
        return _failed(case, Status.JUDGE_PARSE_ERROR, complaint)
    if not all(0 <= score <= 1 for score in parsed.scores):
        return _failed(case, Status.JUDGE_PARSE_ERROR, f"scores outside [0, 1]: {list(parsed.scores)}")
    return [
        _answer(case, question, Status.SUCCESS, score)
        for question, score in zip(case.questions, parsed.scores, strict=True)
    ]


def _failed(case: Case, status: Status, reason: str) -> list[QuestionResult]:
    return [_answer(case, question, status, None, reason) for question in case.questions]


def _answer(
    case: Case, question: Labelled, status: Status, score: float | None, reason: str = ""
) -> QuestionResult:
    groups = {"question": question.category, **case.groups}
    return QuestionResult(case.id, groups, question.question.text, question.truth, status, score, reason)
