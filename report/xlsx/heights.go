package xlsx

import (
	"strings"

	"payrecon/report"
)

const (
	lineHeight = 15  // points, of the body text
	maxHeight  = 409 // Excel's limit
)

// heightOf estimates how high a row must be to show its wrapped texts; 0 = one line of body text. Programs differ in
// whether they work this out when they open a file, so it is not left to them.
func heightOf(s *report.Sheet, r *report.Row) int {
	if r.Height > 0 {
		return min(r.Height, maxHeight)
	}
	lines := 1
	for i := range r.Cells {
		c := &r.Cells[i]
		switch c.Look {
		case report.Headline:
			return 26
		case report.Section:
			return 21
		}
		if c.Kind != report.Text || i >= len(s.Columns) {
			continue
		}
		if r.Merge > 1 {
			width := 0
			for _, column := range s.Columns[:min(r.Merge, len(s.Columns))] {
				width += column.Width
			}
			lines = max(lines, linesOf(c.Text, width))
			continue
		}
		if c.Look == report.HeadingLook || c.Look == report.HeadingNumber {
			lines = max(lines, linesOf(c.Text, s.Columns[i].Width*9/10))
		} else if wraps(s, r, i) {
			lines = max(lines, linesOf(c.Text, s.Columns[i].Width*23/20)) // letters are narrower than the digits that widths count
		}
	}
	if lines == 1 {
		if r.Kind == report.RowHeading {
			return lineHeight + 4
		}
		return 0
	}
	return min(lines*lineHeight+2, maxHeight)
}

// linesOf estimates the lines of a text in a column of so many characters, broken between words.
func linesOf(text string, width int) int {
	width = max(width, 1)
	lines := 0
	for paragraph := range strings.SplitSeq(text, "\n") {
		room := width
		lines++
		for word := range strings.SplitSeq(paragraph, " ") {
			n := widthOf(word)
			if n > room && room < width {
				lines++
				room = width
			}
			for n > room {
				lines++
				n -= room
				room = width
			}
			room -= n + 1
		}
	}
	return lines
}

// widthOf counts characters; those of East Asia and emoji are two wide.
func widthOf(s string) (n int) {
	for _, r := range s {
		n++
		if r >= 0x1100 && (r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 || r >= 0xf900 && r <= 0xfaff || r >= 0xff00 && r <= 0xff60 || r >= 0x1f300) {
			n++
		}
	}
	return n
}
