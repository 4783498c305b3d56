package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
	_ "time/tzdata" // time zones are built in: a schedule must not depend on what the machine has installed

	"payrecon/internal/payout"
)

// The names of the environment variables that payrecon reads.
const (
	envURL    = "PAYRECON_API_URL"
	envToken  = "PAYRECON_API_TOKEN"
	envBasic  = "PAYRECON_API_BASIC"
	envDB     = "PAYRECON_DB"
	envConfig = "PAYRECON_CONFIG"
)

// defaultConfigPath is read when it is there; any other path that was asked for must exist.
const defaultConfigPath = "payrecon.yaml"

// noEvidence, as the value of `evidence`, keeps no copy of the ledger: a run can then be performed again only while the
// ledger file itself is still there.
const noEvidence = "none"

// config is the whole configuration as effective: defaults, then the file, then the environment, then (put on top by
// the commands) flags. Relative paths count from the working directory, in the file as on the command line.
type config struct {
	API       apiConfig       `yaml:"api"`
	Database  string          `yaml:"database"`
	Evidence  string          `yaml:"evidence"` // folder for gzip copies of ledgers; "" = evidence beside the database
	Sync      syncConfig      `yaml:"sync"`
	Ledger    ledgerConfig    `yaml:"ledger"`
	Reconcile reconcileConfig `yaml:"reconcile"`
	Report    reportConfig    `yaml:"report"`
	Schedules []jobConfig     `yaml:"schedules"`
	Notify    notifyConfig    `yaml:"notify"`
	Metrics   metricsConfig   `yaml:"metrics,omitempty"`

	path    string // of the file that was read; "" = none
	getenv  func(string) string
	origins map[string]string // key such as "ledger.take" -> "payrecon.yaml:12", "environment PAYRECON_DB", "--db"
}

type apiConfig struct {
	BaseURL       string   `yaml:"base_url"`
	Auth          auth     `yaml:"auth"`
	OnBehalfOf    []string `yaml:"on_behalf_of,flow"`
	RateLimit     rate     `yaml:"rate_limit"`
	Timeout       duration `yaml:"timeout"` // of one request
	AllowInitiate bool     `yaml:"allow_initiate"`
}

// auth holds exactly one way to be authorized, or none yet.
type auth struct {
	Token secretRef  `yaml:"token,omitempty"`
	Basic secretRef  `yaml:"basic,omitempty"`
	Key   signingKey `yaml:"key,omitempty"`
}

// signingKey says how requests are signed.
type signingKey struct {
	MemberID  string    `yaml:"member_id,omitempty"`
	KeyID     string    `yaml:"key_id,omitempty"`
	File      secretRef `yaml:"file,omitempty"`                                   // the private key in PEM
	Algorithm string    `yaml:"algorithm,omitempty" allow:"EdDSA|ES256|RS256"`    // "" = by the kind of key
	Exp       string    `yaml:"exp,omitempty"       allow:"seconds|milliseconds"` // "" = the client's default
	Host      string    `yaml:"host,omitempty"`                                   // "" = the host of base_url
}

func (k signingKey) isSet() bool { return k != signingKey{} }

type syncConfig struct {
	Lookback days       `yaml:"lookback"`
	Workers  int        `yaml:"workers"`
	Settle   duration   `yaml:"settle"`
	Start    payout.Day `yaml:"start,omitempty"` // NoDay = set by the first sync
}

type ledgerConfig struct {
	Path       string                `yaml:"path"`
	Take       string                `yaml:"take" allow:"newest|all"`
	MaxAge     duration              `yaml:"max_age,omitempty"` // 0 = any age
	Columns    ledgerColumns         `yaml:"columns"`
	Statuses   ledgerStatuses        `yaml:"statuses"`
	Filter     map[string]filterRule `yaml:"filter"`
	Encoding   string                `yaml:"encoding,omitempty" allow:"utf-8|utf-16|windows-1252"` // "" = by BOM, else UTF-8
	Delimiter  delimiter             `yaml:"delimiter,omitempty"`                                  // "" = detected
	Decimal    string                `yaml:"decimal,omitempty" allow:".|,"`                        // "" = detected
	Thousands  thousands             `yaml:"thousands,omitempty"`                                  // "" = detected
	Sign       string                `yaml:"sign" allow:"positive|negative"`
	DateFormat string                `yaml:"date_format,omitempty"` // "" = YYYY-MM-DD or RFC 3339
	Timezone   zone                  `yaml:"timezone"`
	Currency   currencyCode          `yaml:"currency,omitempty"`
	Covers     dateRange             `yaml:"covers,omitempty"`
	Control    control               `yaml:"control,omitempty"`
	AllowEmpty bool                  `yaml:"allow_empty"`
}

