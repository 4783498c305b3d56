package payout

import (
	"strconv"
	"strings"
	"unicode"

	"payrecon/internal/money"
)

// EntryClass is what a ledger's status word means. The order of the constants is the order of matching.
type EntryClass uint8

// The classes of a ledger entry.
const (
	EntryPaid     EntryClass = iota
	EntryNone                // the ledger has no status, or the field is empty
	EntryUnmapped            // a word that nobody mapped
	EntryPending
	EntryReturned
	EntryFailed
)

var entryClassNames = []string{"paid", "none", "unmapped", "pending", "returned", "failed"}

func (c EntryClass) String() string { return entryClassNames[c] }

// MarshalText is String; UnmarshalText reads it back.
func (c EntryClass) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads a class name.
func (c *EntryClass) UnmarshalText(text []byte) error {
	return unmarshalName(c, entryClassNames, text, "entry class")
}

// IsCash reports whether an entry of the class says that money moved: paid, none and unmapped do.
func (c EntryClass) IsCash() bool { return c <= EntryUnmapped }

// StatusWords are the default words of a ledger's status column, in lower case, by class.
var StatusWords = map[string]EntryClass{
	"initiation_completed": EntryPaid, "paid": EntryPaid, "settled": EntryPaid, "completed": EntryPaid, "success": EntryPaid, "booked": EntryPaid,
	"initiation_pending": EntryPending, "initiation_processing": EntryPending, "pending": EntryPending, "processing": EntryPending, "scheduled": EntryPending, "in_progress": EntryPending,
	"initiation_rejected": EntryFailed, "initiation_failed": EntryFailed, "failed": EntryFailed, "rejected": EntryFailed, "cancelled": EntryFailed, "canceled": EntryFailed,
	"returned": EntryReturned, "reversed": EntryReturned, "refunded": EntryReturned, "recalled": EntryReturned,
}

// Entry is one row of the ledger's CSV that could be read.
type Entry struct {
	File       int          `json:"file,omitempty"` // index into the intake's files
	Line       int          `json:"line"`           // physical line where the record starts; the header is line 1
	Ref        string       `json:"ref"`            // as written
	Amount     money.Amount `json:"amount"`         // signed: positive = money out, negative = a reversal
	Class      EntryClass   `json:"class"`
	Status     string       `json:"status,omitempty"` // the word as written
	Day        Day          `json:"day"`              // ledger day; NoDay = undated
	Text       string       `json:"text,omitempty"`
	Document   string       `json:"document,omitempty"`
	OnBehalfOf string       `json:"on_behalf_of,omitempty"`
	Nth        int          `json:"nth,omitempty"` // among entries of its key with equal date, amount, currency and text: 0 = the first
}

// RejectedRow is a ledger row that could not be read: it never vanishes.
type RejectedRow struct {
	File   int    `json:"file,omitempty"`
	Line   int    `json:"line"`
	Column string `json:"column"` // the header name of the field at fault
	Value  string `json:"value"`
	Reason string `json:"reason"`
	Ref    string `json:"ref,omitempty"` // its reference, where that could be read
	Text   string `json:"text"`          // the row as read, fields joined by the delimiter, cut at 500 characters

	Amount   money.Amount `json:"amount"`             // signed like an entry's, where amount and currency could be read all the same
	Currency string       `json:"currency,omitempty"` // where that could be read, whether or not the amount could
	Day      Day          `json:"day,omitzero"`       // likewise; 0 = none, or not read: no payout is of 1970
}

// Key joins payouts and entries. Two records belong together only if their keys are equal.
type Key string

// KeyOf is the one normaliser of references: Unicode white space is trimmed at both ends, case is kept unless fold is set,
// and onBehalfOf, where the ledger has that column, becomes part of the key ("" otherwise). ok is false for a blank or
// placeholder reference (-, n/a, none, 0, in any letter case), which matches nothing.
func KeyOf(ref, onBehalfOf string, fold bool) (key Key, ok bool) {
	ref = strings.TrimFunc(ref, unicode.IsSpace)
	switch len(ref) {
	case 0:
		return "", false
	case 1:
		if ref == "-" || ref == "0" {
			return "", false
		}
	case 3, 4:
		if strings.EqualFold(ref, "n/a") || strings.EqualFold(ref, "none") {
			return "", false
		}
	}
	if fold {
		ref = strings.ToLower(ref)
	}
	switch { // a NUL in front marks a key with more in it than a reference, so that no two pairs share a key
	case onBehalfOf != "":
		ref = "\x00" + strconv.Itoa(len(onBehalfOf)) + ":" + onBehalfOf + ref
	case ref[0] == 0:
		ref = "\x00" + ref
	}
	return Key(ref), true
}
