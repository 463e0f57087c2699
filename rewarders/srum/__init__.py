"""SRUM (Jin et al. 2025, arXiv:2510.12784): a unified model rewards its own pictures, region by region.

The paper and the released code (WayneJin0918/SRUM at a53ba18) disagree on what a bad region does;
both readings are here, by the names ``paper`` and ``code``. See :mod:`selfreward_eval.rewarders.srum.maps`.
"""
