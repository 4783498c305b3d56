package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payrecon/internal/payout"
)

func envOf(pairs ...string) func(string) string {
	env := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		env[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return env[name] }
}

// loadText loads text as the file payrecon.yaml of a fresh working directory.
func loadText(t *testing.T, text string, env ...string) (*config, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("payrecon.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return loadConfig("", false, envOf(env...))
}

func TestConfigWithoutFile(t *testing.T) {
	t.Chdir(t.TempDir())
	c, err := loadConfig("", false, envOf(envURL, "http://127.0.0.1:8099", envToken, "s3cret", envDB, "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	if c.API.BaseURL != "http://127.0.0.1:8099" || c.Database != "x.db" || c.API.Auth.Token != "env:PAYRECON_API_TOKEN" {
		t.Errorf("got %+v", c.API)
	}
	token, err := c.secretLine("api.auth.token", c.API.Auth.Token)
	if err != nil || token != "s3cret" {
		t.Errorf("token: got %q, %v", token, err)
	}
	if strings.Contains(c.effective(), "s3cret") {
		t.Error("the effective configuration shows the token")
	}
	if got, want := c.place("database"), "environment PAYRECON_DB: database"; got != want {
		t.Errorf("place: got %q, want %q", got, want)
	}
}

const wholeConfig = `
api:
  base_url: https://api.example.com
  auth: {token: env:MY_TOKEN}
  on_behalf_of: ["", m:1]
  rate_limit: 300/m
  timeout: 45s
  allow_initiate: true
database: data/p.db
sync: {lookback: 9d, workers: 2, settle: 20m, start: 2026-01-05}
ledger:
  path: "exports/ledger-*.csv"
  take: all
  max_age: 2d
  columns: {ref_id: Reference, amount: 3, currency: Currency, status: State, date: Booked, on_behalf_of: no}
  statuses: {paid: [GEBUCHT], failed: RETOUR}
  filter: {Type: [PAYOUT], Batch: {not: [TEST]}, Amount: {sign: positive}, Kind: P}
  encoding: windows-1252
  delimiter: semicolon
  decimal: ","
  thousands: .
  sign: negative
  date_format: DD.MM.YYYY
  timezone: Europe/Berlin
  currency: NOK
  covers: {from: 2026-01-01, to: 2026-01-31}
  control: {rows: 2, sums: {GBP: 40.10}}
  allow_empty: true
reconcile:
  period: month-to-date
  match_window: 5d
  grace: {ledger: 2bd, provider: 24h}
  stuck_after: 3d
  tolerance: {EUR: 0.10}
  materiality: {EUR: "1000"}
  holidays: [2026-12-25]
  case_insensitive: true
  min_overlap: 40%
  confirm_max: 10
report: {dir: out, entity: Example Ltd, unmask: true, format: [xlsx, csv], matched_max: 5}
schedules:
  - {name: nightly, cron: "30 2 * * *", timezone: Europe/London, run: run --fail-on high, catch_up: false, timeout: 2h, jitter: 5m}
notify:
  on: [failure]
  severity: critical
  webhook: file:/run/hook
  heartbeat: cred:beat
  email: {host: mail.example.com, port: 25, from: a@example.com, to: b@example.com, attach: false}
metrics: {textfile: run/payrecon.prom}
`

func TestConfigReadsEveryKey(t *testing.T) {
	c, err := loadText(t, wholeConfig)
	if err != nil {
		t.Fatal(err)
	}
	no, rows := false, 2
	day := func(s string) payout.Day { d, _ := payout.ParseDay(s); return d }
	want := &config{
		API:      apiConfig{"https://api.example.com", auth{Token: "env:MY_TOKEN"}, []string{"", "m:1"}, rate{300, time.Minute}, duration(45 * time.Second), true},
		Database: "data/p.db",
		Sync:     syncConfig{9, 2, duration(20 * time.Minute), day("2026-01-05")},
		Ledger: ledgerConfig{
			Path: "exports/ledger-*.csv", Take: "all", MaxAge: duration(48 * time.Hour),
			Columns:  ledgerColumns{RefID: "Reference", Amount: "3", Currency: "Currency", Status: "State", Date: "Booked", OnBehalfOf: "no"},
			Statuses: ledgerStatuses{Paid: []string{"GEBUCHT"}, Failed: []string{"RETOUR"}},
			Filter: map[string]filterRule{
				"Type": {In: []string{"PAYOUT"}}, "Batch": {Not: []string{"TEST"}}, "Amount": {Sign: "positive"}, "Kind": {In: []string{"P"}},
			},
			Encoding: "windows-1252", Delimiter: ";", Decimal: ",", Thousands: ".", Sign: "negative", DateFormat: "DD.MM.YYYY",
			Timezone: "Europe/Berlin", Currency: "NOK", Covers: dateRange{day("2026-01-01"), day("2026-01-31")},
			Control: control{&rows, amounts{"GBP": 401_000}}, AllowEmpty: true,
		},
		Reconcile: reconcileConfig{
			"month-to-date", 5,
			grace{"2bd", "24h"},
			"3d",
			amounts{"EUR": 1000},
			amounts{"EUR": 10_000_000},
			amounts{},
			[]payout.Day{day("2026-12-25")},
			true, 40, 10,
		},
		Report: reportConfig{"out", "Example Ltd", true, []string{"xlsx", "csv"}, 5},
		Schedules: []jobConfig{{
			"nightly", "30 2 * * *", "Europe/London",
			words{"run", "--fail-on", "high"},
			&no,
			duration(2 * time.Hour), duration(5 * time.Minute),
		}},
		Notify: notifyConfig{
			[]string{"failure"},
			"critical", "file:/run/hook",
			emailConfig{Host: "mail.example.com", Port: 25, From: "a@example.com", To: []string{"b@example.com"}, Attach: &no},
			"cred:beat",
		},
		Metrics: metricsConfig{Textfile: "run/payrecon.prom"},
	}
	ignore := cmp.FilterPath(func(p cmp.Path) bool {
		name := p.Last().String()
		return name == ".path" || name == ".getenv" || name == ".origins"
	}, cmp.Ignore())
	if diff := cmp.Diff(want, c, ignore, cmp.AllowUnexported(config{}, rate{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// What is shown can be read back and means the same.
func TestConfigEffectiveRoundTrip(t *testing.T) {
	for name, text := range map[string]string{"whole": wholeConfig, "defaults": "", "template": configTemplate} {
		t.Run(name, func(t *testing.T) {
			c, err := loadText(t, text)
			if err != nil {
				t.Fatal(err)
			}
			shown := c.effective()
			again, err := loadText(t, shown)
			if err != nil {
				t.Fatalf("%v\n%s", err, shown)
			}
			if got := again.effective(); got != shown {
				t.Errorf("shown again:\n%s\nwant\n%s", got, shown)
			}
			again.origins, c.origins, again.getenv, c.getenv, again.path, c.path = nil, nil, nil, nil, "", ""
			if name != "whole" && !reflect.DeepEqual(again.Ledger, c.Ledger) {
				t.Errorf("got %+v, want %+v", again.Ledger, c.Ledger)
			}
			if diff := cmp.Diff(c, again, cmp.AllowUnexported(config{}, rate{})); diff != "" && name == "whole" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestConfigErrors(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"unknown key", "ledger:\n  colums: {}\n", `payrecon.yaml:2: unknown key "ledger.colums"; did you mean "columns"? (known here: path, take,`},
		{"unknown top key", "databse: x", `payrecon.yaml:1: unknown key "databse"; did you mean "database"?`},
		{"unknown key, no near one", "zzzzzzzzzz: x", `payrecon.yaml:1: unknown key "zzzzzzzzzz" (known here: api,`},
		{"key in a list", "schedules:\n- name: a\n  corn: x\n", `payrecon.yaml:3: unknown key "schedules[0].corn"; did you mean "cron"?`},
		{"duplicate key", "database: a\ndatabase: b\n", `payrecon.yaml:2: not valid YAML: mapping key "database" already defined`},
		{"syntax", "api: {\n", `payrecon.yaml:1: not valid YAML`},
		{"tab", "api:\n\tbase_url: x\n", `payrecon.yaml:2: not valid YAML`},
		{"two documents", "database: a\n---\ndatabase: b\n", `payrecon.yaml:3: a second document`},
		{"not a mapping", "- a\n", `payrecon.yaml:1: want keys with values (api, database,`},
		{"anchor", "report: &r {dir: x}\n", `payrecon.yaml:1: report: anchors, aliases and tags are not read`},
		{"duration", "api:\n  timeout: soon\n", `payrecon.yaml:2: api.timeout: "soon" is not a length of time (want a number and a unit, such as 30s`},
		{"lookback of no day", "sync: {lookback: 0d}\n", `payrecon.yaml:1: sync.lookback: 0d is too short: every night walks at least yesterday again (want 1d to 3660d)`},
		{"nothing settles", "sync: {settle: 0s}\n", `payrecon.yaml:1: sync.settle: must be longer than 0s`},
		{"rate", "api: {rate_limit: fast}\n", `payrecon.yaml:1: api.rate_limit: "fast" is not a rate`},
		{"span", "reconcile:\n  grace:\n    ledger: 1 week\n", `payrecon.yaml:3: reconcile.grace.ledger: "1 week" is not a length of time (want such as 24h, 3d or 2bd)`},
		{"amount", "reconcile: {tolerance: {EUR: 0.00001}}\n", `payrecon.yaml:1: reconcile.tolerance.EUR: not an amount: "0.00001"`},
		{"negative amount", "reconcile: {trivial: {EUR: -1}}\n", `payrecon.yaml:1: reconcile.trivial.EUR: must not be negative`},
		{"currency", "reconcile: {tolerance: {euro: 1}}\n", `payrecon.yaml:1: reconcile.tolerance.euro: "euro" is not a currency`},
		{"choice", "ledger: {take: newst}\n", `payrecon.yaml:1: ledger.take: "newst" is not known here; did you mean "newest"? (want newest or all)`},
		{"choice in a list", "notify:\n  on: [failure, brakes]\n", `payrecon.yaml:2: notify.on[1]: "brakes" is not known here; did you mean "breaks"?`},
		{"bool", "report: {unmask: yes}\n", `payrecon.yaml:1: report.unmask: "yes" is neither true nor false`},
		{"int", "sync: {workers: four}\n", `payrecon.yaml:1: sync.workers: "four" is not a whole number`},
		{"range", "sync:\n  workers: 0\n", `payrecon.yaml:2: sync.workers: 0 is out of range`},
		{"date", "reconcile: {holidays: [2026-02-30]}\n", `payrecon.yaml:1: reconcile.holidays[0]: "2026-02-30" is not a date`},
		{"zone", "ledger: {timezone: Berlin}\n", `payrecon.yaml:1: ledger.timezone: "Berlin" is not a time zone`},
		{"period", "reconcile: {period: last-0d}\n", `payrecon.yaml:1: reconcile.period: "last-0d" is not a period`},
		{"list for a value", "database: [a]\n", `payrecon.yaml:1: database: want a single value here`},
		{"value for keys", "api: here\n", `payrecon.yaml:1: api: want keys with values (base_url,`},
		{"covers half", "ledger: {covers: {from: 2026-01-01}}\n", `payrecon.yaml:1: ledger.covers: needs both from and to`},
		{"covers order", "ledger: {covers: {from: 2026-01-02, to: 2026-01-01}}\n", `payrecon.yaml:1: ledger.covers: from 2026-01-02 is after to 2026-01-01`},
		{"marks", "ledger: {decimal: '.', thousands: '.'}\n", `payrecon.yaml:1: ledger.thousands: "." is the decimal mark as well`},
		{"two credentials", "api:\n  auth: {token: env:A, basic: env:B}\n", `payrecon.yaml:2: api.auth: token, basic and key exclude each other`},
		{"half a key", "api:\n  auth: {key: {member_id: m}}\n", `payrecon.yaml:2: api.auth.key: needs member_id, key_id and file`},
		{"url with password", "api: {base_url: 'https://u:hush@example.com'}\n", `payrecon.yaml:1: api.base_url: must be an address alone`},
		{"url", "api: {base_url: api.example.com}\n", `payrecon.yaml:1: api.base_url: is not the address of an API`},
		{"white space before an id", "api:\n  on_behalf_of:\n  - subB\n  - ' subA'\n", `payrecon.yaml:4: api.on_behalf_of[1]: " subA" has white space`},
		{"white space after an id", "api:\n  on_behalf_of: [\"subA\\n\"]\n", `payrecon.yaml:2: api.on_behalf_of[0]: "subA\n" has white space`},
		{"control character in an id", "api:\n  on_behalf_of: [\"sub\\tA\"]\n", `payrecon.yaml:2: api.on_behalf_of[0]: "sub\tA" has white space`},
		{"white space in the one id", "api: {on_behalf_of: 'subA '}\n", `payrecon.yaml:1: api.on_behalf_of: "subA " has white space`},
		{"job twice", "schedules:\n- {name: a, cron: '@daily', run: run}\n- {name: a, cron: '@daily', run: sync}\n", `payrecon.yaml:3: schedules[1].name: "a" is taken`},
		{"job command", "schedules: [{name: a, cron: '@daily', run: snyc}]\n", `payrecon.yaml:1: schedules[0].run: "snyc" cannot be scheduled; did you mean "sync"?`},
		{"mail without sender", "notify: {email: {host: h, to: [a@b.example]}}\n", `payrecon.yaml:1: notify.email: needs from and to`},
		{"mail address", "notify: {email: {host: h, from: nobody, to: [a@b.example]}}\n", `payrecon.yaml:1: notify.email: "nobody" is not an e-mail address`},
		{"metrics file", "metrics:\n  textfile: payrecon.txt\n", `payrecon.yaml:2: metrics.textfile: "payrecon.txt" must end in .prom`},
		{"empty item", "api:\n  on_behalf_of: [~]\n", `payrecon.yaml:2: api.on_behalf_of[0]: an empty item`},
		{"empty filter", "ledger:\n  filter:\n    Type: {}\n", `payrecon.yaml:3: ledger.filter.Type: keeps nothing`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := loadText(t, tc.text)
			if err == nil {
				t.Fatalf("no error, want %s", tc.want)
			}
			if !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("got  %s\nwant %s", err, tc.want)
			}
			if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "hush") {
				t.Errorf("the message has several lines or a secret: %s", err)
			}
			if payout.KindOf(err) != payout.KindInput {
				t.Errorf("kind %d, want KindInput", payout.KindOf(err))
			}
		})
	}
}

// TestConfigOneAddress: a mirror is bound to the address, so one API has one, however it is written.
func TestConfigOneAddress(t *testing.T) {
	for text, want := range map[string]string{
		"HTTP://LOCALHOST:8099":             "http://localhost:8099",
		"https://API.Token.io:443/":         "https://api.token.io",
		"https://api.token.io:443/V2/a%2Fb": "https://api.token.io/V2/a%2Fb",
		"http://127.0.0.1:80":               "http://127.0.0.1",
		"http://[::1]:80/x//":               "http://[::1]/x",
		"http://[::1]":                      "http://[::1]",
		"https://api.token.io:":             "https://api.token.io",
		"https://api.token.io:80":           "https://api.token.io:80",
		"http://localhost:443":              "http://localhost:443",
	} {
		c, err := loadText(t, "api: {base_url: '"+text+"'}\n")
		if err != nil || c.API.BaseURL != want {
			t.Errorf("%s: %v, want %s", text, err, want)
			continue
		}
		if again := oneAddress(c.API.BaseURL); again != want {
			t.Errorf("%s, a second time: %s", want, again)
		}
	}
	env := map[string]string{envURL: "HTTP://LocalHost:80"}
	c, err := loadConfig("", false, func(k string) string { return env[k] })
	if err != nil || c.API.BaseURL != "http://localhost" {
		t.Errorf("from the environment: %v, want http://localhost", err)
	}
}

func TestConfigMissingFile(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := loadConfig("other.yaml", true, envOf())
	if err == nil || !strings.Contains(err.Error(), "--config other.yaml: there is no such file") {
		t.Errorf("by flag: got %v", err)
	}
	_, err = loadConfig("", false, envOf(envConfig, "env.yaml"))
	if err == nil || !strings.Contains(err.Error(), "PAYRECON_CONFIG env.yaml: there is no such file") {
		t.Errorf("by environment: got %v", err)
	}
}

func TestConfigCredentialPrecedence(t *testing.T) {
	file := "api: {auth: {basic: env:B}}\n"
	c, err := loadText(t, file, envToken, "t")
	if err != nil {
		t.Fatal(err)
	}
	if want := (auth{Token: "env:PAYRECON_API_TOKEN"}); c.API.Auth != want {
		t.Errorf("token of the environment over basic of the file: got %+v", c.API.Auth)
	}
	c, err = loadText(t, configTemplate, envBasic, "b")
	if err != nil {
		t.Fatal(err)
	}
	if want := (auth{Basic: "env:PAYRECON_API_BASIC"}); c.API.Auth != want {
		t.Errorf("basic of the environment over token of the file: got %+v", c.API.Auth)
	}
	if _, err = loadText(t, file, envToken, "t", envBasic, "b"); err == nil || !strings.Contains(err.Error(), "both set") {
		t.Errorf("both in the environment: got %v", err)
	}
}

// Every switched-off line of the template works when it is switched on, and every key of the configuration is there.
func TestConfigTemplate(t *testing.T) {
	if _, err := loadText(t, configTemplate); err != nil {
		t.Fatalf("as it is written: %v", err)
	}
	lines := strings.Split(configTemplate, "\n")
	on := func(line string) (string, bool) {
		indent, rest, off := strings.Cut(line, "#- ")
		return indent + rest, off && strings.TrimSpace(indent) == ""
	}
	for _, choice := range []struct{ name, drop string }{{"token", "basic key"}, {"basic", "token key"}, {"key", "token basic"}} {
		var out []string
		dropping := false
		for _, line := range lines {
			text, off := on(line)
			trimmed := strings.TrimSpace(text)
			isAuth := strings.HasPrefix(text, "    ") && !strings.HasPrefix(text, "     ")
			for _, name := range []string{"token", "basic", "key"} {
				if isAuth && strings.HasPrefix(trimmed, name+":") {
					dropping = strings.Contains(choice.drop, name)
				}
			}
			if !strings.HasPrefix(text, "    ") {
				dropping = false
			}
			if !dropping && (off || !strings.HasPrefix(trimmed, "#")) {
				out = append(out, text)
			}
		}
		c, err := loadText(t, strings.Join(out, "\n"))
		if err != nil {
			t.Fatalf("%s: %v\n%s", choice.name, err, strings.Join(out, "\n"))
		}
		if choice.name != "key" {
			continue
		}
		missing := missingKeys(reflect.TypeFor[config](), "", c.origins)
		missing = strings.ReplaceAll(strings.ReplaceAll(missing, " api.auth.token", ""), " api.auth.basic", "")
		if missing != "" {
			t.Errorf("keys that the template does not show:%s", missing)
		}
	}
}

func missingKeys(t reflect.Type, key string, seen map[string]string) string {
	if _, text := reflect.New(t).Interface().(interface{ UnmarshalText([]byte) error }); !text && t.Kind() == reflect.Struct {
		out := ""
		for f := range t.Fields() {
			if name := yamlName(f); name != "" {
				out += missingKeys(f.Type, join(key, name), seen)
			}
		}
		return out
	}
	if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct {
		return missingKeys(t.Elem(), key+"[0]", seen)
	}
	if seen[key] == "" {
		return " " + key
	}
	return ""
}

// The configuration in the Kubernetes example is one of ours.
func TestConfigOfTheCronJobExample(t *testing.T) {
	text, err := os.ReadFile("../../schedules/examples/cronjob.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "payrecon.yaml: |\n")
	block, _, _ = strings.Cut(block, "---\n")
	c, err := loadText(t, strings.ReplaceAll("\n"+block, "\n    ", "\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Database != "/data/payrecon.db" || c.Report.Dir != "/data/reports" {
		t.Errorf("got %+v", c)
	}
}

func TestPeriodWord(t *testing.T) {
	for _, tc := range []struct{ word, last, want string }{
		{"last-35d", "2026-02-04", "2026-01-01 to 2026-02-04"},
		{"last-1d", "2026-02-04", "2026-02-04"},
		{"yesterday", "2026-02-04", "2026-02-04"},
		{"month-to-date", "2026-01-31", "2026-01-01 to 2026-01-31"},
		{"month-to-date", "2026-02-01", "2026-02-01"},
		{"last-month", "2026-01-31", "2026-01-01 to 2026-01-31"},
		{"last-month", "2026-02-15", "2026-01-01 to 2026-01-31"},
		{"last-month", "2026-03-31", "2026-03-01 to 2026-03-31"},
		{"last-month", "2025-12-30", "2025-11-01 to 2025-11-30"},
	} {
		last, _ := payout.ParseDay(tc.last)
		if got := periodWord(tc.word).period(last).String(); got != tc.want {
			t.Errorf("%s at %s: got %s, want %s", tc.word, tc.last, got, tc.want)
		}
	}
}

func TestNearest(t *testing.T) {
	for _, tc := range []struct{ name, want string }{
		{"colums", "columns"}, {"Path", "path"}, {"max-age", "max_age"}, {"rfe_id", "ref_id"}, {"xyz", ""}, {"statuss", "statuses"},
	} {
		if got := nearest(tc.name, []string{"columns", "path", "max_age", "ref_id", "statuses"}); got != tc.want {
			t.Errorf("nearest(%q): got %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestConfigValuesOrigin(t *testing.T) {
	c, err := loadText(t, "ledger:\n  take: all\nreconcile: {tolerance: {EUR: '0.05'}}\n", envDB, "e.db")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]configValue{}
	for _, v := range c.values() {
		got[v.Key] = v
	}
	for _, want := range []configValue{
		{"ledger.take", "all", "payrecon.yaml:2"},
		{"database", "e.db", "environment PAYRECON_DB"},
		{"sync.lookback", "7d", "default"},
		{"reconcile.tolerance.EUR", "0.05", "payrecon.yaml:3"},
		{"api.rate_limit", "5/s", "default"},
	} {
		if got[want.Key] != want {
			t.Errorf("got %+v, want %+v", got[want.Key], want)
		}
	}
}

func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c := defaultConfig()
	c.getenv = envOf("TOKEN", "abc", "CREDENTIALS_DIRECTORY", dir)
	write("api-token", "from-systemd\n", 0o440)
	for _, tc := range []struct{ ref, want, wrong string }{
		{"env:TOKEN", "abc", ""},
		{"env:NONE", "", "empty or not set"},
		{"file:" + write("ok", "hush\r\n", 0o600), "hush", ""},
		{"file:" + write("open", "hush\n", 0o640), "", "may be read by others"},
		{"file:" + write("empty", "\n", 0o600), "", "is empty"},
		{"file:" + write("two", "hush hush", 0o600), "", "holds spaces"},
		{"file:" + write("huge", strings.Repeat("x", maxSecret+1), 0o600), "", "larger than any secret"},
		{"file:" + dir, "", "not a regular file"},
		{"file:" + dir + "/none", "", "no such file"},
		{"cred:api-token", "from-systemd", ""},
		{"", "", "no secret is configured"},
	} {
		got, err := c.secretLine("api.auth.token", secretRef(tc.ref))
		if got != tc.want || (err == nil) != (tc.wrong == "") || err != nil && !strings.Contains(err.Error(), tc.wrong) {
			t.Errorf("%s: got %q, %v; want %q, error with %q", tc.ref, got, err, tc.want, tc.wrong)
		}
		if err != nil && (strings.Contains(err.Error(), "hush") || payout.KindOf(err) != payout.KindInput) {
			t.Errorf("%s: error %v shows the secret or is not an input error", tc.ref, err)
		}
	}
}

func TestSecretInTheOpenIsRefusedUnseen(t *testing.T) {
	for _, text := range []string{
		"api: {auth: {token: hush}}", "notify: {webhook: 'https://hooks.example.com/hush'}", "api: {auth: {token: 'Bearer:hush'}}",
		"notify: {heartbeat: 'env:'}", "api: {auth: {key: {file: hush.pem}}}", "api: {auth: {token: [hush]}}",
	} {
		_, err := loadText(t, text)
		if err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

func FuzzDecodeConfig(f *testing.F) {
	f.Add(wholeConfig)
	f.Add(configTemplate)
	f.Add("a: &x {b: *x}\n<<: *x\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := defaultConfig()
		if err := decodeConfig(c, "payrecon.yaml", []byte(text)); err != nil {
			if payout.KindOf(err) != payout.KindInput {
				t.Errorf("%v is not an input error", err)
			}
			return
		}
		c.effective()
		c.values()
	})
}
