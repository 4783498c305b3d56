package sandbox

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

var _ pflag.Value = (*Flag)(nil)

func TestFlagsReachEveryOption(t *testing.T) {
	var o, before Options
	before.Flags() // fills in the same defaults
	values := map[string]string{"number": "3", "duration": "5s", "bool": "true", "string": "word", "list": "a,b"}
	names := map[string]bool{}
	for _, f := range o.Flags() {
		if names[f.Name] || f.Help == "" || f.Group == "" {
			t.Errorf("flag %q is there twice, or has no help or group", f.Name)
		}
		names[f.Name] = true
		if err := f.Set(f.String()); err != nil && f.Type() != "list" {
			t.Errorf("--%s does not take its own default %q: %v", f.Name, f.String(), err)
		}
		value := values[f.Type()]
		if f.Type() == "word" {
			words := choices[f.Name]
			value = words[len(words)-1]
		}
		if err := f.Set(value); err != nil || f.String() != value {
			t.Errorf("--%s=%s: %q, %v", f.Name, value, f.String(), err)
		}
		if f.Type() == "string" || f.Type() == "list" {
			continue
		}
		if err := f.Set("what"); err == nil || !strings.Contains(err.Error(), "what") {
			t.Errorf("--%s=what: %v; want an error that names the value", f.Name, err)
		}
	}
	for _, c := range []struct{ changed, old reflect.Value }{
		{reflect.ValueOf(o), reflect.ValueOf(before)}, {reflect.ValueOf(o.Faults), reflect.ValueOf(before.Faults)},
	} {
		for i := range c.changed.NumField() {
			field := c.changed.Type().Field(i)
			if field.Name == "Now" || field.Name == "Keys" || field.Name == "Faults" {
				continue // --now and --public-key read more than a word; faults have their own turn
			}
			if reflect.DeepEqual(c.changed.Field(i).Interface(), c.old.Field(i).Interface()) {
				t.Errorf("no flag reaches %s.%s", c.changed.Type().Name(), field.Name)
			}
		}
	}
}

func TestFlagsBindToACommandLine(t *testing.T) {
	var o Options
	set := pflag.NewFlagSet("sandbox", pflag.ContinueOnError)
	for _, f := range o.Flags() {
		set.Var(f, f.Name, f.Help)
		set.Lookup(f.Name).NoOptDefVal = f.Bare
	}
	if err := set.Parse([]string{"--payouts=50", "--errors", "4", "--forbid", "--latency", "20ms", "--currencies", "EUR,KWD", "--end-date", "midnight"}); err != nil {
		t.Fatal(err)
	}
	if o.Payouts != 50 || o.Faults.Errors != 4 || !o.Faults.Forbid || o.Faults.Latency != 20*time.Millisecond || len(o.Currencies) != 2 || o.Faults.EndDate != "midnight" {
		t.Errorf("options %+v", o)
	}
	if set.NArg() > 0 { // a bare --forbid must not take the next word
		t.Errorf("left over: %v", set.Args())
	}
	for name, want := range map[string]string{"end-date": "word  day", "latency": "duration  0s", "payouts": "number  2000", "forbid": "  false", "currencies": "list  "} {
		f := set.Lookup(name)
		if kind, _ := pflag.UnquoteUsage(f); kind+"  "+f.DefValue != want {
			t.Errorf("--%s: %q, want %q", name, kind+"  "+f.DefValue, want)
		}
	}
	for _, bad := range []string{"--payouts=many", "--latency=soon", "--forbid=perhaps", "--errors"} {
		if err := set.Parse([]string{bad}); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	for want, o := range map[string]Options{
		"too many":          {Payouts: 1 << 30},
		"days of history":   {Days: -1},
		"days of future":    {FutureDays: -1},
		"need at least":     {Payouts: 100, Breaks: 5},
		"ISO 4217":          {Currencies: []string{"XYZ1"}},
		"must differ":       {OnBehalfOf: []string{"a", "a"}},
		"want one of":       {Faults: Faults{Cursor: "sideways"}},
		"one in -1":         {Faults: Faults{Errors: -1}},
		"positive duration": {Faults: Faults{Latency: -1}},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New(%+v): %v; want an error with %q", o, err, want)
		}
	}
}

func TestNoPayoutsAtAll(t *testing.T) {
	var o Options
	for _, f := range o.Flags() {
		if f.Name == "payouts" {
			if err := f.Set("0"); err != nil || f.String() != "0" {
				t.Errorf("--payouts=0: %q, %v", f, err)
			}
		}
	}
	if s := newSandbox(t, o); len(s.Truth()) != 0 || s.Options().Payouts != 0 {
		t.Errorf("--payouts=0 made %d payouts", len(s.Truth()))
	}
}

// TestReadmeListsEveryFlag: the table of options is what Flags says, line by line.
func TestReadmeListsEveryFlag(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var o Options
	for _, f := range o.Flags() {
		if line := readmeLine(f); !strings.Contains(string(text), line) {
			t.Errorf("README.md has no line\n%s", line)
		}
	}
	_, table, _ := strings.Cut(string(text), "### "+GroupData) // what stands before is the command's, and looked at there
	if rows := strings.Count(table, "\n| `--"); rows != len(o.Flags()) {
		t.Errorf("README.md lists %d flags, want %d", rows, len(o.Flags()))
	}
}

func readmeLine(f *Flag) string {
	return fmt.Sprintf("| `--%s` | %s | %s |\n", f.Name, strings.ReplaceAll("`"+f.String()+"`", "``", ""), f.Help)
}
