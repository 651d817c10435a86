"""Twin requests: the same requests with candidates that were shown before, and with new ones in their place."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from creative_logs.checks.rules import list_lengths
from creative_logs.schema import Component
from creative_logs.simulator.generate import element_ids
from creative_logs.simulator.world import World

FEWEST, MOST = 25, 100  # the training impressions of the candidates that were shown before


class TwinLogs(NamedTuple):
    """The logs of R twin requests; they differ only in the ids of candidates.

    Attributes:
        shown: The requests whose candidates were shown 25 to 100 times in training.
        new: The same requests whose candidates are their successors, which were never shown.
        impressions: The mean number of training impressions of the candidates in `shown`.
        day: A day, after the last one, that has these successors.
    """

    shown: pa.RecordBatch
    new: pa.RecordBatch
    impressions: float
    day: int


def twin_logs(world: World, train: Sequence[pa.RecordBatch], requests: pa.RecordBatch) -> TwinLogs | None:
    """Makes twins of requests of the last day.

    A component with at least two candidates that were shown 25 to 100 times in training keeps these. Their
    qualities, themes and styles are drawn like those of their successors, so that the two lifts of a policy
    over uniform choice differ only by what the impressions have taught it. Any other component keeps one
    random candidate in both twins. Requests in which there is nothing to choose are left out.

    Args:
        world: The simulated world.
        train: The training logs.
        requests: The requests.

    Returns:
        The twins, or None if elements are never replaced or nothing is left to choose.
    """
    if world.config.new_elements_per_day == 0:
        return None
    later = world.config.days - 1 + math.ceil(1 / world.config.new_elements_per_day)
    rng = np.random.default_rng(world.config.seed)
    shown, new, impressions = requests, requests, []
    choosable = np.zeros(requests.num_rows, bool)
    for j, component in enumerate(world.config.log_schema().components):
        ids, row = _flat(requests, component)
        counts = _shown_before(train, component, ids)
        middle = (FEWEST <= counts) & (counts <= MOST)
        several = (np.bincount(row[middle], minlength=requests.num_rows) > 1)[row]
        kept = np.where(several, middle, _one_of_each(row, rng))
        successors = _replaced(world, j, ids, several, later)
        lengths = np.bincount(row[kept], minlength=requests.num_rows)
        shown = _with_candidates(shown, component, ids.filter(pa.array(kept)), lengths)
        new = _with_candidates(new, component, successors.filter(pa.array(kept)), lengths)
        choosable[row[several]] = True
        impressions.append(counts[several & middle])
    if not choosable.any():
        return None
    rows = pa.array(choosable)
    mean = float(np.concatenate(impressions).mean())
    return TwinLogs(shown.filter(rows), new.filter(rows), mean, later)


def _flat(log: pa.RecordBatch, component: Component) -> tuple[pa.Array, np.ndarray]:
    """The ids of all candidates, string [T], and the row of each, int64 [T]."""
    lists = log.column(component.candidates)
    return lists.flatten().cast(pa.string()), np.repeat(np.arange(log.num_rows), list_lengths(lists))


def _shown_before(logs: Sequence[pa.RecordBatch], component: Component, ids: pa.Array) -> np.ndarray:
    """The number of impressions in which each of the ids was shown, int64 [T]."""
    found = []
    for log in logs:
        candidates, row = _flat(log, component)
        start = np.searchsorted(row, np.arange(log.num_rows))
        shown = log.column(component.shown).to_numpy()
        found.append(candidates.take(pa.array((start + shown)[shown >= 0])))
    counted = pc.value_counts(pa.chunked_array(found))
    place = pc.index_in(ids, counted.field('values'))
    return pc.fill_null(counted.field('counts').take(place), 0).to_numpy(zero_copy_only=False)


def _one_of_each(row: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Chooses one candidate of each row at random, bool [T]."""
    chosen = np.zeros(len(row), bool)
    order = np.lexsort((rng.random(len(row)), row))
    chosen[order[np.flatnonzero(np.diff(row[order], prepend=-1))]] = True
    return chosen


def _replaced(world: World, component: int, ids: pa.Array, which: np.ndarray, day: int) -> pa.Array:
    """The ids, string [T], of which those in `which` are replaced by the ids that their places have on a day."""
    encoded = ids.dictionary_encode()
    parts = pc.split_pattern(encoded.dictionary, '_', max_splits=2, reverse=True)
    pool = pc.list_element(parts, 1).cast(pa.int64()).to_numpy()
    successors = element_ids(world.config, component, pool, world.generation(component, pool, day))
    return pc.if_else(pa.array(which), successors.cast(pa.string()).take(encoded.indices), ids)


def _with_candidates(
    log: pa.RecordBatch, component: Component, ids: pa.Array, lengths: np.ndarray
) -> pa.RecordBatch:
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    columns = dict(zip(log.schema.names, log.columns))
    columns[component.candidates] = pa.ListArray.from_arrays(offsets, ids)
    columns[component.shown] = pa.array(np.where(lengths > 0, 0, -1))
    columns[component.propensity] = pa.array((1 / np.maximum(lengths, 1)).astype(np.float32))
    return pa.RecordBatch.from_pydict(columns)
