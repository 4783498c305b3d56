package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// message is one notification, as text that a manager can read: what it concludes, the figures, the new breaks, what
// to do.
type message struct {
	subject  string
	lines    []string
	source   []string // where it comes from and where the workbook is: the end of the text
	workbook string   // path, "" = none
}

// maxListed is how many breaks a message lists; the workbook has them all.
const maxListed = 10

// conclusionWords say a conclusion to people.
var conclusionWords = map[payout.Conclusion]string{
	payout.NoConclusion:  "no conclusion is possible",
	payout.NotReconciled: "not reconciled",
	payout.Explained:     "reconciled but for explained items",
	payout.Reconciled:    "reconciled",
}

// troubleAdvice says what to do about an outcome.
var troubleAdvice = map[string]string{
	"refused":         "The API refused the credential. Ask the operator to check it (payrecon doctor) and the machine's clock.",
	"input":           "Something that was given to payrecon must be mended first: the sentence above names it. payrecon doctor finds more of the kind.",
	"busy":            "Another payrecon run held the mirror all the time. Look for one that hangs (payrecon status).",
	"timeout":         "The job took longer than it may. The next night goes on where it stopped; if that repeats, raise the timeout or look at the API.",
	"panic":           "This is a defect in payrecon. The state is safe; the log of this night tells the maintainers what they need.",
	"missed":          "The machine was off, or the schedule was not running, when the job was due.",
	outcomeIncomplete: "The mirror is not complete for days that have ended, so what is missing there cannot be called missing. The next night tries again by itself; if that does not help, payrecon doctor finds out why.",
}

const otherAdvice = "payrecon doctor, on the machine, finds what is wrong with the set-up. The state is safe; the next night goes on by itself."

// about begins every subject: whose job, and what happened.
func (n *notifier) about(what string) string {
	name := "payrecon"
	if entity := plain(n.cfg.Report.Entity); entity != "" {
		name += " " + entity
	}
	return name + ": " + what
}

// compose writes the message for what is to be told.
func (n *notifier) compose(r jobResult, d notice) message {
	m := message{workbook: r.Workbook}
	trouble := slices.Contains(d.events, onFailure) || slices.Contains(d.events, onIncomplete)
	switch {
	case trouble && r.Outcome == outcomeIncomplete:
		m.subject = n.about(r.name() + " is done, but the source is incomplete")
	case trouble:
		m.subject = n.about(r.name() + " failed")
	case len(d.breaks) > 0:
		m.subject = n.about(breaksInWords(d.breaks))
	default:
		m.subject = n.about(r.name() + " works again")
	}
	if trouble {
		advice := troubleAdvice[r.Outcome]
		if advice == "" {
			advice = otherAdvice
		}
		m.add("What happened: "+plain(r.Words), "What to do: "+advice, "")
	}
	if slices.Contains(d.events, onRecovery) {
		since := ""
		if !d.since.IsZero() {
			since = "; its trouble was last told on " + d.since.UTC().Format("2 January 2006")
		}
		m.add(fmt.Sprintf("What happened: %s works again%s.", r.name(), since), "")
	}
	if r.Rec != nil {
		m.addReconciliation(r.Rec, trouble && r.Outcome == outcomeIncomplete && r.Rec.Conclusion == payout.NoConclusion)
	}
	if len(d.breaks) > 0 {
		m.addBreaks(d.breaks)
	}
	n.addSource(&m, r)
	return m
}

// name is what people call the job.
func (r jobResult) name() string {
	if r.Job == nightlyName {
		return "the nightly run"
	}
	return "the job " + plain(r.Job)
}

func (m *message) add(lines ...string) { m.lines = append(m.lines, lines...) }

// text is the message without its subject, in so many characters: what is too much is cut before its end. 0 = no limit.
func (m message) text(most int) string {
	text, end := strings.TrimSpace(strings.Join(m.lines, "\n"))+"\n", ""
	if len(m.source) > 0 {
		end = "\n" + strings.Join(m.source, "\n") + "\n"
	}
	if room := most - utf8.RuneCountInString(end); most > 0 && utf8.RuneCountInString(text) > room {
		text = string([]rune(text)[:room]) + "... (the rest is in the workbook)\n"
	}
	return text + end
}

