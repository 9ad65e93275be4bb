"""Write the JSON Schema of the JSON report from the Structs of `kubepreflight.report`: python tools/make_schema.py"""

from __future__ import annotations

import json
from pathlib import Path

from kubepreflight import report

SCHEMA = Path(report.__file__).with_name("report.schema.json")


def text() -> str:
    """What the file must hold."""
    return json.dumps(report.json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(text(), encoding="utf-8")
    print(f"wrote {SCHEMA}")
