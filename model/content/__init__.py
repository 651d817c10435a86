"""What the element catalogue says about elements: its terms and vectors, and what they are worth."""