// ledgerColumns names the column of each part, by header or by number (1 = first). "" = by the default header names.
type ledgerColumns struct {
	RefID      string `yaml:"ref_id,omitempty"`
	Amount     string `yaml:"amount,omitempty"`
	Currency   string `yaml:"currency,omitempty"`
	Status     string `yaml:"status,omitempty"`
	Date       string `yaml:"date,omitempty"`
	Text       string `yaml:"text,omitempty"`
	Document   string `yaml:"document,omitempty"`
	OnBehalfOf string `yaml:"on_behalf_of,omitempty"`
}

// ledgerStatuses lists status words of the ledger that mean something, besides the default ones.
type ledgerStatuses struct {
	Paid     []string `yaml:"paid,omitempty,flow"`
	Pending  []string `yaml:"pending,omitempty,flow"`
	Failed   []string `yaml:"failed,omitempty,flow"`
	Returned []string `yaml:"returned,omitempty,flow"`
}

// control holds the totals that whoever exported the ledger vouches for.
type control struct {
	Rows *int    `yaml:"rows,omitempty"` // data rows
	Sums amounts `yaml:"sums,omitempty"` // signed sums of entries
}

type reconcileConfig struct {
	Period          periodWord   `yaml:"period"`
	MatchWindow     days         `yaml:"match_window"`
	Grace           grace        `yaml:"grace"`
	StuckAfter      span         `yaml:"stuck_after"`
	Tolerance       amounts      `yaml:"tolerance"`
	Materiality     amounts      `yaml:"materiality"`
	Trivial         amounts      `yaml:"trivial"`
	Holidays        []payout.Day `yaml:"holidays,flow"`
	CaseInsensitive bool         `yaml:"case_insensitive"`
	MinOverlap      percent      `yaml:"min_overlap"`
	ConfirmMax      int          `yaml:"confirm_max"`
}

type grace struct {
	Ledger   span `yaml:"ledger"`
	Provider span `yaml:"provider"`
}

type reportConfig struct {
	Dir        string   `yaml:"dir"`
	Entity     string   `yaml:"entity"`
	Unmask     bool     `yaml:"unmask"`
	Format     []string `yaml:"format,flow" allow:"xlsx|csv"`
	MatchedMax int      `yaml:"matched_max"`
}

// jobConfig is one entry of `schedules`.
type jobConfig struct {
	Name     string   `yaml:"name"`
	Cron     string   `yaml:"cron"`
	Timezone zone     `yaml:"timezone,omitempty"` // "" = UTC
	Run      words    `yaml:"run,flow"`           // the command and its flags, such as run --fail-on high
	CatchUp  *bool    `yaml:"catch_up,omitempty"` // nil = true
	Timeout  duration `yaml:"timeout,omitempty"`  // 0 = none
	Jitter   duration `yaml:"jitter,omitempty"`
}

type notifyConfig struct {
	On        []string    `yaml:"on,flow" allow:"failure|incomplete|breaks|recovery"`
	Severity  string      `yaml:"severity" allow:"low|medium|high|critical"` // breaks at or above it are told
	Webhook   secretRef   `yaml:"webhook,omitempty"`                         // a URL that takes Slack's JSON
	Email     emailConfig `yaml:"email,omitempty"`
	Heartbeat secretRef   `yaml:"heartbeat,omitempty"` // a URL that is called on success, with /fail on failure
}

type emailConfig struct {
	Host     string    `yaml:"host,omitempty"`
	Port     int       `yaml:"port,omitempty"`
	TLS      string    `yaml:"tls,omitempty" allow:"starttls|implicit"`
	Username string    `yaml:"username,omitempty"`
	Password secretRef `yaml:"password,omitempty"`
	From     string    `yaml:"from,omitempty"`
	To       []string  `yaml:"to,omitempty,flow"`
	Attach   *bool     `yaml:"attach,omitempty"` // nil = true: the workbook goes with the mail
}

// metricsConfig says where a command leaves its figures for monitoring.
type metricsConfig struct {
	Textfile string `yaml:"textfile,omitempty"` // "" = nowhere
}

