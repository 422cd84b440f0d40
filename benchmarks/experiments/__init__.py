"""The experiments of the Opti-Q paper's section 6, each one command, on recordings or on live models.

=====================  ==============================  ==========================================
``planners``           planner comparison              tables 4 and 5
``qoa-against-budget`` baselines within b = 1 … 5      section 6.1, figure 3
``operations``         plans of up to k = 1 … 5        section 6.2, figure 4, table 1
``coverage``           PerfDB levels 0 … 4             section 6.3, figure 5, table 1
``diversity``          distinct models in a plan       section 6.4, figure 6, table 2
``adherence``          limits kept at b = 1 … 5        section 6.5, figure 7, table 3
=====================  ==============================  ==========================================

An experiment is a list of settings and the policies to compare (:mod:`~benchmarks.experiments.catalogue`). The same
settings are replayed on recordings (:mod:`~benchmarks.experiments.recorded`) or run on a model server
(:mod:`~benchmarks.experiments.live`), summed up the same way and shown beside the published figures.
"""
