"""Reads frames of the protocol of queue type rpc and says what is in them.

It shares no code with the library: what both say about the same bytes must agree with each other and with docs/protocol.md.
Lines of hex digits in, one frame each; lines of JSON out.
"""

import json
import sys


def crc32c(data):
    """CRC-32C bit by bit: polynomial 0x1EDC6F41, turned around."""
    rest = 0xFFFFFFFF
    for byte in data:
        rest ^= byte
        for _ in range(8):
            rest = rest >> 1 ^ (0x82F63B78 if rest & 1 else 0)
    return rest ^ 0xFFFFFFFF


class Body:
    def __init__(self, frame):
        if len(frame) < 16:
            raise ValueError("no head")
        check = 0x5A
        for byte in frame[4:11] + frame[12:16]:
            check ^= byte
        if check != frame[11]:
            raise ValueError("check byte")
        if int.from_bytes(frame[4:8], "little") != len(frame):
            raise ValueError("length")
        if int.from_bytes(frame[0:4], "little") != crc32c(frame[4:]):
            raise ValueError("checksum")
        self.kind, self.codec, self.flags = frame[8], frame[9], frame[10]
        self.queue = int.from_bytes(frame[12:16], "little")
        self.rest = frame[16:]

    def take(self, size):
        if size > len(self.rest):
            raise ValueError("the end")
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken

    def number(self, size):
        return int.from_bytes(self.take(size), "little")


def u8(body):
    return body.number(1)


def u16(body):
    return body.number(2)


def u32(body):
    return body.number(4)


def u64(body):
    return body.number(8)


def boolean(body):
    return {0: False, 1: True}[u8(body)]


def raw(size):
    return lambda body: body.take(size).hex()


def text(body):
    size = u16(body)
    if size > 1024:
        raise ValueError("long text")
    return body.take(size).decode("utf-8")


def name(body):
    return body.take(u8(body)).decode("ascii")


def maybe_name(body):
    return name(body) or None


def record(body):
    return body.take(u32(body)).hex()


def queue(body):
    taken, body.queue = body.queue, 0
    if taken == 0:
        raise ValueError("no queue")
    return taken


def maybe_queue(body):
    taken, body.queue = body.queue, 0
    return taken or None


def call(body):
    number = u32(body)
    if number == 0:
        raise ValueError("no call")
    return number


def maybe_call(body):
    return u32(body) or None


def codec(body):
    taken, body.codec = body.codec, 0
    return taken


def flag(bit):
    def read(body):
        taken = body.flags >> bit & 1
        body.flags -= taken << bit
        return bool(taken)

    return read


def creation(body):
    return ["never", "if absent", "always"][u8(body)]


def fields(*pairs):
    return lambda body: {key: read(body) for key, read in pairs}


def maybe(read):
    return lambda body: read(body) if boolean(body) else None


def few(read):
    return lambda body: [read(body) for _ in range(u16(body))]


def pair(first, second):
    return lambda body: [first(body), second(body)]


def items(body):
    count = u32(body)
    if count == 0:
        raise ValueError("no items")
    return [record(body) for _ in range(count)]


def loan(body):
    size = u32(body)
    return [u32(body), body.take(size).hex()]


def loans(body):
    count = u32(body)
    if count == 0:
        raise ValueError("no items")
    return [loan(body) for _ in range(count)]


LIMITS = fields(
    ("frame", u32),
    ("calls", u32),
    ("window_items", u32),
    ("window_bytes", u64),
    ("credit_items", u32),
    ("credit_bytes", u64),
    ("leases", u32),
)
FAILURE = fields(("kind", name), ("retryable", boolean), ("retry_after", u64), ("message", text))
LISTING = fields(("id", name), ("epoch", u64), ("depth", u64))
TAG = fields(("name", text), ("shape", u64))
RANGES = few(pair(u64, u64))
QUEUE, CALL = ("queue", queue), ("call", call)
CREDIT = (CALL, ("items", u32), ("bytes", u64), ("wait", u64))
DELIVERY = (QUEUE, ("codec", codec), ("last", flag(0)), CALL, ("first", u64))

