package report

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// sample is an input of Build. The same samples are kept as JSON in testdata, where the tests of package xlsx read them.
type sample struct {
	Facts *payout.Facts          `json:"facts"`
	Rec   *payout.Reconciliation `json:"reconciliation"`
}

// scenario is what the generator is told.
type scenario struct {
	seed       uint64
	days       int
	payouts    int
	currencies []string
	parties    []string
	breaks     bool // some
	only       bool // nothing but breaks
}

var scenarios = map[string]scenario{
	"month":       {seed: 1, days: 31, payouts: 900, currencies: []string{"EUR", "GBP", "JPY"}, parties: []string{"", "m:3xGfq2TzVhHC:5zKtXEAq", "m:4yHgr3UaWiJD:5zKtXEAq"}, breaks: true},
	"day":         {seed: 2, days: 1, payouts: 40, currencies: []string{"EUR"}, parties: []string{""}, breaks: true},
	"clean":       {seed: 3, days: 31, payouts: 300, currencies: []string{"EUR"}, parties: []string{""}},
	"only-breaks": {seed: 4, days: 5, payouts: 30, currencies: []string{"CHF", "EUR", "GBP", "KWD", "USD"}, parties: []string{""}, breaks: true, only: true},
	"empty":       {seed: 5, days: 7, parties: []string{""}},
}

// generator makes a consistent month: totals, statements, items and roll-forward all come from the same records.
type generator struct {
	scenario
	r      *rand.Rand
	facts  *payout.Facts
	rec    *payout.Reconciliation
	from   payout.Day
	totals map[payout.Total]*payout.Total
	status map[payout.StatusCount]*payout.StatusCount
	gross  map[payout.Total]int64
	before map[int64]money.Amount // exposures that have changed
	line   int
}

func generate(s scenario) sample {
	from, _ := payout.ParseDay("2026-03-01")
	g := &generator{
		scenario: s, r: rand.New(rand.NewPCG(s.seed, 7)), from: from, totals: map[payout.Total]*payout.Total{}, status: map[payout.StatusCount]*payout.StatusCount{},
		gross: map[payout.Total]int64{}, before: map[int64]money.Amount{}, line: 1,
	}
	period := payout.Period{From: from, To: from + payout.Day(s.days) - 1}
	asOf := payout.MillisOf((period.To + 1).Start().Add(2*time.Hour + 30*time.Minute))
	run := payout.Run{ID: 42, Command: "payrecon run", Version: "1.0.0", Config: "ledger:\n  path: exports/ledger-*.csv\nreconcile:\n  period: last-35d\n", Started: asOf, Sequence: 4711}
	previous := run
	previous.ID, previous.Version, previous.Config = 41, "1.0.0", "ledger:\n  path: exports/old-*.csv\nreconcile:\n  period: last-35d\n"
	g.facts = &payout.Facts{
		Entity: "Example Ltd", Period: period, AsOf: asOf, Sequence: 4711, BaseURL: "https://api.example.com", Members: []string{"m:2vjgBCgB1kFfSLFUHWnCKe91jXhW:5zKtXEAq"},
		Run: run, Previous: &previous, Coverage: payout.Coverage{OnBehalfOf: s.parties}, Alerts: []string{},
	}
	g.rec = &payout.Reconciliation{
		Run: 42, Period: period, AsOf: asOf, Sequence: 4711, Complete: true, Gaps: []payout.Day{}, Accounted: true,
		OutcomeHash: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		Ledger: payout.Intake{
			Files:   []payout.LedgerFile{{Path: "exports/ledger-2026-03.csv", SHA256: "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", Bytes: 81234, Modified: asOf - 3_600_000}},
			Dialect: "UTF-8, comma, decimal point, dates YYYY-MM-DD, UTC", First: period.From, Last: period.To, Reach: &period,
			Columns: []payout.ColumnUse{{Part: "ref_id", Header: "Reference", Number: 1}, {Part: "amount", Header: "Amount", Number: 2}},
			Control: []string{"rows: 2 = 2"},
		},
		Breaks: payout.BreakCounts{BySeverity: map[payout.Severity]int{}},
	}
	g.records()
	g.finish()
	return sample{g.facts, g.rec}
}

