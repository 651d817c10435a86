"""Keeps the output of libraries off the user's terminal."""

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
    """Prepares the environment for the import of TensorFlow, without slow imports of its own.

    TensorFlow then uses Keras 2 and prints no start-up messages, and warnings of libraries are hidden.
    Environment variables that the user has set are kept.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if not sys.warnoptions:
        warnings.simplefilter('ignore')
    stand_in_for_sql_util()


def stand_in_for_sql_util() -> None:
    """Provides a module that TensorFlow Data Validation 1.16 imports and tfx_bsl no longer contains.

    The module slices statistics by SQL, which this project does not use.
    """
    name = 'tfx_bsl.arrow.sql_util'
    if name in sys.modules or _has_sql_util():
        return
    module = types.ModuleType(name)
    module.__dict__['RecordBatchSQLSliceQuery'] = _NoSqlSlices
    sys.modules[name] = module


def _has_sql_util() -> bool:
    # Looks for the file, because finding the spec of the module would import tfx_bsl, which is slow.
    package = importlib.util.find_spec('tfx_bsl')
    if package is None or package.origin is None:
        return False
    return Path(package.origin).with_name('arrow').joinpath('sql_util.py').exists()


class _NoSqlSlices:
    def __init__(self, *_):
        raise NotImplementedError('statistics cannot be sliced by SQL: this tfx_bsl is built without it')


@contextmanager
def output_to(log: Path) -> Iterator[TextIO]:
    """Appends all output of the process, including that of native libraries, to a file.

    Args:
        log: The file to append to.

    Yields:
        A stream that still writes to the original standard error.
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
