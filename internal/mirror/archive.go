package mirror

import (
	"encoding"
	"encoding/binary"
	"errors"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// Findings and items are stored by the thousand, every night. As JSON each costs some fifty microseconds to write and as
// many to read; here a field is its bytes, so that they cost one or two, and texts may hold any bytes at all.
//
// An archive goes through a value's fields in a fixed order, either way: what writes is what reads, so the two cannot drift
// apart. Numbers are varints, texts and lists have their length before them, and what has a name (an outcome, a state) is
// stored by its name. A field that is added later goes to the end of its type, under a new version.
type archive struct {
	writing bool
	version byte // of the list read; 0 = the newest
	out     []byte
	in      []byte // the record read, and
	text    string // the same as a text, of which the texts of the value are parts
	at      int
	names   map[string]payout.Outcome
	cells   map[string]payout.Cell
	err     error
}

// archiveVersion is the first byte of a list of records. Version 2 has the currency and day of unreadable rows; lists of
// version 1 are read, never written.
const archiveVersion = 2

var errArchive = errors.New("stored record ends early: the database is damaged, restore a backup")

// archived appends a list of records to out, each with its length before it. a is a writing archive.
func archived[T any](out []byte, a *archive, all []T, record func(*archive, *T)) []byte {
	out = binary.AppendUvarint(append(out, archiveVersion), uint64(len(all)))
	for i := range all {
		a.out = a.out[:0]
		record(a, &all[i])
		out = append(binary.AppendUvarint(out, uint64(len(a.out))), a.out...)
	}
	return out
}

// unarchive reads what archived wrote: the records whose places (numbers from 0) are wanted; nil = all of them.
func unarchive[T any](body []byte, wanted func(place int) bool, record func(*archive, *T)) ([]T, error) {
	if len(body) == 0 || body[0] < 1 || body[0] > archiveVersion {
		return nil, errors.New("stored by another version of payrecon: use that one")
	}
	version := body[0]
	count, n := binary.Uvarint(body[1:])
	if body = body[1+max(n, 0):]; n <= 0 || count > uint64(len(body)) {
		return nil, errArchive
	}
	a := &archive{version: version, names: map[string]payout.Outcome{}, cells: map[string]payout.Cell{}}
	var all []T
	if wanted == nil {
		all = make([]T, 0, count)
	}
	for place := range int(count) {
		size, n := binary.Uvarint(body)
		if n <= 0 || size > uint64(len(body)-n) {
			return nil, errArchive
		}
		if wanted == nil || wanted(place) {
			a.in, a.at = body[n:n+int(size)], 0
			a.text = string(a.in)
			all = append(all, *new(T))
			if record(a, &all[len(all)-1]); a.err != nil {
				return nil, a.err
			}
		}
		body = body[n+int(size):]
	}
	return all, nil
}

func number[T ~int | ~int32 | ~int64](a *archive, v *T) {
	if a.writing {
		a.out = binary.AppendVarint(a.out, int64(*v))
		return
	}
	value, n := binary.Varint(a.in[a.at:])
	if n <= 0 || int64(T(value)) != value {
		a.fail(errArchive)
		return
	}
	a.at += n
	*v = T(value)
}

func text[T ~string](a *archive, v *T) {
	size := len(*v)
	number(a, &size)
	switch {
	case a.writing:
		a.out = append(a.out, *v...)
	case size < 0 || size > len(a.in)-a.at:
		a.fail(errArchive)
	default:
		*v = T(a.text[a.at : a.at+size])
		a.at += size
	}
}

// named is a value that has a name.
type named interface {
	~uint8
	encoding.TextMarshaler
}

// name stores a value by its name. known remembers names that were read before.
func name[T named, P interface {
	*T
	encoding.TextUnmarshaler
}](a *archive, v P, known map[string]T,
) {
	var word string
	if a.writing {
		marshaled, err := (*v).MarshalText()
		if err != nil {
			a.fail(err)
		}
		word = string(marshaled)
	}
	text(a, &word)
	if a.writing || a.err != nil {
		return
	}
	if value, ok := known[word]; ok {
		*v = value
		return
	}
	if err := v.UnmarshalText([]byte(word)); err != nil {
		a.fail(err)
		return
	}
	if known != nil {
		known[word] = *v
	}
}

func list[T any](a *archive, v *[]T, each func(*archive, *T)) {
	size := len(*v)
	number(a, &size)
	if !a.writing {
		if size < 0 || size > len(a.in)-a.at {
			a.fail(errArchive)
			return
		}
		if *v = nil; size > 0 {
			*v = make([]T, size)
		}
	}
	for i := range *v {
		each(a, &(*v)[i])
	}
}

func optional[T any](a *archive, v **T, each func(*archive, *T)) {
	present := 0
	if *v != nil {
		present = 1
	}
	if number(a, &present); present == 0 || a.err != nil {
		*v = nil
		return
	}
	if !a.writing {
		*v = new(T)
	}
	each(a, *v)
}

func (a *archive) fail(err error) {
	if a.err == nil {
		a.err = err
	}
	a.at = len(a.in)
}

func archiveAmount(a *archive, v *money.Amount) {
	units, currency := v.Units(), v.Currency()
	number(a, &units)
	text(a, &currency)
	if !a.writing {
		*v = money.New(units, currency)
	}
}

func archivePayout(a *archive, v *payout.PayoutRef) {
	text(a, &v.ID)
	text(a, &v.RefID)
	text(a, &v.OnBehalfOf)
	archiveAmount(a, &v.Amount)
	text(a, &v.Status)
	number(a, &v.Created)
	number(a, &v.Changed)
	for _, t := range []*string{
		&v.Account, &v.Payee, &v.DebtorAccount, &v.Description, &v.Reason, &v.BankStatus, &v.BankTransactionID,
	} {
		text(a, t)
	}
}

func archiveEntry(a *archive, v *payout.Entry) {
	number(a, &v.File)
	number(a, &v.Line)
	text(a, &v.Ref)
	archiveAmount(a, &v.Amount)
	name(a, &v.Class, nil)
	text(a, &v.Status)
	number(a, &v.Day)
	text(a, &v.Text)
	text(a, &v.Document)
	text(a, &v.OnBehalfOf)
	number(a, &v.Nth)
}

func archiveRejected(a *archive, v *payout.RejectedRow) {
	number(a, &v.File)
	number(a, &v.Line)
	for _, t := range []*string{&v.Column, &v.Value, &v.Reason, &v.Ref, &v.Text} {
		text(a, t)
	}
	archiveAmount(a, &v.Amount)
	if a.version != 1 {
		text(a, &v.Currency)
		number(a, &v.Day)
	}
}

func archiveFinding(a *archive, v *payout.Finding) {
	name(a, &v.Outcome, a.names)
	name(a, &v.Cell, a.cells)
	name(a, &v.Severity, nil)
	text(a, &v.Key)
	text(a, &v.RefID)
	text(a, &v.OnBehalfOf)
	list(a, &v.Payouts, archivePayout)
	list(a, &v.Entries, archiveEntry)
	list(a, &v.Rejected, archiveRejected)
	list(a, &v.PayoutSums, archiveAmount)
	list(a, &v.EntrySums, archiveAmount)
	optional(a, &v.Difference, archiveAmount)
	archiveAmount(a, &v.Exposure)
	number(a, &v.AgeDays)
	text(a, &v.Why)
	text(a, &v.Next)
	text(a, &v.Hint)
}

func archiveDisposition(a *archive, v *payout.Disposition) {
	text(a, &v.Kind)
	number(a, &v.Until)
	text(a, &v.Reason)
	text(a, &v.By)
	number(a, &v.At)
}

func archiveDecision(a *archive, v *payout.Item) {
	optional(a, &v.Disposition, archiveDisposition)
	number(a, &v.Due)
	text(a, &v.Owner)
	text(a, &v.Note)
}

func archiveItem(a *archive, v *payout.Item) {
	number(a, &v.ID)
	archiveFinding(a, &v.Finding)
	name(a, &v.State, nil)
	number(a, &v.FirstRun)
	number(a, &v.FirstSeen)
	number(a, &v.LastRun)
	archiveDecision(a, v)
	text(a, &v.ClearedBy)
	number(a, &v.ClearedAt)
}
