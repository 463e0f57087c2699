"""Statistics as pure functions: arrays in, frozen results out.

=======================  ==================================================================
``choosing``            which test decides by the shape of the data, and why
``means``, ``paired``   t intervals and paired t over items, clusters and strata; ICC
``permutation``         studentised sign flips, stratified and clustered (``signs``: signed sums)
``mcnemar``             the exact test for one right-or-wrong sample per item
``bounded``, ``wilson`` bounded means; shares
``gains``               the interval of a difference where few items differ, or nearly all one way
``bootstrap``           BCa, the robustness line
``ideal_bootstrap``     distribution of the resampled mean, computed (``convolution``, ``fourier``)
``ratio``               100 * mean / mean, linearised
``components``          variance between and within items, design effect
``crossed``             prompts x training runs: the method claim
``run_pool``            variance between training runs, pooled over methods that are alike
``multiplicity``        Holm, Benjamini-Hochberg, Benjamini-Yekutieli
``one_sided``           both one-sided tests against a limit (``one_sided_marks``: of single marks)
``noninferiority``      PASS, FAIL or INCONCLUSIVE for one paired effect and a margin; equivalence
``power``               formulas: power, detectable difference, prompts and pictures needed
``deciding_power``      the same for McNemar's test and sign flips, where those decide
``anytime_valid``       bounds of a bounded mean that hold at every look
``stratified_order``    the random order in which a sequential gate looks at items
``agreement``           Krippendorff's alpha
``ppi``                 a judge corrected by human labels
=======================  ==================================================================

Nothing here imports scipy or numpy before it is called, and nothing but a caller imports
``scipy.stats``. How often each method is right is in ``docs/calibration.md``.
"""
