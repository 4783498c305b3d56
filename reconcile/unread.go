package reconcile

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"

	"payrecon/internal/payout"
)

// unreadRows finds unreadable rows by the references that they bear, or may bear: of a row whose reference is not known any field
// may be it. A file that was cut at the wrong places has many such rows of many fields, so that all that is kept of a field is
// a hash.
type unreadRows struct {
	rows []payout.RejectedRow
	fold bool
	seed maphash.Seed
	refs []rowRef // by hash and row
}

type rowRef struct {
	hash uint64
	row  int32
}

func newUnreadRows(rows []payout.RejectedRow, fold bool) *unreadRows {
	u := &unreadRows{rows: rows, fold: fold, seed: maphash.MakeSeed()}
	var hashes []uint64 // of one row
	for n := range rows {
		hashes = hashes[:0]
		for _, field := range refsOn(&rows[n]) {
			if key := bareKey(field, fold); key != "" {
				hashes = append(hashes, maphash.String(u.seed, key))
			}
		}
		slices.Sort(hashes)
		for _, hash := range slices.Compact(hashes) {
			u.refs = append(u.refs, rowRef{hash, int32(n)})
		}
	}
	slices.SortFunc(u.refs, func(a, b rowRef) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.row, b.row)) })
	return u
}

// refsOn is what may be the reference of an unreadable row.
func refsOn(row *payout.RejectedRow) []string {
	if row.Ref != "" {
		return []string{row.Ref}
	}
	return fieldsOf(row.Text)
}

// visit goes through the rows that may bear a reference, in order, until yield returns false.
func (u *unreadRows) visit(ref string, yield func(n int, row *payout.RejectedRow) bool) {
	if u == nil || len(u.refs) == 0 {
		return
	}
	key := bareKey(ref, u.fold)
	if key == "" {
		return
	}
	hash := maphash.String(u.seed, key)
	at, _ := slices.BinarySearchFunc(u.refs, hash, func(r rowRef, hash uint64) int { return cmp.Compare(r.hash, hash) })
	for ; at < len(u.refs) && u.refs[at].hash == hash; at++ {
		row := &u.rows[u.refs[at].row]
		bears := slices.ContainsFunc(refsOn(row), func(field string) bool { return bareKey(field, u.fold) == key })
		if bears && !yield(int(u.refs[at].row), row) {
			return
		}
	}
}

// on returns which rows bear a reference. Of a row that has not as many fields as the header the reader may not know which is
// the reference: then any may be.
func (u *unreadRows) on(ref string) (list []int) {
	u.visit(ref, func(n int, row *payout.RejectedRow) bool {
		if row.Ref != "" || row.Column == ledgerWholeRow {
			list = append(list, n)
		}
		return true
	})
	return list
}

// bears reports whether on is not empty.
func (u *unreadRows) bears(ref string) (bears bool) {
	u.visit(ref, func(_ int, row *payout.RejectedRow) bool {
		bears = row.Ref != "" || row.Column == ledgerWholeRow
		return !bears
	})
	return bears
}

// mayBear reports whether a reference may stand on an unreadable row, in whatever field.
func (u *unreadRows) mayBear(ref string) (may bool) {
	u.visit(ref, func(int, *payout.RejectedRow) bool {
		may = true
		return false
	})
	return may
}

// fieldsOf cuts the text of a row at whatever may be its delimiter: at each alone, because a field may hold the others, and at
// all of them. A field in quotes is itself and what is quoted.
func fieldsOf(text string) (fields []string) {
	const delimiters = ",;\t|"
	var cuts []string
	for _, c := range delimiters {
		if strings.ContainsRune(text, c) {
			cuts = append(cuts, string(c))
		}
	}
	if len(cuts) > 1 {
		cuts = append(cuts, delimiters)
	}
	add := func(field string) {
		field = strings.TrimSpace(field)
		fields = append(fields, field)
		if bare := strings.TrimSpace(strings.Trim(field, `"'`)); bare != field {
			fields = append(fields, bare)
		}
	}
	add(text)
	for _, cut := range cuts {
		for field := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(cut, r) }) {
			add(field)
		}
	}
	return fields
}
