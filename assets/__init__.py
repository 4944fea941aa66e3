"""What training made: weights, label decoder, model card and figures; data only, no code."""
