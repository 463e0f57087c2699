"""Statistics as pure functions: arrays in, frozen results out.

======================  ==================================================================
``choosing``            which test decides by the shape of the data, and why
``means``, ``paired``   t intervals and paired t over items, clusters and strata; ICC
``permutation``         studentised sign flips, stratified and clustered (``signs``: the engine)
``mcnemar``             the exact test for one right-or-wrong sample per item
``wilson``, ``bounded`` shares, and bounded means of few items
``bootstrap``           BCa, the robustness line
``ideal``               resampled means without resampling (``convolution``, ``fourier``)
``ratio``               100 * mean / mean, linearised
``components``          variance between and within items, design effect
``crossed``             prompts x training runs: checkpoint claim and method claim
``multiplicity``        Holm, Benjamini-Hochberg, Benjamini-Yekutieli
``noninferiority``      PASS, FAIL or INCONCLUSIVE; equivalence; gates over tasks
``planning``            power, detectable difference, prompts and pictures needed
``sequences``           intervals that hold at every look, and gates that stop early
``ppi``                 a judge corrected by people (``rogan_gladen``: by its error rates)
======================  ==================================================================

Nothing here imports scipy or numpy before it is called, and nothing but a caller imports
``scipy.stats``. How often each method is right is in ``docs/calibration.md``.
"""
