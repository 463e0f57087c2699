"""Each parser as a function: a text -> whether it gave a score, with what must hold checked on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isfinite

Read = Callable[[str], bool]
"""A text -> whether it gave a score; False for an error of the documented kind. Anything else raises."""


def check(condition: bool, what: str) -> None:
    if not condition:
        raise AssertionError(what)


def judged(parse: Callable[[str, bool], tuple[object, str]]) -> Read:
    """A parser of replies: (text, cut) -> (score or None, complaint).

    A cut may take a score away; it never changes one.
    """

    def read(text: str) -> bool:
        score, complaint = parse(text, False)
        check((score is None) == bool(complaint), "neither a score nor a complaint, or both")
        cut_score, _ = parse(text, True)
        check(cut_score is None or cut_score == score, f"{cut_score!r} of a cut {score!r}")
        return score is not None

    return read


def llava(name: str) -> Callable[[], Read]:
    def load() -> Read:
        from selfreward_eval.tasks.llava_bench.parsing import PARSERS

        def parse(text: str, cut: bool) -> tuple[object, str]:
            parsed = PARSERS[name](text, cut)
            in_range = parsed.scores is None or all(1 <= score <= 10 for score in parsed.scores)
            check(in_range and len(parsed.scores or (0, 0)) == 2, f"the scores {parsed.scores}")
            return parsed.scores, parsed.complaint

        return judged(parse)

    return load


def reasonbench(name: str) -> Callable[[], Read]:
    def load() -> Read:
        from selfreward_eval.tasks.t2i_reasonbench.parsing import PARSERS

        def parse(text: str, cut: bool) -> tuple[object, str]:
            parsed = PARSERS[name](text, 2, cut)
            if parsed.scores is not None and name != "official":
                check(len(parsed.scores) == 2 and set(parsed.scores) <= {0.0, 0.5, 1.0}, f"{parsed.scores}")
            return parsed.scores, parsed.complaint

        return judged(parse)

    return load


def vlm_strict() -> Read:
    from selfreward_eval.tasks.t2i_compbench_vlm.parsing import strict_score

    def parse(text: str, cut: bool) -> tuple[object, str]:
        parsed = strict_score(text, cut)
        check(parsed.score is None or 0 <= parsed.score <= 100, f"the score {parsed.score}")
        return parsed.score, parsed.reason

    return judged(parse)


def vlm_upstream() -> Read:
    from selfreward_eval.harness.errors import InputError
    from selfreward_eval.tasks.t2i_compbench_vlm.parsing import UNREADABLE, upstream_score

    def read(text: str) -> bool:
        try:
            score = upstream_score(text)
        except InputError:
            return False
        check(isinstance(score, int), f"the score {score!r}")
        return score != UNREADABLE

    return read


def srum_layout(name: str) -> Callable[[], Read]:
    def load() -> Read:
        from selfreward_eval.rewarders.srum.parsing import LAYOUT

        def parse(text: str, cut: bool) -> tuple[object, str]:
            parsed = LAYOUT[name](text, cut)
            if parsed.score is not None:
                check(isfinite(parsed.score), f"the score {parsed.score}")
                check(name == "released" or -1 <= parsed.score <= 1, f"the score {parsed.score}")
            return parsed.score, parsed.reason

        return judged(parse)

    return load


def srum_regions(name: str) -> Callable[[], Read]:
    def load() -> Read:
        from selfreward_eval.rewarders.srum.parsing import REGIONS

        def read(text: str) -> bool:
            whole, cut = (REGIONS[name](text, cut) for cut in (False, True))
            for number, parsed in whole.items():
                check((parsed.score is None) == bool(parsed.reason), "neither a score nor a reason, or both")
                check(parsed.score is None or isfinite(parsed.score), f"the score {parsed.score}")
                check(number in cut and cut[number].score in (None, parsed.score), f"region {number}, cut")
            return any(parsed.score is not None for parsed in whole.values())

        return read

    return load


def answer() -> Read:
    from selfreward_eval.harness.instruments.backends.openai_endpoint import without_key
    from selfreward_eval.harness.instruments.backends.openai_wire import MalformedAnswer, read_answer

    key = "sk-secret-0123"

    def read(text: str) -> bool:
        try:
            completion = read_answer(
                text.encode("utf-8", errors="surrogatepass"), lambda part: without_key(part, key)
            )
        except MalformedAnswer:
            return False
        stored = json.dumps([completion.text, completion.reason, completion.details], allow_nan=False)
        json.dumps([completion.text, completion.reason, completion.details], ensure_ascii=False).encode()
        check(key not in stored, "the key is in the record")
        check(completion.tokens is None or completion.tokens >= 0, f"{completion.tokens} tokens")
        return completion.text is not None

    return read


def error_answer() -> Read:
    from selfreward_eval.harness.instruments.backends.openai_endpoint import without_key
    from selfreward_eval.harness.instruments.backends.openai_wire import error_words

    key = "sk-secret-0123"

    def read(text: str) -> bool:
        body = text.encode("utf-8", errors="surrogatepass")
        code, words = error_words(body, lambda part: without_key(part, key))
        check(key not in code + words and len(words) <= 303, "the key, or a long message")
        (code + words).encode()
        return bool(code)

    return read


def waiting() -> Read:
    from selfreward_eval.harness.instruments.backends.retries import retry_after

    def read(text: str) -> bool:
        seconds = retry_after(text)
        check(seconds is None or (isfinite(seconds) and seconds >= 0), f"{seconds} s")
        return seconds is not None

    return read


def recorded() -> Read:
    from selfreward_eval.harness.errors import InputError
    from selfreward_eval.tasks.judged.evidence import _reply_json, recorded_replies

    def read(text: str) -> bool:
        try:
            evidence = json.loads(text)
        except (ValueError, RecursionError):
            evidence = {
                "replies": {"review": {"text": text, "status": "success", "details": {text: float("nan")}}}
            }
        try:
            replies = recorded_replies(evidence)
        except InputError:
            return False
        rows = [_reply_json(reply) for reply in replies.values()]
        json.dumps(rows, ensure_ascii=False, allow_nan=False).encode()
        return bool(rows)

    return read


def policy_lines() -> Read:
    from selfreward_eval.harness.gating.lines import line_numbers, line_of

    def read(text: str) -> bool:
        lines = line_numbers(text)
        check(line_of(lines, "rule", 0, "task") >= 1, "no line")
        return len(lines) > 1

    return read


def shapes_question() -> Read:
    from selfreward_eval.tasks.shapes.judge.pictures import answer
    from selfreward_eval.tasks.shapes.judge.solving import solve
    from selfreward_eval.tasks.shapes.scene import Scene, Thing

    scene = Scene((Thing("star", "red", 8, 8),))

    def read(text: str) -> bool:
        given = answer(text, ())
        check(given is None or given.score in (0.0, 0.5, 1.0), f"{given}")
        return solve(text, scene) is not None or given is not None

    return read


def shapes_comparison() -> Read:
    from selfreward_eval.harness.instruments.judging import Turn
    from selfreward_eval.tasks.shapes.judge.judge import ShapesJudge

    judge = ShapesJudge()
    return lambda text: judge.replies([[Turn("user", text)]])[0].text is not None


def shapes_prompt() -> Read:
    from selfreward_eval.harness.errors import InputError
    from selfreward_eval.rewarders.questions.shapes import shapes

    def read(text: str) -> bool:
        try:
            shapes(text, {})
        except InputError:
            return False
        return True

    return read


def words() -> Read:
    from selfreward_eval.tasks.t2i_compbench.labels import names
    from selfreward_eval.tasks.t2i_compbench.language.tokens import _TOKEN

    # The pattern alone: a token is an object, and some hundred thousands of them take long to make.
    return lambda text: (
        bool(names(text)) and _TOKEN.search(text) is not None and len(_TOKEN.sub("", text)) >= 0
    )
