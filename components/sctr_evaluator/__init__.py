"""Calibrated sCTR evaluator (Algorithm 1 of the paper) with confidence intervals and a blessing."""
