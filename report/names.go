package report

import (
	"fmt"
	"strings"
	"unicode"
)

// FileName returns a report's file name, which sorts by entity, period and run and explains itself:
// "example-ltd_2026-01-01_2026-01-31_reconciliation_run-000042.xlsx". Without a run number it ends in "not-recorded", and
// without a reconciliation it says "status". extension comes with its point; "" names a folder.
func FileName(b *Book, reconciled bool, extension string) string {
	parts := make([]string, 0, 5)
	if e := slug(b.Entity); e != "" {
		parts = append(parts, e)
	} else {
		parts = append(parts, "payouts")
	}
	parts = append(parts, b.Period.From.String())
	if b.Period.To != b.Period.From {
		parts = append(parts, b.Period.To.String())
	}
	if reconciled {
		parts = append(parts, "reconciliation")
	} else {
		parts = append(parts, "status")
	}
	if b.Run != 0 {
		parts = append(parts, fmt.Sprintf("run-%06d", b.Run))
	} else {
		parts = append(parts, "not-recorded")
	}
	return strings.Join(parts, "_") + extension
}

// slug keeps letters and digits, in lower case, with one dash for everything between them, at most 40 characters.
func slug(s string) string {
	var b strings.Builder
	dash := false
	for _, r := range strings.ToLower(s) {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			dash = b.Len() > 0
			continue
		}
		if dash {
			b.WriteByte('-')
			dash = false
		}
		b.WriteRune(r)
		if b.Len() >= 40 {
			break
		}
	}
	return b.String()
}