MESSAGES = {
    0x01: ("Hello", ("capabilities", u64), ("limits", LIMITS), ("session", raw(16)), ("epoch", u64), ("nonce", raw(32)), ("agent", text)),
    0x02: ("Challenge", ("nonce", raw(32))),
    0x03: ("Proof", ("identity", text), ("proof", raw(32))),
    0x04: ("Welcome", ("resumed", flag(0)), ("capabilities", u64), ("limits", LIMITS), ("session", raw(16)), ("epoch", u64), ("proof", raw(32)), ("agent", text)),
    0x08: ("Ping", ("number", u64)),
    0x09: ("Pong", ("number", u64)),
    0x0A: ("Goodbye", ("grace", u64), ("failure", maybe(FAILURE))),
    0x0B: ("Failed", ("queue", maybe_queue), ("call", maybe_call), ("failure", FAILURE)),
    0x0C: ("Done", CALL),
    0x0D: ("Cancel", CALL),
    0x10: ("Open", CALL, ("creation", creation), ("tag", TAG), ("record", record)),
    0x11: ("Opened", QUEUE, ("created", flag(0)), ("kept", flag(1)), CALL, ("epoch", u64), ("capacity", u64), ("next_put", u64), ("next_delivery", u64), ("lease", u64)),
    0x12: ("Release", QUEUE, CALL),
    0x13: ("Close", QUEUE, CALL),
    0x14: ("Closed", QUEUE),
    0x15: ("Delete", CALL, ("id", name)),
    0x16: ("Exists", CALL, ("id", name)),
    0x17: ("Existence", CALL, ("exists", boolean)),
    0x18: ("List", CALL, ("prefix", text), ("after", maybe_name), ("most", u16)),
    0x19: ("Listed", ("more", flag(0)), CALL, ("queues", few(LISTING))),
    0x1A: ("Stats", CALL, ("id", name)),
    0x1B: ("StatsAre", CALL, ("record", record), ("values", few(pair(u16, u64)))),
    0x1C: ("Depth", QUEUE, CALL),
    0x1D: ("DepthIs", CALL, ("waiting", u64), ("away", u64)),
    0x1E: ("Peek", QUEUE, CALL, ("skip", u64), ("items", u32), ("bytes", u64)),
    0x1F: ("Peeked", ("codec", codec), CALL, ("items", items)),
    0x20: ("Put", QUEUE, ("codec", codec), ("first", u64), ("wait", u64), ("items", items)),
    0x21: ("Confirmed", QUEUE, ("up_to", u64)),
    0x22: ("Refused", QUEUE, ("from", u64), ("failure", FAILURE)),
    0x23: ("Withdraw", QUEUE, ("from", u64)),
    0x30: ("Get", QUEUE, ("once", flag(0)), ("outright", flag(1)), *CREDIT),
    0x31: ("Delivered", *DELIVERY, ("items", items)),
    0x32: ("Consumed", QUEUE, ("up_to", u64)),
    0x33: ("Lease", QUEUE, ("once", flag(0)), *CREDIT, ("lease", u64)),
    0x34: ("Lent", *DELIVERY, ("items", loans)),
    0x35: ("Ack", QUEUE, CALL, ("deliveries", RANGES)),
    0x36: ("Nack", QUEUE, CALL, ("after", u64), ("deliveries", RANGES)),
    0x37: ("Extend", QUEUE, CALL, ("by", u64), ("deliveries", RANGES)),
    0x38: ("Settled", CALL, ("stale", RANGES)),
}


def read(frame):
    body = Body(frame)
    message, *layout = MESSAGES[body.kind]
    seen = {"message": message, **fields(*layout)(body)}
    if body.rest or body.queue or body.codec or body.flags:
        raise ValueError("something is left over")
    return seen


for line in sys.stdin:
    try:
        print(json.dumps(read(bytes.fromhex(line))))
    except (ValueError, KeyError, IndexError) as error:
        print(json.dumps({"refused": str(error)}))
