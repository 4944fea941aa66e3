import threading

from bearing_stream.wire import Message
from producer_sim.sender import PRODUCER_PROPERTIES, Sender
from tests.mock_kafka import TOPIC, MockKafka


def test_what_it_counts_as_delivered_is_in_the_topic() -> None:
    """With several requests in flight, librdkafka takes the success of one for that of another."""
    kafka, stop = MockKafka(), threading.Event()
    # One request for each message.
    own = {"bootstrap.servers": kafka.bootstrap_servers, "batch.num.messages": 1}
    sender = Sender(PRODUCER_PROPERTIES | own, TOPIC)
    counts = sender.new_counts()
    assert sender.connect(stop, 10)
    kafka.refuse_next_produce()
    kafka.respond_after(200)
    for number in range(5):
        sender.send(Message(b"pump", b"%d" % number, []), counts, stop)
    assert sender.flush(stop) == 0
    kafka.respond_after(0)
    assert (counts.delivered, kafka.count()) == (5, 5)