func (g *generator) records() {
	for _, party := range g.parties {
		for d := g.facts.Period.From; d <= g.facts.Period.To; d++ {
			g.facts.Coverage.Days = append(g.facts.Coverage.Days, payout.DayEvidence{
				Day: d, OnBehalfOf: party, State: payout.DayComplete, Walk: int64(d - g.from + 10), Began: payout.MillisOf((d + 1).Start().Add(time.Hour)), Count: 30, Fingerprint: "a1b2c3d4",
			})
		}
	}
	for i := range g.payouts {
		g.record(i)
	}
	if g.days == 1 {
		g.oddities()
	}
	if g.breaks && !g.only {
		g.rec.Ledger.Rejected = append(g.rec.Ledger.Rejected,
			payout.RejectedRow{Line: 900, Column: "Amount", Value: "1O,00", Reason: "not an amount", Ref: "INV-900", Text: "INV-900;1O,00;EUR;DE89 3704 0044 0532 0130 00"},
			payout.RejectedRow{Line: 901, Column: "Booked", Value: "31.02.2026", Reason: "not a date", Ref: "=1+1", Text: "=1+1;12,00;EUR;gb29nwbk60161331926819", Amount: money.New(120_000, "EUR")})
		g.rec.Ledger.Filtered = append(g.rec.Ledger.Filtered, payout.FilteredSum{Column: "Type", Value: "FEE", Currency: "EUR", Rows: 12, Units: 1200_0000})
		g.rec.Ledger.FilteredN, g.rec.Ledger.OutOf = 12, 3
	}
}

// oddities are a payout without an amount, one with a status nobody knows, and an unreadable row without an
// amount.
func (g *generator) oddities() {
	g.currencies = append(g.currencies, money.NoCurrency)
	p := payout.PayoutRef{ID: "po:odd-1", Amount: money.New(0, money.NoCurrency), Status: "ODD \"STATUS\"", Created: payout.MillisOf(g.from.Start())}
	f := payout.Finding{Outcome: payout.MissingInLedger, Severity: payout.High, Why: "no reference"}
	g.payout(&f, p, g.from)
	g.listed(f, g.from)
	row := payout.RejectedRow{Line: 77, Column: "Reference", Reason: "the reference is blank or a placeholder", Text: ";12.00;EUR"}
	g.rec.Ledger.Rejected = append(g.rec.Ledger.Rejected, row)
	g.rec.Items = append(g.rec.Items, payout.Item{
		ID: 900, State: payout.ItemNew, FirstRun: 42, FirstSeen: g.facts.AsOf, LastRun: 42, Due: payout.NoDay,
		Finding: payout.Finding{Outcome: payout.Unreadable, Severity: payout.Medium, Rejected: []payout.RejectedRow{row}, Exposure: money.New(0, money.NoCurrency), Why: "unreadable"},
	})
}

