package xlsx

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"payrecon/report"
)

// furnish makes everything of the workbook but its rows.
func furnish(f *excelize.File, b *report.Book, st *styles) error {
	for i, s := range b.Sheets {
		if i == 0 {
			if err := f.SetSheetName(f.GetSheetName(0), s.Name); err != nil {
				return err
			}
		} else if _, err := f.NewSheet(s.Name); err != nil {
			return err
		}
	}
	for _, s := range b.Sheets {
		// The filter comes first: the library forgets the sheet's other properties over it.
		for _, step := range []func(*excelize.File, *report.Book, *report.Sheet) error{filter, view, columns, choices, page, merges, links, charts} {
			if err := step(f, b, s); err != nil {
				return fmt.Errorf("sheet %s: %w", s.Name, err)
			}
		}
		if err := colourChecks(f, s); err != nil {
			return fmt.Errorf("sheet %s: %w", s.Name, err)
		}
	}
	return properties(f, b)
}

func ptr[T any](v T) *T { return &v }

// view freezes what must stay in sight, hides the grid and colours the tab.
func view(f *excelize.File, _ *report.Book, s *report.Sheet) error {
	if err := f.SetSheetView(s.Name, 0, &excelize.ViewOptions{ShowGridLines: ptr(false), ZoomScale: ptr(90.0)}); err != nil {
		return err
	}
	tab := map[report.Look]string{report.Headline: navy, report.Good: green, report.Bad: red, report.Warning: "E0A100", report.Label: grey}[s.Tab]
	props := excelize.SheetPropsOptions{FitToPage: ptr(true)}
	if tab != "" {
		props.TabColorRGB = ptr(tab)
	}
	if err := f.SetSheetProps(s.Name, &props); err != nil {
		return err
	}
	corner := columnName(s.FixedColumns) + fmt.Sprint(s.Heading+1)
	pane := "bottomRight"
	if s.FixedColumns == 0 {
		pane = "bottomLeft"
	}
	return f.SetPanes(s.Name, &excelize.Panes{
		Freeze: true, XSplit: s.FixedColumns, YSplit: s.Heading, TopLeftCell: corner, ActivePane: pane,
		Selection: []excelize.Selection{{SQRef: corner, ActiveCell: corner, Pane: pane}},
	})
}

func columns(f *excelize.File, _ *report.Book, s *report.Sheet) error {
	for i, c := range s.Columns {
		name := columnName(i)
		if err := f.SetColWidth(s.Name, name, name, float64(c.Width)); err != nil {
			return err
		}
		if c.Hidden {
			if err := f.SetColVisible(s.Name, name, false); err != nil {
				return err
			}
		}
	}
	last := max(len(s.Columns), 1)
	area := fmt.Sprintf("A1:%s%d", columnName(last-1), max(s.LastRow(), 1))
	if err := f.SetSheetDimension(s.Name, area); err != nil {
		return err
	}
	return f.AddIgnoredErrors(s.Name, area, excelize.IgnoredErrorsNumberStoredAsText)
}

// filter puts arrows on the headings, over all rows below them.
func filter(f *excelize.File, _ *report.Book, s *report.Sheet) error {
	if s.Filter == 0 || s.LastRow() <= s.Filter {
		return nil
	}
	last := len(s.Rows[s.Filter-1].Cells)
	if last == len(s.Columns) && s.Columns[last-1].Hidden {
		last--
	}
	return f.AutoFilter(s.Name, fmt.Sprintf("A%d:%s%d", s.Filter, columnName(last-1), cmp.Or(s.FilterEnd, s.LastRow())), nil)
}

// choices offer the words that a cell may hold.
func choices(f *excelize.File, _ *report.Book, s *report.Sheet) error {
	for _, c := range s.Choices {
		name := columnName(c.Column)
		v := excelize.NewDataValidation(true)
		v.Sqref = fmt.Sprintf("%s%d:%s%d", name, c.First, name, c.Last)
		var err error
		if c.Date {
			err = v.SetRange("36526", "2958465", excelize.DataValidationTypeDate, excelize.DataValidationOperatorBetween) // 2000-01-01 to 9999-12-31
		} else {
			err = v.SetDropList(c.Words)
		}
		if err != nil {
			return err
		}
		v.SetInput(c.Title, c.Help)
		v.SetError(excelize.DataValidationErrorStyleStop, c.Title, c.Help)
		if err := f.AddDataValidation(s.Name, v); err != nil {
			return err
		}
	}
	return nil
}

