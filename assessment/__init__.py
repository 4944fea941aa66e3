"""All that is said of a window: the network's opinion, what is to be doubted, what physics says.

It joins two rooms that know nothing of one another: `model` (network, novelty) and `signals` (data
quality, envelope spectra, baselines). Whoever diagnoses anything does it through `assessor`.
"""

from assessment.assessment import Assessment, PhysicalEvidence

__all__ = ["Assessment", "PhysicalEvidence"]
