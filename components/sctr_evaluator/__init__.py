"""Offline evaluation of policies from logs, with confidence intervals and a blessing.

Pure numpy, importable without TFX, Beam and TensorFlow:
    offline: what a row adds to an estimator: IPS, SNIPS (sCTR), DM, DR; replay, pseudo-inverse.
    estimators: sums per cluster, their moments, delta-method intervals of rates and of paired lifts.
    bootstrap: Poisson bootstrap of the same sums.
    power: effective sample size, and the rows needed to resolve a lift.
    uniformity: whether the log was drawn with the propensities it claims.
    faults: rows from which nothing can be learned, by name.
    calibration: how well predicted CTRs agree with clicks.
"""
