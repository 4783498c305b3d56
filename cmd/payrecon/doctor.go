package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"payrecon/internal/mirror"
)

// level says how a check ended.
type level string

const (
	levelOK   level = "ok"
	levelWarn level = "warn"
	levelFail level = "fail"
)

// check is one line of doctor's page: what was looked at, how it is, and what to do when it is not well.
type check struct {
	Name  string `json:"name"`
	Level level  `json:"level"`
	Says  string `json:"says"`
	Do    string `json:"do,omitempty"`
	err   error  // of a failed check: it decides the exit code
}

func ok(name, format string, args ...any) check {
	return check{Name: name, Level: levelOK, Says: fmt.Sprintf(format, args...)}
}

func warn(name, do, format string, args ...any) check {
	return check{Name: name, Level: levelWarn, Says: fmt.Sprintf(format, args...), Do: do}
}

func fail(name, do string, err error) check {
	return check{Name: name, Level: levelFail, Says: strings.TrimSpace(err.Error()), Do: do, err: err}
}

// diagnosis is the whole page, and the answer of doctor --json.
type diagnosis struct {
	Level         level         `json:"level"` // the worst of all
	Checks        []check       `json:"checks"`
	Configuration []configValue `json:"configuration"`
}

func (d *diagnosis) add(checks ...check) {
	for _, c := range checks {
		if d.Level == "" || c.Level == levelFail || c.Level == levelWarn && d.Level == levelOK {
			d.Level = c.Level
		}
		d.Checks = append(d.Checks, c)
	}
}

func (a *app) doctorCommand() *cobra.Command {
	var notify bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find what is wrong with this set-up",
		Long: `Look at everything that a night needs, and say of each thing whether it is well and what to do if not:
configuration and where each value comes from, secrets, the API and its clock, the database, coverage, the
ledger, folders and disk space, schedules, notifications.

Nothing is changed. The API is asked for one row.`,
		Example: "  payrecon doctor\n  payrecon doctor --notify       send a test through every notification\n  payrecon doctor -v             show the defaults as well",
		Args:    a.noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := a.diagnose(cmd.Context(), notify)
			if a.asJSON {
				return errors.Join(a.printJSON(d), d.verdict())
			}
			a.printDiagnosis(d)
			return d.verdict()
		},
	}
	cmd.Flags().BoolVar(&notify, "notify", false, "try the notifications: a test message to everybody who is named")
	return cmd
}

// verdict is nil when nothing failed, else an error with the exit code of the most important failure.
func (d *diagnosis) verdict() error {
	var failures []error
	var names []string
	for _, c := range d.Checks {
		if c.Level == levelFail {
			failures, names = append(failures, c.err), append(names, c.Name)
		}
	}
	names = slices.Compact(names)
	if len(failures) == 0 {
		return nil
	}
	return &outcomeError{exitCode(worst(failures...)), fmt.Errorf("doctor: not well: %s", strings.Join(names, ", "))}
}

// diagnose makes all checks, in the order in which a new set-up meets the things that are checked.
func (a *app) diagnose(ctx context.Context, notify bool) *diagnosis {
	d := &diagnosis{Checks: []check{}, Configuration: []configValue{}}
	cfg, err := a.configuration()
	if err != nil {
		d.add(fail("configuration", "mend the file; `payrecon init --config other.yaml` writes one with every key explained", err))
		return d
	}
	d.Configuration = cfg.values()
	d.add(checkConfiguration(cfg)...)
	d.add(checkSecrets(cfg)...)
	d.add(a.checkAPI(ctx)...)
	d.add(checkDisk("database", cfg.Database)...)
	m := a.checkDatabase(ctx, cfg, d)
	if m != nil {
		defer m.Close()
		d.add(a.checkMirror(ctx, cfg, m)...)
	}
	d.add(a.checkLedger(ctx, cfg)...)
	d.add(checkWritable("reports", cfg.Report.Dir))
	if dir := cfg.evidenceDir(); dir != "" {
		d.add(checkWritable("evidence", dir))
	}
	if file := cfg.Metrics.Textfile; file != "" {
		d.add(checkTextfile(file))
	}
	d.add(a.checkSchedules(ctx, cfg, m)...)
	d.add(a.checkNotifications(ctx, cfg, m, notify)...)
	return d
}

// checkDatabase opens the mirror for reading; nil when it cannot be read or is not there yet.
func (a *app) checkDatabase(ctx context.Context, cfg *config, d *diagnosis) *mirror.Mirror {
	info, err := os.Stat(cfg.Database)
	if errors.Is(err, os.ErrNotExist) {
		d.add(warn("database", "run `payrecon backfill --from DATE --to DATE`, or `payrecon sync`, which begins 45 days back", "%s is not there yet", cfg.Database))
		return nil
	}
	m, err := mirror.OpenReadOnly(ctx, cfg.Database)
	if err != nil {
		d.add(fail("database", "name the mirror with database or --db; `payrecon sync` brings an older one up to date", err))
		return nil
	}
	if err := m.Integrity(ctx); err != nil {
		d.add(fail("database", "restore the last backup, then run `payrecon sync`", err))
		return m
	}
	d.add(ok("database", "%s is whole (%s)", cfg.Database, sizeText(info.Size())))
	if open := info.Mode().Perm() & 0o077; open != 0 {
		d.add(warn("database", "chmod 600 "+cfg.Database, "others than its owner can read or write %s (mode %04o)", cfg.Database, info.Mode().Perm()))
	}
	return m
}

// printDiagnosis prints the page for a person.
func (a *app) printDiagnosis(d *diagnosis) {
	w := a.stdout
	fmt.Fprintln(w, "Configuration")
	shown := 0
	t := table{head: []string{"  KEY", "VALUE", "FROM"}}
	for _, v := range d.Configuration {
		if a.verbose || v.Origin != "default" {
			t.add("  "+v.Key, shorten(v.Value, 60), v.Origin)
			shown++
		}
	}
	if shown > 0 {
		_ = t.writeText(w)
	} else {
		fmt.Fprintln(w, "  nothing but defaults")
	}
	fmt.Fprintln(w)
	for _, c := range d.Checks {
		fmt.Fprintf(w, "%-4s  %-14s %s\n", c.Level, c.Name, printable(c.Says))
		if c.Do != "" {
			fmt.Fprintf(w, "%21s-> %s\n", "", printable(c.Do))
		}
	}
	fmt.Fprintln(w)
	switch d.Level {
	case levelOK:
		fmt.Fprintln(w, "All is well.")
	case levelWarn:
		fmt.Fprintln(w, "It works; look at the warnings.")
	default:
		fmt.Fprintln(w, "Something must be mended before the next night.")
	}
}

func sizeText(bytes int64) string {
	switch {
	case bytes >= 10<<30:
		return fmt.Sprintf("%d GB", bytes>>30)
	case bytes >= 10<<20:
		return fmt.Sprintf("%d MB", bytes>>20)
	}
	return fmt.Sprintf("%d KB", (bytes+1023)>>10)
}
