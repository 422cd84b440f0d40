"""What an estimator reads: one published snapshot of PerfDB, and how a question's neighbours move its figures."""
