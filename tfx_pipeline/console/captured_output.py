"""Keeps what libraries print while they start and run away from the user's terminal."""

import importlib.util
import os
import sys
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

_ENVIRONMENT = {
    'TF_USE_LEGACY_KERAS': '1',
    'TF_CPP_MIN_LOG_LEVEL': '3',
    'GRPC_VERBOSITY': 'ERROR',
    'GLOG_minloglevel': '3',
}


def prepare() -> None:
    """Sets what must be set before TensorFlow is imported; cheap, imports nothing heavy.

    TensorFlow then uses Keras 2 and prints neither start-up notices nor warnings of libraries.
    Variables that the user has set stay as they are.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if not sys.warnoptions:
        warnings.simplefilter('ignore')
    stand_in_for_sql_util()


def stand_in_for_sql_util() -> None:
    """Lets TensorFlow Data Validation 1.16 import a module that tfx_bsl no longer has.

    It is for slicing statistics by SQL, which is not used here.
    """
    name = 'tfx_bsl.arrow.sql_util'
    if name in sys.modules or _has_sql_util():
        return
    module = types.ModuleType(name)
    module.__dict__['RecordBatchSQLSliceQuery'] = _NoSqlSlices
    sys.modules[name] = module


def _has_sql_util() -> bool:
    # Looks for the file: asking for the module's spec would import tfx_bsl, which is slow.
    package = importlib.util.find_spec('tfx_bsl')
    if package is None or package.origin is None:
        return False
    return Path(package.origin).with_name('arrow').joinpath('sql_util.py').exists()


class _NoSqlSlices:
    def __init__(self, *_):
        raise NotImplementedError('statistics cannot be sliced by SQL: this tfx_bsl is built without it')


@contextmanager
def output_to(log: Path) -> Iterator[TextIO]:
    """Appends all that the process prints, native libraries included, to a file.

    Args:
        log: the file.

    Yields:
        A stream that still reaches the terminal, where standard error did.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(1), os.dup(2)]
    with log.open('ab') as sink, os.fdopen(os.dup(2), 'w', encoding='utf-8') as terminal:
        os.dup2(sink.fileno(), 1)
        os.dup2(sink.fileno(), 2)
        try:
            yield terminal
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, copy in zip((1, 2), saved):
                os.dup2(copy, descriptor)
                os.close(copy)
