"""Proof that every window was answered once: counted in the topics, whatever the consumer says.

- `reader.verify` reads windows, diagnoses and dead letters of a range;
- `ledger.Ledger` keeps the books, 21 bytes a window, and knows no Kafka;
- `report.Report` is what it found.
"""

from bearing_stream.commands.verify.reader import verify
from bearing_stream.commands.verify.report import Offender, Place, Report
from bearing_stream.commands.verify.settings import VerifySettings

__all__ = ["Offender", "Place", "Report", "VerifySettings", "verify"]