// record makes one payout, its entry, and what matching says of them.
func (g *generator) record(i int) {
	currency := g.currencies[g.r.IntN(len(g.currencies))]
	day := g.from + payout.Day(g.r.IntN(g.days))
	value := int64(g.r.IntN(500_000)+100) * 100 * 10000 / int64([]int{1, 10, 100, 1000}[money.Digits(currency)])
	p := payout.PayoutRef{
		ID: fmt.Sprintf("po:%027d:5zKtXEAq", i), RefID: fmt.Sprintf("INV-%06d", i), OnBehalfOf: g.parties[g.r.IntN(len(g.parties))],
		Amount: money.New(value, currency), Status: payout.Completed, Created: payout.MillisOf(day.Start()) + payout.Millis(g.r.IntN(80_000_000)),
		Payee: []string{"Müller & Söhne GmbH", "Acme <Parts> Ltd", "山田商店", "Crème Brûlée SARL"}[g.r.IntN(4)], Account: fmt.Sprintf("DE%020d", 37040044053201+i), DebtorAccount: "a:settlement-account-0001",
		Description: fmt.Sprintf("Invoice %06d", i),
	}
	p.Changed = p.Created + 60_000
	e := payout.Entry{Line: 0, Ref: p.RefID, Amount: p.Amount, Class: payout.EntryPaid, Status: "BOOKED", Day: day, Document: fmt.Sprintf("D%05d", i)}
	f := payout.Finding{Outcome: payout.Matched, RefID: p.RefID, Key: payout.Key(p.RefID)}
	dice := g.r.IntN(100)
	if g.only {
		dice = 88 + g.r.IntN(12)
	}
	if !g.breaks {
		dice = min(dice, 87)
	}
	both := true
	switch {
	case dice < 82:
	case dice < 84:
		p.Status, f.Outcome = []payout.Status{payout.Pending, payout.Processing}[g.r.IntN(2)], payout.InFlight
		f.Why = "Booked in the ledger; the payout has been on its way for a while."
	case dice < 88:
		p.Status, p.Reason, p.BankStatus, f.Outcome, both = payout.Rejected, []string{"Insufficient funds", "Account closed", ""}[g.r.IntN(3)], "RJCT", payout.FailedAttempt, false
		f.Why = "Rejected by the bank; the ledger does not hold it."
	case dice < 91:
		f.Outcome, both, f.Severity = payout.MissingInLedger, false, payout.Critical
		f.Why, f.Next = fmt.Sprintf("A completed payout of %s on %s has no entry in the ledger.", p.Amount, day), "Book it, or find out who sent it."
	case dice < 94:
		e.Amount = money.New(value+12_5000, currency)
		f.Outcome, f.Severity = payout.AmountMismatch, payout.High
		f.Why, f.Next = fmt.Sprintf("The ledger has %s, the payout %s: 12.50 too much in the ledger.", e.Amount, p.Amount), "Correct the entry, or ask the provider about a fee."
	case dice < 97:
		p.Status, f.Outcome, f.Cell, f.Severity = payout.Failed, payout.StatusMismatch, payout.PaidButFailed, payout.High
		p.Reason, f.Why, f.Next = "Could not be initiated", "Booked as paid, but the payout failed.", "Reverse the entry or pay again."
	default:
		f.Outcome, f.Severity, f.Why, f.Next = payout.MissingAtProvider, payout.High, "The provider says it has no payout with this reference.", "Find out why it was booked."
		g.entry(&f, e, day)
		g.listed(f, day)
		return
	}
	g.payout(&f, p, day)
	if both {
		g.entry(&f, e, day)
	}
	g.listed(f, day)
}

func (g *generator) total(f *payout.Finding, day payout.Day, currency string) *payout.Total {
	key := payout.Total{Currency: currency, Day: day, Outcome: f.Outcome}
	if g.totals[key] == nil {
		g.totals[key] = &payout.Total{Currency: currency, Day: day, Outcome: f.Outcome}
	}
	return g.totals[key]
}

func (g *generator) payout(f *payout.Finding, p payout.PayoutRef, day payout.Day) {
	f.Payouts = append(f.Payouts, p)
	t := g.total(f, day, p.Amount.Currency())
	t.Payouts++
	t.PayoutAmount += p.Amount.Units()
	if p.Status == payout.Completed {
		t.PayoutCash += p.Amount.Units()
	}
	key := payout.StatusCount{Status: p.Status, Currency: p.Amount.Currency(), Day: day, OnBehalfOf: p.OnBehalfOf}
	if g.status[key] == nil {
		c := key
		g.status[key] = &c
	}
	g.status[key].Count++
	g.status[key].Units += p.Amount.Units()
	if p.Status.Class() == payout.ClassInFlight {
		g.facts.InFlight = append(g.facts.InFlight, p)
	}
}

