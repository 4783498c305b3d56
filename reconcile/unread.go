package reconcile

import (
	"slices"
	"strings"

	"payrecon/internal/payout"
)

// keysOn returns the references that an unreadable row bears. Of a row that has not as many fields as the header the reader may
// not know which is the reference: then any may be.
func (r *run) keysOn(row *payout.RejectedRow) (keys []payout.Key) {
	fields := []string{row.Ref}
	if row.Ref == "" && row.Column == ledgerWholeRow {
		fields = fieldsOf(row.Text)
	}
	for _, field := range fields {
		if key, ok := payout.KeyOf(field, "", r.in.CaseInsensitive); ok && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// fieldsOf cuts the text of a row at whatever may be its delimiter: at each alone, because a field may hold the others, and at
// all of them. A field in quotes is itself and what is quoted.
func fieldsOf(text string) (fields []string) {
	const delimiters = ",;\t|"
	for _, cuts := range []string{delimiters, ",", ";", "\t", "|"} {
		for _, field := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(cuts, r) }) {
			field = strings.TrimSpace(field)
			fields = append(fields, field)
			if bare := strings.TrimSpace(strings.Trim(field, `"'`)); bare != field {
				fields = append(fields, bare)
			}
		}
	}
	return fields
}
