package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	"payrecon/report"
	"payrecon/report/xlsx"
)

// reportFlags is what `report` is asked for.
type reportFlags struct {
	run      int64
	from, to string
	out      string
	matched  bool
	unmask   bool
	formats  []string
}

func (a *app) reportCommand() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Write the workbook of a run, or of the mirror alone",
		Long: `Write the workbook of the latest reconciliation, or of --run N. With --from and --to, or when nothing has
been reconciled yet: a status report from the mirror alone.`,
		Example: `  payrecon report
  payrecon report --run 12 --out march.xlsx --matched
  payrecon report --from 2026-03-01 --to 2026-03-31
  payrecon report --format csv --out march-csv`,
		Args: a.noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.read(cmd.Context(), func(m *mirror.Mirror) error {
				paths, err := a.report(cmd.Context(), m, &f)
				if err != nil {
					return err
				}
				if a.asJSON {
					return a.printJSON(newReportJSON(paths))
				}
				for _, path := range paths {
					fmt.Fprintln(a.stdout, path)
				}
				return nil
			})
		},
	}
	fl := cmd.Flags()
	fl.Int64Var(&f.run, "run", 0, "the run to report (default: the latest that reconciled)")
	fl.StringVar(&f.from, "from", "", "first day of a report from the mirror alone")
	fl.StringVar(&f.to, "to", "", "last day of it")
	fl.StringVar(&f.out, "out", "", "workbook, or folder for --format csv (default: a name that explains itself, in report.dir)")
	fl.BoolVar(&f.matched, "matched", false, "all agreed records, however many (they are derived anew and checked)")
	fl.BoolVar(&f.unmask, "unmask", false, "show account numbers in full")
	fl.StringSliceVar(&f.formats, "format", nil, "xlsx, csv or both (default report.format)")
	return cmd
}

// reportJSON is the answer of report --json, and the report member of run --json.
type reportJSON struct {
	Path  string   `json:"path"`
	Paths []string `json:"paths"`
}

func newReportJSON(paths []string) reportJSON {
	r := reportJSON{Paths: orEmpty(paths)}
	if len(paths) > 0 {
		r.Path = paths[0]
	}
	return r
}

// report decides what is reported, and writes it.
func (a *app) report(ctx context.Context, m *mirror.Mirror, f *reportFlags) ([]string, error) {
	cfg, err := a.configuration()
	if err != nil {
		return nil, err
	}
	p, given, err := rangeFlags(f.from, f.to)
	switch {
	case err != nil:
		return nil, err
	case given && f.run != 0:
		return nil, payout.Errorf(payout.KindInput, "--run and --from, --to exclude each other: a run has its own period")
	}
	if len(f.formats) == 0 {
		f.formats = cfg.Report.Format
	}
	for _, format := range f.formats {
		if err := checkFormat(format, "xlsx", "csv"); err != nil {
			return nil, err
		}
	}
	b := &bookRequest{reportFlags: f, period: p}
	if !given {
		b.rec, _, err = m.Reconciliation(ctx, f.run)
		if payout.KindOf(err) == payout.KindNotFound && f.run == 0 {
			b.period, err = a.period("", "")
			b.why = "nothing has been reconciled yet"
		}
		if err != nil {
			return nil, err
		}
	} else if b.period, err = a.period(f.from, f.to); err != nil {
		return nil, err
	} else {
		b.why = "this report is from the mirror alone, as asked for"
	}
	return a.writeBook(ctx, m, b)
}

// bookRequest is one report to write.
type bookRequest struct {
	*reportFlags
	period payout.Period
	rec    *payout.Reconciliation // nil: the mirror alone
	why    string                 // why the mirror alone
	run    payout.Run             // of a report without a reconciliation
}

// publish writes the workbook of a nightly run.
func (s *session) publish(ctx context.Context, n *nightly) error {
	f := &reportFlags{out: n.out, formats: s.cfg.Report.Format}
	b := &bookRequest{reportFlags: f, period: n.period, rec: n.rec, run: s.run}
	if n.rec == nil {
		b.why = "the ledger could not be read, so nothing was reconciled"
	}
	paths, err := s.writeBook(ctx, s.m, b)
	n.paths = paths
	return err
}

