package report

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"

	"payrecon/internal/payout"
)

// Options are what a report needs beside its data.
type Options struct {
	Unmask bool // show account numbers whole

	// Matched gives the agreed findings for a sheet of their own; nil = no such sheet. It is ranged over more than once.
	Matched iter.Seq2[payout.Finding, error]
	// MatchedMax is how many of them are shown; 0 = all.
	MatchedMax int

	Generated    payout.Millis // when the report is made
	Version      string        // of the program
	Command      string        // as typed, without secrets
	Config       string        // as effective, without secrets; "" = the run's own
	ConfigHash   string        // SHA-256 of it
	PerformAgain []string      // the commands that derive this run anew
	Settings     []Setting     // thresholds and rules in force, for the guide
	NoLedger     string        // why there is no reconciliation, a sentence
	Warnings     []string      // what the reader must know first

	MaxRows int // of a sheet; 0 = Excel's limit
}

// Setting is one threshold or rule as it was in force.
type Setting struct {
	Name    string // as in the configuration
	Value   string
	Meaning string
}

// The sheets, in the order of the workbook.
const (
	SheetSummary     = "Summary"
	SheetStatus      = "Status breakdown"
	SheetStatement   = "Reconciliation"
	SheetBreaks      = "Breaks"
	SheetReconciling = "Reconciling items"
	SheetRollForward = "Roll-forward"
	SheetCleared     = "Cleared"
	SheetChanges     = "Prior-day changes"
	SheetFailures    = "Failures"
	SheetTwins       = "Possible double payments"
	SheetRejected    = "Rejected and filtered"
	SheetMatched     = "Matched"
	SheetTotals      = "Totals"
	SheetEvidence    = "Evidence"
	SheetGuide       = "Guide"
)

var sheetOrder = []string{
	SheetSummary, SheetStatus, SheetStatement, SheetBreaks, SheetReconciling, SheetRollForward, SheetCleared, SheetChanges, SheetFailures,
	SheetTwins, SheetRejected, SheetMatched, SheetTotals, SheetEvidence, SheetGuide,
}

// builder lays one book out. Sheets are built in the order in which they need each other and sorted at the end.
type builder struct {
	facts   *payout.Facts
	rec     *payout.Reconciliation // nil: the mirror alone
	opts    Options
	book    *Book
	maxRows int

	totals    area // Totals
	breaks    area // Breaks
	gone      area // Cleared
	matched   matchedRefs
	open      []payout.Item
	cleared   []payout.Item
	checks    []check
	status    statusRefs
	twins     area   // Possible double payments
	explained listed // Reconciling items
	flight    listed // what is in flight at the provider
	rejected  rejectedRefs
	evidence  struct{ days, ledger string } // places on Evidence
	moved     area                          // Roll-forward: what this run changed about items
	ageing    chartRange
	kinds     kindsRefs
	sums      []statementSum
	changes   changeCounts
	gate      string // reference to the number of checks that do not say OK
}

// check is one comparison of two sources.
type check struct {
	what  string
	place string // of the check cell
	cell  Cell
}

// Build lays out the workbook of facts and, unless it is nil, of a reconciliation of the same period. It reads no clock and
// no file. The only error is one that o.Matched gives.
func Build(facts *payout.Facts, rec *payout.Reconciliation, o Options) (*Book, error) {
	b := &builder{facts: facts, rec: rec, opts: o, maxRows: o.MaxRows, book: &Book{
		Title: "Payout status", Entity: facts.Entity, Period: facts.Period, Run: facts.Run.ID, Generated: o.Generated, Version: o.Version,
	}}
	if b.maxRows == 0 {
		b.maxRows = MaxRows
	}
	if rec != nil {
		b.book.Title, b.book.Run, b.book.OutcomeHash = "Payout reconciliation", rec.Run, rec.OutcomeHash
		b.book.Period = rec.Period
		b.splitItems()
		b.addTotals()
		b.addBreaks()
	}
	b.addStatus()
	b.addReconciling()
	if rec != nil {
		if err := b.addMatched(); err != nil {
			return nil, err
		}
		b.addCleared()
		b.addRollForward()
		b.addTwins()
		b.addRejected()
		b.addGuide()
	}
	b.addChanges()
	b.addFailures()
	if rec != nil {
		b.addStatement() // last of those with checks: it lists them
	}
	b.addEvidence()
	b.addSummary()
	b.sortSheets()
	for _, s := range b.book.Sheets {
		alignHeadings(s)
		widen(s)
	}
	return b.book, nil
}

