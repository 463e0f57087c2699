"""The official rules over answers and replies: BLIP-VQA, 3-in-1, ShareGPT4V-CoT."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.tasks.t2i_compbench.attributes import attributes, cleaned, questions
from selfreward_eval.tasks.t2i_compbench.share_captioner import marks, share_score, strict_share_score
from selfreward_eval.tasks.t2i_compbench.three_in_one import Kind, combine, keys, kind

probabilities = st.lists(st.floats(0, 1), max_size=8)


class TestAttributes:
    def test_places_are_not_asked(self) -> None:
        chunks = ["top", "the side", "a red car", "the left", "the right", "the top", "left", "Top"]
        assert questions(chunks) == ("a red car?", "the top?", "left?", "Top?")

    def test_eight_questions_at_most_counted_behind_the_places(self) -> None:
        assert questions(["top", *"abcdefghij"]) == tuple(f"{letter}?" for letter in "abcdefgh")

    @pytest.mark.parametrize(
        ("question", "read"),
        [
            ("A Green Bench?", "a green bench?"),
            ('the "big" (red) car.?', "the big red car?"),
            ("an 11:44 clock?", "an 1144 clock?"),
            ("a rough-edged bowl?", "a rough-edged bowl?"),
            ("a. ", "a"),
            ("", ""),
        ],
    )
    def test_what_the_model_reads(self, question: str, read: str) -> None:
        assert cleaned(question) == read

    def test_a_question_is_cut_after_fifty_words(self) -> None:
        assert len(cleaned("word " * 80 + "?").split()) == 50

    def test_the_product_of_rounded_answers(self) -> None:
        assert attributes(["a", "b"], [0.67151, 0.98334]).score == 0.6603

    def test_a_prompt_without_phrase_is_right(self) -> None:
        ruling = attributes([], [])
        assert (ruling.score, ruling.rule) == (1.0, "nothing asked")

    @pytest.mark.parametrize("yes", [[], [0.5, 0.5], [float("nan")], [1.5], [-0.1]])
    def test_answers_that_are_none(self, yes: list[float]) -> None:
        ruling = attributes(["a dog"], yes)
        assert ruling.score is None
        assert "VQA model is at fault" in ruling.reason

    @given(probabilities)
    def test_a_further_question_never_raises_the_score(self, yes: list[float]) -> None:
        chunks = [f"thing {i}" for i in range(len(yes))]
        scores = [attributes(chunks[:n], yes[:n]).score for n in range(len(yes) + 1)]
        assert scores == sorted(scores, key=lambda score: -(score or 0))


class TestThreeInOne:
    SPATIAL = keys(["The dog sat next to the vase.\n", "Both of them. And more"])
    ACTION = keys(["The dog chased the cat.", "Both of them."])

    @pytest.mark.parametrize(
        ("prompt", "expected"),
        [
            ("THE dog sat next to the vase. What follows does not matter", "spatial"),
            ("The dog chased the cat", "action"),
            ("Both of them.", "spatial"),
            ("Something else.", "both"),
        ],
    )
    def test_kinds_by_the_text_before_the_full_stop(self, prompt: str, expected: Kind) -> None:
        assert kind(prompt, self.SPATIAL, self.ACTION) == expected

    @pytest.mark.parametrize(("of_kind", "score"), [("spatial", 0.7), ("action", 0.6), ("both", 1.7 / 3)])
    def test_means_of_the_parts_that_count(self, of_kind: Kind, score: float) -> None:
        ruling = combine(of_kind, attributes=0.9, spatial=0.5, action=0.3)
        assert ruling.score == pytest.approx(score)

    def test_what_does_not_count_may_be_missing(self) -> None:
        assert combine("action", attributes=0.9, spatial=None, action=0.3).score == pytest.approx(0.6)

    def test_what_counts_may_not(self) -> None:
        ruling = combine("both", attributes=0.9, spatial=None, action=None)
        assert ruling.score is None
        assert (
            ruling.reason
            == "a prompt of the kind 'both' needs its spatial and action score, which is missing"
        )


class TestShare:
    @pytest.mark.parametrize(
        ("reply", "expected"),
        [
            ('{"score": 3, "explanation": "x"}', 75),
            ('{"score": "4"}', 100),
            ('{\n"score": 2,\n"explanation": "cut short', 20),
            ('{"score": 3.5}', None),
            ('{"score": 5}', None),
            ('{"score": true}', None),
            ('{"score": [4]}', None),
            ('{"explanation": "x"}', None),
            ('```json\n{"score": 4}\n```', None),
            ("[4]", None),
            ("4", None),
            ("", None),
            ('{"a":' * 3000, None),
        ],
    )
    def test_marks_of_a_reply(self, reply: str, expected: int | None) -> None:
        assert marks(reply, "attribute") == expected

    def test_the_other_rubric_has_five_levels(self) -> None:
        assert [marks(f'{{"score": {level}}}', "other") for level in range(7)] == [
            None,
            *(20, 40, 60, 80, 100),
            None,
        ]

    def test_marks_are_multiplied(self) -> None:
        assert share_score(['{"score": 3}', '{"score": 2}'], "attribute").score == pytest.approx(15)

    def test_what_cannot_be_read_counts_as_full_marks_and_is_told(self) -> None:
        ruling = share_score(["no idea", '{"score": 1}'], "attribute")
        assert ruling.score == 10
        assert ruling.reason == "marks 10; 1 of 2 replies could not be read and count as 100"

    def test_nothing_asked_is_full_marks(self) -> None:
        assert share_score([], "other").score == 100

    def test_an_empty_reply_crashes_upstream(self) -> None:
        assert share_score(['{"score": 1}', ""], "attribute").score is None

    @pytest.mark.parametrize(
        ("replies", "rule"),
        [([], "no reply"), (["no idea"], "unreadable reply"), (['{"score": 3}', ""], "unreadable reply")],
    )
    def test_the_strict_rule_has_no_free_marks(self, replies: list[str], rule: str) -> None:
        ruling = strict_share_score(replies, "attribute")
        assert (ruling.score, ruling.rule) == (None, rule)

    @given(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    def test_where_all_can_be_read_both_rules_agree(self, levels: list[int]) -> None:
        replies = [json.dumps({"score": level}) for level in levels]
        assert strict_share_score(replies, "other") == share_score(replies, "other")
