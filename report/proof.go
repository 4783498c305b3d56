package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"payrecon/internal/payout"
)

// The Breaks sheet can be read back after people have filled it in. So that a figure which was changed on the way is not
// taken for what payrecon wrote, each row carries, in a hidden column, a hash of the cells that nobody is meant to edit;
// the heading of that column names the run and its outcome hash. This guards against slips, not against forgery.

const proofMark = "payrecon"

// proofHeading is the heading of the hidden column.
func proofHeading(run int64, outcomeHash string) string {
	return fmt.Sprintf("%s %d %s", proofMark, run, outcomeHash)
}

// ParseProofHeading reads the run and its outcome hash from the heading of the hidden column.
func ParseProofHeading(s string) (run int64, outcomeHash string, ok bool) {
	f := strings.Split(s, " ")
	if len(f) != 3 || f[0] != proofMark {
		return 0, "", false
	}
	run, err := strconv.ParseInt(f[1], 10, 64)
	return run, f[2], err == nil
}

// BreaksColumns returns the columns of the Breaks sheet, without the hidden one.
func BreaksColumns() []Column {
	columns := make([]Column, len(breaksLayout))
	for i, c := range breaksLayout {
		columns[i] = c.Column
	}
	return columns
}

// Proof returns the hash that the Breaks sheet carries for an item: equal hashes, equal figures, statuses and members.
func Proof(it payout.Item) string {
	b := &builder{}
	row := b.breakRow(&it)
	return row[len(row)-1].Text
}

func proofOf(cells []Cell) string {
	values := make([]string, len(breaksLayout))
	for i, c := range breaksLayout {
		if c.Proof {
			values[i] = cells[i].Canonical()
		}
	}
	return ProofOf(values)
}

// ProofOf hashes the canonical values of one row, in the order of BreaksColumns; those that are no part of the proof are
// not looked at.
func ProofOf(values []string) string {
	h := sha256.New()
	for i, c := range breaksLayout {
		if c.Proof {
			fmt.Fprintf(h, "%s=%d:%s\n", c.Code, len(values[i]), values[i])
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// Canonical returns the value in the one form that it has before and after a spreadsheet program stored it: numbers in
// their smallest unit (money in 1/10000, instants in seconds), texts as shown.
func (c Cell) Canonical() string {
	switch c.Kind {
	case Text:
		return c.Text
	case Blank:
		return ""
	case Instant:
		return strconv.FormatInt(payout.Millis(c.Number).Time().Unix(), 10)
	}
	return strconv.FormatInt(c.Number, 10)
}

// DispositionInfo is one decision a person can take about an item.
type DispositionInfo struct {
	Code  string
	Words string
	Until bool // it needs a date
}

// Dispositions lists them in the order of the sheet's list.
var Dispositions = []DispositionInfo{
	{payout.DispositionAccepted, "Accepted", true},
	{payout.DispositionCorrection, "Correction expected", true},
	{payout.DispositionWithProvider, "With the provider", false},
	{payout.DispositionWrittenOff, "Written off", false},
}

// ParseDisposition reads a disposition in words or as a code, in any letter case. "" is no disposition.
func ParseDisposition(s string) (code string, ok bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", true
	}
	for _, d := range Dispositions {
		if strings.EqualFold(s, d.Words) || strings.EqualFold(s, d.Code) {
			return d.Code, true
		}
	}
	return "", false
}

func dispositionCell(d *payout.Disposition) Cell {
	if d == nil {
		return Cell{}
	}
	for _, i := range Dispositions {
		if i.Code == d.Kind {
			return word(i.Words, i.Code)
		}
	}
	return text(d.Kind)
}

func until(d *payout.Disposition) Cell {
	if d == nil {
		return Cell{}
	}
	return due(d.Until)
}

func reason(d *payout.Disposition) Cell {
	if d == nil {
		return Cell{}
	}
	return text(d.Reason)
}
