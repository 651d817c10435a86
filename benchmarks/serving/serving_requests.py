"""PredictRequests for a served model, drawn from logs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from creative_logs.schema import LogSchema
from serving.client import protos
from serving.client.client import CreativeClient
from serving.client.contract import Contract
from serving.client.request import SelectRequest, encode_requests
from serving.tensor_protos import encode

_ROWS = 2000


def contract_of(address: str, model: str, timeout_s: float = 30.0) -> Contract:
    """Returns the inputs of a served model.

    Raises:
        serving.client.client.ServerError: The server does not answer.
    """
    with CreativeClient(address, model, timeout_s=timeout_s) as client:
        return client.contract()


def draw_requests(logs: Path, schema: LogSchema, count: int, seed: int = 1) -> list[SelectRequest]:
    """Draws requests with the context features of logged rows and the largest number of candidates.

    Args:
        logs: The folder of the logs, with a folder per day and split.
        schema: The schema of the logs; each component gets `max_candidates` distinct ids, from any ads.
        count: The number of requests.
        seed: The seed of the draws.
    """
    rows = ds.dataset(sorted(logs.glob('*/*/*.parquet')), schema=schema.arrow_schema()).head(_ROWS)
    pools = {c.name: _pool(rows, c.candidates) for c in schema.components}
    texts = {c.name: _pool(rows, c.texts) for c in schema.components if c.text}
    context = rows.select([feature.name for feature in schema.context]).to_pylist()
    random = np.random.default_rng(seed)
    return [_draw(context, pools, texts, schema.max_candidates, random) for _ in range(count)]


def encode_messages(
    requests: Sequence[SelectRequest], ads: int, contract: Contract, model: str
) -> list[bytes]:
    """Serialized PredictRequests with `ads` requests each; the seed of a request is its number."""
    messages = []
    for first in range(0, len(requests) - ads + 1, ads):
        message = protos.PredictRequest()
        message.model_spec.name = model
        chunk = requests[first : first + ads]
        for name, array in encode_requests(chunk, range(first, first + ads), contract).items():
            encode(array, message.inputs[name], packed=True)
        messages.append(message.SerializeToString())
    return messages


def _pool(rows: pa.Table, column: str) -> np.ndarray:
    return pc.unique(pc.list_flatten(rows[column])).to_numpy(zero_copy_only=False)


def _draw(
    context: Sequence[Mapping],
    pools: Mapping[str, np.ndarray],
    texts: Mapping[str, np.ndarray],
    candidates: int,
    random: np.random.Generator,
) -> SelectRequest:
    return SelectRequest(
        context=context[int(random.integers(len(context)))],
        candidates={n: random.choice(p, candidates, replace=False).tolist() for n, p in pools.items()},
        texts={n: random.choice(p, candidates).tolist() for n, p in texts.items()},
    )
