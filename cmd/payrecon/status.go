package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	"payrecon/schedules"
)

func (a *app) statusCommand() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "What the mirror holds and shows complete",
		Long: `Show the days that are proven complete, as a calendar, how fresh the mirror is, what is in flight and for how
long, the last runs, how the schedules ended and when they are due next, notifications that did not arrive, payouts that
the API does not show any more, and alerts. The mirror is as fresh as the last nightly sync that came to its end, however its
run went on; a sync of given days does not count.`,
		Example: "  payrecon status\n  payrecon status --from 2026-01-01 --to 2026-03-31 --json",
		Args:    a.noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			today := payout.DayOf(a.clock().UTC())
			if to == "" {
				to = today.String()
			}
			if from == "" {
				last, err := payout.ParseDay(to)
				if err == nil {
					from = (last - 59).String()
				}
			}
			p, _, err := rangeFlags(from, to)
			if err != nil {
				return err
			}
			return a.read(cmd.Context(), func(m *mirror.Mirror) error {
				s, err := a.gatherStatus(cmd.Context(), m, p)
				if err != nil {
					return err
				}
				if a.asJSON {
					return a.printJSON(s)
				}
				a.printStatus(s)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "first day of the calendar (default 60 days back)")
	cmd.Flags().StringVar(&to, "to", "", "last day of the calendar")
	return cmd
}

// mirrorStatus is the answer of status --json.
type mirrorStatus struct {
	Database string               `json:"database"`
	BaseURL  string               `json:"base_url"`
	Members  []string             `json:"members"`
	Period   payout.Period        `json:"period"`
	Payouts  int64                `json:"payouts"` // created in the period
	Sequence int64                `json:"sequence"`
	Fresh    payout.Millis        `json:"fresh"` // when the nightly sync began that came to its end last
	Start    payout.Day           `json:"start"` // the first day of nightly runs, "" before the first one: no night asks for gaps before it
	Gaps     []payout.Day         `json:"gaps"`
	Days     []payout.DayEvidence `json:"days"`
	InFlight []ageBand            `json:"in_flight"`
	Runs     []payout.Run         `json:"runs"`
	Vanished []mirror.Vanishing   `json:"vanished"` // payouts that the API does not show any more
	Alerts   []mirror.Alert       `json:"alerts"`

	Schedules   []jobJSON       `json:"schedules"`   // as in schedule list
	Undelivered []payout.JobRun `json:"undelivered"` // notifications that did not arrive everywhere; the job's name is what they tell of

	jobs []schedules.Status

	coverage payout.Coverage
}

// ageBand counts payouts in flight by whole days of age.
type ageBand struct {
	Days  string `json:"days"`
	Count int    `json:"count"`
}

func (a *app) gatherStatus(ctx context.Context, m *mirror.Mirror, p payout.Period) (*mirrorStatus, error) {
	cfg, err := a.configuration()
	if err != nil {
		return nil, err
	}
	s := &session{app: a, cfg: cfg, m: m}
	st := &mirrorStatus{Database: m.Path(), Period: p}
	facts, err := m.Facts(ctx, mirror.FactsQuery{Period: p, AsOf: payout.MillisOf(a.clock()), OnBehalfOf: s.onBehalfOf(), CountsOnly: true})
	if err != nil {
		return nil, err
	}
	st.BaseURL, st.Members, st.Sequence, st.coverage = facts.BaseURL, orEmpty(facts.Members), facts.Sequence, facts.Coverage
	st.Days, st.Gaps = orEmpty(facts.Coverage.Days), facts.Coverage.Gaps(p, a.lastEndedDay())
	for _, c := range facts.Breakdown {
		st.Payouts += c.Count
	}
	st.Start = payout.NoDay
	if start, ok, err := m.SyncStart(ctx); err != nil {
		return nil, err
	} else if ok {
		st.Start = start
	}
	st.InFlight = bands(facts.InFlight, payout.MillisOf(a.clock()))
	if st.Runs, err = m.Runs(ctx, 10); err != nil {
		return nil, err
	}
	if st.Fresh, err = m.LastNight(ctx); err != nil {
		return nil, err
	}
	if st.Vanished, err = m.Vanishings(ctx); err != nil {
		return nil, err
	}
	if st.Alerts, err = m.Alerts(ctx, maxAlerts); err != nil {
		return nil, err
	}
	if st.jobs, err = a.jobStatuses(ctx, m, cfg); err != nil {
		return nil, err
	}
	st.Schedules = schedulesJSON(st.jobs)
	st.Undelivered, err = undeliveredNotifications(ctx, recordedJobs{m}, cfg)
	return st, err
}

