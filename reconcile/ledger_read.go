package reconcile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// ledgerRead is the reading of one file.
type ledgerRead struct {
	rules  *ledgerRules
	file   int
	path   string
	emit   func(worker int, block []payout.Entry) error
	totals *ledgerTotals // of all files

	info   payout.LedgerFile
	plan   *ledgerPlan
	source *ledgerSource
	empty  bool // a header and no rows

	spans     int64 // records of more than one line
	firstSpan int   // the line on which the first of them starts
}

// ledgerEmitError is an error of the caller's emit: it is not about the file.
type ledgerEmitError struct{ error }

func (e ledgerEmitError) Unwrap() error { return e.error }

// run reads the file and adds its figures to the totals.
func (l *ledgerRead) run(ctx context.Context) error {
	err := l.read(ctx)
	var foreign ledgerEmitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &foreign):
		return foreign.error
	case ctx.Err() != nil:
		return payout.Errorf(payout.KindInterrupted, "reading %s: %w", l.path, context.Cause(ctx))
	}
	return payout.Errorf(payout.KindInput, "ledger %s: %w", l.path, err)
}

func (l *ledgerRead) read(ctx context.Context) error {
	source, err := openLedger(l.path, l.rules)
	if err != nil {
		return err
	}
	defer source.close()
	l.source = source
	chunks := newCSVChunker(source, l.rules.chunkSize, l.rules.maxRecord)
	if err := l.detect(chunks); err != nil {
		return ledgerReadError(err)
	}
	before := l.totals.rows
	if err := l.parse(ctx, chunks); err != nil {
		return err
	}
	l.empty = l.totals.rows == before
	if l.empty && !l.rules.AllowEmpty {
		return payout.Errorf(payout.KindInput, "has a header but no rows: if an empty ledger is right, set ledger.allow_empty")
	}
	l.info, err = source.finish(l.path)
	return err
}

// detect reads the sample, makes the plan and passes over the header.
func (l *ledgerRead) detect(chunks *csvChunker) error {
	sample, whole, err := chunks.peek(l.rules.sampleSize)
	if err != nil {
		return err
	}
	if i := slices.Index(sample, 0); i >= 0 {
		return payout.Errorf(payout.KindInput, "is not a text file (byte %d is NUL): is it binary, or UTF-16 without a byte order mark?", i)
	}
	if len(strings.TrimSpace(string(sample[:min(len(sample), 4096)]))) == 0 && whole {
		return payout.Errorf(payout.KindInput, "the file is empty: not even a header")
	}
	eol := byte('\n')
	if !slices.Contains(sample, '\n') && slices.Contains(sample, '\r') {
		eol = '\r'
	}
	lines := sample // whole ones: no character is cut in two
	if !whole {
		lines = sample[:bytes.LastIndexByte(sample, eol)+1]
	}
	if err := ledgerCheckText(string(lines), l.source.utf16(), 1, eol); err != nil {
		return err
	}
	l.plan, err = l.rules.plan(sample, whole, eol)
	if err != nil {
		return err
	}
	if l.plan == nil { // no whole header: the chunker says why
		chunks.delim, chunks.eol = l.rules.delim, eol
		if chunks.delim == 0 {
			chunks.delim = ','
		}
		if _, err := chunks.next(); err != nil {
			return err
		}
		return payout.Errorf(payout.KindInput, "has no header that could be read")
	}
	chunks.delim, chunks.eol = l.plan.delim, l.plan.eol
	chunks.skip(l.plan.size, l.plan.lines)
	return nil
}

// parse cuts the text into chunks and has them parsed by the workers. The error that comes back is the one of the earliest
// chunk, whichever worker was faster.
func (l *ledgerRead) parse(ctx context.Context, chunks *csvChunker) error {
	work, failed := make(chan csvChunk, LedgerWorkers), make(chan struct{})
	var (
		once    sync.Once
		workers sync.WaitGroup
		mutex   sync.Mutex
		first   = -1
		firstBy error
	)
	fail := func(index int, err error) {
		mutex.Lock()
		defer mutex.Unlock()
		if first < 0 || index < first {
			first, firstBy = index, err
		}
		once.Do(func() { close(failed) })
	}
	parsers := make([]*ledgerParser, LedgerWorkers)
	for w := range parsers {
		p := newLedgerParser(l.rules, l.plan, l.file, l.source.utf16())
		parsers[w] = p
		workers.Go(func() {
			for c := range work {
				err := p.chunk(ctx, c)
				if err == nil && len(p.block) > 0 {
					if err = l.emit(w, p.block); err != nil {
						err = ledgerEmitError{err}
					}
				}
				if err != nil {
					fail(c.index, err)
				}
			}
		})
	}
	l.feed(chunks, work, failed, fail)
	close(work)
	workers.Wait()
	if firstBy != nil {
		return firstBy
	}
	return l.settle(parsers)
}