// writeBook gathers the facts, builds the book and writes it in every format asked for.
func (a *app) writeBook(ctx context.Context, m *mirror.Mirror, b *bookRequest) ([]string, error) {
	facts, err := a.facts(ctx, m, b)
	if err != nil {
		return nil, err
	}
	o := a.bookOptions(b, facts.Run)
	if b.rec != nil {
		if err := showDecisions(ctx, m, b.rec); err != nil {
			return nil, err
		}
		var missing string
		if o.Matched, missing, err = a.matchedRows(ctx, m, b); err != nil {
			return nil, err
		}
		if missing != "" {
			o.Warnings = append(o.Warnings, missing)
		}
	}
	book, err := report.Build(facts, b.rec, o)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, format := range b.formats {
		path, err := a.bookPath(b, book, format)
		if err != nil {
			return paths, err
		}
		bar := a.newProgress("report " + format)
		show := func(done, total int) { bar.show(done, total, "rows") }
		if format == "csv" {
			err = report.WriteCSV(ctx, path, book, show)
		} else {
			err = xlsx.Write(ctx, path, book, xlsx.Options{Progress: show})
		}
		bar.done()
		if err != nil {
			return paths, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// showDecisions puts what people decided since the run onto its items, where no later run has looked at them.
func showDecisions(ctx context.Context, m *mirror.Mirror, r *payout.Reconciliation) error {
	now, _, err := m.Items(ctx)
	if err != nil {
		return err
	}
	byID := make(map[int64]*payout.Item, len(now))
	for i := range now {
		byID[now[i].ID] = &now[i]
	}
	for i := range r.Items {
		then := &r.Items[i]
		if it := byID[then.ID]; it != nil && it.LastRun == then.LastRun {
			then.Disposition, then.Due, then.Owner, then.Note = it.Disposition, it.Due, it.Owner, it.Note
		}
	}
	return nil
}

// bookPath decides where a report goes, and makes the report folder.
func (a *app) bookPath(b *bookRequest, book *report.Book, format string) (string, error) {
	extension := "." + format
	if format == "csv" {
		extension = ""
	}
	if b.out == "" {
		if err := os.MkdirAll(a.cfg.Report.Dir, 0o700); err != nil {
			return "", payout.Errorf(payout.KindInput, "report.dir %s: %w", a.cfg.Report.Dir, err)
		}
		return filepath.Join(a.cfg.Report.Dir, report.FileName(book, b.rec != nil, extension)), nil
	}
	path := b.out
	if len(b.formats) > 1 {
		path = strings.TrimSuffix(b.out, ".xlsx") + extension
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() && format == "xlsx" {
		return "", payout.Errorf(payout.KindInput, "--out %s: is a directory; name a file, such as %s", path, filepath.Join(path, "report.xlsx"))
	}
	return path, nil
}

// facts reads what the mirror alone says about the book's period, as it was known to the run.
func (a *app) facts(ctx context.Context, m *mirror.Mirror, b *bookRequest) (*payout.Facts, error) {
	s := &session{app: a, cfg: a.cfg, m: m}
	q := mirror.FactsQuery{Period: b.period, AsOf: payout.MillisOf(a.clock()), OnBehalfOf: s.onBehalfOf(), Run: b.run.ID}
	if b.rec != nil {
		q.Period, q.AsOf, q.Sequence, q.Run = b.rec.Period, b.rec.AsOf, b.rec.Sequence, b.rec.Run
	}
	var err error
	if q.Previous, err = m.PreviousRun(ctx, q.Run); err != nil {
		return nil, err
	}
	facts, err := m.Facts(ctx, q)
	if err != nil {
		return nil, err
	}
	facts.Entity = a.cfg.Report.Entity
	return facts, nil
}

// bookOptions are the parts of a report that come from the configuration.
func (a *app) bookOptions(b *bookRequest, run payout.Run) report.Options {
	inForce := a.cfg
	if b.rec != nil { // a run's report shows what the run was told, not what is configured by now
		then := defaultConfig()
		if err := decodeConfig(then, "the configuration of the run", []byte(run.Config)); err == nil {
			inForce = then
		}
	}
	config := inForce.effective()
	sum := sha256.Sum256([]byte(config))
	o := report.Options{
		Unmask: b.unmask || a.cfg.Report.Unmask, MatchedMax: a.cfg.Report.MatchedMax, Generated: payout.MillisOf(a.clock()), Version: versionText(),
		Config: config, ConfigHash: hex.EncodeToString(sum[:]), Settings: inForce.settings(), NoLedger: b.why, Command: "payrecon report",
	}
	if b.matched {
		o.MatchedMax = 0
	}
	if b.rec != nil {
		o.Command = "payrecon " + run.Command
		o.Warnings = slices.Clone(b.rec.Warnings)
		where := a.whereFlags()
		o.PerformAgain = []string{
			fmt.Sprintf("payrecon reconcile --again %d%s", b.rec.Run, where),
			fmt.Sprintf("payrecon report --run %d --matched%s", b.rec.Run, where),
		}
	}
	return o
}

// whereFlags are what a command needs to find this configuration and this mirror again, in the words of a shell; "" where
// both lie where payrecon looks by itself.
func (a *app) whereFlags() (flags string) {
	if a.cfg.path != "" && a.cfg.path != defaultConfigPath {
		flags += " --config " + shellWord(a.cfg.path)
	}
	if a.dbPath != "" || a.cfg.Database != defaultConfig().Database {
		flags += " --db " + shellWord(a.cfg.Database)
	}
	return flags
}

// shellWord quotes a path that a shell would take apart.
func shellWord(path string) string {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("/._-:+,@%", r)
	}
	if strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// matchedRows derives the run's agreed findings anew, which also checks the stored totals. A run that cannot be performed
// again has no such sheet, unless it was asked for.
func (a *app) matchedRows(ctx context.Context, m *mirror.Mirror, b *bookRequest) (rows iter.Seq2[payout.Finding, error], missing string, err error) {
	count := int64(0)
	for _, t := range b.rec.Totals {
		if t.Outcome.Class() == payout.Agreed {
			count += max(t.Payouts, t.Entries)
		}
	}
	if b.matched || count > int64(a.cfg.Report.MatchedMax) { // too many to hold: each use performs the run again
		return a.again(ctx, m, b.rec.Run), "", nil
	}
	var found []payout.Finding
	_, err = a.performAgain(ctx, m, b.rec.Run, func(f payout.Finding) error {
		found = append(found, f)
		return nil
	})
	if payout.KindOf(err) == payout.KindInput {
		a.log.Warn("no sheet of agreed records", "why", err.Error())
		return nil, "There is no sheet of agreed records: " + err.Error(), nil
	}
	if err != nil {
		return nil, "", err
	}
	return func(yield func(payout.Finding, error) bool) {
		for _, f := range found {
			if !yield(f, nil) {
				return
			}
		}
	}, "", nil
}

var errEnough = errors.New("enough")

// again streams the agreed findings of a run, however many: each use performs the run again.
func (a *app) again(ctx context.Context, m *mirror.Mirror, run int64) iter.Seq2[payout.Finding, error] {
	return func(yield func(payout.Finding, error) bool) {
		_, err := a.performAgain(ctx, m, run, func(f payout.Finding) error {
			if !yield(f, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(payout.Finding{}, err)
		}
	}
}

// settings lists the thresholds and rules in force, for the guide.
func (c *config) settings() []report.Setting {
	meaning := map[string]string{
		"reconcile.match_window":     "records of one reference further apart do not belong together",
		"reconcile.grace.ledger":     "how long the ledger may lag behind a payout before it counts",
		"reconcile.grace.provider":   "how long a payout may lag behind its ledger entry before it counts",
		"reconcile.stuck_after":      "from this age on a payout in flight is overdue",
		"reconcile.tolerance":        "differences up to this agree",
		"reconcile.materiality":      "exposure from which an item is one step more severe, and open breaks count",
		"reconcile.trivial":          "exposure below which an item is of low severity",
		"reconcile.case_insensitive": "whether references match in any letter case",
		"ledger.timezone":            "zone of the ledger's days",
		"sync.lookback":              "days asked for again every night",
	}
	var out []report.Setting
	for _, v := range c.values() {
		for _, prefix := range sortedKeys(meaning) {
			if v.Key == prefix || strings.HasPrefix(v.Key, prefix+".") {
				out = append(out, report.Setting{Name: v.Key, Value: v.Value, Meaning: meaning[prefix]})
			}
		}
	}
	return out
}

// mergeDays joins two lists of days, each once, in order.
func mergeDays(a, b []payout.Day) []payout.Day {
	all := append(append([]payout.Day{}, a...), b...)
	slices.Sort(all)
	return slices.Compact(all)
}
