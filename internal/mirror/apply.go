package mirror

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/jmoiron/sqlx"

	"payrecon/internal/payout"
)

// currentRow is a payout as the current view has it.
type currentRow struct {
	N          int64  `db:"n"`
	ID         string `db:"id"`
	Status     int64  `db:"status"`
	Created    int64  `db:"created"`
	Changed    int64  `db:"changed"`
	OnBehalfOf int64  `db:"on_behalf_of"`
	Final      int64  `db:"final"`
	Seq        int64  `db:"seq"`
	Last       int64  `db:"last"`
	Hash       []byte `db:"hash"`    // of the version that stands
	Updated    int64  `db:"updated"` // likewise
	Asked      int64  `db:"asked"`   // likewise
	Run        int64  `db:"run"`     // likewise

	statusText payout.Status // set when this page brought it
}

// change is a row of the current view that a newer fact replaces, or one that got an older fact beside it.
type change struct {
	n     int64
	until int64 // the version that replaces it; 0 = only last moves
	args  []any
}

const (
	payoutColumns = "n, id, ref_id, account, units, currency, status, created, changed, on_behalf_of, final, seq, last"
	insertPayouts = "INSERT INTO payouts (" + payoutColumns + ") VALUES"

	insertVersions = `INSERT INTO payout_versions (seq, payout, previous, applied, hash, updated, asked, run, status, on_behalf_of,
		member, debtor_account, payee, description, reason, bank_status, bank_transaction_id, raw) VALUES`

	insertPast = `INSERT INTO payout_past (until, n, id, ref_id, account, units, currency, status, created, changed, on_behalf_of, final, seq)
		SELECT ?, n, id, ref_id, account, units, currency, status, created, changed, on_behalf_of, final, seq FROM payouts WHERE n = ?`

	updatePayout = `UPDATE payouts SET ref_id = ?, account = ?, units = ?, currency = ?, status = ?, changed = ?,
		on_behalf_of = ?, final = ?, seq = ?, last = ? WHERE n = ?`

	updateLast = "UPDATE payouts SET last = ? WHERE n = ?"

	insertAlso = "INSERT OR IGNORE INTO payout_also (n, on_behalf_of) VALUES (?, ?)"

	selectKept = `WITH RECURSIVE chain (seq) AS (SELECT ? UNION ALL
		SELECT v.previous FROM chain CROSS JOIN payout_versions v ON v.seq = chain.seq WHERE v.previous IS NOT NULL)
		SELECT count(*) FROM chain CROSS JOIN payout_versions v ON v.seq = chain.seq WHERE v.hash = ?`

	selectStanding = `SELECT p.n, p.id, p.status, p.created, p.changed, p.on_behalf_of, p.final, p.seq, p.last, v.hash, v.updated, v.asked, v.run
		FROM payouts p CROSS JOIN payout_versions v ON v.seq = p.seq WHERE p.n IN (`

	selectCandidates = "SELECT n FROM payout_ids WHERE hash IN ("
)

// pageStatements are what a page executes besides its bulk inserts. They are prepared once, because reading them anew for
// every page takes SQLite some 5% of its time. A list left open is one of lookUp values.
func pageStatements() []string {
	return []string{
		selectCandidates, selectStanding, selectKept, insertAlso, insertPast, updatePayout, updateLast,
		insertWalk, updateWalk, insertWalkPage, deleteWalkPages, selectDay, upsertDay,
	}
}

// prepare prepares the statements of a page. It runs outside of transactions, which own the only connection.
func (w *pageWriter) prepare(ctx context.Context, db *sqlx.DB) (err error) {
	if w.stmts != nil {
		return nil
	}
	stmts := map[string]*sqlx.Stmt{}
	for _, query := range pageStatements() {
		text := query
		if strings.HasSuffix(query, "(") {
			text += placeholders(lookUp) + ")"
		}
		if stmts[query], err = db.PreparexContext(ctx, text); err != nil {
			return err
		}
	}
	err = errors.Join(
		w.payouts.prepare(ctx, db, insertPayouts, 13, "?"),
		w.versions.prepare(ctx, db, insertVersions, 18, "CAST(? AS TEXT)"), // bytes become text without a copy in between
		w.ids.prepare(ctx, db, "INSERT INTO payout_ids (hash, n) VALUES", 2, "?"),
	)
	if err == nil {
		w.stmts = stmts
	}
	return err
}

