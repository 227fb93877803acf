"""What a file is: by its extension where that gives it, by its first bytes where it does not."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Literal


def _extensions(words: str) -> frozenset[str]:
    return frozenset(f".{word}" for word in words.split())


IMAGES = _extensions(
    "png apng jpg jpeg jpe jfif pjpeg mpo webp bmp dib gif tif tiff avif avifs heic heif hif ppm pgm pbm pnm pfm jp2 j2k j2c jpc "
    "jpf jpx tga icb vda vst dds ico cur icns psd pcx qoi sgi jxl"
)
"""Extensions of images; such a file is never opened to be listed."""

_VECTOR = "it is a drawing of lines and not of pixels; export it as PNG"
_RAW = "it is raw data of a camera; develop it to TIFF or JPEG"
REFUSED = {
    **dict.fromkeys(_extensions("svg svgz eps ps ai wmf emf cdr"), _VECTOR),
    **dict.fromkeys(_extensions("cr2 cr3 crw nef nrw arw srf sr2 dng raf orf rw2 pef srw x3f 3fr erf"), _RAW),
    **dict.fromkeys(_extensions("xcf kra clip procreate"), "it is a drawing program's own format; export it as PNG"),
    **dict.fromkeys(_extensions("exr hdr"), "it has more light than a screen; export it as 16-bit PNG or TIFF"),
    **dict.fromkeys(_extensions("dcm dicom"), "it is a medical image (DICOM); export it as PNG or TIFF"),
}
"""Extensions of images that are never opened, with the reason: some would start another program, others are no pixels."""

TAR = (".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")
ZIP = (".zip", ".cbz")
ARCHIVES = (*ZIP, *TAR, ".7z", ".rar", ".cbr", ".tar.zst", ".tzst", ".tar.lz", ".tar.lzma")
"""Extensions of archives; only those of `TAR` and `ZIP` can be read."""

_OTHER = _extensions(
    "txt md rst json jsonl ndjson csv tsv xml yaml yml toml ini cfg conf log html htm css js mjs ts py ipynb sh bat c h cpp java "
    "m r go rs db sqlite lock pdf doc docx odt xls xlsx ppt pptx rtf tex bib mp4 m4v mkv webm mov avi mpg mpeg wmv flv mp3 wav "
    "flac ogg m4a aac mid npy npz mat h5 hdf5 pkl pickle pt pth ckpt safetensors onnx parquet arrow feather tfrecord tfrecords "
    "lmdb mdb gz bz2 xz zst ply obj stl ttf otf woff woff2 exe dll so url lnk aae xmp thm srt vtt torrent sig md5 sha1 sha256"
)
"""Extensions of files that are no images, and of other kinds of data; they are counted and not opened."""

WITHOUT = "without extension"
"""Under which files whose extension does not give their kind are counted."""
HIDDEN = "hidden"
"""Under which hidden files and folders are counted."""


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or one of the twins that macOS puts beside files."""
    return name.startswith(".") or name == "__MACOSX"


Kind = Literal["image", "refused", "archive", "other", "unknown"]


def kind_of(name: str) -> Kind:
    """What a file is by its name."""
    extension = os.path.splitext(name)[1].lower()
    if extension in IMAGES:
        return "image"
    if extension in REFUSED:
        return "refused"
    if name.lower().endswith(ARCHIVES):
        return "archive"
    return "other" if extension in _OTHER else "unknown"


def extension_of(name: str) -> str:
    """The extension under which a file is counted."""
    extension = os.path.splitext(name)[1].lower()
    return extension if re.fullmatch(r"\.[a-z0-9_+\-~]{1,15}", extension) else WITHOUT


