"""The partition of a key as Kafka's Java clients choose it, written from its definition."""

MASK = 0xFFFFFFFF
SEED = 0x9747B28C
FACTOR = 0x5BD1E995


def java_partition(key: bytes, partitions: int) -> int:
    """Return `Utils.toPositive(Utils.murmur2(key)) % partitions`, as `DefaultPartitioner` does."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """Return the 32-bit MurmurHash2 of `org.apache.kafka.common.utils.Utils`, as unsigned."""
    value = SEED ^ len(data)
    whole = len(data) // 4 * 4
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * FACTOR & MASK
        word = (word ^ word >> 24) * FACTOR & MASK
        value = (value * FACTOR & MASK) ^ word
    if whole < len(data):
        value = (value ^ int.from_bytes(data[whole:], "little")) * FACTOR & MASK
    value = (value ^ value >> 13) * FACTOR & MASK
    return value ^ value >> 15
