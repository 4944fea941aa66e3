"""Diagnosis by the physics of the bearing, without a model learnt from faults.

- `bearing` has the frequencies at which each part of a bearing is struck;
- `spectra` computes envelope spectra and band powers of windows;
- `lines` measures how far the bearing's lines stand out of an envelope spectrum;
- `gate` measures how far the shape of a spectrum is from that of healthy windows;
- `baseline` fits what both are on a machine's healthy windows, and `baseline_file` stores it;
- `measurements` are how far windows are from that;
- `rule` decides on these measurements.

The package does not load torch, and does not know where windows come from.
"""