// jobStatuses returns how the configured jobs ended last and when they are due next; m is nil where there is no mirror yet.
// Schedules that cannot be read are a warning here: the rest of the status is wanted all the more.
func (a *app) jobStatuses(ctx context.Context, m *mirror.Mirror, cfg *config) ([]schedules.Status, error) {
	s, err := schedules.New(cfg.jobs(), recordedJobs{m}, nil, schedules.Options{Clock: a.clock})
	if err != nil {
		a.log.Warn("the schedules are left out", "error", err.Error())
		return nil, nil
	}
	return s.Statuses(ctx)
}

// undeliveredNotifications lists the last notifications, of `payrecon run` and of the configured jobs, that did not
// arrive everywhere.
func undeliveredNotifications(ctx context.Context, jobs recordedJobs, cfg *config) ([]payout.JobRun, error) {
	names := []string{nightlyName}
	for _, job := range cfg.Schedules {
		if !slices.Contains(names, job.Name) {
			names = append(names, job.Name)
		}
	}
	list := []payout.JobRun{}
	for _, name := range names {
		last, ok, err := jobs.LastJob(ctx, notifyRecord(name))
		if err != nil {
			return nil, err
		}
		if ok && last.Outcome != told {
			last.Job = name
			list = append(list, last)
		}
	}
	return list, nil
}

// bands ages payouts in the bands that the reports use.
func bands(open []payout.PayoutRef, now payout.Millis) []ageBand {
	limits := []struct {
		name string
		from int
	}{{"0-1", 0}, {"2-3", 2}, {"4-7", 4}, {"8-30", 8}, {"30+", 31}}
	out := make([]ageBand, len(limits))
	for i, l := range limits {
		out[i].Days = l.name
	}
	for _, p := range open {
		age := int((now - p.Created) / 86_400_000)
		for i := len(limits) - 1; i >= 0; i-- {
			if age >= limits[i].from || i == 0 {
				out[i].Count++
				break
			}
		}
	}
	return out
}

func (a *app) printStatus(s *mirrorStatus) {
	w := a.stdout
	fmt.Fprintf(w, "Mirror     %s, of %s\n", s.Database, orDash(s.BaseURL))
	fmt.Fprintf(w, "Payouts    %d created in the days below, %s\n", s.Payouts, s.Period)
	if s.Fresh > 0 {
		fmt.Fprintf(w, "Synced     %s (%s ago)\n", s.Fresh, ageInWords(a.clock().Sub(s.Fresh.Time())))
	} else {
		fmt.Fprintln(w, "Synced     "+noNight)
	}
	fmt.Fprint(w, "In flight  ")
	for i, b := range s.InFlight {
		if i > 0 {
			fmt.Fprint(w, ", ")
		}
		fmt.Fprintf(w, "%s days: %d", b.Days, b.Count)
	}
	fmt.Fprintf(w, "\n\n%s", calendar(s.coverage, s.Period, payout.DayOf(a.clock().UTC())))
	a.printGaps(s)
	fmt.Fprintln(w)
	t := table{head: []string{"RUN", "COMMAND", "STARTED", "TOOK", "EXIT", "LAST WORD"}}
	for _, r := range s.Runs {
		took, exit := "-", "running, or killed"
		if r.Ended > 0 {
			took, exit = r.Ended.Time().Sub(r.Started.Time()).Round(time.Second).String(), fmt.Sprint(r.Exit)
		}
		t.add(fmt.Sprint(r.ID), r.Command, r.Started.String(), took, exit, shorten(r.Words, 100))
	}
	_ = t.writeText(w)
	for _, j := range s.jobs {
		fmt.Fprintln(w, jobInWords(j))
	}
	for _, n := range s.Undelivered {
		_, why, _ := strings.Cut(n.Words, undeliveredMark)
		fmt.Fprintf(w, "Not delivered, notification of %s, %s: %s\n", n.Job, n.Started, printable(why))
	}
	printVanished(w, s.Vanished)
	for _, alert := range s.Alerts[:min(len(s.Alerts), namedAlerts)] {
		fmt.Fprintf(w, "Alert, run %d, %s: %s\n", alert.Run, alert.At, printable(alert.Text))
	}
	if more := len(s.Alerts) - namedAlerts; more > 0 {
		fmt.Fprintf(w, "and %s: `payrecon status --json` has them\n", plural(int64(more), "earlier alert"))
	}
}

