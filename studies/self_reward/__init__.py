"""The papers' claims on the embedded model: a declared plan, its runner, and what came out.

Run from the repository's root::

    python -m studies.self_reward run --jobs 2     # all runs of plan.yaml, resumable
    python -m studies.self_reward status
    python -m studies.self_reward page             # results.json, report.html, docs/self_reward_study.md
"""