// addReconciliation adds conclusion and figures; saidWhy leaves out the reason, which the message gave already.
func (m *message) addReconciliation(rec *payout.Reconciliation, saidWhy bool) {
	m.add(fmt.Sprintf("Conclusion for %s: %s.", rec.Period, conclusionWords[rec.Conclusion]))
	if rec.ConclusionWhy != "" && !saidWhy {
		m.add(plain(rec.ConclusionWhy))
	}
	for _, st := range rec.Statements {
		m.add(fmt.Sprintf("%s: ledger %s, provider %s, net difference %s, gross %s.", plain(st.Currency), grouped(st.LedgerCash, st.Currency),
			grouped(st.ProviderCash, st.Currency), grouped(st.Net, st.Currency), grouped(st.Gross, st.Currency)))
	}
	b := rec.Breaks
	m.add(fmt.Sprintf("Open items: %d (%d new, %d reopened, %d from before); %d cleared.", b.Total, b.New, b.Reopened, b.Open+b.Carried, b.Cleared))
	if len(rec.Gaps) > 0 {
		m.add(fmt.Sprintf("Ended days that are not shown complete: %d, the first %s.", len(rec.Gaps), rec.Gaps[0]))
	}
	m.add("("+strings.ToUpper(payout.Caveat[:1])+payout.Caveat[1:]+".)", "")
}

func (m *message) addBreaks(items []payout.Item) {
	m.add("New or changed, and not told before:")
	for _, item := range items[:min(len(items), maxListed)] {
		exposure := "amount not readable"
		if a := item.ExposureRead(); a != nil {
			exposure = grouped(a.Units(), a.Currency()) + " " + plain(a.Currency())
		}
		m.add(fmt.Sprintf("- #%d, %s: %s, %s, %s. %s", item.ID, item.Severity, item.Words(), reference(item), exposure, plain(reason(item))))
		if item.Next != "" {
			m.add("  Next: " + plain(item.Next))
		}
	}
	if more := len(items) - maxListed; more > 0 {
		m.add(fmt.Sprintf("- and %d more.", more))
	}
	m.add("What to do: work through the sheet Breaks of the workbook; note a decision with payrecon breaks set ID.", "")
}

// addSource says where the message comes from and where the workbook is.
func (n *notifier) addSource(m *message, r jobResult) {
	if r.Workbook != "" {
		m.source = append(m.source, "Workbook: "+r.Workbook+" on "+n.host)
	}
	run := ""
	if r.Run > 0 {
		run = fmt.Sprintf(", run %d", r.Run)
	}
	m.source = append(m.source, fmt.Sprintf("From payrecon on %s%s, %s.", n.host, run, n.clock().UTC().Format(time.RFC1123)))
}

// reason is why an item is one, without the next step that its sentence ends with.
func reason(item payout.Item) string {
	why, next := strings.TrimSuffix(item.Why, "."), strings.TrimSuffix(item.Next, ".")
	if i := len(why) - len(next); i > 0 && next != "" && strings.EqualFold(why[i:], next) {
		return strings.TrimSuffix(why[:i], "; ") + "."
	}
	return item.Why
}

func reference(item payout.Item) string {
	if ref := plain(item.RefID); ref != "" {
		return "reference " + ref
	}
	return "no reference"
}

// breaksInWords says how many breaks there are and how severe the worst is.
func breaksInWords(items []payout.Item) string {
	if len(items) == 1 {
		return fmt.Sprintf("1 new break, %s: %s", items[0].Severity, items[0].Words())
	}
	return fmt.Sprintf("%d new breaks, the worst %s", len(items), items[0].Severity)
}

// grouped prints an amount as people write it: 1,234,567.89.
func grouped(units int64, currency string) string {
	text := money.FormatUnits(units, currency)
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign, text = "-", text[1:]
	}
	whole, fraction, hasFraction := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if hasFraction {
		whole += "." + fraction
	}
	return sign + whole
}

// plain makes text from outside harmless in one line of a message: no control characters, and not endless.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > 400 {
		s = string(r[:400]) + "..."
	}
	return strings.TrimSpace(s)
}
