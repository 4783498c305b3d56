package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
	"payrecon/report"
)

// The files that demo makes in its folder; its own from an earlier time are replaced.
const (
	demoDB     = "demo.db"
	demoLedger = "demo-ledger.csv"
)

func (a *app) demoCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "The whole job on built-in data: no configuration, no network",
		Long: `Run the whole job, API to workbook, against the built-in sandbox: two thousand payouts over 45 days, a
ledger with one break of every kind planted in it, on a fixed clock. The sandbox knows how every record must
end; the result is scored against that.`,
		Example: "  payrecon demo\n  payrecon demo --out somewhere",
		Args:    a.noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), out) },
	}
	cmd.Flags().StringVar(&out, "out", "payrecon-demo", "folder for the mirror, the ledger and the workbook")
	return cmd
}

func (a *app) demo(ctx context.Context, dir string) error {
	box, err := sandbox.New(sandbox.Options{})
	if err != nil {
		return err
	}
	if err := prepareDemoFolder(dir, box); err != nil {
		return err
	}
	inner := a.demoApp(dir, box)
	n := &nightly{flags: &reconcileFlags{ledger: filepath.Join(dir, demoLedger)}}
	err = inner.write(ctx, "demo", 0, func(ctx context.Context, s *session) error { return s.nightly(ctx, ctx, n) })
	if err != nil {
		return err
	}
	var card []score
	err = inner.read(ctx, func(m *mirror.Mirror) error {
		card, err = inner.scoreRun(ctx, m, n.rec.Run, box.Key())
		return err
	})
	if err != nil {
		return err
	}
	if a.asJSON {
		r := reconciliationJSON(n.rec)
		return a.printJSON(map[string]any{"reconcile": r, "sync": n.sync, "report": newReportJSON(n.paths), "score": card})
	}
	a.printDemo(n, card)
	return perfect(card)
}

// prepareDemoFolder makes the folder, takes away what an earlier demo left, and writes the ledger.
func prepareDemoFolder(dir string, box *sandbox.Sandbox) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return payout.Errorf(payout.KindInput, "--out %s: %w", dir, err)
	}
	for _, name := range []string{demoDB, demoDB + "-wal", demoDB + "-shm", demoLedger} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
			return payout.Errorf(payout.KindInput, "--out %s: %w", dir, err)
		}
	}
	if err := report.WriteWhole(filepath.Join(dir, demoLedger), "", box.WriteLedger); err != nil {
		return payout.Errorf(payout.KindInput, "--out %s: %w", dir, err)
	}
	return nil
}

// demoApp is the program as configured for the demo: the sandbox in process instead of a network, its clock, its token.
func (a *app) demoApp(dir string, box *sandbox.Sandbox) *app {
	inner := *a
	inner.clock = func() time.Time { return sandbox.DemoNow }
	inner.transport = box.Transport()
	inner.getenv = func(name string) string {
		if name == envToken {
			return sandbox.DemoToken
		}
		return ""
	}
	cfg := defaultConfig()
	cfg.getenv = inner.getenv
	cfg.API.BaseURL = "http://localhost"
	cfg.API.Auth = auth{Token: "env:" + envToken}
	cfg.API.RateLimit = rate{}
	cfg.Database = filepath.Join(dir, demoDB)
	cfg.Report.Dir = dir
	cfg.Report.Entity = "Demo"
	inner.cfg = cfg
	return &inner
}

// printDemo is the short summary that a first-time user reads.
func (a *app) printDemo(n *nightly, card []score) {
	r, w := n.rec, a.stdout
	agreed := int64(0)
	for _, t := range r.Totals {
		if t.Outcome.Class() == payout.Agreed {
			agreed += t.Payouts
		}
	}
	fmt.Fprintf(w, "Period      %s\n", r.Period)
	fmt.Fprintf(w, "Payouts     %d in the period, %d read from the API in %d pages\n", r.PayoutsInPeriod, n.sync.Rows, n.sync.Pages)
	fmt.Fprintf(w, "Ledger      %d rows, %d entries, %d unreadable\n", r.Ledger.Rows, r.Ledger.Entries, len(r.Ledger.Rejected))
	fmt.Fprintf(w, "Agreed      %d payouts\n", agreed)
	fmt.Fprintf(w, "To look at  %d items, %d of them critical or high\n\n", r.Breaks.Total, r.Breaks.BySeverity[payout.Critical]+r.Breaks.BySeverity[payout.High])
	t := table{head: []string{"OUTCOME", "EXPECTED", "FOUND", "RIGHT", "RECALL", "PRECISION"}}
	for _, s := range card {
		t.add(s.Words, fmt.Sprint(s.Expected), fmt.Sprint(s.Found), fmt.Sprint(s.Right), s.Recall, s.Precision)
	}
	_ = t.writeText(w)
	fmt.Fprintf(w, "\n%s: %s\n(%s)\n\n", r.Conclusion.Title(), r.ConclusionWhy, payout.Caveat)
	for _, path := range n.paths {
		fmt.Fprintf(w, "Workbook    %s\n", path)
	}
}

