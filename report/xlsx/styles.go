package xlsx

import (
	"github.com/xuri/excelize/v2"

	"payrecon/internal/money"
	"payrecon/report"
)

// styleKey is what makes two cells look alike.
type styleKey struct {
	look   report.Look
	kind   report.Kind
	digits int // of money
	wrap   bool
	link   bool
}

// styles makes the workbook's styles as they are needed and remembers them.
type styles struct {
	file  *excelize.File
	known map[styleKey]int
	plain [report.Share + 1][5][2]int // those without a look of their own, by kind, decimals and wrapping; -1 = not made yet
	err   error
}

func newStyles(f *excelize.File) *styles {
	s := &styles{file: f, known: map[styleKey]int{}}
	for kind := range s.plain {
		for digits := range s.plain[kind] {
			s.plain[kind][digits] = [2]int{-1, -1}
		}
	}
	return s
}

func keyOf(c *report.Cell, wrap bool) styleKey {
	k := styleKey{look: c.Look, kind: c.Kind, link: c.Link != ""}
	switch c.Kind {
	case report.Money:
		k.digits = decimals(c)
	case report.Text, report.Blank:
		k.wrap = wrap
	}
	return k
}

// decimals is how many the cell shows: its currency's, and more where the amount has them.
func decimals(c *report.Cell) int {
	digits := money.Digits(c.Currency)
	for units, d := c.Number, 4; d > digits; d-- {
		if units%10 != 0 {
			return d
		}
		units /= 10
	}
	return digits
}

// of returns the style of a cell; 0 is the workbook's default. A style that was not prepared is made on the fly, which is
// right only before the library writes its styles.
func (s *styles) of(c *report.Cell, wrap bool) int {
	k := keyOf(c, wrap)
	if k.look == report.Plain && !k.link {
		slot := &s.plain[k.kind][k.digits][0]
		if k.wrap {
			slot = &s.plain[k.kind][k.digits][1]
		}
		if *slot < 0 {
			*slot = s.make(k)
		}
		return *slot
	}
	id, ok := s.known[k]
	if !ok {
		id = s.make(k)
	}
	return id
}

// prepare makes every style that the book's rows need. Streamed rows are plain cells of any kind.
func (s *styles) prepare(b *report.Book) error {
	for _, sheet := range b.Sheets {
		for i := range sheet.Rows {
			for j := range sheet.Rows[i].Cells {
				s.of(&sheet.Rows[i].Cells[j], false)
				s.of(&sheet.Rows[i].Cells[j], true)
			}
		}
		if sheet.Stream == nil {
			continue
		}
		for kind := report.Blank; kind <= report.Share; kind++ {
			for _, wrap := range []bool{false, true} {
				s.of(&report.Cell{Kind: kind}, wrap)
				for _, currency := range []string{"JPY", "EUR", "KWD", "CLF"} { // 0, 2, 3 and 4 decimals
					s.of(&report.Cell{Kind: kind, Currency: currency}, wrap)
				}
				s.of(&report.Cell{Kind: kind, Currency: "JPY", Number: 1000}, wrap) // 1 decimal
			}
		}
	}
	return s.err
}

const (
	ink     = "1F2933"
	navy    = "1F3A5F"
	paper   = "FFFFFF"
	grey    = "6B7785"
	line    = "C9D1DA"
	shade   = "EEF2F6"
	green   = "1E7B4F"
	greenBg = "DFF3E7"
	amber   = "8A5A00"
	amberBg = "FFF1CC"
	red     = "A61B1B"
	redBg   = "FBE0DD"
	input   = "FFFBE6"
	link    = "1A5FB4"
)

func (s *styles) make(k styleKey) int {
	if k == (styleKey{}) {
		s.known[k] = 0
		return 0
	}
	st := &excelize.Style{
		Font:      &excelize.Font{Family: "Calibri", Size: 11, Color: ink},
		Alignment: &excelize.Alignment{Vertical: "top", WrapText: k.wrap},
	}
	if format := numberFormat(k); format != "" {
		st.CustomNumFmt = &format
	}
	if k.link {
		st.Font.Color, st.Font.Underline = link, "single"
	}
	dress(st, k)
	id, err := s.file.NewStyle(st)
	if err != nil && s.err == nil {
		s.err = err
	}
	s.known[k] = id
	return id
}

// numberFormat shows negative figures in red with a minus sign and zero as a dash.
func numberFormat(k styleKey) string {
	switch k.kind {
	case report.Integer:
		return `#,##0_)_);[Red]-#,##0_)_);"-"_)_)` // room for brackets keeps the figure off the next column
	case report.Money:
		digits := "#,##0"
		if k.digits > 0 {
			digits += "." + "0000"[:k.digits]
		}
		return digits + `_)_);[Red]-` + digits + `_)_);"-"_)_)`
	case report.Date:
		return "yyyy-mm-dd"
	case report.Instant:
		return "yyyy-mm-dd hh:mm:ss"
	case report.Share:
		return `0.0%_)_);[Red]-0.0%_)_);"-"_)_)`
	case report.Text:
		return "@"
	}
	return ""
}

func fill(colour string) excelize.Fill {
	return excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{colour}}
}

func border(sides ...string) (list []excelize.Border) {
	for _, side := range sides {
		list = append(list, excelize.Border{Type: side, Color: line, Style: 1})
	}
	return list
}

// dress gives a style its look.
func dress(st *excelize.Style, k styleKey) {
	colours := func(font, background string) { st.Font.Color, st.Font.Bold, st.Fill = font, true, fill(background) }
	number := k.kind >= report.Integer
	if number {
		st.Alignment.Horizontal = "right"
	}
	if k.kind == report.Date || k.kind == report.Instant {
		st.Alignment.Horizontal = "left"
	}
	switch k.look {
	case report.Fact:
		st.Alignment.Horizontal = "left"
	case report.Headline:
		st.Font.Size, st.Font.Bold, st.Font.Color = 18, true, navy
	case report.Subtitle:
		st.Font.Color = grey
	case report.Note:
		st.Font.Color, st.Font.Italic = grey, true
	case report.Section:
		st.Font.Size, st.Font.Bold, st.Font.Color = 13, true, navy
	case report.HeadingLook, report.HeadingNumber:
		colours(paper, navy)
		if k.look == report.HeadingNumber {
			st.Alignment.Horizontal, st.Alignment.Indent = "right", 1
		}
		st.Alignment.WrapText, st.Alignment.Vertical = true, "center"
	case report.Strong:
		st.Font.Bold = true
	case report.Total:
		st.Font.Bold, st.Fill = true, fill(shade)
		st.Border = border("top")
	case report.Label:
		st.Font.Color = grey
	case report.Input:
		st.Fill, st.Border = fill(input), border("left", "right", "top", "bottom")
	case report.CheckLook:
		st.Font.Bold, st.Alignment.Horizontal = true, "center"
	case report.Verdict:
		colours(paper, navy)
		st.Font.Size = 18
		st.Alignment.Horizontal, st.Alignment.Vertical = "center", "center"
	default:
		if x, ok := signals[k.look]; ok {
			colours(x.font, x.background)
			st.Font.Bold = k.look != report.Warning
		}
	}
}

// signals are the looks that are nothing but colours.
var signals = map[report.Look]struct{ font, background string }{
	report.Good: {green, greenBg}, report.Warning: {amber, amberBg}, report.Bad: {red, redBg},
	report.LowLook: {grey, shade}, report.MediumLook: {amber, amberBg}, report.HighLook: {red, redBg}, report.CriticalLook: {paper, red},
}
