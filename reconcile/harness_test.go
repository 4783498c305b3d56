package reconcile

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// memory is a Source in memory. Its sums are computed apart from everything the package does.
type memory struct {
	rows    []payout.Row
	details map[string]payout.Detail
	skew    int64 // added to a sum, to see the equation fail
}

func (m *memory) Blocks(_ context.Context, _ int64, fn func(int, []payout.Row) error) error {
	const block = 100
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for worker := range 2 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for from := worker * block; from < len(m.rows); from += 2 * block {
				rows := slices.Clone(m.rows[from:min(from+block, len(m.rows))])
				if err := fn(worker, rows); err != nil {
					errs[worker] = err
					return
				}
				clear(rows)
			}
		}()
	}
	wg.Wait()
	return errs[0]
}

func (m *memory) DetailsOf(_ context.Context, rows []payout.Row) ([]payout.Detail, error) {
	var out []payout.Detail
	for _, r := range rows {
		out = append(out, m.details[r.ID])
	}
	return out, nil
}

func (m *memory) Sums(_ context.Context, _ int64, p payout.Period) ([]payout.Sum, error) {
	type key struct {
		currency string
		status   payout.Status
	}
	sums := map[key]*payout.Sum{}
	for _, r := range m.rows {
		if !p.Contains(r.Created.Day()) {
			continue
		}
		k := key{r.Currency, r.Status}
		if sums[k] == nil {
			sums[k] = &payout.Sum{Currency: r.Currency, Status: r.Status}
		}
		sums[k].Count++
		sums[k].Units += r.Units + m.skew
	}
	var out []payout.Sum
	for _, s := range sums {
		out = append(out, *s)
	}
	return out, nil
}

// intakeOf is what a reader of the ledger would say about the entries.
func intakeOf(entries []payout.Entry, rejected []payout.RejectedRow, period payout.Period) payout.Intake {
	in := payout.Intake{
		Rows: int64(len(entries) + len(rejected)), Entries: int64(len(entries)), Rejected: rejected,
		First: payout.NoDay, Last: payout.NoDay, Empty: len(entries) == 0,
	}
	all, inPeriod := map[string]*payout.CurrencySum{}, map[string]*payout.CurrencySum{}
	add := func(to map[string]*payout.CurrencySum, e *payout.Entry) {
		c := e.Amount.Currency()
		if to[c] == nil {
			to[c] = &payout.CurrencySum{Currency: c}
		}
		to[c].Count++
		to[c].Units += e.Amount.Units()
		if e.Class == payout.EntryPaid || e.Class == payout.EntryNone || e.Class == payout.EntryUnmapped {
			to[c].Cash += e.Amount.Units()
		}
	}
	for i := range entries {
		e := &entries[i]
		add(all, e)
		if e.Day == payout.NoDay || period.From <= e.Day && e.Day <= period.To {
			add(inPeriod, e)
		} else {
			in.OutOf++
		}
		if e.OnBehalfOf != "" && len(in.Columns) == 0 {
			in.Columns = []payout.ColumnUse{{Part: "on_behalf_of", Header: "obo", Number: 9}}
		}
		if e.Day != payout.NoDay {
			if in.First == payout.NoDay || e.Day < in.First {
				in.First = e.Day
			}
			in.Last = max(in.Last, e.Day)
		}
	}
	if in.First != payout.NoDay {
		in.Reach = &payout.Period{From: in.First, To: in.Last}
	}
	for _, c := range slices.Sorted(maps.Keys(all)) {
		in.Sums = append(in.Sums, *all[c])
	}
	for _, c := range slices.Sorted(maps.Keys(inPeriod)) {
		in.InPeriod = append(in.InPeriod, *inPeriod[c])
	}
	return in
}

// scene is one reconciliation of a test: records, what surrounds them, and the seams.
type scene struct {
	Input
	memory
	entries  []payout.Entry
	rejected []payout.RejectedRow
	hash     func(string) uint64
	reach    *payout.Period // nil: from the first to the last entry
	agreed   []payout.Finding
}