func (g *generator) entry(f *payout.Finding, e payout.Entry, day payout.Day) {
	g.line++
	e.Line = g.line
	f.Entries = append(f.Entries, e)
	t := g.total(f, day, e.Amount.Currency())
	t.Entries++
	t.EntryAmount += e.Amount.Units()
	t.EntryCash += e.Amount.Units()
}

// listed puts a finding where it belongs.
func (g *generator) listed(f payout.Finding, day payout.Day) {
	s := sidesOf(&f)
	f.PayoutSums, f.EntrySums = s.payoutSums, s.entrySums
	var cash int64
	currency := ""
	for _, p := range f.Payouts {
		currency = p.Amount.Currency()
		if p.Status == payout.Completed {
			cash += p.Amount.Units()
		}
	}
	for _, e := range f.Entries {
		currency = e.Amount.Currency()
		cash -= e.Amount.Units()
	}
	d := money.New(cash, currency)
	f.Difference = &d
	g.gross[payout.Total{Currency: currency, Outcome: f.Outcome}] += max(cash, -cash)
	f.AgeDays = int(g.facts.AsOf.Day() - day)
	switch f.Outcome.Class() {
	case payout.Agreed:
		return
	case payout.Reconciling:
		g.rec.Explained = append(g.rec.Explained, f)
		f.Exposure = f.Payouts[0].Amount
		g.rec.Explained[len(g.rec.Explained)-1].Exposure = f.Exposure
		return
	}
	f.Exposure = d
	if f.Outcome != payout.AmountMismatch {
		if f.Exposure = money.New(0, currency); len(f.Payouts) > 0 {
			f.Exposure = f.Payouts[0].Amount
		} else {
			f.Exposure = f.Entries[0].Amount
		}
	} else {
		f.Exposure = money.New(max(cash, -cash), currency)
	}
	it := payout.Item{
		ID: int64(len(g.rec.Items) + 101), Finding: f, State: payout.ItemNew, FirstRun: 42, FirstSeen: g.facts.AsOf, LastRun: 42, Due: payout.NoDay,
	}
	if g.r.IntN(3) == 0 {
		it.State, it.FirstRun, it.FirstSeen, it.Owner = payout.ItemOpen, 40, g.facts.AsOf-2*86_400_000, "Dana"
	}
	if g.r.IntN(6) == 0 && g.days > 2 { // one that was like it is gone
		gone := it
		gone.ID += 10_000
		gone.State, gone.FirstRun, gone.FirstSeen, gone.ClearedBy, gone.ClearedAt = payout.ItemCleared, 40, g.facts.AsOf-2*86_400_000, "ledger", g.facts.AsOf
		g.rec.Items = append(g.rec.Items, gone)
	}
	if it.State == payout.ItemOpen && it.ID%3 == 0 { // it was something else, for less
		before := money.New(it.Exposure.Units()/20000*10000, currency)
		g.rec.Events = append(g.rec.Events, payout.ItemEvent{Item: it.ID, Run: 42, Kind: payout.EventReclassified, From: "status_mismatch/ledger_lags", To: it.Outcome.String()},
			payout.ItemEvent{Item: it.ID, Run: 42, Kind: payout.EventRemeasured, From: before.String(), To: it.Exposure.String()})
		g.before[it.ID] = before
		g.rec.Breaks.Reclassified++
	}
	if g.r.IntN(6) == 0 {
		it.Disposition = &payout.Disposition{Kind: payout.DispositionWithProvider, Until: payout.NoDay, Reason: "case 4711", By: "Dana", At: g.facts.AsOf}
		it.Note = "=HYPERLINK(\"http://example.com\")"
	}
	g.rec.Items = append(g.rec.Items, it)
}

