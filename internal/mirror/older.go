package mirror

import "payrecon/internal/payout"

// applyOlder keeps a fact that is older than the one that stands, unless it is kept already. When it was asked for later, the
// API contradicts itself, and a person must find out which of the two holds.
func (p *pageTx) applyOlder(one *payout.Payout, st *currentRow, owner int64) error {
	p.result.Unchanged++
	contradicts := p.askedLater(st)
	if contradicts && p.c.Detail {
		p.result.ChangedIDs = append(p.result.ChangedIDs, one.ID)
	}
	var kept int
	err := p.stmt(selectKept).GetContext(p.ctx, &kept, st.Last, one.Hash[:])
	if err != nil || kept > 0 {
		return err
	}
	if contradicts {
		p.alert("payout %s: the API now shows %s, updated at %s, but %s, updated at %s, was shown before and stands because it is dated later: ask the provider",
			one.ID, one.Status, one.Updated, p.statusOf(st), payout.Millis(st.Updated))
	}
	status, err := p.word(string(one.Status))
	if err != nil {
		return err
	}
	seq, err := p.addVersion(one, st, status, owner, false)
	if err != nil {
		return err
	}
	st.Last = seq
	p.changes = append(p.changes, change{n: st.N, args: []any{seq, st.N}})
	return nil
}
