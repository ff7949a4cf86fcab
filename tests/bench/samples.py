"""The templates of ``messages/`` as whole messages, for what sends only a few."""

from pathlib import Path

MESSAGES = Path(__file__).parent / "messages"


def sample(name: str, number: int = 1) -> bytes:
    """Return one template filled in; another ``number`` is another order."""
    text = (MESSAGES / f"{name}.hl7").read_text(encoding="utf-8")
    filled = {
        "{CTRL}": f"PLD{number:017d}",
        "{TS}": "20260911091500+0000",
        "{PID}": f"{1_000_000_000 + number}",
        "{ORD}": f"B{number:013d}",
    }
    for placeholder, value in filled.items():
        text = text.replace(placeholder, value)
    return text.replace("\n", "\r").encode()


def samples() -> dict[str, bytes]:
    """Return every template filled in, by name, in the order they are sent."""
    return {path.stem: sample(path.stem) for path in sorted(MESSAGES.glob("*.hl7"))}
