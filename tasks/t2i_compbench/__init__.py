"""T2I-CompBench++ (Huang et al. 2023, 2025): the official decisions as pure functions, and corrected ones.

``planar``, ``depth_order``, ``numeracy``, ``attributes``, ``three_in_one`` and
``share_captioner`` are upstream's rules, including their bugs; ``fixed_*`` are ours.
Each takes the instruments' outputs and the facts of a prompt, and returns a
:class:`~selfreward_eval.tasks.t2i_compbench.ruling.Ruling`.
"""