const (
	paperA4 = 9
	header  = "&L&8 %s&C&8 %s&R&8 %s" // a digit right after the size would be read as part of it
	footer  = "&L&8 %s&C&8 Page &P of &N&R&8 %s"
)

// page sets the printed page up: A4, as wide as one page, headings on each, entity, period and run on every margin.
func page(f *excelize.File, b *report.Book, s *report.Sheet) error {
	layout := excelize.PageLayoutOptions{Size: ptr(paperA4), Orientation: ptr("portrait"), FitToWidth: ptr(1), FitToHeight: ptr(0)}
	if s.Wide {
		layout.Orientation = ptr("landscape")
	}
	if s.Across > 1 {
		layout.FitToWidth = ptr(s.Across)
	}
	if s.OnePage {
		layout.FitToHeight = ptr(1)
	}
	if err := f.SetPageLayout(s.Name, &layout); err != nil {
		return err
	}
	margin := excelize.PageLayoutMarginsOptions{Left: ptr(0.4), Right: ptr(0.4), Top: ptr(0.7), Bottom: ptr(0.6), Header: ptr(0.3), Footer: ptr(0.3), Horizontally: ptr(true)}
	if err := f.SetPageMargins(s.Name, &margin); err != nil {
		return err
	}
	run := "not recorded"
	if b.Run != 0 {
		run = fmt.Sprintf("run %d", b.Run)
	}
	hash := ""
	if b.OutcomeHash != "" {
		hash = fmt.Sprintf("outcome hash %.16s", b.OutcomeHash)
	}
	err := f.SetHeaderFooter(s.Name, &excelize.HeaderFooterOptions{
		OddHeader: fmt.Sprintf(header, margins(b.Entity), margins(s.Name), margins(b.Period.String()+", "+run)),
		OddFooter: fmt.Sprintf(footer, margins(strings.TrimSpace("payrecon "+b.Version)), hash),
	})
	if err != nil {
		return err
	}
	return printed(f, s)
}

// printed names what is printed, and which rows and columns are on every page of it.
func printed(f *excelize.File, s *report.Sheet) error {
	for _, row := range s.PageBreaks {
		if err := f.InsertPageBreak(s.Name, fmt.Sprintf("A%d", row)); err != nil {
			return err
		}
	}
	name := "'" + strings.ReplaceAll(s.Name, "'", "''") + "'"
	width, height := cmp.Or(s.PrintColumns, breadth(s)), cmp.Or(s.PrintRows, s.LastRow())
	area := fmt.Sprintf("%s!$A$1:$%s$%d", name, columnName(width-1), height)
	if err := f.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Area", Scope: s.Name, RefersTo: area}); err != nil {
		return err
	}
	first, last := cmp.Or(s.Repeat, s.Heading), cmp.Or(s.Repeat, s.Heading)
	if s.Repeat == 0 && !s.Table() {
		first = 1
	}
	titles := fmt.Sprintf("%s!$%d:$%d", name, first, last)
	if s.Across > 1 && s.FixedColumns > 0 {
		titles = fmt.Sprintf("%s!$A:$%s,", name, columnName(s.FixedColumns-1)) + titles
	}
	return f.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Titles", Scope: s.Name, RefersTo: titles})
}

// breadth is how many columns of a sheet hold something to be seen.
func breadth(s *report.Sheet) int {
	n := 1
	if s.Table() {
		for n = len(s.Columns); n > 1 && s.Columns[n-1].Hidden; n-- {
		}
		return n
	}
	for _, r := range s.Rows {
		n = max(n, len(r.Cells), r.Merge)
	}
	for _, c := range s.Charts {
		n = max(n, c.Right+1)
	}
	return n
}

// margins makes a text fit for a page header: & starts a code there, and all of it has 255 characters.
func margins(s string) string {
	r := []rune(s)
	if len(r) > 50 {
		r = append(r[:47], []rune("...")...)
	}
	return strings.ReplaceAll(string(r), "&", "&&")
}

