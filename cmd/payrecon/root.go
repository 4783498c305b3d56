package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/lmittmann/tint"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"payrecon/internal/payout"
)

// version is set by the release script; a build from a checkout says which commit it is of.
var version = ""

// app is one invocation of the program: its streams, its clock, its global flags and what was read because of them.
type app struct {
	getenv func(string) string
	stdout io.Writer
	stderr io.Writer
	clock  func() time.Time

	transport http.RoundTripper // nil = the network; tests and demo reach the sandbox in process

	configPath string
	dbPath     string
	asJSON     bool
	verbose    bool
	quiet      bool
	deadline   time.Duration // of a command that writes, in all; 0 = none

	flags    *pflag.FlagSet // of the command that runs
	log      *slog.Logger
	cfg      *config
	recorded int64 // the run that this invocation is on record as; 0 = none
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "payrecon",
		Short: "Reconcile payouts against your ledger, every night, to the cent",
		Long: `payrecon mirrors payouts from the payouts API into a local SQLite file, ties them out
against your own ledger, and writes a workbook that explains every difference.

Start here:
  payrecon demo                 the whole job on built-in data, no configuration
  payrecon init                 write a commented payrecon.yaml
  payrecon doctor               find what is wrong with this set-up
  payrecon run                  the nightly job: sync, reconcile, report

Settings come from flags, then the environment (PAYRECON_API_URL, PAYRECON_API_TOKEN,
PAYRECON_API_BASIC, PAYRECON_DB, PAYRECON_CONFIG), then payrecon.yaml, then defaults.`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		Version:           versionText(),
		PersistentPreRunE: a.prepare,
		Args:              a.noArgs,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f := root.PersistentFlags()
	f.StringVar(&a.configPath, "config", "", "configuration file (default payrecon.yaml in the working directory, if there)")
	f.StringVar(&a.dbPath, "db", "", "SQLite mirror (default payrecon.db)")
	f.BoolVar(&a.asJSON, "json", false, "one JSON document on stdout instead of text")
	f.BoolVarP(&a.verbose, "verbose", "v", false, "log details, such as every request")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "log warnings and errors only, no progress")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return payout.Errorf(payout.KindInput, "%s: %w%s; see %q", cmd.CommandPath(), err, nearestFlag(cmd, err), cmd.CommandPath()+" --help")
	})
	root.SetUsageTemplate(root.UsageTemplate() + "\n" + exitCodesHelp + "\n")
	root.SetVersionTemplate("payrecon {{.Version}}\n")
	for _, command := range a.commands() {
		root.AddCommand(command)
	}
	return root
}

// noArgs refuses words after a command that takes none, and names the nearest command.
func (a *app) noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	cmd.SuggestionsMinimumDistance = 2
	if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
		hint = fmt.Sprintf("; did you mean %q?", s[0])
	}
	return payout.Errorf(payout.KindInput, "%s: unexpected %q%s; see %q", cmd.CommandPath(), args[0], hint, cmd.CommandPath()+" --help")
}

// exactly refuses any number of arguments but n, which it names.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return payout.Errorf(payout.KindInput, "%s: want %s; see %q", cmd.CommandPath(), what, cmd.CommandPath()+" --help")
		}
		return nil
	}
}

func nearestFlag(cmd *cobra.Command, err error) string {
	text := err.Error()
	i := strings.Index(text, "unknown flag: --")
	if i < 0 {
		return ""
	}
	name := strings.TrimSpace(text[i+len("unknown flag: --"):])
	var names []string
	visit := func(f *pflag.Flag) { names = append(names, f.Name) }
	cmd.Flags().VisitAll(visit)
	cmd.InheritedFlags().VisitAll(visit)
	if near := nearest(name, names); near != "" {
		return fmt.Sprintf(" (did you mean --%s?)", near)
	}
	return ""
}

// prepare runs before every command: the logger, nothing that can fail.
func (a *app) prepare(cmd *cobra.Command, _ []string) error {
	a.flags = cmd.Flags()
	level := slog.LevelInfo
	switch {
	case a.verbose:
		level = slog.LevelDebug
	case a.quiet:
		level = slog.LevelWarn
	}
	if f, ok := a.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		a.stderr = &screen{f: f}
	}
	if a.onTerminal() {
		a.log = slog.New(tint.NewTextHandler(a.stderr, &tint.Options{Level: level, TimeFormat: time.TimeOnly, NoColor: a.getenv("NO_COLOR") != ""}))
	} else {
		a.log = slog.New(slog.NewJSONHandler(a.stderr, &slog.HandlerOptions{Level: level, ReplaceAttr: plainLength}))
	}
	return nil
}

// plainLength writes lengths of time as people do, 1.5s, instead of as a number of nanoseconds.
func plainLength(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().Round(100 * time.Microsecond).String())
	}
	return a
}

// onTerminal reports whether a person watches stderr.
func (a *app) onTerminal() bool {
	_, ok := a.stderr.(*screen)
	return ok
}

// configuration reads the configuration once, with the flags on top.
func (a *app) configuration() (*config, error) {
	if a.cfg != nil {
		return a.cfg, nil
	}
	c, err := loadConfig(a.configPath, a.configPath != "", a.getenv)
	if err != nil {
		return nil, err
	}
	if a.dbPath != "" {
		c.Database = a.dbPath
		c.override("database", "--db")
	}
	a.cfg = c
	return c, nil
}

// printJSON writes one document to stdout.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// say writes one line of words to stderr, unless told to be quiet.
func (a *app) say(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintln(a.stderr, printableLines(fmt.Sprintf(format, args...)))
	}
}

func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return "dev-" + s.Value[:12]
			}
		}
	}
	return "dev"
}

// dayFlag reads the day in flag name; ok is false when the flag was not given.
func dayFlag(name, value string) (day payout.Day, ok bool, err error) {
	if value == "" {
		return payout.NoDay, false, nil
	}
	day, err = payout.ParseDay(value)
	if err != nil {
		return payout.NoDay, false, payout.Errorf(payout.KindInput, "--%s: %w", name, err)
	}
	return day, true, nil
}

// rangeFlags reads --from and --to, which come together or not at all.
func rangeFlags(from, to string) (p payout.Period, given bool, err error) {
	p.From, given, err = dayFlag("from", from)
	if err != nil {
		return p, false, err
	}
	var hasTo bool
	p.To, hasTo, err = dayFlag("to", to)
	switch {
	case err != nil:
		return p, false, err
	case given != hasTo:
		return p, false, payout.Errorf(payout.KindInput, "--from and --to go together: give both, as YYYY-MM-DD")
	case given && p.From > p.To:
		return p, false, payout.Errorf(payout.KindInput, "--from %s is after --to %s: swap them", p.From, p.To)
	}
	return p, given, nil
}
