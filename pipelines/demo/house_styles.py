"""How each sender's system writes: file kind, encoding, dates, codes, length of area codes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

WORKBOOK_DATES: Mapping[str, Literal["cells", "serials"]] = {
    "correction-420500": "cells",
    "correction-430300": "serials",
    "mediation-420505": "cells",
    "mediation-430382": "serials",
    "petition-430300": "cells",
}
DATE_FORMS = ("%Y-%m-%d", "%Y/%-m/%-d", "%Y%m%d", "%Y年%-m月%-d日")
CODE_FORMS: tuple[Literal["label", "number", "alias"], ...] = ("label", "label", "number", "alias")


@dataclass(frozen=True)
class HouseStyle:
    """How one sender writes.

    `workbook`: one-sheet XLSX, else CSV in `encoding`. `code_form`: the Chinese label, a number where the list has
    one, or another usual text. `serial_dates`: a workbook's dates are plain numbers.
    """

    workbook: bool
    encoding: Literal["utf-8-sig", "gb18030"]
    date_form: str
    time_form: str
    serial_dates: bool
    code_form: Literal["label", "number", "alias"]
    area_digits: Literal[9, 12]

    @property
    def line_end(self) -> str:
        return "\r\n" if self.encoding == "gb18030" else "\n"


def house_style(sender: str) -> HouseStyle:
    """The style of a sender, spread over the senders by a digest of the id."""
    marks = hashlib.sha256(sender.encode()).digest()
    workbook = sender in WORKBOOK_DATES
    date_form = DATE_FORMS[0] if workbook else DATE_FORMS[marks[0] % 4]
    return HouseStyle(
        workbook=workbook,
        encoding="gb18030" if marks[1] % 3 == 0 else "utf-8-sig",
        date_form=date_form,
        time_form="%Y/%-m/%-d %H:%M" if date_form == DATE_FORMS[1] else "%Y-%m-%d %H:%M:%S",
        serial_dates=WORKBOOK_DATES.get(sender) == "serials",
        code_form=CODE_FORMS[marks[2] % 4],
        area_digits=12 if marks[3] % 2 else 9,
    )
