"""Names under which a stranger's attachments may be saved: one name in one folder, on any system, whatever was sent."""

from __future__ import annotations

import mimetypes
import re
import unicodedata

OCTETS_MAX = 200
"""Most file systems end a name at 255; a browser or a copy puts something behind it."""

# What a path, a shell or Windows gives a meaning; NTFS streams begin behind a colon.
_SPECIAL = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
# CON, NUL and their kin are devices in every folder of Windows, with any extension.
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|\Z)")
_HIDDEN_KINDS = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Among them the marks that turn the direction of writing: `invoice\\u202efdp.exe` reads as `invoiceexe.pdf`."""

# Not the system's own table: the same message shall give the same names everywhere.
_TYPES = mimetypes.MimeTypes(())
_EXTENSIONS = {"message/rfc822": ".eml", "text/plain": ".txt", "text/html": ".html", "text/calendar": ".ics"}


def safe_file_name(name: str, number: str, kind: str) -> str:
    """Never empty, never a path. `part-1.2.png` where nothing of the name is left."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    shown = "".join("" if unicodedata.category(one) in _HIDDEN_KINDS else one for one in _SPECIAL.sub("_", last))
    bare = _shortened(shown.strip(" .").lstrip("-~"))
    if not bare.strip("_ "):
        return f"part-{number}{extension_of(kind)}"
    return f"_{bare}" if _DEVICE.match(bare) else bare


def extension_of(kind: str) -> str:
    """`.png` for `image/png`; `.bin` where the type is not known."""
    return _EXTENSIONS.get(kind) or _TYPES.guess_extension(kind) or ".bin"


def _shortened(name: str) -> str:
    """The extension stays: it says what opens the file."""
    if len(name.encode()) <= OCTETS_MAX:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension.encode()) > 16:
        stem, extension = name, ""
    kept = stem.encode()[: OCTETS_MAX - len(extension.encode()) - 1].decode("utf-8", "ignore")
    return f"{kept.rstrip(' .')}.{extension}" if extension else kept
