"""Steps as TFX's runner logs them, shown where there is a terminal and where there is none."""

import io
import logging

import pytest

from tfx_pipeline.console.progress import REPORTS, StepProgress


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def absl_logger():
    logger = logging.getLogger('absl')
    level = logger.level
    logger.setLevel(logging.INFO)
    yield logger
    logger.setLevel(level)


def _run_steps(terminal: io.StringIO, logger: logging.Logger) -> StepProgress:
    with StepProgress(terminal) as progress, progress.follow_runner():
        logger.info('Component %s is running.', 'Transform')
        logger.info('Component %s is finished.', 'Transform')
        logger.info('Component %s is running.', 'Trainer')
        logger.info('something else about %s', 'Trainer')
        logging.getLogger(REPORTS).info('%d of %d', 3, 7)
    logger.info('Component %s is running.', 'Late')
    return progress


def test_finished_steps_are_lines_where_there_is_no_terminal(absl_logger):
    output = io.StringIO()
    assert _run_steps(output, absl_logger).step == 'Trainer'
    assert output.getvalue() == 'Transform: 0.0 s\n'


def test_a_terminal_shows_the_step_and_how_far_it_has_got(absl_logger, monkeypatch):
    monkeypatch.setenv('TERM', 'xterm')
    output = _Terminal()
    _run_steps(output, absl_logger)
    assert 'Transform' in output.getvalue()
    assert '3/7' in output.getvalue()


def test_a_step_that_is_not_needed_has_no_duration(absl_logger):
    output = io.StringIO()
    with StepProgress(output) as progress, progress.follow_runner():
        for step in ('SctrEvaluator', 'AtomicPusher'):
            absl_logger.info('Component %s is running.', step)
            if step == 'SctrEvaluator':
                absl_logger.info('Skipping execution for %s', step)
            absl_logger.info('Component %s is finished.', step)
    assert output.getvalue() == 'SctrEvaluator: not needed\nAtomicPusher: 0.0 s\n'


def test_the_runner_still_logs_what_is_listened_for():
    # If TFX words its messages otherwise, no step would be shown.
    from tfx.orchestration.local import local_dag_runner
    from tfx.orchestration.portable import launcher

    from tfx_pipeline.console import progress

    with open(local_dag_runner.__file__, encoding='utf-8') as source:
        text = source.read()
    assert f"'{progress._STARTED}'" in text
    assert f"'{progress._FINISHED}'" in text
    with open(launcher.__file__, encoding='utf-8') as source:
        assert f"'{progress._SKIPPED}'" in source.read()
