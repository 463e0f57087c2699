"""Gates: a policy applied to a comparison, with the verdict PASS, FAIL or INCONCLUSIVE.

================  ==========================================================================
``policy``        what a policy says, as records
``policy_file``   the TOML file, validated (``lines``: which line a key is on)
``requirements``  what has to hold before a gate may judge
``evidence``      the numbers a rule is judged by, from paired runs
``fixed``         fixed-sample gate: two finished runs, tested once
``sequential``    group-sequential gate: tested after every batch of items, stopped when decided
``interim``       the test of one rule at an interim look
``candidates``    where a sequential gate gets its samples: a finished run, or a model that draws
``rule_finding``  from a test to the finding that is reported
``sample_size``   how many items or pictures would decide an INCONCLUSIVE rule
``findings``      what a gate found, as records; families; the verdict over all rules
``summary``       the outcome in sentences and Markdown (``junit``: as a test report)
================  ==========================================================================
"""