// score compares one outcome with the sandbox's key, counted in records (payouts and ledger rows).
type score struct {
	Outcome   payout.Outcome `json:"outcome"`
	Words     string         `json:"words"`
	Expected  int            `json:"expected"`
	Found     int            `json:"found"`
	Right     int            `json:"right"`
	Recall    string         `json:"recall"`
	Precision string         `json:"precision"`
}

// verdict is where one record ended.
type verdict struct {
	outcome payout.Outcome
	cell    payout.Cell
}

// record names a payout by its id, or a ledger row by its line.
type record struct {
	payout string
	line   int
}

// scoreRun derives the run anew, with the agreed findings, and holds every record against the key.
func (a *app) scoreRun(ctx context.Context, m *mirror.Mirror, run int64, key []sandbox.Expected) ([]score, error) {
	found := map[record]verdict{}
	take := func(f *payout.Finding) {
		v := verdict{f.Outcome, f.Cell}
		for _, p := range f.Payouts {
			found[record{payout: p.ID}] = v
		}
		for _, e := range f.Entries {
			found[record{line: e.Line}] = v
		}
		for _, r := range f.Rejected {
			found[record{line: r.Line}] = v
		}
	}
	r, err := a.performAgain(ctx, m, run, func(f payout.Finding) error { take(&f); return nil })
	if err != nil {
		return nil, err
	}
	for i := range r.Explained {
		take(&r.Explained[i])
	}
	for i := range r.Items {
		if r.Items[i].State != payout.ItemCleared {
			take(&r.Items[i].Finding)
		}
	}
	return scoreCard(found, key), nil
}

func scoreCard(found map[record]verdict, key []sandbox.Expected) []score {
	cards := make([]score, len(payout.Outcomes)+1)
	seen := map[record]bool{}
	expect := func(e *sandbox.Expected, r record) {
		seen[r] = true
		got, ok := found[r]
		if ok {
			cards[got.outcome].Found++
		}
		if !e.InPeriod && !ok {
			return // not reported, as it should be
		}
		cards[e.Outcome].Expected++
		if got.outcome == e.Outcome && got.cell == e.Cell {
			cards[e.Outcome].Right++
		}
	}
	for i := range key {
		for _, id := range key[i].Payouts {
			expect(&key[i], record{payout: id})
		}
		for _, line := range key[i].Lines {
			expect(&key[i], record{line: line})
		}
	}
	for r, v := range found {
		if !seen[r] {
			cards[v.outcome].Found++ // of a record that does not exist
		}
	}
	var out []score
	for _, info := range payout.Outcomes {
		c := cards[info.Outcome]
		if c.Expected+c.Found == 0 {
			continue
		}
		c.Outcome, c.Words = info.Outcome, info.Words
		c.Recall, c.Precision = percentage(c.Right, c.Expected), percentage(c.Right, c.Found)
		out = append(out, c)
	}
	return out
}

func percentage(part, whole int) string {
	if whole == 0 {
		return "-"
	}
	if part < whole {
		return fmt.Sprintf("%d.%d%%", part*100/whole, part*1000/whole%10)
	}
	return "100%"
}

// perfect refuses a demo that does not find exactly what was planted.
func perfect(card []score) error {
	for _, s := range card {
		if s.Right != s.Expected || s.Right != s.Found {
			text, _ := json.Marshal(s)
			return fmt.Errorf("the demo did not find what was planted: %s", text)
		}
	}
	return nil
}