// defaultConfig returns what holds when nobody says otherwise.
func defaultConfig() *config {
	return &config{
		API: apiConfig{
			BaseURL: "https://api.token.io", OnBehalfOf: []string{}, RateLimit: rate{5, time.Second},
			Timeout: duration(30 * time.Second),
		},
		Database: "payrecon.db",
		Sync:     syncConfig{Lookback: 7, Workers: 4, Settle: duration(15 * time.Minute), Start: payout.NoDay},
		Ledger: ledgerConfig{
			Take: "newest", Sign: "positive", Timezone: "UTC", Filter: map[string]filterRule{},
			Covers: dateRange{payout.NoDay, payout.NoDay},
		},
		Reconcile: reconcileConfig{
			Period: "last-35d", MatchWindow: 10, Grace: grace{"1bd", "1bd"}, StuckAfter: "72h",
			Tolerance: amounts{}, Materiality: amounts{}, Trivial: amounts{}, Holidays: []payout.Day{},
			MinOverlap: 50, ConfirmMax: 2000,
		},
		Report:    reportConfig{Dir: "reports", Format: []string{"xlsx"}, MatchedMax: 200_000},
		Schedules: []jobConfig{},
		Notify:    notifyConfig{On: []string{"failure", "incomplete", "breaks", "recovery"}, Severity: "high"},
		origins:   map[string]string{},
	}
}

// loadConfig reads the configuration: defaults, then the file, then the environment. path "" means $PAYRECON_CONFIG,
// else payrecon.yaml in the working directory, if there. A file that was asked for, by flag (explicit) or environment,
// must exist. Environment variables alone are enough. Every error is of payout.KindInput and names file, line and key.
func loadConfig(path string, explicit bool, getenv func(string) string) (*config, error) {
	c := defaultConfig()
	c.getenv = getenv
	asked := "--config"
	if path == "" {
		path, explicit, asked = getenv(envConfig), true, envConfig
	}
	if path == "" {
		path, explicit = defaultConfigPath, false
	}
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		c.path = filepath.ToSlash(path)
		if err := decodeConfig(c, c.path, text); err != nil {
			return nil, err
		}
	case errors.Is(err, fs.ErrNotExist) && explicit:
		return nil, payout.Errorf(payout.KindInput, "%s %s: there is no such file; `payrecon init` writes one", asked, path)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, payout.Errorf(payout.KindInput, "configuration %s: cannot be read: %w", path, err)
	}
	if err := c.applyEnvironment(); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return c, nil
}

// applyEnvironment puts PAYRECON_* over the file. A credential from the environment replaces whatever kind of
// credential the file names. The configuration keeps the reference, never the value.
func (c *config) applyEnvironment() error {
	if v := c.getenv(envURL); v != "" {
		c.API.BaseURL = v
		c.override("api.base_url", "environment "+envURL)
	}
	if v := c.getenv(envDB); v != "" {
		c.Database = v
		c.override("database", "environment "+envDB)
	}
	token, basic := c.getenv(envToken) != "", c.getenv(envBasic) != ""
	switch {
	case token && basic:
		return payout.Errorf(payout.KindInput, "%s and %s are both set: unset the one that is not meant", envToken, envBasic)
	case token:
		c.API.Auth = auth{Token: "env:" + envToken}
		c.override("api.auth.token", "environment "+envToken)
	case basic:
		c.API.Auth = auth{Basic: "env:" + envBasic}
		c.override("api.auth.basic", "environment "+envBasic)
	}
	return nil
}

// override records that the value of key now comes from origin, such as "--db".
func (c *config) override(key, origin string) { c.origins[key] = origin }

// place says where the value of key comes from, for error messages: "payrecon.yaml:12: ledger.take".
func (c *config) place(key string) string {
	if origin := c.origins[key]; origin != "" {
		return origin + ": " + key
	}
	return key
}

// evidenceDir returns the folder for copies of ledgers, or "" when none are kept.
func (c *config) evidenceDir() string {
	switch c.Evidence {
	case noEvidence:
		return ""
	case "":
		return filepath.Join(filepath.Dir(c.Database), "evidence")
	}
	return c.Evidence
}

// catchUp reports whether a run that was missed is made up for at the start; true unless configured otherwise.
func (j jobConfig) catchUp() bool { return j.CatchUp == nil || *j.CatchUp }

// attach reports whether the workbook goes with the mail; true unless configured otherwise.
func (e emailConfig) attach() bool { return e.Attach == nil || *e.Attach }

// inputError is an error of payout.KindInput about the value of key.
func (c *config) inputError(key, format string, args ...any) error {
	return payout.Errorf(payout.KindInput, "%s: %s", c.place(key), fmt.Sprintf(format, args...))
}
