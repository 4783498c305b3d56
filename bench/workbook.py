"""Writes the rows of workbook.go's ROWS.tsv with XlsxWriter in constant-memory mode.

    python3 bench/workbook.py ROWS.tsv BOOK.xlsx
    python3 bench/workbook.py ROWS.tsv              only reads them: what reading costs
"""
import sys

import xlsxwriter

FORMATS = {"money": "#,##0.00", "date": "yyyy-mm-dd", "instant": "yyyy-mm-dd hh:mm:ss", "number": "0"}


def main():
    with open(sys.argv[1], encoding="utf-8") as rows:
        kinds, widths, headings = (next(rows).rstrip("\n").split("\t") for _ in range(3))
        if len(sys.argv) == 2:
            for line in rows:
                line.rstrip("\n").split("\t")
            return
        book = xlsxwriter.Workbook(sys.argv[2], {"constant_memory": True})
        sheet = book.add_worksheet("Matched")
        formats = [book.add_format({"num_format": FORMATS[kind]}) if kind in FORMATS else None for kind in kinds]
        for column, width in enumerate(widths):
            sheet.set_column(column, column, int(width) or 12)
        sheet.freeze_panes(1, 1)
        for column, heading in enumerate(headings):
            sheet.write_string(0, column, heading)
        number, string = sheet.write_number, sheet.write_string
        for row, line in enumerate(rows, 1):
            for column, value in enumerate(line.rstrip("\n").split("\t")):
                if value == "":
                    continue
                if formats[column]:
                    number(row, column, float(value), formats[column])
                else:
                    string(row, column, value)
        book.close()


main()
