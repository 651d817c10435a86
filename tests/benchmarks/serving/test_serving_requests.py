"""Requests drawn from logs have what the model takes, and as many candidates as it takes."""

from benchmarks.serving.serving_requests import draw_requests, encode_messages
from creative_logs.simulator.config import SimulatorConfig
from creative_logs.simulator.write import simulate
from serving.client import protos
from serving.client.contract import Contract
from serving.tensor_protos import DT_FLOAT, DT_INT64, DT_STRING, decode

_TYPES = {
    'string': (DT_STRING, 1),
    'string_list': (DT_STRING, 2),
    'int64': (DT_INT64, 1),
    'float': (DT_FLOAT, 1),
}


def test_messages_hold_full_lists_of_candidates_and_logged_contexts(tmp_path):
    config = SimulatorConfig(ads=100, days=1, rows=2000, test_share=0.5)
    simulate(config, tmp_path / 'logs')
    schema = config.log_schema()
    requests = draw_requests(tmp_path / 'logs', schema, 7)
    context = {feature.name: _TYPES[feature.type] for feature in schema.context}
    components = tuple(component.name for component in schema.components)
    contract = Contract(context, components, frozenset(c.name for c in schema.components if c.text))
    messages = encode_messages(requests, 3, contract, 'genco')
    assert len(messages) == 2
    inputs = protos.PredictRequest.FromString(messages[1]).inputs
    assert decode(inputs['seed']).tolist() == [3, 4, 5]
    for component in schema.components:
        ids = decode(inputs[component.candidates])
        assert ids.shape == (3, schema.max_candidates) and all(len(set(row)) == len(row) for row in ids)
    assert draw_requests(tmp_path / 'logs', schema, 7) == requests
