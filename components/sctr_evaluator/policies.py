"""The names of the policies that are compared, and the axis P on which arrays hold them."""

UNIFORM = 'uniform'
# The policies of a model; `rows.policy_matches.matches` says what each of them shows.
POLICIES = ('greedy', 'sampled', 'sampled_expectation', 'combination', 'two_stage')
# The level at which all components are pooled.
OVERALL = 'overall'

# The axis P: the uniform policy, then the policies of the model under test, and then, where there is a
# serving model, its policies in the same order.
UNIFORM_INDEX = 0
MODEL_START = 1
SERVING_START = MODEL_START + len(POLICIES)
# The axis P for a table of choices: the uniform policy, then the choices.
CHOSEN_INDEX = 1
CHOICE_POLICIES = 2
