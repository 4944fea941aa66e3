"""Lists transactions that hold readers of committed messages back, and aborts them.

- `finding` lists the open transactions of partitions and classifies them;
- `abort` ends one;
- `client` connects kafka-python, whose admin client has the requests of KIP-664, with the
  properties of librdkafka, which has not;
- `view` formats them for a terminal.
"""

from bearing_stream.commands.transactions.abort import abort
from bearing_stream.commands.transactions.finding import OpenTransaction, State, find
from bearing_stream.commands.transactions.settings import TransactionSettings

__all__ = ["OpenTransaction", "State", "TransactionSettings", "abort", "find"]
