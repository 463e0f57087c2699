"""The papers' claims on the embedded model: a declared plan, its runner, and what came out.

Run from the repository's root::

    python -m studies.self_reward run --jobs 2     # all runs of plan.yaml, resumable
    python -m studies.self_reward status
    python -m studies.self_reward page             # results.json and results.md, from what is finished
"""
