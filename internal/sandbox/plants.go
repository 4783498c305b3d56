package sandbox

import (
	"strings"

	"payrecon/internal/payout"
)

// The stories. Each says what the provider has, what the ledger has, and what a reconciler has to make of it under the
// default rules: one business day of grace on both sides, 72 hours until a payout is stuck, episodes cut at gaps of more
// than ten days, no tolerance. A story with days needs a history that long.
var plantings = []struct {
	title string
	days  payout.Day
	plant func(*episode)
}{
	{"paid out, never booked", 0, func(e *episode) {
		e.expect(payout.MissingInLedger, e.pay(e.at, e.units, e.ended(completed)))
	}},
	{"at the bank for long, never booked", 0, func(e *episode) {
		e.expect(payout.MissingInLedger, e.pay(e.at, e.units, e.endless()))
	}},
	{"paid out without a usable reference", 0, func(e *episode) {
		e.ref = "n/a"
		e.expect(payout.MissingInLedger, e.pay(e.at, e.units, e.ended(completed)))
	}},
	{"failed without a usable reference", 0, func(e *episode) {
		e.ref = "-"
		e.expect(payout.FailedAttempt, e.pay(e.at, e.units, e.ended(failed)))
	}},
	{"same reference twice, other payee, booked once", 0, func(e *episode) {
		first := e.pay(e.at, e.units, e.ended(completed))
		other := e.pay(e.at+2*day, e.units, e.ended(completed))
		for other.payee.Account() == first.payee.Account() || (other.payee.IBAN == "") != (first.payee.IBAN == "") { // of one kind, so that they are known to differ
			other.payee = e.p.s.store.payees.of(e.currency, e.p.rng.Uint64())
		}
		e.expect(payout.Matched, first, e.entry(e.day(), e.units, e.paid()))
		e.expect(payout.MissingInLedger, other)
	}},
	{"reference used again after twenty days, second not booked", 30, func(e *episode) {
		e.at = e.p.instant(e.p.first+2, e.p.last-26)
		first := e.pay(e.at, e.units, e.ended(completed))
		again := e.pay(e.at+20*day, e.units, e.ended(completed))
		e.expect(payout.Matched, first, e.entry(e.day(), e.units, e.paid()))
		e.expect(payout.MissingInLedger, again)
	}},
	{"reference used again after twenty days, both booked", 30, func(e *episode) {
		e.at = e.p.instant(e.p.first+2, e.p.last-26)
		e.expect(payout.Matched, e.pay(e.at, e.units, e.ended(completed)), e.entry(e.day(), e.units, e.paid()))
		e.expect(payout.Matched, e.pay(e.at+20*day, e.units, e.ended(completed)), e.entry(e.day()+20, e.units, e.paid()))
	}},
	{"booked, never paid out", 0, func(e *episode) {
		e.at = e.p.instant(min(e.p.first+11, e.p.last-5), e.p.last-5)
		e.expect(payout.MissingAtProvider, e.entry(e.day(), e.units, e.paid()))
	}},
	{"booked without a status, never paid out", 0, func(e *episode) {
		e.at = e.p.instant(min(e.p.first+11, e.p.last-5), e.p.last-5)
		e.expect(payout.MissingAtProvider, e.entry(e.day(), e.units, ""))
	}},
	{"pending in the ledger for long, never paid out", 0, func(e *episode) {
		e.at = e.p.instant(min(e.p.first+11, e.p.last-5), e.p.last-5)
		e.expect(payout.MissingAtProvider, e.entry(e.day(), e.units, e.word(payout.EntryPending)))
	}},
	{"reference in another letter case", 0, func(e *episode) {
		e.at = e.p.instant(min(e.p.first+11, e.p.last-5), e.p.last-5)
		line := e.entry(e.day(), e.units, e.paid())
		line.ref = strings.ToLower(line.ref) // its head has capitals: never the same
		e.expect(payout.MissingInLedger, e.pay(e.at, e.units, e.ended(completed)))
		e.expect(payout.MissingAtProvider, line)
	}},
	{"amount off by the smallest sum", 0, func(e *episode) {
		e.expect(payout.AmountMismatch, e.pay(e.at, e.units, e.ended(completed)), e.entry(e.day(), e.units+e.step(), e.paid()))
	}},
	{"amount ten times too high in the ledger", 0, func(e *episode) {
		e.expect(payout.AmountMismatch, e.pay(e.at, e.units, e.ended(completed)), e.entry(e.day(), 10*e.units, e.paid()))
	}},
	{"booked in two parts that do not add up", 0, func(e *episode) {
		e.expect(payout.AmountMismatch, e.pay(e.at, e.units, e.ended(completed)),
			e.entry(e.day(), e.part(), e.paid()), e.entry(e.day()+1, e.units-e.part()-e.step(), e.paid()))
	}},
	{"a fee booked under the payout's reference", 0, func(e *episode) {
		e.expect(payout.Matched, e.pay(e.at, e.units, e.ended(completed)), e.entry(e.day(), e.units, e.paid()))
		e.expect(payout.AmountMismatch, e.entry(e.day(), 3*e.step(), e.paid()))
	}},
	{"booked in another currency", 0, func(e *episode) {
		line := e.entry(e.day(), e.units, e.paid())
		if line.currency = "EUR"; e.currency == "EUR" {
			line.currency = "GBP"
		}
		e.expect(payout.CurrencyMismatch, e.pay(e.at, e.units, e.ended(completed)), line)
	}},
	{"booked as paid, rejected by the bank", 0, func(e *episode) {
		e.differ(payout.PaidButFailed, e.pay(e.at, e.units, e.ended(rejected)), e.entry(e.day(), e.units, e.paid()))
	}},
	{"booked without a status, failed", 0, func(e *episode) {
		e.differ(payout.PaidButFailed, e.pay(e.at, e.units, e.ended(failed)), e.entry(e.day(), e.units, ""))
	}},
	{"completed for long, still pending in the ledger", 0, func(e *episode) {
		e.differ(payout.LedgerLags, e.pay(e.at, e.units, e.ended(completed)), e.entry(e.day(), e.units, e.word(payout.EntryPending)))
	}},
	{"failed for long, still pending in the ledger", 0, func(e *episode) {
		e.differ(payout.PendingButFailed, e.pay(e.at, e.units, e.ended(failed)), e.entry(e.day(), e.units, e.word(payout.EntryPending)))
	}},
	{"failed in the ledger, paid out all the same", 0, func(e *episode) {
		e.differ(payout.UnrecordedOutflow, e.pay(e.at, e.units, e.ended(completed)), e.entry(e.day(), e.units, e.word(payout.EntryFailed)))
	}},
	{"failed in the ledger, still at the bank", 0, func(e *episode) {
		e.differ(payout.MayStillPay, e.pay(e.at, e.units, e.endless()), e.entry(e.day(), e.units, e.word(payout.EntryFailed)))
	}},
	{"returned in the ledger, still at the bank", 0, func(e *episode) {
		e.differ(payout.ReturnedNotPaid, e.pay(e.at, e.units, e.endless()), e.entry(e.day(), e.units, e.word(payout.EntryReturned)))
	}},
	{"returned in the ledger, rejected by the bank", 0, func(e *episode) {
		e.differ(payout.ReturnedNotPaid, e.pay(e.at, e.units, e.ended(rejected)), e.entry(e.day(), e.units, e.word(payout.EntryReturned)))
	}},
	{"booked, in a status that nobody documented", 0, func(e *episode) {
		e.differ(payout.UnknownStatus, e.pay(e.at, e.units, e.ended(unknown)), e.entry(e.day(), e.units, e.paid()))
	}},
	{"a status word that nobody mapped, completed", 0, func(e *episode) {
		e.differ(payout.UnmappedWord, e.pay(e.at, e.units, e.ended(completed)), e.entry(e.day(), e.units, "gebucht"))
	}},
	{"a status word that nobody mapped, rejected", 0, func(e *episode) {
		e.differ(payout.UnmappedWord, e.pay(e.at, e.units, e.ended(rejected)), e.entry(e.day(), e.units, "awaiting review"))
	}},
	{"sent twice within a minute, booked once", 0, func(e *episode) {
		e.expect(payout.Matched, e.pay(e.at, e.units, e.ended(completed)), e.entry(e.day(), e.units, e.paid()))
		e.expect(payout.DuplicatePayout, e.pay(e.at+30*second, e.units, e.ended(completed)))
	}},
	{"sent twice, never booked", 0, func(e *episode) {
		e.expect(payout.MissingInLedger, e.pay(e.at, e.units, e.ended(completed)))
		e.expect(payout.DuplicatePayout, e.pay(e.at+2*day, e.units, e.ended(completed)))
	}},
	{"booked twice, paid out once", 0, func(e *episode) {
		word := e.paid()
		e.expect(payout.Matched, e.pay(e.at, e.units, e.ended(completed)), e.entry(e.day(), e.units, word))
		e.expect(payout.DuplicateLedgerEntry, e.entry(e.day()+1, e.units, word))
	}},
	{"booked twice, never paid out", 0, func(e *episode) {
		e.at = e.p.instant(min(e.p.first+11, e.p.last-6), e.p.last-6)
		word := e.paid()
		e.expect(payout.MissingAtProvider, e.entry(e.day(), e.units, word))
		e.expect(payout.DuplicateLedgerEntry, e.entry(e.day()+1, e.units, word))
	}},
	{"two against two with four amounts", 0, func(e *episode) {
		e.expect(payout.Ambiguous, e.pay(e.at, e.units, e.ended(completed)), e.pay(e.at+hour, e.units+7*e.step(), e.ended(completed)),
			e.entry(e.day(), e.units+2*e.step(), e.paid()), e.entry(e.day(), e.units+5*e.step(), e.paid()))
	}},
	{"at the bank for long, booked", 0, func(e *episode) {
		e.expect(payout.Stuck, e.pay(e.at, e.units, e.endless()), e.entry(e.day(), e.units, e.paid()))
	}},
	{"at the bank for long, pending in the ledger", 0, func(e *episode) {
		e.expect(payout.Stuck, e.pay(e.at, e.units, e.endless()), e.entry(e.day(), e.units, e.word(payout.EntryPending)))
	}},
	{"a reversal of nothing", 0, func(e *episode) {
		e.expect(payout.UnmatchedReversal, e.entry(e.day(), -e.units, e.paid()))
	}},
	{"a reversal of another sum", 0, func(e *episode) {
		e.expect(payout.Matched, e.pay(e.at, e.units, e.ended(completed)), e.entry(e.day(), e.units, e.paid()))
		e.expect(payout.UnmatchedReversal, e.entry(e.day()+1, -(e.units+e.step()), e.paid()))
	}},
	{"booked and reversed, never paid out", 0, func(e *episode) {
		e.expect(payout.OffsetInLedger, e.entry(e.day(), e.units, e.paid()), e.entry(e.day()+1, -e.units, e.paid()))
	}},
	{"booked, reversed and booked again, paid out once", 0, func(e *episode) {
		e.expect(payout.OffsetInLedger, e.entry(e.day(), e.units, e.paid()), e.entry(e.day()+1, -e.units, e.paid()))
		e.expect(payout.Matched, e.pay(e.at, e.units, e.ended(completed)), e.entry(e.day()+2, e.units, e.paid()))
	}},
	{"paid out and returned, as a reversal", 0, func(e *episode) {
		e.expect(payout.Returned, e.pay(e.at, e.units, e.ended(completed)),
			e.entry(e.day(), e.units, e.paid()), e.entry(e.day()+2, -e.units, e.word(payout.EntryReturned)))
	}},
	{"paid out and returned, by its status", 0, func(e *episode) {
		e.expect(payout.Returned, e.pay(e.at, e.units, e.ended(completed)), e.entry(e.day(), e.units, e.word(payout.EntryReturned)))
	}},
	{"failed, sent again and booked once", 0, func(e *episode) {
		e.expect(payout.FailedAttempt, e.pay(e.at, e.units, e.ended(failed)))
		e.expect(payout.Matched, e.pay(e.at+hour, e.units, e.ended(completed)), e.entry(e.day(), e.units, e.paid()))
	}},
	{"failed in the ledger with another sum, rejected", 0, func(e *episode) {
		e.expect(payout.FailedAttempt, e.pay(e.at, e.units, e.ended(rejected)), e.entry(e.day(), e.units+e.step(), e.word(payout.EntryFailed)))
	}},
	{"failed in the ledger, never sent", 0, func(e *episode) {
		e.expect(payout.NotSent, e.entry(e.day(), e.units, e.word(payout.EntryFailed)))
	}},
	{"paid out yesterday, not booked yet", 0, func(e *episode) {
		e.at = e.p.young()
		e.expect(payout.Timing, e.pay(e.at, e.units, life{second, 2 * second, completed, 0}))
	}},
	{"booked yesterday, not paid out yet", 0, func(e *episode) {
		e.expect(payout.Timing, e.entry(e.p.last, e.units, e.paid()))
	}},
	{"pending in the ledger for two days, not sent yet", 0, func(e *episode) {
		e.expect(payout.Timing, e.entry(e.p.last-1, e.units, e.word(payout.EntryPending)))
	}},
	{"completed yesterday, still pending in the ledger", 0, func(e *episode) {
		e.at = e.p.young() - 50*hour
		e.expect(payout.Timing, e.pay(e.at, e.units, e.until(e.at, e.p.young(), completed)), e.entry(e.day(), e.units, e.word(payout.EntryPending)))
	}},
	{"rejected yesterday, booked before", 0, func(e *episode) {
		e.at = e.p.young() - 50*hour
		e.expect(payout.Timing, e.pay(e.at, e.units, e.until(e.at, e.p.young(), rejected)), e.entry(e.day(), e.units, e.paid()))
	}},
	{"failed yesterday, still pending in the ledger", 0, func(e *episode) {
		e.at = e.p.young() - 50*hour
		e.expect(payout.Timing, e.pay(e.at, e.units, e.until(e.at, e.p.young(), failed)), e.entry(e.day(), e.units, e.word(payout.EntryPending)))
	}},
	{"booked, on its way at the bank", 0, func(e *episode) {
		e.at = e.p.now - 30*hour
		e.expect(payout.InFlight, e.pay(e.at, e.units, e.until(e.at, e.p.now+20*hour, completed)), e.entry(e.day(), e.units, e.paid()))
	}},
	{"booked in three parts", 0, func(e *episode) {
		e.expect(payout.MatchedGroup, e.pay(e.at, e.units, e.ended(completed)), e.entry(e.day(), e.part(), e.paid()),
			e.entry(e.day(), e.part(), e.paid()), e.entry(e.day()+1, e.units-2*e.part(), e.paid()))
	}},
	{"paid out in two parts, booked in one", 0, func(e *episode) {
		e.expect(payout.MatchedGroup, e.pay(e.at, e.part(), e.ended(completed)), e.pay(e.at+hour, e.units-e.part(), e.ended(completed)),
			e.entry(e.day(), e.units, e.paid()))
	}},
	{"paid out before the ledger's first day, not booked", 0, func(e *episode) {
		e.at = e.p.instant(e.p.first, e.p.first)
		e.expect(payout.NotInExtract, e.pay(e.at, e.units, e.ended(completed)))
	}},
	{"amount that cannot be read, payout there", 0, func(e *episode) {
		line := e.entry(e.day(), e.units, e.paid())
		line.amount, line.unreadable = "1.2.3", true
		e.expect(payout.Unreadable, e.pay(e.at, e.units, e.ended(completed)), line)
	}},
	{"a day that does not exist", 0, func(e *episode) {
		line := e.entry(e.day(), e.units, e.paid())
		line.date, line.unreadable = "2026-02-30", true
		e.expect(payout.Unreadable, line)
	}},
	{"a row without a reference", 0, func(e *episode) {
		line := e.entry(e.day(), e.units, e.paid())
		line.ref, line.unreadable = "", true
		e.expect(payout.Unreadable, line)
	}},
	{"a row with a placeholder for a reference", 0, func(e *episode) {
		line := e.entry(e.day(), e.units, e.paid())
		line.ref, line.unreadable = "N/A", true
		e.expect(payout.Unreadable, line)
	}},
	{"an undated entry", 0, func(e *episode) {
		e.expect(payout.Matched, e.pay(e.at, e.units, e.ended(completed)), e.entry(payout.NoDay, e.units, e.paid()))
	}},
	{"spaces round the reference", 0, func(e *episode) {
		line := e.entry(e.day(), e.units, e.paid())
		line.ref = "  " + line.ref + "\u00a0"
		e.expect(payout.Matched, e.pay(e.at, e.units, e.ended(completed)), line)
	}},
}