// ageInWords says how long ago something was, no more exactly than a person asks.
func ageInWords(age time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case age < time.Minute:
		return "less than a minute"
	case age < 2*time.Hour:
		return plural(int64(age/time.Minute), "minute")
	case age < 2*day:
		return plural(int64(age/time.Hour), "hour")
	}
	return plural(int64(age/day), "day")
}

// How many alerts status reads, and how many of them its text names: the latest.
const maxAlerts, namedAlerts = 1000, 10

// noNight says that it is not known how fresh the mirror is. A sync of given days says nothing about the others.
const noNight = "no nightly sync (`payrecon run`, or `payrecon sync` without dates) is on record that came to its end"

// printGaps lists the ended days that are not shown complete, each with its reason. Those before the nightly runs begin are
// nobody's fault: they were never asked for.
func (a *app) printGaps(s *mirrorStatus) {
	before := 0
	for before < len(s.Gaps) && s.Start != payout.NoDay && s.Gaps[before] < s.Start {
		before++
	}
	early, gaps := s.Gaps[:before], s.Gaps[before:]
	if len(early) > 0 {
		fmt.Fprintf(a.stdout, "Before the nightly runs begin: %s. To read them: payrecon backfill --from %s --to %s\n",
			daysInWords(early), early[0], early[len(early)-1])
	}
	if len(gaps) > 0 {
		fmt.Fprintf(a.stdout, "Not complete: %s\n", daysInWords(gaps))
	}
	for _, d := range s.Days {
		if d.State == payout.DayPartial && d.Why != "" && slices.Contains(gaps, d.Day) {
			fmt.Fprintf(a.stdout, "  %s%s: %s\n", d.Day, forWhom(d.OnBehalfOf), printable(d.Why))
		}
	}
}

// jobInWords is one line about a scheduled job.
func jobInWords(st schedules.Status) string {
	text := fmt.Sprintf("Schedule %s: ", st.Job.Name)
	switch l := st.Last; {
	case l == nil:
		text += "not run yet"
	case l.Ended == 0:
		text += fmt.Sprintf("%s since %s", l.Outcome, l.Started)
	default:
		text += fmt.Sprintf("%s at %s (%s)", l.Outcome, l.Ended, shorten(l.Words, 100))
	}
	if st.Next.IsZero() {
		return text + "; never due again"
	}
	return text + "; next " + st.Next.Format(minuteForm)
}

func forWhom(onBehalfOf string) string {
	if onBehalfOf == "" {
		return ""
	}
	return " on behalf of " + onBehalfOf
}

func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-3]) + "..."
	}
	return s
}

// calendar draws the days of a period, a line per month: # complete, + partial, . never, blank today and later.
func calendar(c payout.Coverage, p payout.Period, today payout.Day) string {
	complete := c.Complete()
	touched := map[payout.Day]bool{}
	for _, d := range c.Days {
		touched[d.Day] = touched[d.Day] || d.State != payout.DayNever
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-8s 1234567890123456789012345678901\n", "")
	month := ""
	for d := p.From; d <= p.To; d++ {
		t := d.Start()
		if m := t.Format("2006-01"); m != month {
			if month != "" {
				b.WriteByte('\n')
			}
			month = m
			fmt.Fprintf(&b, "%-8s %s", m, strings.Repeat(" ", t.Day()-1))
		}
		switch {
		case d >= today:
			b.WriteByte('o')
		case complete(d):
			b.WriteByte('#')
		case touched[d]:
			b.WriteByte('+')
		default:
			b.WriteByte('.')
		}
	}
	b.WriteString("\n         # complete   + partial   . never read   o today, or later\n")
	return b.String()
}
