"""How often the tests and intervals of ``selfreward_eval.harness.stats`` are right, by simulation.

``make calibration`` draws data of known truth, applies the functions that a
comparison applies, counts, and writes ``docs/calibration.md``. It ends with exit
code 1 if a method that decides misses its promise on data of the shape it is for.
"""
