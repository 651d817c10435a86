"""The names of the policies that are compared, and the axis P on which arrays hold them."""

UNIFORM = 'uniform'
# What a model can do: see `rows.policy_matches.matches` for what each of them shows.
POLICIES = ('greedy', 'sampled', 'sampled_expectation', 'combination', 'two_stage')
# The level at which all components are pooled.
OVERALL = 'overall'

# The axis P: the uniform policy, then the policies of the model under test, then, where a model serves, its
# policies in the same order.
UNIFORM_INDEX = 0
MODEL_START = 1
SERVING_START = MODEL_START + len(POLICIES)
# The axis P where a table of choices is measured: the uniform policy, then the choices.
CHOSEN_INDEX = 1
CHOICE_POLICIES = 2
