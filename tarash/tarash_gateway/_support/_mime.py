"""The MIME types of media by the endings of names, and back: the same on every machine.

The standard library's `mimetypes` reads what the host has, and slim container images have nothing:
there it knows no `.webp`, `.m4a` or `.mkv`. So nothing here asks the host.
"""

from __future__ import annotations

from urllib.parse import urlsplit

TYPES = {
    # Of several endings for one type, the first is the one that files get.
    "aac": "audio/aac",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "wav": "audio/wav",
    "weba": "audio/webm",
    "avif": "image/avif",
    "bmp": "image/bmp",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "ico": "image/vnd.microsoft.icon",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "jpe": "image/jpeg",
    "jfif": "image/jpeg",
    "jp2": "image/jp2",
    "jxl": "image/jxl",
    "png": "image/png",
    "apng": "image/png",
    "psd": "image/vnd.adobe.photoshop",
    "svg": "image/svg+xml",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "webp": "image/webp",
    "zip": "application/zip",  # of frames, or of files of one result
    "glb": "model/gltf-binary",
    "gltf": "model/gltf+json",
    "3gp": "video/3gpp",
    "m2ts": "video/mp2t",
    "ts": "video/mp2t",
    "mp4": "video/mp4",
    "m4v": "video/mp4",
    "mpg": "video/mpeg",
    "mpeg": "video/mpeg",
    "ogv": "video/ogg",
    "mov": "video/quicktime",
    "qt": "video/quicktime",
    "webm": "video/webm",
    "flv": "video/x-flv",
    "mkv": "video/x-matroska",
    "avi": "video/x-msvideo",
    "wmv": "video/x-ms-wmv",
}
OTHER_NAMES = {
    "audio/m4a": "audio/mp4",
    "audio/mp3": "audio/mpeg",
    "audio/vnd.wave": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-flac": "audio/flac",
    "audio/x-m4a": "audio/mp4",
    "audio/x-wav": "audio/wav",
    "image/apng": "image/png",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-icon": "image/vnd.microsoft.icon",
    "image/x-ms-bmp": "image/bmp",
    "video/avi": "video/x-msvideo",
    "video/matroska": "video/x-matroska",
    "video/mov": "video/quicktime",
    "video/x-m4v": "video/mp4",
}
"""Types under names that are in use beside the usual ones."""
ENDINGS = {kind: ending for ending, kind in reversed(TYPES.items())} | {"video/mp2t": "ts"}


def type_by_name(place: str) -> str | None:
    """Return the MIME type that a file's name, a URL or a data URI tells; None where it doesn't."""
    if place[:5].lower() == "data:":
        return place[5:].partition(",")[0].partition(";")[0].strip().lower() or None

    try:
        path = urlsplit(place).path
    except ValueError:  # it came out of a provider's answer, and is no URL
        return None

    return type_of_file(path)


def type_of_file(place: str) -> str | None:
    """Return the MIME type that a file's path tells: `#` and `?` are letters in it."""
    name = place.rpartition("/")[2]
    stem, dot, ending = name.rpartition(".")
    return TYPES.get(ending.lower()) if dot and stem else None


def ending_of(content_type: str | None) -> str | None:
    """Return how names of this type end, without the dot; None where that is not known."""
    plain = (content_type or "").partition(";")[0].strip().lower()
    return ENDINGS.get(OTHER_NAMES.get(plain, plain))


def named(stem: str, content_type: str) -> str:
    """Return a file's name with the ending of its type, where it is known."""
    ending = ending_of(content_type)
    return stem if ending is None else f"{stem}.{ending}"
