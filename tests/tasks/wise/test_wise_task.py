"""The whole task on invented prompts, with judges that fail in every way."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.comparing.compare import compare_runs
from selfreward_eval.harness.errors import InputError, MissingData, NotComparable, UsageError
from selfreward_eval.harness.instruments.judge_openai import OpenAIJudge
from selfreward_eval.harness.instruments.judging import Conversation, Reply
from selfreward_eval.harness.records import Sample, Status
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.harness.testing.scripted_judge import ScriptedJudge
from selfreward_eval.tasks.judged.rescoring import rescored
from selfreward_eval.tasks.wise.editions import LEGACY, VERIFIED, wiscore
from selfreward_eval.tasks.wise.items import load_items
from selfreward_eval.tasks.wise.task import Wise, WiseVerified

GOOD = "Consistency: 2\nRealism: 1\nAesthetic Quality: 0"
"""A WiScore of 0.8."""


class Asked:
    """Says the replies of a list one after another about a riddle, and ``GOOD`` about all others."""

    def __init__(self, number: int, *replies: str | Reply | None) -> None:
        self.riddle, self.left = f"riddle {number} ", list(replies)

    def __call__(self, conversation: Conversation) -> str | Reply | None:
        if self.riddle in conversation[-1].text.replace('"', " ") and self.left:
            return self.left.pop(0)
        return GOOD


def judging(number: int, *replies: str | Reply | None) -> ScriptedJudge:
    return ScriptedJudge(Asked(number, *replies))


def measured(task: Any, number: int = 0) -> Any:
    """The measurement of a black picture of one item."""
    item = task.items()[number]
    (found,) = task.measure([item], [Sample(item.id, 0, 0)], [Image.new("RGB", (8, 8))])
    return found


pytestmark = pytest.mark.usefixtures("invented")


class TestItems:
    def test_the_id_decides_the_category(self) -> None:
        assert Counter(item.category for item in Wise().items()) == dict.fromkeys(LEGACY.ids, 2)
        assert [item.id for item in WiseVerified().items()][2:6] == ["401", "402", "521", "522"]

    def test_the_explanation_is_for_the_judge_alone(self) -> None:
        first = Wise().items()[0]
        assert first.text == "what riddle 1 is about"
        assert first.metadata["explanation"] == "the answer to riddle 1"

    def test_rewritten_prompts_are_another_version_with_the_same_seeds(self) -> None:
        plain, rewritten = Wise(), Wise(prompts="rewrite")
        assert rewritten.items()[0].text.startswith("spelled out: ")
        assert rewritten.info.version == "1-rewrite"
        seeds = {task.seed(task.items()[0], 0, 7, "hashed") for task in (plain, rewritten)}
        assert len(seeds) == 1

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"prompt_id": "1"}, "'1', which is of no category"),
            ({"prompt_id": True}, "True, which is of no category"),
            ({"prompt_id": 1001}, "1001, which is of no category"),
            ({"Prompt": " "}, "as its Prompt, which is no text"),
            ({"Explanation": None}, "None as its Explanation"),
            ({"prompt_id": 2}, "the id 2 of another row"),
        ],
    )
    def test_damage_is_named(self, tmp_path: Path, change: dict[str, Any], message: str) -> None:
        sound = {"Prompt": "p", "Explanation": "e", "Subcategory": "s", "prompt_id": 1}
        path = tmp_path / "rows.json"
        path.write_text(json.dumps([{**sound, "prompt_id": 2}, {**sound, **change}]))
        with pytest.raises(InputError, match=rf"rows\.json, row 2.*{message}"):
            load_items(LEGACY, [path])

    @pytest.mark.parametrize(
        ("content", "message"),
        [("{", "not JSON"), ("{}", "no list"), ("[]", "no rows"), ("[3]", "no object")],
    )
    def test_a_file_of_another_kind_is_refused(self, tmp_path: Path, content: str, message: str) -> None:
        (tmp_path / "rows.json").write_text(content)
        with pytest.raises(InputError, match=message):
            load_items(LEGACY, [tmp_path / "rows.json"])

    def test_without_the_files_the_way_out_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("SELFREWARD_DATA", "SELFREWARD_CACHE"):
            monkeypatch.setenv(name, str(tmp_path / "nowhere"))
        with pytest.raises(MissingData, match=r"data fetch wise`"):
            Wise().items()
        with pytest.raises(MissingData, match="data fetch wise_verified"):
            WiseVerified().items()

    def test_the_official_files(self, official: Path) -> None:
        for edition, files in ((LEGACY, Wise.data_files[:3]), (VERIFIED, WiseVerified.data_files)):
            items = load_items(edition, [official / file.path for file in files])
            assert Counter(item.category for item in items) == {
                name: len(ids) for name, ids in edition.ids.items()
            }


class TestAsking:
    def test_the_judge_sees_the_picture_the_prompt_and_the_explanation(self) -> None:
        judge = ScriptedJudge(GOOD)
        measured(Wise(judge=judge))
        ((system, user),) = judge.asked
        assert (system.role, user.role, len(user.images)) == ("system", "user", 1)
        assert 'PROMPT: "what riddle 1 is about"' in user.text
        assert 'EXPLANATION: "the answer to riddle 1"' in user.text

    def test_one_reply_is_one_score(self) -> None:
        found = measured(Wise(judge=ScriptedJudge(GOOD)))
        assert found.values == {
            "wiscore": pytest.approx(0.8),
            "consistency": 2,
            "realism": 1,
            "aesthetic_quality": 0,
        }
        assert found.evidence["replies"]["attempt_1"]["text"] == GOOD

    def test_an_unreadable_reply_is_asked_again_and_nothing_is_merged(self) -> None:
        judge = judging(1, "Consistency: 2\nRealism: 2", GOOD)
        found = measured(Wise(judge=judge))
        assert found.values["realism"] == 1
        assert list(found.evidence["replies"]) == ["attempt_1", "attempt_2"]

    def test_after_three_unreadable_replies_there_is_no_score(self) -> None:
        judge = judging(1, "I cannot tell", "2", "Consistency: 9\nRealism: 1\nAesthetic Quality: 1")
        found = measured(Wise(judge=judge))
        assert (found.status, found.values) == (Status.JUDGE_PARSE_ERROR, {})
        assert len(judge.asked) == 3
        assert "attempt_3: the score 9 for consistency is above 2" in found.reason

    def test_a_judge_that_is_silent_once_too_often_is_a_transport_error(self) -> None:
        found = measured(Wise(judge=judging(1, "I cannot tell", None, "sorry")))
        assert (found.status, found.values) == (Status.JUDGE_TRANSPORT_ERROR, {})

    def test_a_reply_that_was_cut_has_no_score_in_any_protocol(self) -> None:
        for protocol in ("official", "fixed", "bagel"):
            cut = [Reply(GOOD, details={"finish_reason": "length"}) for _ in range(3)]
            found = measured(Wise(judge=judging(1, *cut), protocol=protocol))
            assert found.status is Status.JUDGE_PARSE_ERROR
            assert "was cut" in found.reason

    def test_bagel_asks_once(self) -> None:
        judge = judging(1, "I cannot tell")
        assert measured(Wise(judge=judge, protocol="bagel")).status is Status.JUDGE_PARSE_ERROR
        assert len(judge.asked) == 1

    def test_the_second_edition_gives_zero_or_one(self) -> None:
        assert measured(WiseVerified(judge=ScriptedJudge("<think>0</think>Score: 1"))).values == {
            "wiscore": 1
        }
        assert measured(WiseVerified(judge=ScriptedJudge("Score: 2"))).status is Status.JUDGE_PARSE_ERROR

    def test_no_picture_no_call(self) -> None:
        judge = ScriptedJudge(GOOD)
        assert Wise(judge=judge).measure([], [], []) == []
        assert judge.asked == []


class TestRuns:
    def test_failures_lower_the_coverage_and_not_the_score(self, tmp_path: Path) -> None:
        judge = judging(901, "sorry", "sorry", "sorry")
        score = run(DummyModel(), [Wise(judge=judge)], tmp_path / "out").scores["wise"]
        assert score.overall.value == pytest.approx(0.8)
        assert (score.overall.n_failed, score.failures) == (1, {"judge_parse_error": 1})
        assert score.overall.bound_low == pytest.approx(0.8 * 11 / 12)
        assert list(score.categories) == list(LEGACY.ids)
        assert "official_overall" not in score.extra
        assert score.extra["mean_of_six"] == pytest.approx(0.8)

    @pytest.mark.usefixtures("whole")
    def test_with_all_prompts_the_overall_is_the_plain_mean(self, tmp_path: Path) -> None:
        judge = ScriptedJudge(lambda turns: GOOD if "7" in turns[-1].text else GOOD.replace("2", "0"))
        score = run(DummyModel(size=8), [Wise(judge=judge)], tmp_path / "out").scores["wise"]
        assert score.extra["official_overall"] == pytest.approx(score.overall.value, abs=1e-9)
        assert score.extra["mean_of_six"] != pytest.approx(score.overall.value, abs=1e-3)

    def test_bagels_protocol_takes_the_plain_mean_of_six(self, tmp_path: Path) -> None:
        judge = ScriptedJudge(lambda turns: "sorry" if "riddle 2 " in turns[-1].text else GOOD)
        task = Wise(judge=judge, protocol="bagel")
        score = run(DummyModel(), [task], tmp_path / "out").scores["wise"]
        assert (score.version, score.macro) == ("bagel-1", True)
        assert score.overall.value == pytest.approx(score.extra["mean_of_six"])

    def test_lmms_eval_counts_a_failure_as_zero_in_its_own_number_only(self, tmp_path: Path) -> None:
        judge = judging(1, "sorry", "sorry", "sorry")
        task = Wise(judge=judge, protocol="lmms")
        score = run(DummyModel(), [task], tmp_path / "out").scores["wise"]
        assert score.overall.value == pytest.approx(0.8)
        assert score.extra["lmms_overall"] == pytest.approx(0.8 * (1 - 0.4 / 2))

    def test_an_interrupted_run_resumes_and_draws_nothing_twice(self, tmp_path: Path) -> None:
        class Stopped(ScriptedJudge):
            def replies(self, conversations: Any) -> list[Reply]:
                if len(self.asked) >= 4:
                    raise KeyboardInterrupt
                return super().replies(conversations)

        with pytest.raises(KeyboardInterrupt):
            run(DummyModel(), [Wise(judge=Stopped(GOOD))], tmp_path / "out", batch_size=2)
        model, judge = DummyModel(), ScriptedJudge(GOOD)
        done = run(model, [Wise(judge=judge)], tmp_path / "out", batch_size=2)
        assert done.scores["wise"].overall.n_scored == 12
        assert len(judge.asked) == 8

    def test_two_runs_can_be_compared_and_another_protocol_cannot(self, tmp_path: Path) -> None:
        judge = ScriptedJudge(GOOD)
        protocols = {"a": "official", "b": "official", "c": "fixed"}
        a, b, c = (
            load_run(run(DummyModel(name=name), [Wise(judge=judge, protocol=one)], tmp_path).folder)
            for name, one in protocols.items()
        )
        (row,) = compare_runs(a, b).tasks.values()
        assert row.overall.effect == 0
        with pytest.raises(NotComparable, match="fixed-1"):
            compare_runs(a, c)

    def test_replies_can_be_scored_again_by_another_protocol(self, tmp_path: Path) -> None:
        bold = GOOD.replace("Consistency:", "**Consistency:**")
        done = run(DummyModel(), [Wise(judge=ScriptedJudge(bold))], tmp_path / "out")
        assert done.scores["wise"].overall.value is None
        records = load_run(done.folder).records["wise"]
        again = rescored(Wise(judge="judge_scripted", protocol="fixed"), records)
        assert {record.measurement.values["wiscore"] for record in again} == {wiscore(2, 1, 0)}


class TestSettings:
    def test_upstreams_judges_are_the_default_and_can_be_changed(self) -> None:
        judge = Wise().judge
        assert isinstance(judge, OpenAIJudge)
        assert judge.identity()["model"] == "gpt-4o-2024-05-13"
        other = WiseVerified(judge_args={"model": "other"}).judge.identity()
        assert (other["model"], other["max_tokens"]) == ("other", 500)

    def test_the_protocol_is_part_of_the_version(self) -> None:
        assert [Wise(protocol=name).info.version for name in ("official", "fixed", "bagel", "lmms")] == [
            "1",
            "fixed-1",
            "bagel-1",
            "lmms-1",
        ]
        assert Wise.info.version == "1"

    @pytest.mark.parametrize(("make", "wrong"), [(Wise, "torch"), (WiseVerified, "bagel")])
    def test_an_unknown_protocol_is_refused(self, make: Any, wrong: str) -> None:
        with pytest.raises(UsageError, match="has no protocol"):
            make(protocol=wrong)

    def test_unknown_prompts_are_refused(self) -> None:
        with pytest.raises(UsageError, match="choose plain or rewrite"):
            Wise(prompts="verified")

    def test_an_instruction_of_ones_own_is_part_of_the_run(self, tmp_path: Path) -> None:
        (tmp_path / "own.txt").write_text("Rate $prompt by $explanation.")
        own = Wise(instruction=str(tmp_path / "own.txt"))
        assert own.options() != Wise().options()
        (tmp_path / "own.txt").write_text("Rate $prompt.")
        with pytest.raises(UsageError, match="lacks \\$explanation"):
            Wise(instruction=str(tmp_path / "own.txt")).options()

    def test_nothing_official_is_bundled(self) -> None:
        for file in (*Wise.data_files, *WiseVerified.data_files):
            assert (len(file.sha256), len(file.commit)) == (64, 40)