func (b *builder) splitItems() {
	for _, it := range b.rec.Items {
		if it.State == payout.ItemCleared {
			b.cleared = append(b.cleared, it)
		} else {
			b.open = append(b.open, it)
		}
	}
	slices.SortFunc(b.open, MostUrgentFirst)
}

// alignHeadings puts the headings of figures over the figures: a heading goes by the first value below it.
func alignHeadings(s *Sheet) {
	var open []Cell // headings that wait for a value
	settle := func(cells []Cell) {
		for i, c := range cells[:min(len(cells), len(open))] {
			if c.Kind != Blank && open[i].Look == HeadingLook && (c.Kind == Integer || c.Kind == Money || c.Kind == Share) {
				open[i].Look = HeadingNumber
			}
		}
	}
	for i := range s.Rows {
		switch s.Rows[i].Kind {
		case RowHeading:
			open = s.Rows[i].Cells
		case RowData, RowTotal:
			settle(s.Rows[i].Cells)
		case RowFurniture:
			open = nil
		}
	}
	settle(s.like)
}

// widen makes columns as wide as their figures: a figure that does not fit is shown as ####.
func widen(s *Sheet) {
	s.Columns = slices.Clone(s.Columns)
	fit := func(cells []Cell) {
		for i, c := range cells[:min(len(cells), len(s.Columns))] {
			if c.Kind == Money || c.Kind == Integer {
				figure := strings.TrimPrefix(c.Plain(), "-")
				whole, _, _ := strings.Cut(figure, ".")
				s.Columns[i].Width = max(s.Columns[i].Width, len(figure)+(len(whole)-1)/3+4) // separators, a sign, and room at the right
			}
		}
	}
	for _, r := range s.Rows {
		fit(r.Cells)
	}
	fit(s.like)
}

func (b *builder) sortSheets() {
	rank := func(s *Sheet) int {
		best := len(sheetOrder)
		for i, name := range sheetOrder { // a part is called after its sheet: "Matched 2"
			if s.Name == name || s.Continues && strings.HasPrefix(s.Name, name+" ") {
				best = i
			}
		}
		return best
	}
	slices.SortStableFunc(b.book.Sheets, func(x, y *Sheet) int { return cmp.Compare(rank(x), rank(y)) })
}

// subtitle says whose, which days, and which run.
func (b *builder) subtitle() string {
	parts := []string{b.book.Period.String()}
	if b.book.Entity != "" {
		parts = append([]string{b.book.Entity}, parts...)
	}
	if b.book.Run != 0 {
		parts = append(parts, fmt.Sprintf("run %d", b.book.Run))
	} else {
		parts = append(parts, "not recorded")
	}
	if asOf := b.asOf(); asOf != 0 {
		parts = append(parts, "as of "+asOf.Time().Format("2006-01-02 15:04")+" UTC")
	}
	return strings.Join(parts, "  ·  ")
}

func (b *builder) asOf() payout.Millis {
	if b.rec != nil {
		return b.rec.AsOf
	}
	return b.facts.AsOf
}

// account masks an account unless whole ones were asked for.
func (b *builder) account(s string) string {
	if b.opts.Unmask {
		return s
	}
	parts := strings.Split(s, "; ")
	for i, p := range parts {
		parts[i] = payout.MaskAccount(p)
	}
	return strings.Join(parts, "; ")
}

// check makes a cell that says OK when a formula gives zero, else shows what it gives, and takes note of it. difference is
// what it gives now, in the kind of like.
func (b *builder) check(what, sheet string, row, column int, difference Cell, formula string) Cell {
	c := Cell{Kind: Text, Text: "OK", Look: CheckLook}
	if difference.Number != 0 {
		c = difference.Styled(CheckLook)
	}
	c.Formula = fmt.Sprintf(`IF(ABS(%s)<0.00005,"OK",ROUND(%s,4))`, formula, formula)
	b.checks = append(b.checks, check{what, place(sheet, row, column), c})
	return c
}

// ledgerDateHeading says that an entry's day is one of the ledger's own zone; zoneNote says which that is.
const ledgerDateHeading = "Ledger date (ledger's zone)"

func (b *builder) zoneNote() string {
	for _, s := range b.opts.Settings {
		if s.Name == "ledger.timezone" {
			return "Ledger dates are days in " + s.Value + "."
		}
	}
	return ""
}

// currencies returns the codes that occur, in order.
func (b *builder) currencies() []string {
	set := map[string]bool{}
	for _, c := range b.facts.Breakdown {
		set[c.Currency] = true
	}
	if b.rec != nil {
		for _, t := range b.rec.Totals {
			set[t.Currency] = true
		}
		for _, s := range b.rec.Statements {
			set[s.Currency] = true
		}
	}
	return sortedKeys(set)
}
