"""The official prompt files, pinned. Upstream has no licence: downloaded by the user, never bundled."""

from __future__ import annotations

from selfreward_eval.harness.data import PinnedFile

REPO = "PKU-YuanGroup/WISE"
COMMIT = "eb51174483a5de2e34e8614cf9dfb3319ee7fcd0"
LICENCE = "none stated by upstream; for your own use"


def _pinned(path: str, sha256: str, task: str) -> PinnedFile:
    return PinnedFile("wise", path, REPO, COMMIT, sha256, LICENCE, task)


def _legacy(name: str, sha256: str) -> PinnedFile:
    return _pinned(f"WISE_legacy/data/{name}.json", sha256, "wise")


def _verified(name: str, sha256: str) -> PinnedFile:
    return _pinned(f"data_verified/{name}_verified.json", sha256, "wise_verified")


PROMPTS = (
    _legacy("cultural_common_sense", "7a59216c768698280cea37caa574b52f3faf054d73b398b9bb6b3161baf8e3aa"),
    _legacy("spatio-temporal_reasoning", "e27d797885ad86e64d857d0cc93d33e04be572a8dcae95692a2c7e7876233f9a"),
    _legacy("natural_science", "b262fae58e413c7a4bd3c3d5a089f8c6529feac227e4b6606be261a949035544"),
)
"""The 1,000 prompts of every paper up to April 2026."""

REWRITTEN = (
    _legacy(
        "cultural_common_sense_rewrite", "4383290c349703776c24cfa864bfa3e065dae2e3f408cf46af702f2b7affea9f"
    ),
    _legacy(
        "spatio-temporal_reasoning_rewrite",
        "f63c98fff301e81c3ca6d3918683fb49757c3159d9b9e45dda8b2c9cf6a75d64",
    ),
    _legacy("natural_science_rewrite", "6aee690e100ffb65b292de3fbe35ce89fa1ca2b92063a99d227d04eaa51af2b3"),
)
"""The same prompts with the answer spelled out by GPT-4o: upstream's second table."""

VERIFIED = (
    _verified("cultural_common_sense", "23482925266e2784b2ba24b75239fdc6691bf85ae253d2c4aa38b71b45fefa89"),
    _verified(
        "spatio-temporal_reasoning", "42c0b9d829365e392c2d4af283850dc76b1f922ab0c79198366de4f306eaf2b6"
    ),
    _verified("natural_science", "6f346c336f16f611e5c73e0fcacdccb336c200d534cf111526b22d50ea912555"),
)
"""WISE Verified: other prompts under other ids."""

PROMPT_FILES: dict[str, tuple[PinnedFile, ...]] = {
    "plain": PROMPTS,
    "rewrite": REWRITTEN,
    "verified": VERIFIED,
}
"""Set of prompts -> its three files."""
