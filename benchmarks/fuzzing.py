"""Every parser of text that others write, on random and on adversarial inputs.

    python benchmarks/fuzzing.py --inputs 100000 --seed 0
    python benchmarks/fuzzing.py --long 400000 --only srum_robust_regions

The first form prints, per parser, how many inputs gave a score and how many an error of the documented
kind; anything else (another exception, a number off the scale, a score from a reply that was cut which
differs from the whole reply's) is a failure, shown with its input. The second form runs a parser on long
inputs made to be slow, and is ended by the system where one of them takes more than three seconds of CPU.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections import Counter

from fuzzed import inputs as texts
from fuzzed import readers
from fuzzed.inputs import Parser

SECONDS = 3.0
"""CPU time for one long input; what is linear takes some hundredths of it."""


PARSERS = {
    **{
        f"llava_{n}": Parser(
            readers.llava(n),
            texts.REVIEWS,
            ("8 7", "Assistant 1", "Score: ", "8 "),
            ("8", "8 7", "Assistant 1: 8", "score"),
        )
        for n in ("tolerant", "strict", "official")
    },
    **{
        f"reasonbench_{n}": Parser(
            readers.reasonbench(n), texts.LISTS, texts.SCORE_PIECES, ("", "{", '{"score": [', '{"a": "')
        )
        for n in ("tolerant", "strict", "official")
    },
    "compbench_vlm_strict": Parser(
        readers.vlm_strict, texts.SCORED, texts.SCORE_PIECES, ("", '"score":', '"score": 1', '"score": "1')
    ),
    "compbench_vlm_upstream": Parser(
        readers.vlm_upstream, texts.SCORED, texts.SCORE_PIECES, ("", "{", '{"score":', '{"score": 1')
    ),
    **{
        f"srum_{n}_regions": Parser(
            readers.srum_regions(n),
            (texts.REGION,),
            texts.SRUM,
            ("region", "Region ID: 1 ", "Identified Object", "score:"),
        )
        for n in ("robust", "released")
    },
    **{
        f"srum_{n}_layout": Parser(
            readers.srum_layout(n),
            ("Score: -0.75\n", "**Score:** 0.5/1.0"),
            texts.SRUM,
            ("score", "Score: 1", "Score: 0."),
        )
        for n in ("robust", "released")
    },
    "chat_answer": Parser(readers.answer, (texts.CHAT,), texts.WIRE, ("", '{"choices": [', '{"usage": {')),
    "chat_error": Parser(
        readers.error_answer,
        ('{"error": {"message": "bad sk-secret-0123", "code": "x"}}',),
        texts.WIRE,
        ("", '{"error": '),
    ),
    "retry_after": Parser(readers.waiting, texts.DATES, ("Jan", "GMT", "+", "1" * 30, "Wed, ")),
    "recorded_replies": Parser(
        readers.recorded,
        ('{"replies": {"review": {"text": "8", "status": "success", "details": {"x": NaN}}}}',),
        texts.WIRE,
    ),
    "policy_lines": Parser(
        readers.policy_lines,
        (texts.POLICY,),
        ("[", "[[", "a.", "a", '"', "'", "=", "#", '"""', " = 1\n"),
        ("", "[", "[a", "a", "a = "),
    ),
    "shapes_question": Parser(
        readers.shapes_question, texts.ASKED, texts.ASKED_PIECES, ("is the ", "Is the ")
    ),
    "shapes_comparison": Parser(
        readers.shapes_comparison,
        (texts.COMPARED,),
        ("[Context]\n", "\n\n[", "[Question]\n", "star", ", ", "[0.1, "),
        ("[Context]\n",),
    ),
    "shapes_prompt": Parser(
        readers.shapes_prompt,
        ("a picture of a red star left of a ring",),
        (" left of ", "a red star", " and ", ", "),
    ),
    "words": Parser(readers.words, ("The cat's 11:44 bowl", "mouse2, Mouse"), ("11:", "'s", "/", "cat2")),
}


def fuzz(name: str, count: int, seed: int) -> bool:
    """Reads ``count`` inputs and prints a line; whether nothing but scores and documented errors came."""
    parser = PARSERS[name]
    read = parser.load()
    outcomes: Counter[str] = Counter()
    first = ""
    for text in texts.random_inputs(parser, count, seed):
        try:
            outcomes["score" if read(text) else "error"] += 1
        except Exception as error:
            outcomes["failure"] += 1
            first = first or f"{type(error).__name__}: {error} on {text!r}"
    print(
        f"{name:24}",
        *(f"{outcomes[kind]:8} {kind}s" for kind in ("score", "error", "failure")),
        flush=True,
    )
    if first:
        print(f"  the first: {first}")
    return not first


def stress(name: str, length: int) -> None:
    """Reads long inputs; the system ends this process where one takes too long, after its description."""
    read = PARSERS[name].load()
    for description, text in texts.long_inputs(PARSERS[name], length):
        print(f"{name}: {description}", flush=True)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        read(text)
        signal.setitimer(signal.ITIMER_PROF, 0)


def main() -> int:
    options = argparse.ArgumentParser(description="Every parser on random, or on long inputs.")
    options.add_argument("--inputs", type=int, default=100_000, help="random inputs per parser")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--long", type=int, default=0, help="read inputs of so many characters instead")
    options.add_argument("--only", choices=PARSERS, help="one parser")
    given = options.parse_args()
    names = [given.only] if given.only else list(PARSERS)
    if given.long:
        for name in names:
            stress(name, given.long)
        return 0
    fine = [fuzz(name, given.inputs, given.seed) for name in names]
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
