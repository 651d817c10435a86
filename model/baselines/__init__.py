"""What a user would pick instead of GenCO, on the same packed batches and behind one interface."""

from model.baselines.dco import DynamicCreativeOptimization
from model.baselines.empirical_bayes import ElementEmpiricalBayes, PackageEmpiricalBayes
from model.baselines.mlp import MultiLayerPerceptron
from model.baselines.online_bayes import OnlineBayes
from model.baselines.poisson_ridge import PoissonRidge
from model.baselines.policy import Policy
from model.baselines.uniform import Uniform
from model.baselines.vowpal_wabbit import VowpalWabbit
from model.baselines.vowpal_wabbit import installed as vowpal_wabbit_installed
from model.layout import Layout

__all__ = [
    'DynamicCreativeOptimization',
    'ElementEmpiricalBayes',
    'MultiLayerPerceptron',
    'OnlineBayes',
    'PackageEmpiricalBayes',
    'Policy',
    'PoissonRidge',
    'Uniform',
    'VowpalWabbit',
    'left_out',
    'peers',
]


def peers(layout: Layout, seed: int = 1) -> dict[str, Policy]:
    """One of each, untrained, by the names that benchmarks give them.

    Args:
        layout: of the batches.
        seed: of what is random in some of them.
    """
    found: dict[str, Policy] = {
        'uniform': Uniform(seed),
        'dco': DynamicCreativeOptimization(layout),
        'eb_package': PackageEmpiricalBayes(layout),
        'eb_element': ElementEmpiricalBayes(layout),
        'mlp': MultiLayerPerceptron(layout, seed),
        'online_bayes': OnlineBayes(layout),
        'poisson_ridge': PoissonRidge(layout),
    }
    return found | ({'vowpal_wabbit': VowpalWabbit(layout)} if vowpal_wabbit_installed() else {})


def left_out() -> list[str]:
    """Peers that `peers` lacks because what they need, the extra `peers`, is not installed."""
    return [] if vowpal_wabbit_installed() else ['vowpal_wabbit']
