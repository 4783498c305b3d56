package sandbox

import (
	"encoding/binary"
	"slices"
	"sort"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// row is what is stored of a payout; the rest is computed from the seed and its number, or stands in given.
type row struct {
	created int64 // milliseconds since 1970
	owner   uint16
	given   int32 // index into store.given; -1 = everything is computed
}

// given is what was not left to the seed: planted payouts, those that POST made and those that tests add.
type given struct {
	num         uint32
	id          string // "" = computed
	ref         string
	bare        bool   // without initiation
	value       string // the amount as sent; "" = units with the currency's digits
	units       int64  // of package money
	currency    string
	payee       *creditor
	description string
	debtor      string
	life        life
	fixed       *state // does not move with the clock
	transaction string // bankTransactionId; "" = computed
	gone        bool
	booked      bool // has an entry in the ledger all the same: was computed before a test changed it
}

// store holds the payouts: rows by number, and the numbers in listing order, by (created, number).
type store struct {
	seed       uint64
	member     string
	owners     []string
	currencies []string
	payees     *payees
	rows       []row
	order      []uint32
	given      []*given
	byID       map[string]uint32   // given ids only
	byRef      map[string][]uint32 // given references only
}

func (st *store) hash(num uint32) uint64 { return draw(st.seed+uint64(num)*golden, saltRow) }

func (st *store) givenOf(num uint32) *given {
	if i := st.rows[num].given; i >= 0 {
		return st.given[i]
	}
	return nil
}

// before orders payouts by (created, number).
func (st *store) before(a, b uint32) bool {
	ca, cb := st.rows[a].created, st.rows[b].created
	return ca < cb || ca == cb && a < b
}

// add puts a payout in its place and returns its number. It costs a copy of the numbers after it: few for a new payout.
func (st *store) add(created int64, owner uint16, g *given) uint32 {
	num := uint32(len(st.rows))
	g.num = num
	st.rows = append(st.rows, row{created, owner, int32(len(st.given))})
	st.given = append(st.given, g)
	at := sort.Search(len(st.order), func(i int) bool { return st.before(num, st.order[i]) })
	st.order = slices.Insert(st.order, at, num)
	st.index(g)
	return num
}

func (st *store) index(g *given) {
	if g.id != "" {
		st.byID[g.id] = g.num
	}
	if g.ref != "" {
		st.byRef[g.ref] = append(st.byRef[g.ref], g.num)
	}
}

// appendID writes po:<27 base58>:<11 base58>. The tail is a bijection of the number.
func (st *store) appendID(dst []byte, num uint32) []byte {
	if g := st.givenOf(num); g != nil && g.id != "" {
		return append(dst, g.id...)
	}
	dst = append(dst, "po:"...)
	head := draw(st.hash(num), saltIDHead)
	for i := range uint64(3) {
		dst = appendDigits58(dst, draw(head, i), 9)
	}
	dst = append(dst, ':')
	return appendDigits58(dst, mix(draw(st.seed, saltID)+uint64(num)), 11)
}

func (st *store) id(num uint32) string { return string(st.appendID(nil, num)) }

// numberOf finds a payout by id.
func (st *store) numberOf(id string) (uint32, bool) {
	if num, ok := st.byID[id]; ok {
		return num, true
	}
	if len(id) != 42 {
		return 0, false
	}
	x, ok := readDigits(id[31:], base58)
	num := unmix(x) - draw(st.seed, saltID)
	if !ok || num >= uint64(len(st.rows)) || st.id(uint32(num)) != id {
		return 0, false
	}
	return uint32(num), true
}

var refHeads = []string{"PAY-", "INV-", "SUP-", "EXP-", "REF-", "SAL-"}

// appendRef writes a reference of 18 characters. Eleven of them are a bijection of the number.
func (st *store) appendRef(dst []byte, num uint32) []byte {
	if g := st.givenOf(num); g != nil {
		return append(dst, g.ref...)
	}
	h := draw(st.hash(num), saltRefTail)
	dst = append(dst, refHeads[h%uint64(len(refHeads))]...)
	dst = appendDigits62(dst, mix(draw(st.seed, saltRef)+uint64(num)), 11)
	return appendDigits62(dst, h>>8, 3)
}

func (st *store) ref(num uint32) string { return string(st.appendRef(nil, num)) }

// numbersOf finds the payouts of a reference.
func (st *store) numbersOf(ref string) []uint32 {
	nums := st.byRef[ref]
	if len(ref) != 18 {
		return nums
	}
	x, ok := readDigits(ref[4:15], base62)
	num := unmix(x) - draw(st.seed, saltRef)
	if ok && num < uint64(len(st.rows)) && st.givenOf(uint32(num)) == nil && st.ref(uint32(num)) == ref {
		return append(slices.Clip(nums), uint32(num))
	}
	return nums
}

// amount returns the payout's amount and the text in which the API sends it: mostly with the currency's digits, now and
// then in another form of the same figure.
func (st *store) amount(num uint32) (a money.Amount, form string) {
	if g := st.givenOf(num); g != nil {
		return money.New(g.units, g.currency), g.value
	}
	h := st.hash(num)
	c := draw(h, saltCurrency) % uint64(2*len(st.currencies))
	currency := st.currencies[0]
	if c < uint64(len(st.currencies)) {
		currency = st.currencies[c]
	}
	return money.New(amountUnits(draw(h, saltAmount), currency), currency), ""
}

// amountUnits draws from 5.00 to about 40,000, small sums more often, in steps of the currency's digits.
func amountUnits(h uint64, currency string) int64 {
	cents := int64(500) << (h % 13)
	cents += int64((h >> 8) % uint64(cents))
	step := int64(money.Scale)
	for range money.Digits(currency) {
		step /= 10
	}
	if money.Digits(currency) == 0 {
		return cents * money.Scale // 500 yen where others have 5.00
	}
	return cents * (money.Scale / 100) / step * step
}

func (st *store) payee(num uint32) *creditor {
	if g := st.givenOf(num); g != nil {
		return g.payee
	}
	a, _ := st.amount(num)
	return st.payees.of(a.Currency(), draw(st.hash(num), saltCreditor))
}

// life returns how the payout's status moves on.
func (st *store) life(num uint32) life {
	if g := st.givenOf(num); g != nil {
		return g.life
	}
	return lifeOf(st.hash(num))
}

var debtorAccounts = []string{"a12345", "a12346", "a20001"}

func (st *store) debtor(num uint32) string {
	if g := st.givenOf(num); g != nil {
		return g.debtor
	}
	return debtorAccounts[draw(st.hash(num), saltBank)%uint64(len(debtorAccounts))]
}

var descriptionHeads = []string{"Invoice ", "INV-", "Order ", "Claim/", "Fee & INV "}

func (st *store) appendDescription(dst []byte, num uint32) []byte {
	if g := st.givenOf(num); g != nil {
		return append(dst, g.description...)
	}
	h := draw(st.hash(num), saltText)
	dst = append(dst, descriptionHeads[h%uint64(len(descriptionHeads))]...)
	n := 1_000_000 + (h>>8)%8_000_000
	for div := uint64(1_000_000); div > 0; div /= 10 {
		dst = append(dst, byte('0'+n/div%10))
	}
	return dst
}

func (st *store) owner(num uint32) string { return st.owners[st.rows[num].owner] }

func (st *store) created(num uint32) payout.Millis { return payout.Millis(st.rows[num].created) }

// textHash is a hash that does not change from process to process.
func textHash(seed uint64, parts ...string) uint64 {
	h := seed
	for _, p := range parts {
		h = mix(h ^ uint64(len(p)))
		for len(p) >= 8 {
			h = mix(h ^ binary.LittleEndian.Uint64([]byte(p[:8])))
			p = p[8:]
		}
		for i := range len(p) {
			h = mix(h ^ uint64(p[i])<<8 ^ 1)
		}
	}
	return h
}
