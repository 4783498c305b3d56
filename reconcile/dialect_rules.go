package reconcile

import (
	"maps"
	"slices"
	"strings"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// ledgerRules are LedgerOptions, checked and ready to use.
type ledgerRules struct {
	LedgerOptions
	delim     byte            // 0 = detect
	decimal   byte            // 0 = detect
	thousands ledgerThousands // which marks may group digits
	negate    bool
	currency  string // "" = none
	statuses  map[string]payout.EntryClass
	dates     ledgerDates
	control   map[string]int64 // units by currency
	period    payout.Period
}

var (
	ledgerParts = []string{"ref_id", "amount", "currency", "status", "date", "text", "document", "on_behalf_of"}

	// The header names that are tried, in this order, for a part that the configuration does not name.
	ledgerDefaultNames = map[string][]string{
		"ref_id":       {"ref_id", "reference", "ref"},
		"amount":       {"amount"},
		"currency":     {"currency", "ccy"},
		"status":       {"status", "state"},
		"date":         {"date", "booked", "booked_at", "value_date"},
		"text":         {"text", "description", "memo"},
		"document":     {"document"},
		"on_behalf_of": {"on_behalf_of"},
	}
	ledgerDelimiters = map[string]byte{
		"": 0, ",": ',', ";": ';', "\t": '\t', "|": '|', "comma": ',', "semicolon": ';', "tab": '\t', `\t`: '\t', "pipe": '|',
	}
	ledgerEncodings = []string{"", "utf-8", "utf-16", "windows-1252"}
	ledgerClasses   = []payout.EntryClass{payout.EntryPaid, payout.EntryPending, payout.EntryFailed, payout.EntryReturned, payout.EntryNone}
)

// compile checks the options and makes rules of them.
func (o LedgerOptions) compile() (*ledgerRules, error) {
	r := &ledgerRules{LedgerOptions: o}
	r.chunkSize = ledgerOr(o.chunkSize, csvChunkSize)
	r.sampleSize = ledgerOr(o.sampleSize, ledgerSample)
	r.maxRecord = ledgerOr(o.maxRecord, csvMaxRecord)
	r.maxRejected = ledgerOr(o.maxRejected, ledgerMaxRejected)
	r.MaxBytes = ledgerOr(o.MaxBytes, ledgerMaxBytes)
	for _, step := range []func() error{r.compileText, r.compileFigures, r.compileStatuses, r.compileFilters, r.compileControl} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func ledgerOr[T int | int64](n, otherwise T) T {
	if n <= 0 {
		return otherwise
	}
	return n
}

// ledgerBadKey is the error of a configuration value that is none of the allowed ones.
func ledgerBadKey(key, value, want string) error {
	return payout.Errorf(payout.KindInput, "ledger.%s: %q is not known (want %s)", key, value, want)
}

func (r *ledgerRules) compileText() error {
	var ok bool
	if r.delim, ok = ledgerDelimiters[strings.ToLower(r.Delimiter)]; !ok {
		return ledgerBadKey("delimiter", r.Delimiter, `one of "," ";" "|" or tab`)
	}
	r.Encoding = strings.ToLower(r.Encoding)
	switch r.Encoding {
	case "utf8":
		r.Encoding = "utf-8"
	case "utf16":
		r.Encoding = "utf-16"
	case "cp1252":
		r.Encoding = "windows-1252"
	}
	if !slices.Contains(ledgerEncodings, r.Encoding) {
		return ledgerBadKey("encoding", r.Encoding, "utf-8, utf-16 or windows-1252")
	}
	for part := range r.Columns {
		if !slices.Contains(ledgerParts, part) {
			return ledgerBadKey("columns", part, strings.Join(ledgerParts, ", "))
		}
	}
	var err error
	r.dates, err = newLedgerDates(r.DateFormat, r.Timezone)
	return err
}

func (r *ledgerRules) compileFigures() error {
	switch r.Decimal {
	case "":
	case ".", ",":
		r.decimal = r.Decimal[0]
	default:
		return ledgerBadKey("decimal", r.Decimal, `"." or ","`)
	}
	var err error
	if r.thousands, err = newLedgerThousands(r.Thousands); err != nil {
		return err
	}
	if r.decimal != 0 && r.Thousands == r.Decimal {
		return payout.Errorf(payout.KindInput, "ledger.decimal and ledger.thousands are both %q: one mark cannot be both", r.Decimal)
	}
	switch strings.ToLower(r.Sign) {
	case "", "positive":
	case "negative":
		r.negate = true
	default:
		return ledgerBadKey("sign", r.Sign, "positive or negative: the sign of money out")
	}
	if r.Currency != "" {
		var ok bool
		if r.currency, ok = ledgerCode(r.Currency); !ok {
			return ledgerBadKey("currency", r.Currency, "a three-letter code such as EUR")
		}
	}
	if c := r.Covers; c != nil && c.From > c.To {
		return payout.Errorf(payout.KindInput, "ledger.covers: from %s is after to %s", c.From, c.To)
	}
	return nil
}

// compileStatuses lays the configured words over the default ones: a configured word wins.
func (r *ledgerRules) compileStatuses() error {
	r.statuses = maps.Clone(payout.StatusWords)
	configured := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(r.Statuses)) {
		class := payout.EntryUnmapped
		for _, c := range ledgerClasses {
			if c.String() == strings.ToLower(name) {
				class = c
			}
		}
		if class == payout.EntryUnmapped {
			return ledgerBadKey("statuses", name, "paid, pending, failed, returned or none")
		}
		for _, word := range r.Statuses[name] {
			w := ledgerFold(word)
			if other, twice := configured[w]; twice && other != name {
				return payout.Errorf(payout.KindInput, "ledger.statuses: the word %q stands under %s and under %s", word, other, name)
			}
			configured[w] = name
			r.statuses[w] = class
		}
	}
	return nil
}

func (r *ledgerRules) compileFilters() error {
	for _, f := range r.Filters {
		switch {
		case f.Sign != "" && !strings.EqualFold(f.Sign, "positive") && !strings.EqualFold(f.Sign, "negative"):
			return ledgerBadKey("filter", f.Sign, "sign: positive or negative")
		case f.Column == "" && f.Sign == "":
			return payout.Errorf(payout.KindInput, "ledger.filter: a filter by values needs the name of its column")
		case f.Sign == "" && len(f.Values) == 0:
			return payout.Errorf(payout.KindInput, "ledger.filter: the filter on %q has neither values nor a sign", f.Column)
		}
	}
	return nil
}

func (r *ledgerRules) compileControl() error {
	r.control = map[string]int64{}
	for name, text := range r.Control.Sums {
		code, ok := ledgerCode(name)
		if !ok {
			return ledgerBadKey("control.sums", name, "three-letter currency codes")
		}
		units, err := money.ParseUnits(strings.TrimSpace(text))
		if err != nil {
			return payout.Errorf(payout.KindInput, "ledger.control.sums.%s: %w", code, err)
		}
		r.control[code] = units
	}
	if r.Control.Rows != nil && *r.Control.Rows < 0 {
		return payout.Errorf(payout.KindInput, "ledger.control.rows: %d is negative", *r.Control.Rows)
	}
	return nil
}

// ledgerFold is a status word or filter value as it is compared.
func ledgerFold(word string) string { return strings.ToLower(ledgerTrim(word)) }

// ledgerCode returns text as three capital letters.
func ledgerCode(text string) (string, bool) {
	text = ledgerTrim(text)
	if len(text) != 3 {
		return "", false
	}
	for i := range 3 {
		if c := text[i] | 0x20; c < 'a' || c > 'z' {
			return "", false
		}
	}
	return strings.ToUpper(text), true
}
