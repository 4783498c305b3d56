package reconcile

import "testing"

// TestReadLedgerRejectsSigned: what can be read of an unreadable row is signed like an entry, whichever sign means money out.
func TestReadLedgerRejectsSigned(t *testing.T) {
	const text = "ref,amount,ccy,date\nR1,-100.00,EUR,2026-01-05\nR2,-50.00,EUR,soon\nR3,7.00,EUR,soon\n"
	for sign, want := range map[string][2]string{"negative": {"50.00", "-7.00"}, "positive": {"-50.00", "7.00"}} {
		in, _ := readText(t, text, LedgerOptions{Sign: sign})
		if len(in.Rejected) != 2 || [2]string{in.Rejected[0].Amount.Text(), in.Rejected[1].Amount.Text()} != want {
			t.Errorf("%s: rejected %+v, want amounts %v", sign, in.Rejected, want)
		}
	}
}