func (w *pageWriter) close() error {
	errs := []error{w.payouts.close(), w.versions.close(), w.ids.close()}
	for _, stmt := range w.stmts {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(errs...)
}

// apply writes the page's payouts: new ones, newer facts of known ones, and older facts as versions only.
func (p *pageTx) apply() error {
	hashes := make([]payout.IDHash, len(p.c.Payouts))
	for i := range p.c.Payouts {
		hashes[i] = payout.HashID(p.c.Payouts[i].ID)
	}
	if err := p.findKnown(hashes); err != nil {
		return err
	}
	pass, err := p.word(p.c.OnBehalfOf)
	if err != nil {
		return err
	}
	p.days = map[payout.Day]*dayRow{}
	p.w.newRows, p.w.newVersions = p.w.newRows[:0], p.w.newVersions[:0]
	for i := range p.c.Payouts {
		if err := p.applyOne(&p.c.Payouts[i], hashes[i], pass); err != nil {
			return err
		}
	}
	if err := p.w.payouts.insert(p.ctx, p.tx, p.w.newRows); err != nil {
		return err
	}
	if err := p.w.versions.insert(p.ctx, p.tx, p.w.newVersions); err != nil {
		return err
	}
	return p.writeChanges()
}

// findKnown reads what the mirror holds of the page's ids.
func (p *pageTx) findKnown(hashes []payout.IDHash) error {
	p.known = make(map[string]*currentRow, len(hashes))
	numbers := make([]any, 0, len(hashes))
	keys := make([]any, 0, len(hashes))
	for _, h := range hashes {
		if n, ok := p.w.tail[h]; ok {
			numbers = append(numbers, n)
		} else if p.w.indexed.mayHold(indexKey(h)) {
			keys = append(keys, indexKey(h))
		}
	}
	err := inParts(keys, func(part []any) error {
		var candidates []int64
		err := p.stmt(selectCandidates).SelectContext(p.ctx, &candidates, part...)
		for _, n := range candidates {
			numbers = append(numbers, n)
		}
		return err
	})
	if err != nil {
		return err
	}
	return inParts(numbers, func(part []any) error {
		var rows []currentRow
		err := p.stmt(selectStanding).SelectContext(p.ctx, &rows, part...)
		for i := range rows {
			p.known[rows[i].ID] = &rows[i]
		}
		return err
	})
}

// inParts calls fn with lookUp values at a time, filled up by repeating the last one.
func inParts(values []any, fn func(part []any) error) error {
	for len(values) > 0 {
		part := values[:min(lookUp, len(values))]
		values = values[len(part):]
		for part = part[:len(part):len(part)]; len(part) < lookUp; {
			part = append(part, part[len(part)-1])
		}
		if err := fn(part); err != nil {
			return err
		}
	}
	return nil
}

// applyOne decides what one row of the page is: new, unchanged, a newer fact or an older one.
func (p *pageTx) applyOne(one *payout.Payout, hash payout.IDHash, pass int64) error {
	if err := p.checkMember(one); err != nil {
		return err
	}
	st := p.known[one.ID]
	if st == nil {
		return p.applyNew(one, hash, pass)
	}
	if err := p.forgetVanished(st.N); err != nil {
		return err
	}
	owner, err := p.joinPass(one, st, hash, pass)
	if err != nil {
		return err
	}
	same := bytes.Equal(st.Hash, one.Hash[:])
	if !same && int64(one.Updated) < st.Updated && one.Undated {
		dated := *one
		dated.Updated, one = payout.Millis(st.Updated), &dated // so that the time of the request decides
	}
	newer := int64(one.Updated) > st.Updated || int64(one.Updated) == st.Updated && (p.askedLater(st) || int64(p.c.Asked) == st.Asked)
	switch {
	case same && owner == st.OnBehalfOf:
		p.result.Unchanged++
		return nil
	case same || newer:
		return p.applyNewer(one, st, owner)
	}
	return p.applyOlder(one, st, owner)
}

// askedLater reports whether the page was asked for later than what stands: by its time, or because it is of a later run. So
// nothing is lost on a clock that was ahead once, until the instant that it had shown. An earlier run may have asked later,
// too: a backfill that gave way to a night.
func (p *pageTx) askedLater(st *currentRow) bool {
	return int64(p.c.Asked) > st.Asked || p.c.Run > st.Run
}

func (p *pageTx) forgetVanished(n int64) error {
	if !p.w.vanished[n] {
		return nil
	}
	delete(p.w.vanished, n)
	_, err := p.tx.ExecContext(p.ctx, "DELETE FROM vanished WHERE payout = ?", n)
	return err
}

// joinPass records that this pass shows the payout, and returns the onBehalfOfId it belongs to from now on: the
// asked-for one wins over the plain pass, and the first asked-for one over later ones.
func (p *pageTx) joinPass(one *payout.Payout, st *currentRow, hash payout.IDHash, pass int64) (owner int64, err error) {
	if st.OnBehalfOf == pass {
		return pass, nil
	}
	owner, also := st.OnBehalfOf, pass
	plain, isKnown := p.w.words[""]
	if isKnown && st.OnBehalfOf == plain {
		owner, also = pass, plain
	}
	result, err := p.stmt(insertAlso).ExecContext(p.ctx, st.N, also)
	if err != nil {
		return 0, err
	}
	if added, err := result.RowsAffected(); err != nil || added == 0 {
		return owner, err
	}
	return owner, p.addToDay(one.ID, payout.Millis(st.Created).Day(), hash)
}

func (p *pageTx) applyNew(one *payout.Payout, hash payout.IDHash, pass int64) error {
	status, err := p.word(string(one.Status))
	if err != nil {
		return err
	}
	currency, err := p.word(one.Amount.Currency())
	if err != nil {
		return err
	}
	st := &currentRow{
		N: p.w.nextN, ID: one.ID, Status: status, Created: int64(one.Created), Changed: int64(one.Updated), OnBehalfOf: pass,
		Final: finalFlag(one), Hash: one.Hash[:], Updated: int64(one.Updated), Asked: int64(p.c.Asked), Run: p.c.Run, statusText: one.Status,
	}
	p.w.nextN++
	if st.Seq, err = p.addVersion(one, st, status, pass, true); err != nil {
		return err
	}
	st.Last = st.Seq
	p.w.newRows = append(p.w.newRows,
		st.N, st.ID, one.RefID, one.Creditor.Account(), one.Amount.Units(), currency, status, st.Created, st.Changed, pass, st.Final, st.Seq, st.Last)
	p.known[one.ID] = st
	p.w.tail[hash] = st.N
	p.result.New++
	p.w.indexed.misses++
	if p.c.Detail {
		p.result.NewIDs = append(p.result.NewIDs, one.ID)
	}
	return p.addToDay(one.ID, one.Created.Day(), hash)
}

func (p *pageTx) applyNewer(one *payout.Payout, st *currentRow, owner int64) error {
	status, err := p.word(string(one.Status))
	if err != nil {
		return err
	}
	currency, err := p.word(one.Amount.Currency())
	if err != nil {
		return err
	}
	if status != st.Status {
		if st.Final == 1 {
			p.alert("payout %s was %s, a final status, and is now %s: both are kept in its history, ask the provider", one.ID, p.statusOf(st), one.Status)
		}
		st.Changed = int64(one.Updated)
	}
	seq, err := p.addVersion(one, st, status, owner, true)
	if err != nil {
		return err
	}
	differs := !bytes.Equal(st.Hash, one.Hash[:])
	st.Status, st.statusText, st.OnBehalfOf, st.Final, st.Seq, st.Last = status, one.Status, owner, finalFlag(one), seq, seq
	st.Hash, st.Updated, st.Asked, st.Run = one.Hash[:], int64(one.Updated), int64(p.c.Asked), p.c.Run
	p.changes = append(p.changes, change{st.N, seq, []any{
		one.RefID, one.Creditor.Account(), one.Amount.Units(), currency, status, st.Changed, owner, st.Final, seq, seq, st.N,
	}})
	p.result.Changed++
	if p.c.Detail && differs { // else it is another id's since, and the same
		p.result.ChangedIDs = append(p.result.ChangedIDs, one.ID)
	}
	return nil
}

// statusOf returns the text of a standing status.
func (p *pageTx) statusOf(st *currentRow) payout.Status {
	if st.statusText != "" {
		return st.statusText
	}
	for text, n := range p.w.words {
		if n == st.Status {
			return payout.Status(text)
		}
	}
	return ""
}

// addVersion takes the next sequence number for what the API said of a payout.
func (p *pageTx) addVersion(one *payout.Payout, st *currentRow, status, owner int64, applied bool) (seq int64, err error) {
	member, err := p.word(one.MemberID)
	if err != nil {
		return 0, err
	}
	raw := one.Raw
	if raw == nil {
		raw = []byte{}
	}
	if int64(one.Created) != st.Created {
		p.alert("payout %s says it was created at %s, the mirror has %s: the first is kept, ask the provider", one.ID, one.Created, payout.Millis(st.Created))
	}
	seq = p.w.nextSeq
	p.w.nextSeq++
	var previous any
	if st.Last != 0 {
		previous = st.Last
	}
	payee := one.Creditor.Name
	if payee == "" {
		payee = one.Creditor.UltimateName
	}
	p.w.newVersions = append(p.w.newVersions,
		seq, st.N, previous, applied, one.Hash[:], int64(one.Updated), int64(p.c.Asked), p.c.Run, status, owner,
		member, one.DebtorAccount, payee, one.Description, one.Reason, one.BankStatus, one.BankTransactionID, raw)
	return seq, nil
}

func (p *pageTx) writeChanges() error {
	for _, c := range p.changes {
		if c.until == 0 {
			if _, err := p.stmt(updateLast).ExecContext(p.ctx, c.args...); err != nil {
				return err
			}
			continue
		}
		if _, err := p.stmt(insertPast).ExecContext(p.ctx, c.until, c.n); err != nil {
			return err
		}
		if _, err := p.stmt(updatePayout).ExecContext(p.ctx, c.args...); err != nil {
			return err
		}
	}
	return nil
}

func finalFlag(one *payout.Payout) int64 {
	if one.Status.Final() {
		return 1
	}
	return 0
}
