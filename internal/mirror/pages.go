package mirror

import (
	"context"
	"fmt"
	"sync"

	"github.com/jmoiron/sqlx"

	"payrecon/internal/payout"
)

// pageWriter is what the single writer remembers between transactions, so that a page of new payouts costs no look-up
// that memory can answer. All of it can be read from the database again, and is, when another process has written.
type pageWriter struct {
	waiting sync.Mutex // guards queue
	queue   []*waitingPage

	mu          sync.Mutex // held by the page that writes; guards everything below
	loaded      bool
	dataVersion int64 // SQLite's own count of changes by other connections

	nextN, nextSeq int64
	words          map[string]int64
	tail           map[payout.IDHash]int64 // ids above idsThrough: see ids.go
	idsThrough     int64
	indexed        idFilter                    // ids up to idsThrough
	members        map[string]map[string]int64 // by onBehalfOfId and memberId: the run that brought it, or boundForGood
	vanished       map[int64]bool

	newRows, newVersions []any // values of the page being written, kept for their memory

	payouts, versions, ids bulk
	stmts                  map[string]*sqlx.Stmt // pageStatements, by their text
}

func newPageWriter() *pageWriter { return &pageWriter{} }

// CommitPage writes one page in one transaction: its payouts, their versions, the ids its walk has now seen, the walk's
// next cursor and, on the walk's last page, what that proves of its days. A walk that somebody else has moved on is
// payout.ErrWalkLost, a payout of a member that this mirror is not bound to is payout.KindInput; nothing is written then.
// Once begun, a page is finished: ctx does not interrupt it.
//
// Pages that wait for the writer at the same time share one transaction, because most of the time of a short one is spent
// waiting for the disk. When one of them fails, each is written alone.
func (m *Mirror) CommitPage(ctx context.Context, c *payout.PageCommit) (payout.PageResult, error) {
	w := m.writer
	one := &waitingPage{c: c}
	w.waiting.Lock()
	w.queue = append(w.queue, one)
	w.waiting.Unlock()

	w.mu.Lock()
	defer w.mu.Unlock()
	if !one.done {
		w.waiting.Lock()
		batch := w.queue
		w.queue = nil
		w.waiting.Unlock()
		m.commitTogether(context.WithoutCancel(ctx), batch)
	}
	return one.result, wrap("write a page of payouts", one.err)
}

// waitingPage is a page that waits for the writer.
type waitingPage struct {
	c      *payout.PageCommit
	done   bool // result and err are set
	result payout.PageResult
	err    error
}

// commitTogether writes pages in one transaction, or each in its own if that fails. The caller holds w.mu.
func (m *Mirror) commitTogether(ctx context.Context, batch []*waitingPage) {
	err := m.commitBatch(ctx, batch)
	for _, one := range batch {
		if err != nil && len(batch) > 1 {
			one.err = m.commitBatch(ctx, []*waitingPage{one})
		} else {
			one.err = err
		}
		one.done = true
	}
}

func (m *Mirror) commitBatch(ctx context.Context, batch []*waitingPage) error {
	w := m.writer
	if err := w.load(ctx, m); err != nil {
		return err
	}
	now := payout.MillisOf(m.clock())
	pages := make([]*pageTx, len(batch))
	err := m.write(ctx, func(tx *sqlx.Tx) error {
		for i, one := range batch {
			pages[i] = &pageTx{ctx: ctx, w: w, tx: tx, c: one.c}
			if err := pages[i].run(now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.loaded = false // what is remembered includes what was rolled back
		return err
	}
	for i, p := range pages {
		batch[i].result = p.result
		if batch[i].c.Walk != nil {
			*batch[i].c.Walk = p.moved
		}
	}
	if err := w.mergeTail(ctx, m); err != nil { // the pages are written; the tail only stays longer
		w.loaded = false
		m.log.Warn("the index of ids was not brought up to date", "database", m.path, "error", err)
	}
	return nil
}

// load reads what the writer remembers, unless it knows it already and no other connection has written since.
func (w *pageWriter) load(ctx context.Context, m *Mirror) error {
	if m.w == nil {
		return fmt.Errorf("database %s is open for reading only", m.path)
	}
	var version int64
	if err := m.w.GetContext(ctx, &version, "PRAGMA data_version"); err != nil {
		return err
	}
	if w.loaded && version == w.dataVersion {
		if w.indexed.bits == nil && (w.idsThrough == 0 || w.indexed.misses > filterMisses) {
			return w.indexed.fill(ctx, m.w)
		}
		return nil
	}
	if err := w.prepare(ctx, m.w); err != nil {
		return err
	}
	for _, read := range []func(context.Context, *sqlx.DB) error{w.loadNumbers, w.loadWords, w.loadMembers, w.loadTail} {
		if err := read(ctx, m.w); err != nil {
			return err
		}
	}
	w.loaded, w.dataVersion = true, version
	return nil
}

func (w *pageWriter) loadNumbers(ctx context.Context, db *sqlx.DB) error {
	if err := db.GetContext(ctx, &w.nextN, "SELECT ifnull(max(n), 0) + 1 FROM payouts"); err != nil {
		return err
	}
	if err := db.GetContext(ctx, &w.nextSeq, "SELECT ifnull(max(seq), 0) + 1 FROM payout_versions"); err != nil {
		return err
	}
	var vanished []int64
	if err := db.SelectContext(ctx, &vanished, "SELECT payout FROM vanished"); err != nil {
		return err
	}
	w.vanished = make(map[int64]bool, len(vanished))
	for _, n := range vanished {
		w.vanished[n] = true
	}
	return nil
}

func (w *pageWriter) loadWords(ctx context.Context, db *sqlx.DB) error {
	words, err := wordsByNumber(ctx, db)
	if err != nil {
		return err
	}
	w.words = make(map[string]int64, len(words))
	for n, word := range words {
		w.words[word] = n
	}
	return nil
}

// pageTx is the transaction of one page.
type pageTx struct {
	ctx    context.Context
	w      *pageWriter
	tx     *sqlx.Tx
	c      *payout.PageCommit
	result payout.PageResult
	moved  payout.Walk // the walk as it stands after the page
	walk   int64       // its id; 0 when the page belongs to no walk

	known   map[string]*currentRow // what the mirror holds of the page's ids, as of now
	days    map[payout.Day]*dayRow
	changes []change
}

func (p *pageTx) run(now payout.Millis) (err error) {
	if p.moved, err = p.moveWalk(now); err != nil {
		return err
	}
	if err := p.apply(); err != nil {
		return err
	}
	if err := p.prove(); err != nil {
		return err
	}
	return p.saveAlerts(now)
}

func (p *pageTx) alert(format string, args ...any) {
	p.result.Alerts = append(p.result.Alerts, fmt.Sprintf(format, args...))
}

func (p *pageTx) saveAlerts(at payout.Millis) error {
	for _, text := range p.result.Alerts {
		if err := addAlert(p.ctx, p.tx, p.c.Run, at, text); err != nil {
			return err
		}
	}
	return nil
}

// stmt returns one of pageStatements, within the page's transaction.
func (p *pageTx) stmt(query string) *sqlx.Stmt {
	return p.tx.StmtxContext(p.ctx, p.w.stmts[query])
}

// word returns the number of a text in table words, and writes it there the first time.
func (p *pageTx) word(text string) (n int64, err error) {
	if n, ok := p.w.words[text]; ok {
		return n, nil
	}
	if err := p.tx.GetContext(p.ctx, &n, "INSERT INTO words (word) VALUES (?) RETURNING n", text); err != nil {
		return 0, err
	}
	p.w.words[text] = n
	return n, nil
}
