"""The true CTR of any combination of elements in simulated logs, and the best possible combination."""

import itertools
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
from pydantic import ValidationError

from creative_logs.errors import InputError
from creative_logs.simulator.config import SimulatorConfig
from creative_logs.simulator.parse import Candidates, parse_candidates, parse_context
from creative_logs.simulator.world import ABSENT, STYLES, Context, World
from creative_logs.simulator.write import TRUTH_FILE

_STEP_ROWS = 8192


class Truth:
    """True CTRs of simulated logs, computed from the configuration and the ids in the rows.

    Rows are record batches or tables with the columns of the log. A choice is int64[R, M]: per row and
    component an index into `<component>_candidates`, -1 if that list is empty.

    Args:
        world: The simulated world that the rows come from.
    """

    def __init__(self, world: World):
        self._world = world

    @classmethod
    def from_logs(cls, logs: str | Path) -> 'Truth':
        """Reads the truth of the logs in a folder that `simulate` wrote.

        Raises:
            InputError: The folder has no truth.json, or the file is invalid.
        """
        path = Path(logs) / TRUTH_FILE
        try:
            saved = json.loads(path.read_text(encoding='utf-8'))
            world = World(SimulatorConfig.model_validate(saved['config']), float(saved['intercept']))
        except OSError as error:
            raise InputError(f'{path}: {error.strerror}; are these simulated logs?') from error
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            raise InputError(f'{path}: is broken: {" ".join(str(error).split())}') from error
        return cls(world)

    def ctr(self, rows: pa.RecordBatch | pa.Table, choice: np.ndarray) -> np.ndarray:
        """The true CTR of the chosen combinations, float64[R].

        Raises:
            InputError: The choice has the wrong shape, or an index lies outside its list of candidates.
        """
        candidates = parse_candidates(self._world, rows)
        _check_choice(candidates, choice)
        return self._ctr(parse_context(self._world, rows), candidates, choice)

    def uniform_ctr(self, rows: pa.RecordBatch | pa.Table, samples: int = 64, seed: int = 1) -> np.ndarray:
        """An estimate of each row's mean true CTR under the uniform random policy, float64[R].

        It is the mean over `samples` combinations per row, drawn as a Latin hypercube. It is unbiased, and
        nearly exact in its additive part.
        """
        random = np.random.default_rng(seed)
        return np.concatenate([self._uniform_ctr(part, samples, random) for part in _parts(rows)])

    def best(self, rows: pa.RecordBatch | pa.Table) -> tuple[np.ndarray, np.ndarray]:
        """The combination with the exactly highest true CTR: choice int64[R, M] and CTR float64[R].

        Synergy depends only on the styles of the elements. Only the best element of each style and component
        can therefore be part of the best combination, and STYLES^M combinations of these are compared.
        """
        choice = np.concatenate([self._best(part) for part in _parts(rows)])
        return choice, self.ctr(rows, choice)

    def component_importance(self) -> dict[str, dict[str, float]]:
        """Each component's share in the variance of the element effects, per category (Figure 3)."""
        variance = self._world.importance**2
        shares = variance / variance.sum(axis=1, keepdims=True)
        names = [component.name for component in self._world.config.components]
        rows = [dict(zip(names, share.tolist())) for share in shares]
        return dict(zip(self._world.categories, rows))

    def _ctr(self, context: Context, candidates: list[Candidates], choice: np.ndarray) -> np.ndarray:
        picks = np.stack([c.pick(choice[:, j]) for j, c in enumerate(candidates)], axis=1)
        logit = self._world.logit(context, [c.elements for c in candidates], picks)
        return 1 / (1 + np.exp(-logit))

    def _uniform_ctr(
        self, rows: pa.RecordBatch | pa.Table, samples: int, random: np.random.Generator
    ) -> np.ndarray:
        context, candidates = parse_context(self._world, rows), parse_candidates(self._world, rows)
        lengths = np.stack([c.lengths for c in candidates], axis=1)
        strata = random.permuted(np.broadcast_to(np.arange(samples), (*lengths.shape, samples)), axis=2)
        uniforms = (strata + random.random(strata.shape)) / samples
        total = np.zeros(rows.num_rows)
        for sample in range(samples):
            choice = np.where(lengths == 0, -1, (uniforms[:, :, sample] * lengths).astype(np.int64))
            total += self._ctr(context, candidates, choice)
        return total / samples

    def _best(self, rows: pa.RecordBatch | pa.Table) -> np.ndarray:
        context, candidates = parse_context(self._world, rows), parse_candidates(self._world, rows)
        best = [self._best_per_style(j, c, context) for j, c in enumerate(candidates)]
        effect = np.stack([b[0] for b in best], axis=1)
        index = np.stack([b[1] for b in best], axis=1)
        present = np.stack([c.lengths > 0 for c in candidates], axis=1)
        choice = np.full(present.shape, -1)
        patterns, pattern_of_row = np.unique(present, axis=0, return_inverse=True)
        for number, pattern in enumerate(patterns):
            here = np.flatnonzero(pattern_of_row == number)
            options = [range(STYLES) if there else (ABSENT,) for there in pattern]
            styles = np.array(list(itertools.product(*options)))
            logit = np.tile(self._world.synergy_effect(styles), (len(here), 1))
            for j in np.flatnonzero(pattern):
                logit += effect[here, j][:, styles[:, j]]
            winner = styles[logit.argmax(axis=1)]
            for j in np.flatnonzero(pattern):
                choice[here, j] = index[here, j, winner[:, j]]
        return choice

    def _best_per_style(
        self, component: int, candidates: Candidates, context: Context
    ) -> tuple[np.ndarray, np.ndarray]:
        """The highest effect per row and style (-inf: none) and its candidate, [R, STYLES] each."""
        row = candidates.row
        entries = candidates.elements.take(candidates.entries)
        effect = self._world.element_effect(component, entries, context.category[row], context.segment[row])
        order = np.lexsort((effect, entries.style, row))
        key = row[order] * STYLES + entries.style[order]
        last = order[np.flatnonzero(np.append(key[1:] != key[:-1], True))] if len(order) else order
        best = np.full((len(candidates.lengths), STYLES), -np.inf)
        index = np.full(best.shape, -1)
        best[row[last], entries.style[last]] = effect[last]
        index[row[last], entries.style[last]] = last - candidates.offsets[row[last]]
        return best, index


def _parts(rows: pa.RecordBatch | pa.Table) -> list[pa.RecordBatch | pa.Table]:
    """The rows in parts of bounded size, at least one."""
    return [rows.slice(start, _STEP_ROWS) for start in range(0, max(rows.num_rows, 1), _STEP_ROWS)]


def _check_choice(candidates: list[Candidates], choice: np.ndarray) -> None:
    rows = len(candidates[0].lengths)
    if choice.shape != (rows, len(candidates)):
        shape = (rows, len(candidates))
        raise InputError(f'choice must have the shape {shape} of rows and components, got {choice.shape}')
    for j, c in enumerate(candidates):
        wrong = np.flatnonzero((c.lengths > 0) & ((choice[:, j] < 0) | (choice[:, j] >= c.lengths)))
        if len(wrong):
            i = wrong[0]
            raise InputError(
                f'choice[{i}, {j}] must be at least 0 and below {c.lengths[i]}, the number of candidates: '
                f'got {choice[i, j]}'
            )
