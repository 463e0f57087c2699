"""Runs on a Ray cluster: actors for the model, others for instruments and judges.

An actor is one more writer of a part of the run (:mod:`selfreward_eval.harness.runs.parts`), so that the
result is that of one process. The process that was asked for the run schedules, and merges at the end.

| module | holds |
|---|---|
| ``engine`` | the engine and its arguments |
| ``cluster`` | joining a cluster; the only module that imports Ray |
| ``pools`` | how many workers of which size |
| ``contract`` | what the scheduling asks of a cluster |
| ``crew`` | starting, replacing and ending workers |
| ``queues`` | what waits for workers, and what each of them has in hand |
| ``scheduling`` | which worker gets which samples, and what follows from a death |
| ``recording`` | what the scheduling process records itself |
| ``worker`` | what runs inside an actor |
| ``spread``, ``spread_worker`` | the same for other work than a run's: rewards, candidates of training |
| ``messages`` | what the two say to each other |
"""
