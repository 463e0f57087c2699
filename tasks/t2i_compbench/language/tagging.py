"""Parts of speech by rules: the lexicon first, then endings, then the neighbours.

It is written for prompts: short, declarative, full of nouns. How often it errs
on the official prompts is measured in the task's README.
"""

from __future__ import annotations

from collections.abc import Sequence

from selfreward_eval.tasks.t2i_compbench.language import lexicon as words

_NOMINAL = ("NOUN", "PROPN")
_OPENS_PHRASE = ("DET", "ADJ", "NUM")


def tag(tokens: Sequence[str]) -> tuple[str, ...]:
    """One Universal POS tag per token.

    >>> tag(["A", "red", "orange", "sits", "on", "top", "of", "the", "orange", "box", "."])[:4]
    ('DET', 'ADJ', 'NOUN', 'VERB')
    """
    lowered = [token.lower() for token in tokens]
    tags: list[str] = []
    for i, word in enumerate(lowered):
        tags.append(_tag(word, i, lowered, tags))
    _settle_adjectives(lowered, tags)
    return tuple(tags)


def _tag(word: str, i: int, all_words: Sequence[str], before: Sequence[str]) -> str:
    """The tag of word ``i``, given the words on both sides and the tags before it."""
    previous = before[-1] if before else ""
    following = all_words[i + 1] if i + 1 < len(all_words) else ""
    if not word[0].isalnum() and word != "'s":
        return "PUNCT"
    if word[0].isdigit() or word in words.NUMBERS:
        return "NUM"
    for listed, name in _CLOSED:
        if word in listed:
            return _closed(word, name, following, previous)
    if word in _SPECIAL:
        return _special(word, following, previous)
    if word in words.NOUN_OR_VERB:
        return "VERB" if _acts(i, all_words, before, following) else "NOUN"
    if word in words.VERBS:
        return "VERB"
    if word in words.ADVERBS:
        return "ADV"
    if word in words.ADVERB_LIKE_NOUNS:
        return "NOUN"
    if word.endswith("ing") and previous == "PUNCT" and i > 1 and before[-2] in _NOMINAL:
        return "VERB"  # A clause behind the sentence: ..., painting the sky.
    if word in words.PARTICIPLE_NOUNS:
        return "VERB" if previous == "AUX" else "NOUN"
    if word in words.ADJECTIVES:
        return "ADJ"
    return _by_ending(word, following, before)


_CLOSED = (
    (words.DETERMINERS, "DET"),
    (words.POSSESSIVES, "PRON"),
    (words.PRONOUNS, "PRON"),
    (words.CONJUNCTIONS, "CCONJ"),
    (words.SUBORDINATORS, "SCONJ"),
    (words.AUXILIARIES, "AUX"),
    (words.PREPOSITIONS, "ADP"),
    (frozenset({"'s"}), "PART"),
)


def _closed(word: str, name: str, following: str, previous: str) -> str:
    """A closed-class word's tag where its neighbours score_picture between two."""
    if word == "to" and (following in words.VERBS or following in words.NOUN_OR_VERB):
        return "PART"
    if word in ("both", "all") and following not in words.DETERMINERS and following in words.ADJECTIVES:
        return "ADV"
    if word in ("has", "have", "had") or (word in ("do", "does", "did")):
        return "VERB" if following in words.DETERMINERS | words.ADJECTIVES else "AUX"
    if word == "like" and previous == "PRON":
        return "VERB"
    return name


_SPECIAL = frozenset({"can", "left", "past", "side", "only"})


def _special(word: str, following: str, previous: str) -> str:
    """Words whose tag hangs on one neighbour: *a soda can*, *the only one left*, *side by side*."""
    if word == "can":
        return "AUX" if previous == "PRON" else "NOUN"
    if word == "left":
        return "VERB" if previous in _NOMINAL else "NOUN"
    if word == "past":
        return "NOUN" if previous == "DET" else "ADP"
    if word == "side":
        return "ADV" if following == "by" else "NOUN"
    return "ADJ" if previous == "DET" else "ADV"


def _acts(i: int, all_words: Sequence[str], before: Sequence[str], following: str) -> bool:
    """Whether a word that can be both is the verb here: a noun has ended, and another phrase begins."""
    if not before or before[-1] not in (*_NOMINAL, "PRON", "PART"):
        return False
    if following == "of" or not following:
        return False
    begins = (
        following in words.DETERMINERS
        or following in words.ADJECTIVES
        or following in words.POSSESSIVES
        or following in words.PREPOSITIONS
        or following in words.NUMBERS
    )
    plural_subject = all_words[i - 1].endswith("s") and not all_words[i - 1].endswith("ss")
    return begins or (plural_subject and following[0].isalpha() and following not in words.CONJUNCTIONS)


def _by_ending(word: str, following: str, before: Sequence[str]) -> str:
    """An unlisted word's tag: some tell something, everything else is a noun."""
    previous = before[-1] if before else ""
    if word.endswith("ly") and len(word) > 4:
        return "ADV"
    if word.endswith(("ous", "less", "ful")) and len(word) > 5:
        return "ADJ"
    if word.endswith("ing") and len(word) > 4 and previous in _NOMINAL:
        return "VERB"
    if word.endswith(("ed", "ing")) and len(word) > 3:
        modifies = _modifies(following, before)
        if word.endswith("ing") and not modifies and previous in ("DET", "ADJ"):
            return "NOUN"
        return "ADJ" if modifies else "VERB"
    return "NOUN"


def _modifies(following: str, before: Sequence[str]) -> bool:
    """Whether a word in -ed or -ing belongs to a noun behind it; otherwise it is a verb."""
    closed = words.DETERMINERS | words.POSSESSIVES | words.PREPOSITIONS | words.CONJUNCTIONS | words.ADVERBS
    if not following or not following[0].isalpha() or following in closed:
        return False
    if before and before[-1] in ("DET", "ADJ", "NUM", "ADV", "PUNCT", "CCONJ", "VERB"):
        return True
    # "birds sat on a snow covered street" has its verb, "the crowd filled streets" has none yet.
    has_verb = any(name in ("VERB", "AUX") for name in before)
    return bool(before) and before[-1] in _NOMINAL and has_verb and following not in words.ADJECTIVES


def _settle_adjectives(lowered: Sequence[str], tags: list[str]) -> None:
    """Words that can be both are nouns where the phrase they stand in has no other head; from the end on."""
    for i in reversed(range(1, len(tags))):
        if lowered[i] not in words.DUAL or tags[i] != "ADJ":
            continue
        inside = tags[i - 1] in _OPENS_PHRASE or lowered[i - 1] in words.POSSESSIVES
        if (
            (inside or lowered[i] == "light")
            and lowered[i - 1] not in words.NUMBERS | {"other"}
            and not _reaches_noun(i, tags)
        ):
            tags[i] = "NOUN"


def _reaches_noun(i: int, tags: Sequence[str]) -> bool:
    """Whether the phrase goes on from ``i`` to a noun, over adjectives joined by commas, hyphens or *and*."""
    j = i + 1
    while j < len(tags) and tags[j] in ("ADJ", "PUNCT", "CCONJ", "ADV"):
        joined = tags[j] in ("PUNCT", "CCONJ")
        if joined and (j + 1 >= len(tags) or tags[j + 1] not in ("ADJ", "ADV")):
            return False
        j += 1
    return j < len(tags) and tags[j] in _NOMINAL
