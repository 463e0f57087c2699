"""T2I-CompBench++ (Huang et al. 2023, 2025): the official decisions as pure functions, and corrected ones.

``planar``, ``depth_order``, ``numeracy``, ``attributes``, ``three_in_one`` and
``share_captioner`` are upstream's rules, faults included; ``fixed_*`` are ours.
Each takes what instruments saw and what a prompt says, and returns a
:class:`~selfreward_eval.tasks.t2i_compbench.ruling.Ruling`.
"""