// finish derives everything that is a sum.
func (g *generator) finish() {
	for _, t := range g.totals {
		g.rec.Totals = append(g.rec.Totals, *t)
	}
	slices.SortFunc(g.rec.Totals, func(a, b payout.Total) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Day, b.Day), cmp.Compare(a.Outcome, b.Outcome))
	})
	for _, c := range g.status {
		g.facts.Breakdown = append(g.facts.Breakdown, *c)
	}
	slices.SortFunc(g.facts.Breakdown, func(a, b payout.StatusCount) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.OnBehalfOf, b.OnBehalfOf), cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Status, b.Status))
	})
	slices.SortFunc(g.facts.InFlight, func(a, b payout.PayoutRef) int { return cmp.Compare(a.Created, b.Created) })
	slices.SortStableFunc(g.rec.Items, func(a, b payout.Item) int { return cmp.Compare(b.Severity, a.Severity) })
	g.statements()
	g.rollForward()
	g.mirrorOnly()
	g.rec.Conclusion, g.rec.ConclusionWhy = payout.Reconciled, "Both sources are complete and no break is open."
	if g.rec.Breaks.Total > 0 {
		g.rec.Conclusion, g.rec.ConclusionWhy = payout.NotReconciled, fmt.Sprintf("%d breaks are open without a disposition.", g.rec.Breaks.Total)
	}
	l := &g.rec.Ledger
	l.Entries += l.OutOf
	l.Rows = l.Entries + int64(len(l.Rejected)) + l.FilteredN
}

func (g *generator) statements() {
	for _, currency := range g.currencies {
		s := payout.Statement{Currency: currency}
		lines := map[payout.Outcome]*payout.StatementLine{}
		in := payout.CurrencySum{Currency: currency}
		for _, t := range g.rec.Totals {
			if t.Currency != currency {
				continue
			}
			if lines[t.Outcome] == nil {
				lines[t.Outcome] = &payout.StatementLine{Outcome: t.Outcome, Gross: g.gross[payout.Total{Currency: currency, Outcome: t.Outcome}]}
				s.Gross += lines[t.Outcome].Gross
			}
			x := lines[t.Outcome]
			x.Payouts, x.Entries, x.Amount = x.Payouts+t.Payouts, x.Entries+t.Entries, x.Amount+t.PayoutCash-t.EntryCash
			s.LedgerCash += t.EntryCash
			s.ProviderCash += t.PayoutCash
			in.Count, in.Units, in.Cash = in.Count+t.Entries, in.Units+t.EntryAmount, in.Cash+t.EntryCash
			g.rec.PayoutsInPeriod += t.Payouts
		}
		for _, o := range payout.Outcomes {
			if lines[o.Outcome] != nil {
				s.Lines = append(s.Lines, *lines[o.Outcome])
			}
		}
		s.Net = s.ProviderCash - s.LedgerCash
		g.rec.Statements = append(g.rec.Statements, s)
		g.rec.Ledger.Entries += in.Count
		g.rec.Ledger.Sums = append(g.rec.Ledger.Sums, in)
		g.rec.Ledger.InPeriod = append(g.rec.Ledger.InPeriod, in)
	}
}

func (g *generator) rollForward() {
	for _, currency := range g.currencies {
		r := payout.RollForward{Currency: currency}
		addTo := func(c *payout.RollCount, units int64) { c.Count++; c.Units += units }
		for _, it := range g.rec.Items {
			if it.Exposure.Currency() != currency {
				continue
			}
			units := it.Exposure.Units()
			switch it.State {
			case payout.ItemNew:
				addTo(&r.New, units)
				addTo(&r.Closing, units)
				g.rec.Breaks.New++
			case payout.ItemOpen:
				addTo(&r.Opening, units)
				if before, moved := g.before[it.ID]; moved {
					r.Opening.Units += before.Units() - units
					r.Remeasured.Units += units - before.Units()
				}
				addTo(&r.Closing, units)
				g.rec.Breaks.Open++
			case payout.ItemCleared:
				addTo(&r.Opening, units)
				addTo(&r.Cleared, units)
				g.rec.Breaks.Cleared++
				continue
			}
			g.rec.Breaks.Total++
			g.rec.Breaks.BySeverity[it.Severity]++
		}
		g.rec.RollForward = append(g.rec.RollForward, r)
	}
}