_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"GIF87a", "GIF"), (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"II+\0", "TIFF"), (b"MM\0+", "TIFF"),
    (b"\0\0\0\x0cjP  ", "JPEG2000"), (b"\xff\x4f\xff\x51", "JPEG2000"), (b"8BPS", "PSD"), (b"DDS ", "DDS"),
    (b"icns", "ICNS"), (b"qoif", "QOI"), (b"\x01\xda", "SGI"),
    (b"\xff\x0a", "JXL"), (b"\0\0\0\x0cJXL ", "JXL"), (b"%!PS", "EPS"), (b"\xc5\xd0\xd3\xc6", "EPS"), (b"%PDF", "PDF"),
    (b"\xd7\xcd\xc6\x9a", "WMF"), (b"PK\x03\x04", "ZIP"), (b"PK\x05\x06", "ZIP"), (b"\x1f\x8b", "GZIP"),
    (b"\xfd7zXZ\0", "XZ"), (b"BZh", "BZIP2"), (b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!", "RAR"), (b"\x28\xb5\x2f\xfd", "ZSTD"),
    (b"\x1a\x45\xdf\xa3", "Matroska"), (b"\x93NUMPY", "NUMPY"),
)  # fmt: skip
READ = frozenset(
    {
        "JPEG",
        "PNG",
        "GIF",
        "TIFF",
        "JPEG2000",
        "PSD",
        "DDS",
        "ICNS",
        "QOI",
        "SGI",
        "BMP",
        "PPM",
        "WEBP",
        "AVIF",
        "HEIF",
        "JXL",
    }
)
"""What `format_of` calls images."""
CLIPS = frozenset({"MP4", "Matroska", "AVI"})
"""What it calls clips."""
ANIMATIONS = frozenset({"GIF", "PNG", "WEBP"})
"""The images among which animations are."""
PACKED = frozenset({"ZIP", "TAR", "GZIP", "XZ", "BZIP2", "7z", "RAR", "ZSTD"})
"""What it calls archives, and single files that are packed as some of them are."""
HEAD = 512
"""Bytes that `format_of` wants to see."""


def format_of(head: bytes) -> str:
    """The format whose file begins like this; empty where it is none that is known here."""
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "AVI"
    if head[4:8] in {b"moov", b"mdat", b"wide"}:  # QuickTime of old
        return "MP4"
    if head[4:8] == b"ftyp":
        brands = {head[8:12], *(head[at : at + 4] for at in range(16, min(len(head), _BRANDS) - 3, 4))}
        if head[8:12] in {b"avif", b"avis"} or (head[8:12] in {b"mif1", b"msf1", b"miaf"} and b"avif" in brands):
            return "AVIF"
        return "HEIF" if head[8:12] in _HEIF else "MP4"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in {12, 40, 52, 56, 64, 108, 124}:
        return "BMP"
    if re.match(rb"P[1-6fF][ \t\r\n]+(#|\d)", head):
        return "PPM"
    if head[257:262] == b"ustar":
        return "TAR"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head")):
        return "HTML"
    if text.startswith(b"<svg") or (text.startswith(b"<?xml") and b"<svg" in text):
        return "SVG"
    return ""


_BRANDS = 64  # bytes in which a file's brands stand
_HEIF = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1", b"miaf"})

_REASONS = {
    "JXL": "it is JPEG XL, which is not read; convert it to PNG (djxl FILE NEW.png)",
    "HEIF": "it is HEIC, which needs a decoder: pip install 'tilework[heif]'",
    "AVIF": "it is AVIF, which this build of Pillow does not read; convert it to PNG",
    "HTML": "it is an HTML page and not an image",
    "PDF": "it is a PDF and not an image",
    **dict.fromkeys(("EPS", "WMF", "SVG"), _VECTOR),
    "NUMPY": "it is an array and not an image",
    **dict.fromkeys(CLIPS, "it is a video and not an image"),
    **dict.fromkeys(PACKED, "it is an archive and not an image"),
}


def why_not(head: bytes) -> str:
    """Why a file that begins like this is read by nothing here."""
    found = format_of(head)
    if found in READ and found not in _REASONS:
        return f"it begins as {found}, but is damaged there or of a kind that is not read"
    return _REASONS.get(found, "it is not an image in a known format")


def begins_as(path: Path | str) -> str:
    """The format as which a file begins, whatever it is called; empty where that is none, or where it cannot be read.

    Opens regular files only, and none of no size: a pipe, and what a system makes up in /proc, would wait for ever.
    """
    try:
        about = os.stat(path)
        if not stat.S_ISREG(about.st_mode) or not about.st_size:
            return ""
        with open(path, "rb") as file:
            return format_of(file.read(HEAD))
    except OSError:
        return ""


def format_of_unknown(path: Path | str) -> str:
    """The format as which a file begins whose name does not give it; empty for all others, which are not opened."""
    return begins_as(path) if kind_of(os.path.basename(path)) == "unknown" else ""


def unlisted(reason: str) -> str:
    """Why what lies in a folder is left out that the system does not list."""
    return f"this folder cannot be listed: {reason.lower()}"


def irregular(mode: int) -> str:
    """Why what has this mode (of `os.stat`) is no file to read; empty for a regular file."""
    if stat.S_ISREG(mode):
        return ""
    for test, what in (
        (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"),
    ):  # fmt: skip
        if test(mode):
            return f"it is {what} and not a file"
    return "it is not a regular file"