// settle adds up what the workers found, and judges by the amounts of the whole file how they were read.
func (l *ledgerRead) settle(parsers []*ledgerParser) error {
	evidence := ledgerEvidence{thousands: l.rules.thousands}
	for _, p := range parsers {
		l.totals.merge(p.totals)
		evidence.merge(&p.evidence)
		if p.spans > 0 && (l.spans == 0 || p.firstSpan < l.firstSpan) {
			l.firstSpan = p.firstSpan
		}
		l.spans += p.spans
	}
	if len(l.totals.rejected) > l.rules.maxRejected {
		return ledgerTooManyRejected(l.rules.maxRejected, l.totals.rejected[0])
	}
	return evidence.confirm(&l.plan.amounts)
}

// feed hands chunks to the workers until the text ends or one of them fails.
func (l *ledgerRead) feed(chunks *csvChunker, work chan<- csvChunk, failed <-chan struct{}, fail func(int, error)) {
	for {
		c, err := chunks.next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			fail(chunks.index, ledgerReadError(err))
			return
		}
		select {
		case work <- c:
		case <-failed:
			return
		}
	}
}

// describe adds the file's dialect and columns to the intake.
func (l *ledgerRead) describe(in *payout.Intake) {
	words := l.plan.words(l.rules, l.source.encoding)
	if l.file == 0 {
		in.Dialect, in.Columns = words, l.plan.use
	} else if words != in.Dialect || !slices.Equal(l.plan.use, in.Columns) {
		in.Notes = append(in.Notes, fmt.Sprintf("%s is read otherwise than the first file: %s; %s", l.path, words, ledgerColumnWords(l.plan.use)))
	}
	for _, f := range in.Files[:l.file] {
		if f.SHA256 == l.info.SHA256 {
			in.Notes = append(in.Notes, fmt.Sprintf("%s is byte for byte the same file as %s: its entries count twice", l.path, f.Path))
		}
	}
	if l.spans > 0 {
		in.Notes = append(in.Notes, fmt.Sprintf("%s: %s more than one line, the first on line %d; where that is not meant, a quote is left open and takes in the rows after it",
			l.path, plural(int(l.spans), "record spans", "records span"), l.firstSpan))
	}
	if l.empty {
		in.Notes = append(in.Notes, l.path+" has a header and no rows")
	}
}

func ledgerColumnWords(use []payout.ColumnUse) string {
	var words []string
	for _, u := range use {
		words = append(words, fmt.Sprintf("%s = column %d %q", u.Part, u.Number, u.Header))
	}
	return strings.Join(words, ", ")
}

// judge draws the extract's reach and checks the control totals.
func (r *ledgerRules) judge(in *payout.Intake) error {
	in.Empty = in.Entries == 0 && r.Covers == nil
	switch {
	case r.Covers != nil:
		reach := *r.Covers
		in.Reach = &reach
	case in.Last != payout.NoDay:
		in.Reach = &payout.Period{From: in.First, To: in.Last}
	}
	if in.Rows > 0 && in.FilteredN == in.Rows {
		in.Notes = append(in.Notes, "the filters take out every row")
	}
	if want := r.Control.Rows; want != nil {
		if *want != in.Rows {
			return payout.Errorf(payout.KindInput, "control totals disagree: ledger.control.rows is %d, but the ledger has %s (entries %d, rejected %d, filtered %d)",
				*want, plural(int(in.Rows), "data row", "data rows"), in.Entries, len(in.Rejected), in.FilteredN)
		}
		in.Control = append(in.Control, plural(int(in.Rows), "data row", "data rows")+", as the control says")
	}
	return r.judgeSums(in)
}

func (r *ledgerRules) judgeSums(in *payout.Intake) error {
	for _, currency := range slices.Sorted(maps.Keys(r.control)) {
		var sum payout.CurrencySum
		if i := slices.IndexFunc(in.Sums, func(s payout.CurrencySum) bool { return s.Currency == currency }); i >= 0 {
			sum = in.Sums[i]
		}
		want, got := money.New(r.control[currency], currency), money.New(sum.Units, currency)
		if want != got {
			return payout.Errorf(payout.KindInput, "control totals disagree: ledger.control.sums.%s is %s, but the entries add up to %s (%s rejected, %d filtered)",
				currency, want, got, plural(len(in.Rejected), "row was", "rows were"), in.FilteredN)
		}
		in.Control = append(in.Control, fmt.Sprintf("%s in %s, as the control says", got, plural(int(sum.Count), "entry", "entries")))
	}
	for _, s := range in.Sums {
		if _, controlled := r.control[s.Currency]; !controlled && len(r.control) > 0 {
			in.Control = append(in.Control, fmt.Sprintf("%s in %s: no control", money.New(s.Units, s.Currency), plural(int(s.Count), "entry", "entries")))
		}
	}
	return nil
}