func ymd(t testing.TB, text string) payout.Day {
	t.Helper()
	d, err := payout.ParseDay(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func units(t testing.TB, text string) int64 {
	t.Helper()
	u, err := money.ParseUnits(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// newScene is January 2026, seen from 20 February, with a mirror that is complete from November on.
func newScene(t testing.TB) *scene {
	t.Helper()
	s := &scene{}
	s.Period = payout.Period{From: ymd(t, "2026-01-01"), To: ymd(t, "2026-01-31")}
	s.AsOf = time.Date(2026, 2, 20, 12, 0, 0, 0, time.UTC)
	s.Clock = func() time.Time { return s.AsOf }
	s.covered(ymd(t, "2025-11-01"), ymd(t, "2026-02-20"))
	s.SpillDir = t.TempDir()
	s.details = map[string]payout.Detail{}
	return s
}

func (s *scene) covered(from, to payout.Day) {
	s.Coverage = payout.Coverage{OnBehalfOf: []string{""}}
	for d := from; d <= to; d++ {
		s.Coverage.Days = append(s.Coverage.Days, payout.DayEvidence{Day: d, State: payout.DayComplete})
	}
}

var testStatuses = map[string]payout.Status{
	"COMPLETED": payout.Completed, "PENDING": payout.Pending, "PROCESSING": payout.Processing,
	"REJECTED": payout.Rejected, "FAILED": payout.Failed,
}

// records reads one record a line; days are of 2026 unless written in full, hours are optional, amounts EUR unless written
// with a code, the reference R unless given:
//
//	P id amount status day [ref=R acct=A obo=O changed=DAY payee=N reason=T was=STATUS]
//	E id amount word day   [ref=R obo=O text=T]       id goes into the document number; word "-" = none, day "-" = none
//	X ref text [amount]                                a rejected row; amount where that could be read; "" = of a wrong width
func (s *scene) records(t testing.TB, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if f[0] == "X" {
			ref := strings.Trim(f[1], `"`)
			row := payout.RejectedRow{Line: 100 + len(s.rejected), Column: "amount", Value: "1o", Reason: "not an amount", Ref: ref, Text: strings.ReplaceAll(f[2], "_", " ")}
			if ref == "" {
				row.Column, row.Value, row.Reason = ledgerWholeRow, "9", "the row has 9 fields, the header has 4"
			}
			if len(f) > 3 {
				row.Column, row.Value, row.Reason, row.Amount = "date", "soon", "not a date", amount(t, f[3], "EUR")
			}
			s.rejected = append(s.rejected, row)
			continue
		}
		more := map[string]string{"ref": "R"}
		for _, option := range f[5:] {
			name, value, _ := strings.Cut(option, "=")
			more[name] = strings.ReplaceAll(strings.Trim(value, `"`), "_", " ")
		}
		figure, currency := f[2], "EUR"
		if n := len(figure); n > 3 && figure[n-1] >= 'A' {
			figure, currency = figure[:n-3], figure[n-3:]
		}
		if strings.HasSuffix(figure, "?") {
			figure, currency = "0", money.NoCurrency
		}
		amount := units(t, figure)
		if f[0] == "P" {
			s.payout(t, f[1], amount, currency, f[3], f[4], more)
		} else {
			s.entry(t, f[1], amount, currency, f[3], f[4], more)
		}
	}
}

func instant(t testing.TB, text string) payout.Millis {
	t.Helper()
	date, clock, timed := strings.Cut(text, "T")
	hours := int64(10)
	if timed {
		h, err := strconv.ParseInt(clock, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		hours = h
	}
	return payout.Millis(int64(dayOf(t, date))*millisDay + hours*3_600_000)
}

func dayOf(t testing.TB, text string) payout.Day {
	t.Helper()
	switch {
	case text == "-":
		return payout.NoDay
	case len(text) == 5:
		return ymd(t, "2026-"+text)
	}
	return ymd(t, text)
}

func (s *scene) payout(t testing.TB, id string, amount int64, currency, status, created string, more map[string]string) {
	t.Helper()
	r := payout.Row{
		ID: id, RefID: more["ref"], OnBehalfOf: more["obo"], Account: more["acct"], Units: amount, Currency: currency,
		Status: testStatuses[status], Created: instant(t, created),
	}
	if r.Status == "" {
		r.Status = payout.Status(status)
	}
	r.Changed = r.Created
	if more["changed"] != "" {
		r.Changed = instant(t, more["changed"])
	}
	s.rows = append(s.rows, r)
	s.details[id] = payout.Detail{Payee: more["payee"], Reason: more["reason"], BankStatus: more["bank"], Was: testStatuses[more["was"]]}
}

func (s *scene) entry(t testing.TB, id string, amount int64, currency, word, date string, more map[string]string) {
	t.Helper()
	e := payout.Entry{
		Line: 2 + len(s.entries), Ref: more["ref"], OnBehalfOf: more["obo"], Amount: money.New(amount, currency),
		Status: word, Day: dayOf(t, date), Text: more["text"], Document: id,
	}
	class, known := payout.StatusWords[word]
	switch {
	case word == "-":
		e.Class, e.Status = payout.EntryNone, ""
	case known:
		e.Class = class
	default:
		e.Class = payout.EntryUnmapped
	}
	s.entries = append(s.entries, e)
}

func (s *scene) try() (*payout.Reconciliation, error) {
	in := s.Input
	in.Source = &s.memory
	s.agreed = nil
	if in.Matched == nil {
		in.Matched = func(f payout.Finding) error {
			s.agreed = append(s.agreed, f)
			return nil
		}
	}
	return reconcile(context.Background(), in, s.hash, func(_ context.Context, emit func(int, []payout.Entry) error) (payout.Intake, error) {
		for from := 0; from < len(s.entries); from += 70 {
			block := slices.Clone(s.entries[from:min(from+70, len(s.entries))])
			if err := emit(from/70%2, block); err != nil {
				return payout.Intake{}, err
			}
			clear(block)
		}
		intake := intakeOf(s.entries, s.rejected, s.Period)
		if s.reach != nil {
			intake.Reach = s.reach
		}
		return intake, nil
	})
}

func (s *scene) run(t testing.TB) *payout.Reconciliation {
	t.Helper()
	r, err := s.try()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// all returns every finding of a run.
func (s *scene) all(r *payout.Reconciliation) []payout.Finding {
	all := slices.Concat(s.agreed, r.Explained)
	for _, item := range r.Items {
		if item.State != payout.ItemCleared {
			all = append(all, item.Finding)
		}
	}
	return all
}

// brief writes a finding as "outcome[/cell] ids documents", so that cases can say what they want.
func brief(f *payout.Finding) string {
	var names []string
	for _, p := range f.Payouts {
		names = append(names, p.ID)
	}
	for _, e := range f.Entries {
		names = append(names, e.Document)
	}
	for _, row := range f.Rejected {
		names = append(names, row.Text)
	}
	slices.Sort(names)
	return outcomeCode(f) + " " + strings.Join(names, " ")
}

func (s *scene) briefs(r *payout.Reconciliation) []string {
	var lines []string
	for _, f := range s.all(r) {
		lines = append(lines, brief(&f))
	}
	slices.Sort(lines)
	return lines
}

func wantLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}
