import numpy as np
import pytest

from serving.client.request import SelectRequest
from serving.client.selection import Choice, RunnerUp, Selection, decode_selections

REQUEST = SelectRequest({}, {'title': ['t0', b't1'], 'image': ['i0', 'i1', 'i2']})


@pytest.mark.parametrize('stds', [None, [0.125, 0.0, 0.0625]])
def test_runners_up_are_distinct_and_sorted(stds):
    outputs = {
        'component': np.array([[b'title', b'logo', b'image']], object),
        'selected_index': np.array([[1, -1, 2]]),
        'selected_id': np.array([[b't1', b'', b'i2']], object),
        'propensity': np.array([[0.75, 1, 0.5]]),
        'ctr': np.array([0.5]),
        'combinations': np.array([[[0, -1, 0], [1, -1, 2], [1, -1, 1], [0, -1, 0], [1, -1, 2]]]),
        'combination_ctr': np.array([[0.125, 0.5, 0.25, 0.125, 0.5]]),
    }
    if stds:
        outputs['effect_std'] = np.array([stds])
    title_std, _, image_std = stds or [None] * 3
    [selection] = decode_selections(outputs, [REQUEST], [7], 3)
    assert selection == Selection(
        choices={
            'title': Choice(1, 't1', 0.75, effect_std=title_std),
            'image': Choice(2, 'i2', 0.5, effect_std=image_std),
        },
        ctr=0.5,
        runners_up=(
            RunnerUp({'title': Choice(1, 't1'), 'image': Choice(1, 'i1')}, 0.25),
            RunnerUp({'title': Choice(0, 't0'), 'image': Choice(0, 'i0')}, 0.125),
        ),
        model_version=3,
        seed=7,
    )
    assert list(selection.choices) == ['title', 'image']
