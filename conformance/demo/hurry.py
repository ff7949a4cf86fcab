"""The sample mappings in a hurry: the same files with shorter waits.

A real portal is given minutes; nobody watches a demo or a test for so long.
"""

import re
import shutil
from pathlib import Path

from gateway.app.settings import packaged_mappings

SHORTER = (
    (r"timeouts: \{ connect: \w+, read: \w+ \}", "timeouts: { connect: 1s, read: 1s }"),
    (r"waits: \[[^]]*\]", "waits: [1s]"),
    (r"fault_wait: \w+", "fault_wait: 1s"),
)


def hurried(folder: Path) -> Path:
    """Copy the packaged mappings to ``folder`` with short waits; return it."""
    shutil.copytree(packaged_mappings(), folder)
    for path in folder.rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        for pattern, shorter in SHORTER:
            text = re.sub(pattern, shorter, text)
        path.write_text(text, encoding="utf-8")
    return folder
