package sandbox

import (
	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// Truth returns the payouts that the API shows now, in order of creation. Raw is the JSON object as it would be sent;
// OnBehalfOf is the sub-member the payout belongs to. Hash is left empty.
func (s *Sandbox) Truth() []payout.Payout {
	now := millis(s.Now())
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]payout.Payout, 0, len(s.store.order))
	for _, num := range s.store.order {
		if s.shown(num, now) {
			all = append(all, s.truth(num, now))
		}
	}
	return all
}

func (s *Sandbox) truth(num uint32, now int64) payout.Payout {
	st := s.store
	at := s.stateOf(num, now)
	p := payout.Payout{
		ID: st.id(num), MemberID: st.member, OnBehalfOf: st.owner(num), Created: st.created(num), Updated: payout.Millis(at.updated),
		Status: statusWords[at.status], Reason: at.reason, BankStatus: at.bank, BankTransactionID: s.transaction(num, at),
		Amount: money.New(0, money.NoCurrency), Raw: s.appendPayout(nil, num, now),
	}
	if !s.bare(num) {
		p.RefID, p.Description, p.DebtorAccount = st.ref(num), string(st.appendDescription(nil, num)), st.debtor(num)
		p.Amount, _ = st.amount(num)
		p.Creditor = st.payee(num).Creditor
	}
	return p
}

// Add puts a payout into the API as it is: it does not move with the clock. An empty ID is filled in, an empty DebtorAccount
// and a zero Updated too; a payout whose amount has the currency money.NoCurrency comes without initiation. Its status must be a
// documented one or INITIATION_ON_HOLD. The id is returned.
func (s *Sandbox) Add(p payout.Payout) (string, error) {
	code := -1
	for i, w := range statusWords {
		if w == p.Status {
			code = i
		}
	}
	if code < 0 {
		return "", payout.Errorf(payout.KindInput, "sandbox: cannot add a payout with status %q", p.Status)
	}
	if p.Updated == 0 {
		p.Updated = p.Created
	}
	if p.DebtorAccount == "" {
		p.DebtorAccount = debtorAccounts[0]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.store.numberOf(p.ID); taken {
		return "", payout.Errorf(payout.KindInput, "sandbox: payout %s is there already", p.ID)
	}
	owner, err := s.ownerOf(p.OnBehalfOf)
	if err != nil {
		return "", payout.Errorf(payout.KindInput, "sandbox: %w", err)
	}
	num := s.store.add(int64(p.Created), owner, &given{
		id: p.ID, ref: p.RefID, bare: p.Amount.Currency() == money.NoCurrency, units: p.Amount.Units(), currency: p.Amount.Currency(),
		payee: newCreditor(p.Creditor), description: p.Description, debtor: p.DebtorAccount, transaction: p.BankTransactionID,
		fixed: &state{statusCode(code), int64(p.Updated), p.Reason, p.BankStatus},
	})
	return s.store.id(num), nil
}

// SetStatus fixes the status of a payout from now on; it does not move with the clock any more.
func (s *Sandbox) SetStatus(id string, status payout.Status, reason string) error {
	now := millis(s.Now())
	return s.change(id, func(num uint32, g *given) error {
		for i, w := range statusWords {
			if w == status {
				g.fixed = &state{statusCode(i), now, reason, ""}
				return nil
			}
		}
		return payout.Errorf(payout.KindInput, "sandbox: status %q is not one it can show", status)
	})
}

// Hide makes a payout vanish.
func (s *Sandbox) Hide(id string) error {
	return s.change(id, func(_ uint32, g *given) error {
		g.gone = true
		return nil
	})
}

// change gives a payout that was computed a record of its own, and lets fn alter it.
func (s *Sandbox) change(id string, fn func(num uint32, g *given) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.store
	num, ok := st.numberOf(id)
	if !ok {
		return payout.Errorf(payout.KindNotFound, "sandbox: there is no payout %s", id)
	}
	g := st.givenOf(num)
	if g == nil {
		a, _ := st.amount(num)
		g = &given{
			num: num, ref: st.ref(num), value: string(s.appendValue(nil, num)), units: a.Units(), currency: a.Currency(), payee: st.payee(num),
			description: string(st.appendDescription(nil, num)), debtor: st.debtor(num), life: st.life(num), booked: true,
		}
		st.rows[num].given = int32(len(st.given))
		st.given = append(st.given, g)
		st.index(g)
	}
	return fn(num, g)
}
