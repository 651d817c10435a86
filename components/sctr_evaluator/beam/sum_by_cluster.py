"""Beam: sums over whole clusters."""

from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection

from components.sctr_evaluator.estimators.cluster_sums import ClusterSums


class Summed(beam.PTransform):
    """(shard, ClusterSums) -> one sum over all clusters; no output if there are no clusters.

    Args:
        kind: The class of the sum. It has `of`, which takes a table of whole clusters and `arguments`, and
            `merged`.
        arguments: Further arguments of `kind.of`.
    """

    def __init__(self, kind: Any, *arguments: Any):
        super().__init__()
        self._kind, self._arguments = kind, arguments

    def expand(self, tables: PCollection) -> PCollection:
        return (
            tables
            | 'SumByCluster' >> beam.CombinePerKey(ClusterSums.merged)
            | 'DropShards' >> beam.Values()
            | 'Sums' >> beam.Map(self._kind.of, *self._arguments)
            | 'Merge' >> beam.CombineGlobally(self._kind.merged).without_defaults()
        )
