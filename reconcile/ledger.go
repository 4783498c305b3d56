package reconcile

import (
	"context"
	"strings"

	"payrecon/internal/payout"
)

// LedgerOptions says how to read the ledger's CSV. The zero value detects what can be told from the file and refuses to
// guess what cannot. The fields are the keys of the configuration's ledger section.
type LedgerOptions struct {
	// Columns maps parts (ref_id, amount, currency, status, date, text, document, on_behalf_of) to a header name, in any
	// letter case, or to a column number (1 = first). A part that is not named here is looked for under its default names.
	Columns map[string]string
	// Statuses adds words, in any letter case, to the classes paid, pending, failed, returned and none.
	Statuses map[string][]string
	Filters  []LedgerFilter // a row must pass all of them

	Encoding  string // utf-8, utf-16 (with a byte order mark), windows-1252; "" = UTF-8. A file's own mark always wins
	Delimiter string // one of , ; | and tab (also as a word: comma, semicolon, pipe, tab); "" = detected from the header
	Decimal   string // "." or ","; "" = detected
	Thousands string // one of . , ' and space, or none; "" = detected
	Sign      string // positive (default): a positive amount is money out; negative: a negative one is
	// DateFormat is made of YYYY or YY, MM or M or MMM, DD or D, hh, mm, ss and punctuation, as in DD.MM.YYYY, or is a Go
	// layout such as 02.01.2006. "" = YYYY-MM-DD or RFC 3339.
	DateFormat string
	Timezone   string // IANA name, default UTC: where a date without time is a day, and to which timestamps are converted
	Currency   string // of rows without one of their own

	Covers     *payout.Period // the days that the extract covers; nil = from the first to the last entry's day
	Control    LedgerControl
	AllowEmpty bool  // a header without rows is a ledger without entries, not an error
	MaxBytes   int64 // of one file, uncompressed; 0 = 4 GiB

	chunkSize, sampleSize, maxRecord, maxRejected int // tests make them small; 0 = as the constants say
}

// LedgerFilter lets rows pass by the value of one column.
type LedgerFilter struct {
	Column string   // header name or number; "" = the amount, with Sign
	Values []string // white space and letter case do not count; none = any
	Not    bool     // let all but Values pass
	Sign   string   // positive: no row with a negative figure passes; negative: none with a positive one; as in the file
}

// LedgerControl holds figures from elsewhere that must agree with what was read.
type LedgerControl struct {
	Rows *int64            // data rows: entries, rejected and filtered ones
	Sums map[string]string // by currency, signed sums of entries, money out positive
}

// LedgerWorkers is how many goroutines parse at a time: emit sees worker numbers below it.
const LedgerWorkers = 2

// The bounds that keep memory bounded whatever the file holds.
const (
	ledgerMaxBytes    = 4 << 30
	ledgerSample      = 1 << 20 // bytes that detection looks at
	ledgerMaxRejected = 250_000
)

// ReadLedger reads the files, one after the other, each in one pass:
//
//  1. A goroutine reads the file and takes its SHA-256 (ledger_source.go). gzip is undone, UTF-16 and Windows-1252
//     become UTF-8.
//  2. The first megabyte tells the dialect: delimiter, header, columns, decimal mark (dialect*.go). Two readings of the
//     amounts are an error that asks.
//  3. The text is cut into chunks of whole records (csv_chunks.go); two workers split them into fields (csv.go) and turn
//     rows into entries, rejected rows or filtered ones (ledger_rows.go), each with totals of its own, added up in the end.
//
// Each chunk's entries go to emit, in no particular order: different workers call it at the same time. The slice is used
// again afterwards; the strings stay valid and share their chunk's text. An error of emit stops the reading and is
// returned as it is. All other errors are of payout.KindInput and name the file, or KindInterrupted.
//
// The intake holds what was read, and the sums of the entries in the period (undated ones are) apart from any matching.
func ReadLedger(
	ctx context.Context, files []string, o LedgerOptions, period payout.Period, emit func(worker int, block []payout.Entry) error,
) (payout.Intake, error) {
	in, _, err := readLedger(ctx, files, o, period, emit)
	return in, err
}

// readLedger is ReadLedger; it also returns how the last file was read.
func readLedger(
	ctx context.Context, files []string, o LedgerOptions, period payout.Period, emit func(worker int, block []payout.Entry) error,
) (in payout.Intake, last *ledgerPlan, err error) {
	rules, err := o.compile()
	if err != nil {
		return payout.Intake{}, nil, err
	}
	if len(files) == 0 {
		return payout.Intake{}, nil, payout.Errorf(payout.KindInput, "no ledger file given: set ledger.path or pass --ledger")
	}
	rules.period = period
	totals := newLedgerTotals()
	for i, path := range files {
		read := ledgerRead{rules: rules, file: i, path: path, emit: emit, totals: totals}
		if err := read.run(ctx); err != nil {
			return payout.Intake{}, nil, err
		}
		in.Files = append(in.Files, read.info)
		read.describe(&in)
		last = read.plan
	}
	err = totals.fill(&in)
	if err == nil {
		err = rules.judge(&in)
	}
	if err != nil {
		return payout.Intake{}, nil, payout.Errorf(payout.KindInput, "ledger %s: %w", strings.Join(files, ", "), err)
	}
	return in, last, nil
}

// Validate reports the first option that makes no sense, as a payout.KindInput error that names its key.
func (o LedgerOptions) Validate() error {
	_, err := o.compile()
	return err
}
