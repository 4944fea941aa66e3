"""Diagnosis by the physics of the bearing, without a model learnt from faults.

- `bearing` has the frequencies at which each part of a bearing is struck;
- `spectra` computes envelope spectra and band powers of windows;
- `lines` measures how far the bearing's lines stand out of an envelope spectrum;
- `gate` measures how far the shape of a spectrum is from that of healthy windows;
- `baseline` compares both with a machine's healthy windows, and `baseline_file` stores them;
- `rule` decides between these measurements and the network.

The package does not load torch, and does not know where windows come from.
"""
