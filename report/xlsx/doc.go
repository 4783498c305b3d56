// Package xlsx writes a typed book to an Excel file and reads an edited Breaks sheet back.
//
// The library (excelize) makes everything of the workbook but the rows: styles, panes, filters, validations, print set-up,
// charts, relations, content types. The rows are encoded here, straight into the compressed file, while the library writes
// its parts: it hands over each part of a sheet with an empty sheetData element, and the rows take that place. So a sheet
// of a million rows needs neither memory nor temporary disk space, all sheets go the same way, and the file's parts have a
// fixed order.
//
// Numbers are written from exact integers as decimal text; nothing is rounded on the way in. Text is text: a reference that
// looks like a formula or a number is an inline string. The file appears under its name only when it is whole and synced
// to disk; until then what was there before stays as it was.
//
// This is the only package that imports the library, and the only one that knows floating point: an edited workbook holds
// its numbers in that form.
package xlsx
