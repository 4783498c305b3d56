package main

import (
	"fmt"
	"maps"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
)

// check looks at what no single value shows: values that exclude each other or are out of range.
func (c *config) check() error {
	for _, check := range []func() error{c.checkAPI, c.checkSync, c.checkLedger, c.checkReconcile, c.checkJobs, c.checkNotify, c.checkMetrics} {
		if err := check(); err != nil {
			return err
		}
	}
	if c.Database == "" {
		return c.inputError("database", "is empty: want the path of the SQLite mirror, such as payrecon.db")
	}
	return nil
}

func (c *config) checkAPI() error {
	c.API.BaseURL = oneAddress(c.API.BaseURL)
	u, err := url.Parse(c.API.BaseURL)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return c.inputError("api.base_url", "is not the address of an API (want https://HOST)")
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return c.inputError("api.base_url", "must be an address alone, without credentials, query or fragment")
	case c.API.Timeout == 0:
		return c.inputError("api.timeout", "must be longer than 0s")
	}
	for i, id := range c.API.OnBehalfOf {
		if id != strings.TrimSpace(id) || strings.ContainsFunc(id, unicode.IsControl) {
			key := fmt.Sprintf("api.on_behalf_of[%d]", i)
			if c.origins[key] == "" {
				key = "api.on_behalf_of" // one id needs no list
			}
			return c.inputError(key, "%q has white space at its ends or control characters in it: the API would know no such id", id)
		}
	}
	a := c.API.Auth
	ways := 0
	for _, set := range []bool{a.Token != "", a.Basic != "", a.Key.isSet()} {
		if set {
			ways++
		}
	}
	if ways > 1 {
		return c.inputError("api.auth", "token, basic and key exclude each other: keep one")
	}
	if k := a.Key; k.isSet() && (k.MemberID == "" || k.KeyID == "" || k.File == "") {
		return c.inputError("api.auth.key", "needs member_id, key_id and file")
	}
	return nil
}

// oneAddress returns the one writing of an API's address, because a mirror is bound to it: scheme and host in small letters,
// without the scheme's own port and without slashes at the end. What is no address stays as it is.
func oneAddress(text string) string {
	text = strings.TrimRight(text, "/")
	u, err := url.Parse(text)
	_, rest, hasHost := strings.Cut(text, "://")
	if err != nil || !hasHost || u.User != nil || u.Host == "" {
		return text
	}
	host := strings.TrimSuffix(strings.ToLower(u.Host), ":")
	if port := u.Port(); u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return u.Scheme + "://" + host + rest[len(u.Host):] // the path byte for byte: servers tell its letters apart
}

func (c *config) checkSync() error {
	if c.Sync.Lookback < 1 {
		return c.inputError("sync.lookback", "%dd is too short: every night walks at least yesterday again (want 1d to 3660d)", c.Sync.Lookback)
	}
	if c.Sync.Settle == 0 {
		return c.inputError("sync.settle", "must be longer than 0s: payouts of the last seconds of a day are shown a little later")
	}
	if c.Sync.Workers < 1 || c.Sync.Workers > 64 {
		return c.inputError("sync.workers", "%d is out of range (want 1 to 64)", c.Sync.Workers)
	}
	return nil
}

func (c *config) checkLedger() error {
	l := c.Ledger
	if (l.Covers.From.String() == "") != (l.Covers.To.String() == "") {
		return c.inputError("ledger.covers", "needs both from and to")
	}
	if l.Covers.From > l.Covers.To {
		return c.inputError("ledger.covers", "from %s is after to %s", l.Covers.From, l.Covers.To)
	}
	if l.Decimal != "" && l.Decimal == string(l.Thousands) {
		return c.inputError("ledger.thousands", "%q is the decimal mark as well", l.Decimal)
	}
	if l.Control.Rows != nil && *l.Control.Rows < 0 {
		return c.inputError("ledger.control.rows", "must not be negative")
	}
	for _, column := range slices.Sorted(maps.Keys(l.Filter)) {
		rule := l.Filter[column]
		if len(rule.In) == 0 && len(rule.Not) == 0 && rule.Sign == "" {
			return c.inputError("ledger.filter."+column, "keeps nothing to compare with: want a list, {not: [...]} or {sign: positive}")
		}
	}
	return nil
}

func (c *config) checkReconcile() error {
	r := c.Reconcile
	for _, limit := range []struct {
		name string
		of   amounts
	}{{"tolerance", r.Tolerance}, {"materiality", r.Materiality}, {"trivial", r.Trivial}} {
		for _, currency := range slices.Sorted(maps.Keys(limit.of)) {
			if limit.of[currency] < 0 {
				return c.inputError("reconcile."+limit.name+"."+currency, "must not be negative")
			}
		}
	}
	if r.ConfirmMax < 0 {
		return c.inputError("reconcile.confirm_max", "must not be negative")
	}
	if c.Report.Dir == "" {
		return c.inputError("report.dir", "is empty: want a folder, such as reports or .")
	}
	if c.Report.MatchedMax < 0 {
		return c.inputError("report.matched_max", "must not be negative")
	}
	return nil
}

// jobCommands are the commands that a schedule may run.
const jobCommands = "sync|backfill|reconcile|report|run"

func (c *config) checkJobs() error {
	seen := map[string]bool{}
	for i, j := range c.Schedules {
		key := fmt.Sprintf("schedules[%d]", i)
		commands := strings.Split(jobCommands, "|")
		switch {
		case j.Name == "":
			return c.inputError(key, "needs a name")
		case seen[j.Name]:
			return c.inputError(key+".name", "%q is taken by an earlier schedule", j.Name)
		case j.Cron == "":
			return c.inputError(key, `%s needs a cron expression, such as "30 2 * * *"`, j.Name)
		case len(j.Run) == 0:
			return c.inputError(key, "%s needs run: one of %s", j.Name, strings.Join(commands, ", "))
		case !strings.Contains("|"+jobCommands+"|", "|"+j.Run[0]+"|"):
			return c.inputError(key+".run", "%q cannot be scheduled%s (want %s)", j.Run[0], didYouMean(j.Run[0], commands), strings.Join(commands, " or "))
		case time.Duration(j.Jitter) > time.Hour:
			return c.inputError(key+".jitter", "is longer than an hour")
		}
		seen[j.Name] = true
	}
	return nil
}

func (c *config) checkNotify() error {
	e := c.Notify.Email
	if e.Host == "" {
		if e.From != "" || len(e.To) > 0 {
			return c.inputError("notify.email", "needs a host, the mail server")
		}
		return nil
	}
	if e.Port < 0 || e.Port > 65535 {
		return c.inputError("notify.email.port", "%d is not a port", e.Port)
	}
	if e.From == "" || len(e.To) == 0 {
		return c.inputError("notify.email", "needs from and to")
	}
	if (e.Username == "") != (e.Password == "") {
		return c.inputError("notify.email", "needs username and password together, or neither")
	}
	for _, address := range append([]string{e.From}, e.To...) {
		if _, err := mail.ParseAddress(address); err != nil {
			return c.inputError("notify.email", "%q is not an e-mail address", address)
		}
	}
	return nil
}

func (c *config) checkMetrics() error {
	if path := c.Metrics.Textfile; path != "" && !strings.HasSuffix(path, ".prom") {
		return c.inputError("metrics.textfile", "%q must end in .prom: the node exporter reads no other files", path)
	}
	return nil
}
