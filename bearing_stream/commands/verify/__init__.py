"""Check that every window has exactly one result, by reading the topics and not the consumer.

A result is a diagnosis or a dead letter.

- `reader.verify` reads the windows, diagnoses and dead letters of a range;
- `ledger.Ledger` accounts for each window in 29 bytes, and does not depend on Kafka;
- `report.Report` is the outcome.
"""

from bearing_stream.commands.verify.reader import verify
from bearing_stream.commands.verify.report import Offender, Report
from bearing_stream.commands.verify.settings import VerifySettings

__all__ = ["Offender", "Report", "VerifySettings", "verify"]
