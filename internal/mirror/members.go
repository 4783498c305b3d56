package mirror

import (
	"context"

	"github.com/jmoiron/sqlx"

	"payrecon/internal/payout"
)

// boundForGood stands for the run of a member when a sync has come to its end under that onBehalfOfId. Until then, members are
// added: a first sync that was interrupted has not seen them all.
const boundForGood = 0

func (w *pageWriter) loadMembers(ctx context.Context, db *sqlx.DB) error {
	var rows []struct {
		OnBehalfOf string `db:"on_behalf_of"`
		Member     string `db:"member"`
		Run        int64  `db:"run"`
	}
	if err := db.SelectContext(ctx, &rows, "SELECT on_behalf_of, member, run FROM members"); err != nil {
		return err
	}
	w.members = map[string]map[string]int64{}
	for _, r := range rows {
		w.addMember(r.OnBehalfOf, r.Member, r.Run)
	}
	return nil
}

func (w *pageWriter) addMember(onBehalfOf, member string, run int64) {
	if w.members[onBehalfOf] == nil {
		w.members[onBehalfOf] = map[string]int64{}
	}
	w.members[onBehalfOf][member] = run
}

// checkMember makes sure that the mirror is bound to the payout's member, or binds it as long as no sync came to its end.
func (p *pageTx) checkMember(one *payout.Payout) error {
	bound := p.w.members[p.c.OnBehalfOf]
	if _, ok := bound[one.MemberID]; ok {
		return nil
	}
	for member, run := range bound {
		if run == boundForGood {
			return payout.Errorf(payout.KindInput, "payout %s belongs to member %s, but this database is bound to member %s: "+
				"use the key of that member, or another database (--db)", one.ID, one.MemberID, member)
		}
	}
	p.w.addMember(p.c.OnBehalfOf, one.MemberID, p.c.Run)
	_, err := p.tx.ExecContext(p.ctx, "INSERT INTO members (on_behalf_of, member, run) VALUES (?, ?, ?)", p.c.OnBehalfOf, one.MemberID, p.c.Run)
	return err
}

// BindMembers binds the mirror for good to the members that one onBehalfOfId has shown: a sync of it has come to its end.
func (m *Mirror) BindMembers(ctx context.Context, onBehalfOf string) error {
	m.writer.mu.Lock()
	defer m.writer.mu.Unlock()
	m.writer.loaded = false
	return wrap("bind members", m.write(ctx, func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE members SET run = ? WHERE on_behalf_of = ? AND run <> ?", boundForGood, onBehalfOf, boundForGood)
		return err
	}))
}

// Members returns the memberIds the mirror is bound to, sorted.
func (m *Mirror) Members(ctx context.Context) ([]string, error) {
	members := []string{}
	err := m.r.SelectContext(ctx, &members, "SELECT DISTINCT member FROM members ORDER BY member")
	return members, wrap("read members", err)
}
