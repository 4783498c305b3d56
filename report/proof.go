package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"payrecon/internal/payout"
)

// The Breaks sheet can be read back after people have filled it in. So that a cell which was changed on the way is not
// taken for what payrecon wrote, each row carries, in a hidden column, a short hash of every cell as it was written; the
// heading of that column names the run and its outcome hash. A cell that nobody is meant to edit tells so if it was; one
// that people fill in tells whether they did, and whether somebody else decided meanwhile. This guards against slips, not
// against forgery.

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

// proofDigits is how many hex digits of a cell's hash a row carries: one slip in 16 million goes unnoticed.
const proofDigits = 6

func cellProof(code, value string) string {
	sum := sha256.Sum256([]byte(code + "=" + value))
	return hex.EncodeToString(sum[:proofDigits/2])
}

// proofOf is what the hidden column holds of a row of the Breaks sheet: the item's number, and the hashes of the cells, one
// after the other.
func proofOf(cells []Cell) string {
	var b strings.Builder
	b.WriteString(cells[breaksID].Canonical() + " ")
	for i, c := range breaksLayout {
		b.WriteString(cellProof(c.Code, cells[i].Canonical()))
	}
	return b.String()
}

// ParseProof takes a cell of the hidden column apart: the item's number, and the hashes for InterpretRow. A row finds its
// hashes by the number, because a spreadsheet that sorts by the filter's arrows leaves the hidden column as it is.
func ParseProof(s string) (item, hashes string) {
	item, hashes, _ = strings.Cut(s, " ")
	return item, hashes
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
