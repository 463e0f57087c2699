"""``judge_shapes``: a rule-based judge for the embedded suites, as accurate as the oracle.

For a picture, it reads the pixels with the oracle; for text only, it parses the
facts in the text. It has the same interface as other judges, so that conversations,
parsers and aggregation are those of the real benchmarks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.instruments.judging import Conversation, Reply
from selfreward_eval.harness.records import Status

if TYPE_CHECKING:
    from PIL.Image import Image

VERSION = "1"

_QUESTION = re.compile(r"^q\d+: (.+)$", re.MULTILINE)


class ShapesJudge:
    """Describes pictures, scores questions about them, and compares two answers about a scene.

    It gives no reply to a conversation in an unknown format: a ``judge_transport_error`` with the
    reason.
    """

    def identity(self) -> dict[str, Any]:
        from selfreward_eval.tasks.shapes.oracle import VERSION as ORACLE

        return {"name": "judge_shapes", "revision": f"{VERSION}, oracle {ORACLE}"}

    def replies(self, conversations: Sequence[Conversation]) -> list[Reply]:
        """One reply per conversation."""
        return [self._reply(conversation) for conversation in conversations]

    def _reply(self, conversation: Conversation) -> Reply:
        images = [image for turn in conversation for image in turn.images]
        last = conversation[-1].text
        if len(images) > 1:
            return _refused("more than one picture is shown")
        if images:
            return self._about_picture(images[0], last)
        return self._compared(last)

    def _about_picture(self, image: Image, text: str) -> Reply:
        from selfreward_eval.tasks.shapes.judge.pictures import answer
        from selfreward_eval.tasks.shapes.oracle.frame import to_frame
        from selfreward_eval.tasks.shapes.oracle.reading import read

        seen = read(to_frame(image))
        questions = _QUESTION.findall(text)
        if not questions:
            phrases = [f"a {thing.size} {thing.texture} {thing.colour} {thing.form}" for thing in seen]
            return Reply("The picture shows " + (", ".join(phrases) or "nothing") + ".")
        scored = [answer(question, seen) for question in questions]
        unknown = [q for q, entry in zip(questions, scored, strict=True) if entry is None]
        if unknown:
            return _refused(f"the question {unknown[0]!r} is not one of the shapes world")
        reply = {
            "reason": [entry.reason for entry in scored if entry],
            "score": [entry.score for entry in scored if entry],
        }
        return Reply(json.dumps(reply))

    def _compared(self, text: str) -> Reply:
        from selfreward_eval.tasks.shapes.judge.answers import mark
        from selfreward_eval.tasks.shapes.judge.facts import scene_of

        parts = [_part(text, name) for name in ("Context", "Question", "Assistant 1", "Assistant 2")]
        if any(part is None for part in parts):
            return _refused("the text is no comparison of two answers")
        context, question, first, second = (str(part) for part in parts)
        scene = scene_of(context)
        if scene is None:
            return _refused("the context holds no facts of a shapes scene")
        marks = [mark(question, answer, scene) for answer in (first, second)]
        if None in marks:
            return _refused(f"the question {question!r} is not one of the shapes world")
        return Reply(f"{marks[0]:g} {marks[1]:g}\nBoth are weighed by the facts of the scene.")


def _part(text: str, name: str) -> str | None:
    """What stands between the line ``[name]`` and the next line in brackets after a blank one."""
    heading = f"[{name}]\n"
    start = text.find(heading)
    end = text.find("\n\n[", start + len(heading))
    return text[start + len(heading) : end] if start >= 0 and end >= 0 else None


def _refused(reason: str) -> Reply:
    return Reply(None, Status.JUDGE_TRANSPORT_ERROR, reason)
