"""The usual short names of codecs, by what stands in an MP4's sample description. Pure."""

from __future__ import annotations

NAMES = {
    b"avc1": "h264",
    b"avc3": "h264",
    b"hvc1": "hevc",
    b"hev1": "hevc",
    b"dvh1": "hevc",
    b"dvhe": "hevc",
    b"av01": "av1",
    b"vp08": "vp8",
    b"vp09": "vp9",
    b"mp4v": "mpeg4",
    b"jpeg": "mjpeg",
    b"mjpa": "mjpeg",
    b"apch": "prores",
    b"apcn": "prores",
    b"apcs": "prores",
    b"apco": "prores",
    b"ap4h": "prores",
    b"ap4x": "prores",
    b"png ": "png",
    b"mp4a": "aac",
    b".mp3": "mp3",
    b"Opus": "opus",
    b"fLaC": "flac",
    b"ac-3": "ac3",
    b"ec-3": "eac3",
    b"alac": "alac",
    b"sowt": "pcm",
    b"twos": "pcm",
    b"lpcm": "pcm",
    b"ipcm": "pcm",
}
# `mp4v` and `mp4a` stand for whatever their descriptor names (ISO/IEC 14496-1, 7.2.6.6).
OBJECTS = {
    0x20: "mpeg4",
    0x40: "aac",
    0x61: "mpeg2video",
    0x67: "aac",
    0x69: "mp3",
    0x6A: "mpeg1video",
    0x6B: "mp3",
    0x6C: "mjpeg",
    0x6D: "png",
    0xDD: "vorbis",
}
ES_DESCRIPTOR, DECODER_CONFIG = 0x03, 0x04
LONGEST_LENGTH = 4
"""Bytes in which a descriptor's length may be written."""


def name_of(entry: bytes) -> str | None:
    """Return the codec's name.

    Args:
        entry: The first sample entry, or as much of it as there is.
    """
    kind = entry[4:8]
    if kind in (b"mp4v", b"mp4a"):
        return OBJECTS.get(_object(entry), NAMES[kind])

    spelled = kind.decode("ascii", "replace").strip().lower()
    return NAMES.get(kind, spelled) or None


def _object(entry: bytes) -> int:
    """Return the object type that `esds` names; 0 where it names none."""
    offset = entry.find(b"esds", 8)
    if offset < 0:
        return 0

    offset = _body(entry, offset + 8, ES_DESCRIPTOR)
    flags = entry[offset + 2 : offset + 3]
    if not offset or not flags:
        return 0

    # A stream on which this one depends, a URL, and a clock may stand before the configuration.
    skipped = 3 + (2 if flags[0] & 0x80 else 0) + (2 if flags[0] & 0x20 else 0)
    offset = _body(entry, offset + skipped, DECODER_CONFIG)
    return entry[offset] if 0 < offset < len(entry) else 0


def _body(entry: bytes, offset: int, tag: int) -> int:
    """Return where the body of the descriptor begins; 0 where there is another."""
    if entry[offset : offset + 1] != bytes([tag]):
        return 0

    for used in range(1, LONGEST_LENGTH + 1):
        byte = entry[offset + used : offset + used + 1]
        if byte and not byte[0] & 0x80:
            return offset + used + 1

    return 0
