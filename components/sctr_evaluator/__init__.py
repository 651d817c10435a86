"""Evaluation of policies from logs, with confidence intervals and a blessing.

A batch of rows passes through these folders in order:
    rows: Parses the rows, scores them with exported models and finds faulty ones.
    sums: Adds up the terms of the rows per cluster, per slice and in total.
    results: `results.evaluation.evaluate` turns the sums into figures with intervals and a verdict.
    report: Writes the summary and the report.
`estimators` holds the statistics in pure numpy, importable without TFX, Beam and TensorFlow:
    importance_weights: The weights of IPS, SNIPS (sCTR), DM and DR, of replay and of the pseudo-inverse.
    ratio_estimates: Rates and paired lifts with delta-method intervals, from the moments of `cluster_sums`.
    bootstrap: A Poisson bootstrap of the same sums.
    power: The effective sample size, and the number of rows needed to detect a lift.
    propensity_check: Whether the log was drawn with the propensities that it claims.
    calibration: How well predicted CTRs agree with clicks.
    feature_skew: How far the test days differ from the train days.
`beam` runs all of this in a Beam pipeline, and `component` and `executor` make it a TFX component.
"""
