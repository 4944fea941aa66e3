"""What can be measured of windows without having learnt anything from faults.

- `quality` says what is wrong with a window's signal;
- `bearing` says how often each part of a bearing is struck, `spectra` measures windows, `lines` how
  far the bearing's lines stand out of their envelope spectra, `gate` how far their shape is from
  that of healthy windows, and `baseline` holds the measurements against healthy windows.

Nothing here knows the network, nor where windows come from.
"""