func merges(f *excelize.File, _ *report.Book, s *report.Sheet) error {
	for i, r := range s.Rows {
		if r.Merge > 1 {
			if err := f.MergeCell(s.Name, fmt.Sprintf("A%d", i+1), fmt.Sprintf("%s%d", columnName(r.Merge-1), i+1)); err != nil {
				return err
			}
		}
	}
	return nil
}

func links(f *excelize.File, _ *report.Book, s *report.Sheet) error {
	for i, r := range s.Rows {
		for j, c := range r.Cells {
			if c.Link == "" {
				continue
			}
			if err := f.SetCellHyperLink(s.Name, fmt.Sprintf("%s%d", columnName(j), i+1), strings.ReplaceAll(c.Link, "$", ""), "Location"); err != nil {
				return err
			}
		}
	}
	return nil
}

// colourChecks colours check cells and the verdict by what they say, also after a recalculation.
func colourChecks(f *excelize.File, s *report.Sheet) error {
	style := func(font, background string) (int, error) {
		return f.NewConditionalStyle(&excelize.Style{Font: &excelize.Font{Color: font, Bold: true}, Fill: fill(background)})
	}
	var checks, verdicts []string
	for i, r := range s.Rows {
		for j, c := range r.Cells {
			switch c.Look {
			case report.CheckLook:
				checks = append(checks, fmt.Sprintf("%s%d", columnName(j), i+1))
			case report.Verdict:
				verdicts = append(verdicts, fmt.Sprintf("A%d:%s%d", i+1, columnName(max(r.Merge, 1)-1), i+1))
			}
		}
	}
	good, err := style(green, greenBg)
	if err != nil {
		return err
	}
	bad, err := style(red, redBg)
	if err != nil {
		return err
	}
	for _, ref := range checks {
		err := f.SetConditionalFormat(s.Name, ref, []excelize.ConditionalFormatOptions{
			{Type: "formula", Criteria: ref + `="OK"`, Format: &good}, {Type: "formula", Criteria: ref + `<>"OK"`, Format: &bad},
		})
		if err != nil {
			return err
		}
	}
	return colourVerdicts(f, s, verdicts, style)
}

func colourVerdicts(f *excelize.File, s *report.Sheet, verdicts []string, style func(font, background string) (int, error)) error {
	for _, ref := range verdicts {
		cell, _, _ := strings.Cut(ref, ":")
		cell = "$" + cell[:1] + "$" + cell[1:]
		var rules []excelize.ConditionalFormatOptions
		for _, x := range []struct{ test, background string }{
			{`LEFT(%s,14)="RECONCILED BUT"`, "B7791F"}, {`LEFT(%s,10)="RECONCILED"`, green}, {`LEFT(%s,13)="NO CONCLUSION"`, "B7791F"}, {`LEFT(%s,14)="NOT RECONCILED"`, red}, {`LEFT(%s,12)="CHECK FAILED"`, red},
		} {
			id, err := style(paper, x.background)
			if err != nil {
				return err
			}
			rules = append(rules, excelize.ConditionalFormatOptions{Type: "formula", Criteria: fmt.Sprintf(x.test, cell), Format: &id, StopIfTrue: true})
		}
		if err := f.SetConditionalFormat(s.Name, ref, rules); err != nil {
			return err
		}
	}
	return nil
}

// properties describe the document, for people and for archives.
func properties(f *excelize.File, b *report.Book) error {
	made := b.Generated.Time().Format(time.RFC3339)
	program := strings.TrimSpace("payrecon " + b.Version)
	err := f.SetDocProps(&excelize.DocProperties{
		Title: report.Clean(strings.TrimSpace(b.Title + " " + b.Entity + " " + b.Period.String())), Subject: b.Title, Creator: program, LastModifiedBy: program,
		Created: made, Modified: made, Category: "Reconciliation", Identifier: "xlsx", Language: "en", Version: b.Version,
		Description: fmt.Sprintf("Run %d, period %s. Outcome hash %s.", b.Run, b.Period, b.OutcomeHash),
	})
	if err != nil {
		return err
	}
	if err := f.SetAppProps(&excelize.AppProperties{Application: "payrecon", Company: report.Clean(b.Entity), AppVersion: "16.0300"}); err != nil {
		return err
	}
	if err := f.SetCalcProps(&excelize.CalcPropsOptions{FullCalcOnLoad: ptr(true)}); err != nil {
		return err
	}
	f.SetActiveSheet(0)
	return nil
}
