package mirror

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// twinWindow is how far apart two payouts to one account over one amount may be to be shown as possible double payments.
const twinWindow = 7 * 86_400_000

// twinKey is what twins share.
type twinKey struct {
	account, currency string
	units             int64
}

// twinHash is equal for payouts with an equal key.
func twinHash(seed maphash.Seed, r *payout.Row) uint64 {
	return maphash.String(seed, r.Account) ^ uint64(r.Units)*0x9e3779b97f4a7c15
}

// mayBeTwin tells whether a payout counts: live, with an account and an amount, and near enough to the period.
func mayBeTwin(r *payout.Row, p payout.Period) bool {
	from, end := p.From.Start().UnixMilli()-twinWindow, (p.To+1).Start().UnixMilli()+twinWindow
	return r.Account != "" && r.Units != 0 && r.Status.Live() && int64(r.Created) >= from && int64(r.Created) < end
}

// twins finds live payouts over the same amount to the same payee account, each within seven days of the next, whatever their
// references, at least one of them created in p. They are ordered by currency, amount (largest first), account and time.
//
// Two readings of all payouts: the first keeps 16 bytes of each that counts, a hash of what twins share and the time, and finds
// the hashes that occur twice within the window; the second keeps the payouts with such a hash. Real equality decides last.
func (m *Mirror) twins(ctx context.Context, maxSeq int64, p payout.Period) ([]payout.Twin, error) {
	seed := maphash.MakeSeed()
	near, err := m.nearTwins(ctx, seed, maxSeq, p)
	if err != nil || len(near) == 0 {
		return []payout.Twin{}, err
	}
	var found [blockWorkers]map[twinKey][]sighting
	for i := range found {
		found[i] = map[twinKey][]sighting{}
	}
	err = m.Blocks(ctx, maxSeq, func(worker int, rows []payout.Row) error {
		for i := range rows {
			r := &rows[i]
			if mayBeTwin(r, p) && near[twinHash(seed, r)] {
				key := twinKey{r.Account, r.Currency, r.Units}
				found[worker][key] = append(found[worker][key], sighting{r.Created, r.ID})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, other := range found[1:] {
		for key, sightings := range other {
			found[0][key] = append(found[0][key], sightings...)
		}
	}
	return m.describeTwins(ctx, maxSeq, p, found[0])
}

// nearTwins is the first reading: the hashes that occur twice within the window.
func (m *Mirror) nearTwins(ctx context.Context, seed maphash.Seed, maxSeq int64, p payout.Period) (map[uint64]bool, error) {
	type trace struct {
		hash    uint64
		created payout.Millis
	}
	var traces [blockWorkers][]trace
	err := m.Blocks(ctx, maxSeq, func(worker int, rows []payout.Row) error {
		for i := range rows {
			if mayBeTwin(&rows[i], p) {
				traces[worker] = append(traces[worker], trace{twinHash(seed, &rows[i]), rows[i].Created})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	all := slices.Concat(traces[:]...)
	slices.SortFunc(all, func(a, b trace) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.created, b.created)) })
	near := map[uint64]bool{}
	for i := 1; i < len(all); i++ {
		if all[i].hash == all[i-1].hash && all[i].created-all[i-1].created <= twinWindow {
			near[all[i].hash] = true
		}
	}
	return near, nil
}

// sighting is one payout that may be a twin.
type sighting struct {
	created payout.Millis
	id      string
}

// chains sorts the sightings and cuts them where the gap is larger than the window; single ones, and chains without a payout
// in p, are left out.
func chains(all []sighting, p payout.Period) [][]sighting {
	slices.SortFunc(all, func(a, b sighting) int { return cmp.Or(cmp.Compare(a.created, b.created), cmp.Compare(a.id, b.id)) })
	var list [][]sighting
	for first := 0; first < len(all); {
		end := first + 1
		for end < len(all) && all[end].created-all[end-1].created <= twinWindow {
			end++
		}
		chain := all[first:end]
		if len(chain) > 1 && slices.ContainsFunc(chain, func(s sighting) bool { return p.Contains(s.created.Day()) }) {
			list = append(list, chain)
		}
		first = end
	}
	return list
}

func (m *Mirror) describeTwins(ctx context.Context, maxSeq int64, p payout.Period, found map[twinKey][]sighting) ([]payout.Twin, error) {
	twins := []payout.Twin{}
	ids := []string{}
	for key, sightings := range found {
		for _, chain := range chains(sightings, p) {
			twin := payout.Twin{Account: key.account, Amount: money.New(key.units, key.currency)}
			for _, s := range chain {
				twin.Payouts = append(twin.Payouts, payout.PayoutRef{ID: s.id, Created: s.created})
				ids = append(ids, s.id)
			}
			twins = append(twins, twin)
		}
	}
	refs, err := m.Details(ctx, maxSeq, ids)
	if err != nil {
		return nil, err
	}
	for i := range twins { // ids were gathered in this order
		copy(twins[i].Payouts, refs)
		refs = refs[len(twins[i].Payouts):]
	}
	slices.SortFunc(twins, func(a, b payout.Twin) int {
		return cmp.Or(
			cmp.Compare(a.Amount.Currency(), b.Amount.Currency()),
			cmp.Compare(b.Amount.Units(), a.Amount.Units()),
			cmp.Compare(a.Account, b.Account),
			cmp.Compare(a.Payouts[0].Created, b.Payouts[0].Created),
			cmp.Compare(a.Payouts[0].ID, b.Payouts[0].ID),
		)
	})
	return twins, nil
}
