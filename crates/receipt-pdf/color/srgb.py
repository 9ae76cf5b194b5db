#!/usr/bin/env python3
"""Writes sRGB.icc: the colour space of IEC 61966-2-1 as a profile of ICC.1:2004-10 (version 4.2).

A PDF/A names the colours that its red, green and blue mean. The profile is committed; run this only to change it.
"""

import struct
from pathlib import Path


def fixed(*numbers: float) -> bytes:
    return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)


def text(words: str) -> bytes:
    utf16 = words.encode("utf-16-be")
    return b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(utf16), 28) + utf16


def xyz(*numbers: float) -> bytes:
    return b"XYZ " + bytes(4) + fixed(*numbers)


# Primaries and white point adapted to D50 by Bradford's transform, and the curve of IEC 61966-2-1.
CURVE = b"para" + bytes(4) + struct.pack(">HH", 3, 0) + fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
ADAPTED = fixed(1.0478112, 0.0228866, -0.0501270, 0.0295424, 0.9904844, -0.0170491, -0.0092345, 0.0150436, 0.7521316)
TAGS = [
    (b"desc", text("sRGB")),
    (b"cprt", text("CC0")),
    (b"wtpt", xyz(0.9642, 1.0, 0.8249)),
    (b"chad", b"sf32" + bytes(4) + ADAPTED),
    (b"rXYZ", xyz(0.4360747, 0.2225045, 0.0139322)),
    (b"gXYZ", xyz(0.3850649, 0.7168786, 0.0971045)),
    (b"bXYZ", xyz(0.1430804, 0.0606169, 0.7141733)),
    (b"rTRC", CURVE),
    (b"gTRC", CURVE),
    (b"bTRC", CURVE),
]

table, data, places = b"", b"", {}
start = 128 + 4 + 12 * len(TAGS)
for name, content in TAGS:
    if content not in places:
        places[content] = start + len(data)
        data += content + bytes(-len(content) % 4)
    table += name + struct.pack(">II", places[content], len(content))
size = start + len(data)
header = struct.pack(">I4xI4s4s4s", size, 0x04200000, b"mntr", b"RGB ", b"XYZ ")
header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(4 + 4 + 4 + 4 + 8 + 4) + fixed(0.9642, 1.0, 0.8249)
profile = header.ljust(128, b"\0") + struct.pack(">I", len(TAGS)) + table + data
Path(__file__).with_name("sRGB.icc").write_bytes(profile)
