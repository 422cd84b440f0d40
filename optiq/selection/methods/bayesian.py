"""Bayesian optimisation with BoTorch: a Gaussian process over roles proposes the next combination."""

from __future__ import annotations

import importlib.util
import math
import warnings

import numpy as np

from optiq.errors import InputError, OptiqError
from optiq.selection.evidence import Evidence
from optiq.selection.methods.base import share_of
from optiq.selection.methods.full_evaluation import FullEvaluation
from optiq.selection.protocol import Problem


class BayesianOptimisation(FullEvaluation):
    """Examines ``share`` of the combinations in full, a quarter as in AgentOpt's appendix A.

    The process has BoTorch's kernel for categories on the roles; the next combination is the one with
    the highest log expected improvement (Ament et al., 2023), looked up over all that are left: they are few.
    ``initial`` combinations are drawn at random first.
    """

    name = "bayesian-optimisation"

    def __init__(self, problem: Problem, share: float = 0.25, initial: int | None = None) -> None:
        super().__init__(problem)
        if importlib.util.find_spec("botorch") is None:
            raise OptiqError(
                "bayesian-optimisation needs BoTorch, which is not installed",
                'Install it with pip install "optiq[bayesian]", or choose another method.',
            )
        self.count = math.ceil(share_of("share", share) * len(problem.space))
        wanted = initial if initial is not None else max(2, self.count // 4)
        if wanted < 1:
            raise InputError(f"initial is {initial}", "Give a whole number from 1 up.")
        drawn = np.random.default_rng(problem.seed).permutation(len(problem.space))
        self._initial: list[int] = drawn[: min(int(wanted), self.count)].tolist()

    def next_combination(self, evidence: Evidence) -> int | None:
        """The initial ones, then where improvement is expected most."""
        fitness = self.fitness(evidence)
        for place in self._initial:
            if np.isnan(fitness[place]):
                return place
        examined = ~np.isnan(fitness)
        if examined.sum() >= self.count or examined.all():
            return None
        return self._propose(fitness, examined)

    def _propose(self, fitness: np.ndarray, examined: np.ndarray) -> int:
        import torch
        from botorch.acquisition.analytic import LogExpectedImprovement
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import SingleTaskGP
        from botorch.models.kernels import CategoricalKernel
        from botorch.models.transforms.outcome import Standardize
        from gpytorch.kernels import ScaleKernel
        from gpytorch.mlls import ExactMarginalLogLikelihood

        codes = torch.tensor(self.space.codes, dtype=torch.float64)
        known = torch.tensor(fitness[examined], dtype=torch.float64).unsqueeze(-1)
        with torch.random.fork_rng(), warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # about scaling and early ends of the fit: nothing a user can act on
            torch.manual_seed(self.problem.seed)
            model = SingleTaskGP(
                codes[torch.tensor(examined)],
                known,
                covar_module=ScaleKernel(CategoricalKernel(ard_num_dims=codes.shape[1])),
                outcome_transform=Standardize(m=1),
            )
            fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
            left = np.flatnonzero(~examined)
            improvement = LogExpectedImprovement(model, best_f=known.max())
            with torch.no_grad():
                worth = improvement(codes[torch.tensor(left)].unsqueeze(1)).numpy()
        return int(left[int(np.nan_to_num(worth, nan=-np.inf).argmax())])
