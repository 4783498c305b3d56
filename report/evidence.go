package report

import (
	"fmt"
	"slices"
	"strings"

	"payrecon/internal/payout"
)

// addEvidence records from what, by what and how this workbook was made, so that somebody else can make it again.
func (b *builder) addEvidence() {
	p := b.newPage(SheetEvidence, "From what this workbook was made, by what, and how to make it again.", 34, 68, 16, 18, 22, 14, 50)
	p.Columns[1].Wrap, p.Columns[6].Wrap = true, true
	p.Wide = true
	fact := func(name string, c Cell) { p.data(text(name).Styled(Label), c.Styled(Fact)) }
	p.section("Made by")
	fact("Program", text(strings.TrimSpace("payrecon "+or(b.opts.Version, b.facts.Run.Version))))
	fact("Command", text(or(b.opts.Command, b.facts.Run.Command)))
	if b.book.Run != 0 {
		fact("Run", count(b.book.Run))
	} else {
		fact("Run", text("not recorded"))
	}
	fact("Run started (UTC)", instant(b.facts.Run.Started))
	fact("As of (UTC)", instant(b.asOf()))
	fact("Workbook made (UTC)", instant(b.book.Generated))
	fact("Provider's API", text(b.facts.BaseURL))
	fact("Members", text(strings.Join(b.facts.Members, ", ")))
	fact("Highest payout version read", count(b.sequence()))
	if b.rec != nil {
		fact("Outcome hash (SHA-256)", text(b.rec.OutcomeHash))
		fact("Every record has one outcome", yesNo(b.rec.Accounted))
	}
	for _, w := range b.warnings() {
		p.data(text("Note").Styled(Label), text(w))
	}
	if b.rec != nil {
		b.ledgerEvidence(p)
		b.lookupEvidence(p)
	}
	b.syncEvidence(p)
	b.coverageEvidence(p)
	b.configEvidence(p)
	p.section("How to make it again")
	for _, line := range b.opts.PerformAgain {
		p.data(text(line))
	}
	if len(b.opts.PerformAgain) == 0 {
		p.note("Not recorded: this was an ad hoc run.")
	}
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (b *builder) sequence() int64 {
	if b.rec != nil {
		return b.rec.Sequence
	}
	return b.facts.Sequence
}

// warnings are those of the caller, of the run and of the mirror, each once.
func (b *builder) warnings() []string {
	var list []string
	for _, w := range b.opts.Warnings {
		list = add(list, w)
	}
	if b.rec != nil {
		for _, w := range append(slices.Clone(b.rec.Warnings), b.rec.Ledger.Notes...) {
			list = add(list, w)
		}
	}
	for _, w := range b.facts.Alerts {
		list = add(list, w)
	}
	return list
}

func (b *builder) ledgerEvidence(p page) {
	l := b.rec.Ledger
	b.evidence.ledger = place(p.Name, p.section("Ledger"), 0)
	fact := func(name string, c Cell) { p.data(text(name).Styled(Label), c.Styled(Fact)) }
	for _, f := range l.Files {
		fact("File", text(f.Path))
		fact("SHA-256", text(f.SHA256))
		fact("Bytes", count(f.Bytes))
		fact("Modified (UTC)", instant(f.Modified))
	}
	if len(l.Files) == 0 {
		p.note("No file.")
	}
	fact("Read as", text(l.Dialect))
	for _, c := range l.Columns {
		fact("Column for "+strings.ReplaceAll(c.Part, "_", " "), text(fmt.Sprintf("%q, column %d", c.Header, c.Number)))
	}
	fact("Rows", count(l.Rows))
	fact("Entries", count(l.Entries))
	fact("Unreadable rows", count(len(l.Rejected)))
	fact("Filtered rows", count(l.FilteredN))
	fact("Blank lines", count(l.Blank))
	fact("Entries outside the period", count(l.OutOf))
	fact("First entry", date(l.First))
	fact("Last entry", date(l.Last))
	switch {
	case l.Empty:
		fact("Days it covers", text("none: the extract holds no entries"))
	case l.Reach == nil:
		fact("Days it covers", text("all: its entries have no dates"))
	default:
		fact("Days it covers", text(l.Reach.String()))
	}
	for _, c := range l.Control {
		fact("Control total", text(c))
	}
	p.section("Ledger: entries by currency")
	p.headings("Currency", "", "Entries", "Sum", "of it cash")
	for _, s := range l.Sums {
		p.data(text(s.Currency), Cell{}, count(s.Count), units(s.Units, s.Currency), units(s.Cash, s.Currency))
	}
	if len(l.Words) > 0 {
		p.section("Ledger: status words")
		p.headings("Word", "Read as", "Entries")
		for _, w := range l.Words {
			p.data(text(or(w.Word, "(empty)")), text(w.Class.String()), count(w.Count))
		}
	}
}

func (b *builder) lookupEvidence(p page) {
	k := b.rec.Lookup
	p.section("References asked for at the provider")
	fact := func(name string, c Cell) { p.data(text(name).Styled(Label), c.Styled(Fact)) }
	fact("Ledger entries without a payout", count(k.Candidates))
	fact("References asked for", count(k.Asked))
	fact("Payouts found that way", count(k.Found))
	fact("Requests", count(k.Requests))
	if k.Skipped != "" {
		fact("Not asked", text(k.Skipped))
	}
}

func (b *builder) syncEvidence(p page) {
	s := b.facts.Sync
	if s == nil {
		return
	}
	p.section("Synchronisation of this run")
	fact := func(name string, n int) { p.data(text(name).Styled(Label), count(n).Styled(Fact)) }
	fact("Requests", s.Requests)
	fact("Requests sent again", s.Retries)
	fact("Pages", s.Pages)
	fact("Payouts seen", s.Rows)
	fact("New", s.New)
	fact("Changed", s.Changed)
	fact("Looked at again, any age", s.Swept)
}

// coverageEvidence lists each day and the walk that proves it.
func (b *builder) coverageEvidence(p page) {
	b.evidence.days = place(p.Name, p.section("Provider: evidence per day (UTC)"), 0)
	p.headings("On behalf of", "Evidence", "Day", "Walk", "Walk began (UTC)", "Payouts", "Why not complete, or fingerprint of the ids")
	for _, d := range b.facts.Coverage.Days {
		state := map[payout.DayState]Cell{
			payout.DayComplete: word("Complete", "complete").Styled(Good), payout.DayPartial: word("Not complete", "partial").Styled(Bad),
			payout.DayNever: word("Never fetched", "never").Styled(Bad),
		}[d.State]
		walk := Cell{}
		if d.Walk != 0 {
			walk = count(d.Walk)
		}
		p.data(text(onBehalfOf(d.OnBehalfOf)), state, date(d.Day), walk, instant(d.Began), count(d.Count), text(or(d.Why, d.Fingerprint)))
	}
	if len(b.facts.Coverage.Days) == 0 {
		p.note("No day was fetched.")
	}
}

func (b *builder) configEvidence(p page) {
	config := or(b.opts.Config, b.facts.Run.Config)
	p.section("Configuration as effective (no secrets)")
	if b.opts.ConfigHash != "" {
		p.data(text("SHA-256").Styled(Label), text(b.opts.ConfigHash))
	}
	for line := range strings.SplitSeq(strings.TrimRight(config, "\n"), "\n") {
		p.data(text(line))
	}
	p.section("What changed in it since the last report")
	if b.facts.Previous == nil {
		p.note("There is no earlier report.")
		return
	}
	changes := changedLines(b.facts.Previous.Config, config)
	if v := b.facts.Previous.Version; v != or(b.opts.Version, b.facts.Run.Version) {
		p.data(text("Program"), text(v+" -> "+or(b.opts.Version, b.facts.Run.Version)))
	}
	for _, c := range changes {
		p.data(word(c, c))
	}
	if len(changes) == 0 {
		p.note(fmt.Sprintf("Nothing since run %d.", b.facts.Previous.ID))
	}
}

// changedLines compares two texts line by line: "removed: ..." and "added: ...", in the order of the longest common
// subsequence. Configurations are short; beyond 2,000 lines it only says that they differ.
func changedLines(before, after string) []string {
	x, y := strings.Split(strings.TrimSpace(before), "\n"), strings.Split(strings.TrimSpace(after), "\n")
	if len(x) > 2000 || len(y) > 2000 {
		if before == after {
			return nil
		}
		return []string{"It differs, and is too long to be compared here."}
	}
	common := make([][]int, len(x)+1)
	for i := range common {
		common[i] = make([]int, len(y)+1)
	}
	for i := len(x) - 1; i >= 0; i-- {
		for j := len(y) - 1; j >= 0; j-- {
			if x[i] == y[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var list []string
	for i, j := 0, 0; i < len(x) || j < len(y); {
		switch {
		case i < len(x) && j < len(y) && x[i] == y[j]:
			i, j = i+1, j+1
		case j == len(y) || i < len(x) && common[i+1][j] >= common[i][j+1]:
			list = append(list, "removed: "+strings.TrimSpace(x[i]))
			i++
		default:
			list = append(list, "added: "+strings.TrimSpace(y[j]))
			j++
		}
	}
	return list
}

// addGuide explains the words, the colours and the rules to somebody who sees this workbook for the first time.
func (b *builder) addGuide() {
	p := b.newPage(SheetGuide, "What the words mean, and by which rules this workbook was made.", 58, 24, 14, 110)
	p.Columns[3].Wrap = true
	p.Wide = true
	p.section("Outcomes: every payout and every ledger entry has exactly one")
	p.headings("Word", "Code (CSV, JSON)", "Severity", "Meaning")
	classes := map[payout.OutcomeClass]string{payout.Agreed: "Agreed", payout.Reconciling: "Reconciling items: they explain themselves", payout.Unverified: "Unverified: we do not know", payout.Break: "Breaks: somebody must act"}
	var class payout.OutcomeClass
	for _, o := range payout.Outcomes {
		if o.Class != class {
			class = o.Class
			p.add(RowData, text(classes[class]).Styled(Strong))
		}
		s := Cell{}
		if o.Severity != payout.NoSeverity {
			s = severity(o.Severity)
		}
		p.data(text(o.Words), text(o.Code), s, text(o.Meaning))
	}
	p.section("Differences of status")
	p.headings("Word", "Code (CSV, JSON)", "Severity")
	for _, c := range payout.Cells {
		p.data(text(c.Words), text(c.Code), severity(c.Severity))
	}
	p.section("Statuses of the provider")
	p.headings("Word", "Code (CSV, JSON)", "Final")
	for _, s := range payout.Statuses {
		p.data(text(s.Words), text(string(s.Status)), yesNo(s.Final))
	}
	b.rules(p)
}

var rules = [][2]string{
	{"Severity", "Critical: money may have left twice or unseen. High: the amounts or facts differ. Medium: needs a look. Low: could not be verified, or trivial. At or above the materiality of the currency one step up."},
	{"Exposure", "What may be at stake: for an amount that differs, the difference; else the larger side, face amounts."},
	{"Cash", "A payout counts with its amount if its initiation completed, else with 0; an entry with its signed amount if it is paid or has no status, else with 0."},
	{"Difference in cash", "Payout cash - ledger cash. Empty where the currencies differ."},
	{"Conclusion", "No conclusion: days of the source are incomplete, or material items are unverified. Not reconciled: breaks are open without a disposition. Reconciled but for explained items: every open break has a disposition, or they are immaterial together. Reconciled: both sources complete, no open break."},
	{"Checks", "A check cell says OK or shows the difference. If any does not say OK, the conclusion on Summary is withdrawn."},
	{"Disposition", "A person's decision about an open item. It stays in the balance, is left out of the conclusion, and falls when a figure, a status or a member of the item changes or its date passes."},
	{"Days and times", "Payouts: UTC days of creation. Entries: days of the ledger. Times are UTC. Ages are whole days at the as-of time."},
	{"Negative amounts", "Red, with a minus sign. Zero is a dash. Amounts of different currencies are never added."},
	{"Accounts", "Masked but for the last four characters, unless the report was asked for with --unmask."},
}

func (b *builder) rules(p page) {
	p.section("Rules")
	p.headings("Word", "", "", "Rule")
	for _, r := range rules {
		p.data(text(r[0]), Cell{}, Cell{}, text(r[1]))
	}
	p.section("Thresholds in force")
	p.headings("Setting", "Value", "", "Meaning")
	for _, s := range b.opts.Settings {
		p.data(text(s.Name), text(s.Value), Cell{}, text(s.Meaning))
	}
	if len(b.opts.Settings) == 0 {
		p.note("Not recorded.")
	}
}
