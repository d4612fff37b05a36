"""DNS cookies as RFC 9018 section 4 makes them, from a reading of the RFC and not from txtd's code."""

import ipaddress
import struct
import time

from harness import COOKIE_SECRET, Failure

CLIENT = bytes.fromhex("2464c4abcf10c957")


def rotate(value, count):
    return (value << count | value >> (64 - count)) & 0xffffffffffffffff


def siphash24(key, data):
    """SipHash-2-4 with a 64-bit result, little-endian octets."""
    k0, k1 = struct.unpack("<QQ", key)
    v0, v1, v2, v3 = (k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573)
    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 255])

    def rounds(count):
        nonlocal v0, v1, v2, v3
        for _ in range(count):
            v0 = (v0 + v1) & 0xffffffffffffffff
            v1 = rotate(v1, 13) ^ v0
            v0 = rotate(v0, 32)
            v2 = (v2 + v3) & 0xffffffffffffffff
            v3 = rotate(v3, 16) ^ v2
            v0 = (v0 + v3) & 0xffffffffffffffff
            v3 = rotate(v3, 21) ^ v0
            v2 = (v2 + v1) & 0xffffffffffffffff
            v1 = rotate(v1, 17) ^ v2
            v2 = rotate(v2, 32)

    for word in struct.unpack("<%dQ" % (len(padded) // 8), padded):
        v3 ^= word
        rounds(2)
        v0 ^= word
    v2 ^= 0xff
    rounds(4)
    return struct.pack("<Q", v0 ^ v1 ^ v2 ^ v3)


def server_cookie(address, timestamp, client=CLIENT, secret=COOKIE_SECRET):
    head = struct.pack("!BxxxI", 1, timestamp)
    packed = ipaddress.ip_address(address).packed
    return head + siphash24(bytes.fromhex(secret), client + head + packed)


def make(kind, address):
    """The COOKIE option's data for a query from `address`."""
    now = int(time.time())
    if kind == "client":
        return CLIENT
    if kind == "server":
        return CLIENT + server_cookie(address, now)
    if kind == "stale":
        return CLIENT + server_cookie(address, now - 7200)
    if kind == "future":
        return CLIENT + server_cookie(address, now + 3600)
    if kind == "bad":
        good = server_cookie(address, now)
        return CLIENT + good[:-1] + bytes([good[-1] ^ 1])
    return bytes.fromhex(kind)


def check(data, address, secret=COOKIE_SECRET):
    """Fails unless this is our client cookie with a server cookie of the secret, made now."""
    if len(data) != 24 or data[:8] != CLIENT:
        raise Failure("the COOKIE is %s" % data.hex())
    timestamp = struct.unpack("!I", data[12:16])[0]
    if abs(timestamp - time.time()) > 3600 or data[8:] != server_cookie(address, timestamp, secret=secret):
        raise Failure("the server cookie %s is not that of RFC 9018" % data.hex())


def check_vectors():
    """RFC 9018 appendix A.1: the functions here do what the RFC does."""
    made = server_cookie("198.51.100.100", 1559731985)
    if made.hex() != "010000005cf79f111f8130c3eee29480":
        raise Failure("RFC 9018 A.1: %s" % made.hex())
