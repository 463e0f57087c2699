"""Gates: a policy applied to a comparison, with the verdict PASS, FAIL or INCONCLUSIVE.

==============  ==========================================================================
``policy``      what a policy says, as records
``policy_file``  the TOML file, read strictly (``lines``: which line a key is on)
``against``     one-sided test of a mean against a limit, for differences as they are
``evidence``    the numbers a rule is judged by, from paired runs
``findings``    what a gate found, as records; families; the verdict over all rules
``fixed``       two finished runs, judged once
``betting``     bounds that hold at every look (``looks``: those of a rule)
``sequential``  items in random order, judged after every batch, stopped when decided
``candidates``  where a sequential gate gets its samples: a finished run, or a model that draws
``needs``       how many items or pictures would decide
``summary``     the outcome in sentences and Markdown (``junit``: as a test report)
==============  ==========================================================================
"""
