"""Questions about the pictures of a prompt: pluggable, because models differ in what they understand.

========== ==================================================================
template   one question that quotes the prompt, for any text
geneval    objects, numbers, colours and relations of GenEval's metadata
chunks     the prompt's noun phrases, as T2I-CompBench asks about them
shapes     the shapes world's own questions, which the tiny model understands
counted    those, and how many objects there are: a caption has to name all of them
auto       ``geneval`` or ``chunks`` where the item has such metadata, else ``template``
========== ==================================================================
"""

from __future__ import annotations

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.rewarders.questions.asked import PromptQuestions, QuestionMaker

__all__ = ["PromptQuestions", "QuestionMaker", "question_maker"]


def question_maker(name: str) -> QuestionMaker:
    """The question maker of that name.

    Raises:
        UsageError: there is none.
    """
    from selfreward_eval.rewarders.questions.english import by_metadata, chunks, geneval, template
    from selfreward_eval.rewarders.questions.shapes import counted, shapes

    makers: dict[str, QuestionMaker] = {
        "auto": by_metadata,
        "chunks": chunks,
        "counted": counted,
        "geneval": geneval,
        "shapes": shapes,
        "template": template,
    }
    if name not in makers:
        raise UsageError(f"there are no questions called {name!r}; known: {', '.join(makers)}")
    return makers[name]
