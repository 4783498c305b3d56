package sandbox

import (
	"time"

	"payrecon/internal/payout"
)

// statusCode is a status in one byte: an index into statusWords and a bit of a query's mask.
type statusCode uint8

const (
	pending statusCode = iota
	processing
	completed
	rejected
	failed
	unknown
)

// statusWords are the API's words; the last one is documented nowhere and stands for whatever the provider adds one day.
var statusWords = [...]payout.Status{
	payout.Pending, payout.Processing, payout.Completed, payout.Rejected, payout.Failed, "INITIATION_ON_HOLD",
}

func (c statusCode) String() string { return string(statusWords[c]) }

func (c statusCode) live() bool  { return c != rejected && c != failed }
func (c statusCode) final() bool { return c == completed || c == rejected || c == failed }

// life is how a payout's status moves on, in milliseconds since its creation.
type life struct {
	toProcessing int64
	toFinal      int64 // never: PROCESSING for ever
	final        statusCode
	cause        uint64 // chooses the reason text
}

const (
	never = int64(1) << 60

	second = int64(1000)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour

	// slowest bounds how long a payout that ends at all takes to: less than the 72 hours after which one counts as stuck.
	slowest = 60 * hour
	// bankGivesUp is when a payout that stays PROCESSING for ever gets the reason text that says so.
	bankGivesUp = 24 * hour
)

// lifeOf draws a life: most payouts are through within two hours, one in forty takes up to sixty, a few never end.
func lifeOf(h uint64) life {
	d, w := draw(h, saltLife), draw(h, saltDelay)
	l := life{toProcessing: 2*second + int64(w%238)*second, final: completed, cause: d >> 40}
	took := 30 * second << (w >> 8 % 9)
	took += int64((w >> 16) % uint64(took))
	switch fate := d % 10_000; {
	case fate < 140:
		l.final = rejected
	case fate < 230:
		l.final = failed
	case fate < 242:
		l.toFinal = never
		return l
	case fate < 492:
		took = hour + int64((w>>16)%uint64(slowest-2*hour))
	}
	l.toFinal = l.toProcessing + took
	return l
}

// state is where a payout stands at one instant.
type state struct {
	status  statusCode
	updated int64
	reason  string
	bank    string // raw bank status, an ISO 20022 code
}

// at returns the state of a payout created at created, now: milliseconds since 1970. It is monotonous in now.
func (l life) at(created, now int64) state {
	age := now - created
	switch {
	case age < l.toProcessing:
		return state{status: pending, updated: created}
	case age >= l.toFinal:
		return l.ended(created + l.toFinal)
	case l.toFinal == never && age >= l.toProcessing+bankGivesUp:
		return state{processing, created + l.toProcessing + bankGivesUp, reasonForever, "PDNG"}
	}
	return state{processing, created + l.toProcessing, "", processingBank[l.cause%uint64(len(processingBank))]}
}

func (l life) ended(at int64) state {
	switch l.final {
	case rejected:
		return state{rejected, at, rejectReasons[l.cause%uint64(len(rejectReasons))], "RJCT"}
	case failed:
		return state{failed, at, failReasons[l.cause%uint64(len(failReasons))], ""}
	case unknown:
		return state{unknown, at, "Held for review.", "PDNG"}
	}
	return state{completed, at, "", completedBank[l.cause%uint64(len(completedBank))]}
}

const reasonForever = "The bank did not report a final status in time; the status will not be updated any more."

var (
	processingBank = []string{"ACTC", "ACCP", "PDNG", "ACSP", ""}
	completedBank  = []string{"ACSC", "ACCC", "ACSP", ""}
	rejectReasons  = []string{
		"AC04: the creditor account is closed.", "AC01: the account number is not correct.", "AM04: not enough funds on the settlement account.",
		"RR04: refused for regulatory reasons.", "The bank rejected the payment.", "AG01: payments are not allowed on this account.",
	}
	failReasons = []string{
		"The bank is not available at the moment.", "The bank did not answer in time.", "The payment could not be created at the bank.", "",
	}
)

func millis(t time.Time) int64 { return t.UnixMilli() }
