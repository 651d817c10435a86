"""The policies that GenCO is compared with; they use the same packed batches and share one interface."""

from collections.abc import Callable, Sequence

from model.baselines import gradient_boosted_trees, vowpal_wabbit
from model.baselines.content.content_ridge import ContentRidge
from model.baselines.content.content_table import ContentTable
from model.baselines.content.content_trees import ContentTrees
from model.baselines.dco import DynamicCreativeOptimization
from model.baselines.empirical_bayes import ElementEmpiricalBayes, PackageEmpiricalBayes
from model.baselines.gradient_boosted_trees import GradientBoostedTrees
from model.baselines.mlp import MultiLayerPerceptron
from model.baselines.online_bayes import OnlineBayes
from model.baselines.poisson_ridge import PoissonRidge
from model.baselines.policy import Policy
from model.baselines.uniform import Uniform
from model.baselines.vowpal_wabbit import VowpalWabbit
from model.content.element_contents import Catalogue
from model.features.feature_tables import FeatureTables

__all__ = [
    'ContentRidge',
    'ContentTable',
    'ContentTrees',
    'DynamicCreativeOptimization',
    'ElementEmpiricalBayes',
    'GradientBoostedTrees',
    'MultiLayerPerceptron',
    'OnlineBayes',
    'PackageEmpiricalBayes',
    'PoissonRidge',
    'Policy',
    'Uniform',
    'VowpalWabbit',
    'content_peers',
    'left_out',
    'peers',
]


_OPTIONAL: dict[str, tuple[Callable[[], bool], Callable[[FeatureTables, int], Policy]]] = {
    'vowpal_wabbit': (vowpal_wabbit.installed, lambda tables, seed: VowpalWabbit(tables)),
    'gradient_boosted_trees': (gradient_boosted_trees.installed, GradientBoostedTrees),
}


def peers(tables: FeatureTables, seed: int = 1) -> dict[str, Policy]:
    """Returns one untrained policy of each kind by the name that the benchmarks use.

    Args:
        tables: The feature tables of the batches.
        seed: The random seed of the policies that use one.
    """
    found: dict[str, Policy] = {
        'uniform': Uniform(seed),
        'dco': DynamicCreativeOptimization(tables),
        'eb_package': PackageEmpiricalBayes(tables),
        'eb_element': ElementEmpiricalBayes(tables),
        'mlp': MultiLayerPerceptron(tables, seed),
        'online_bayes': OnlineBayes(tables),
        'poisson_ridge': PoissonRidge(tables),
    }
    there = {name: create for name, (installed, create) in _OPTIONAL.items() if installed()}
    return found | {name: create(tables, seed) for name, create in there.items()}


def content_peers(
    tables: FeatureTables, catalogue: Catalogue, crossed: Sequence[str] = (), seed: int = 1
) -> dict[str, Policy]:
    """Returns one untrained policy of each kind that reads the catalogue, by the name that the benchmarks use.

    Args:
        tables: The feature tables of the batches.
        catalogue: The content of the elements.
        crossed: The names of the context features whose values attributes are crossed with.
        seed: The random seed of the policies that use one.
    """
    content = ContentTable(catalogue)
    found: dict[str, Policy] = {'poisson_ridge_content': ContentRidge(tables, content, crossed)}
    if gradient_boosted_trees.installed():
        found['gradient_boosted_trees_content'] = ContentTrees(tables, content, seed)
    return found


def left_out() -> list[str]:
    """Returns the names that `peers` omits because the packages of the extra `peers` are not installed."""
    return [name for name, (installed, _) in _OPTIONAL.items() if not installed()]
