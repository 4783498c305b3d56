package sandbox

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"payrecon/internal/payout"
)

// Flag is one option as a command line shows it. It has the methods of pflag.Value, so that it can be bound as it is.
type Flag struct {
	Name  string
	Group string // a heading: Data, Authorization, The way, Lists, Payouts
	Help  string // one line, for a person
	Bare  string // what the flag without a value means; "" = it needs one

	kind string
	get  func() string
	set  func(string) error
}

// String returns the present value; before any Set, the default.
func (f *Flag) String() string {
	if f.get == nil {
		return ""
	}
	return f.get()
}

// Type names the kind of value, for the help.
func (f *Flag) Type() string { return f.kind }

// Set reads a value. Its error says what is wanted instead.
func (f *Flag) Set(text string) error { return f.set(text) }

// The headings of the help.
const (
	GroupData    = "Data"
	GroupAuth    = "Authorization"
	GroupWay     = "Trouble on the way"
	GroupLists   = "Trouble with lists"
	GroupPayouts = "Trouble with payouts"
)

// Flags returns every option that fits on a command line, in the order of a help text. The values go into o.
func (o *Options) Flags() []*Flag {
	o.Faults.complete()
	return slices.Concat(o.dataFlags(), o.Faults.wayFlags(), o.Faults.listFlags(), o.Faults.payoutFlags())
}

func (o *Options) dataFlags() []*Flag {
	if o.Seed == 0 {
		o.Seed = DemoSeed
	}
	if o.Payouts == 0 {
		o.Payouts = DemoPayouts
	}
	if o.Days == 0 {
		o.Days = DemoDays
	}
	return []*Flag{
		seedFlag(&o.Seed),
		payoutsFlag(&o.Payouts),
		number("days", GroupData, "over how many days of history", &o.Days),
		number("future-days", GroupData, "so many more days of payouts, that show up as the clock gets there", &o.FutureDays),
		number("breaks", GroupData, "how often each kind of break is planted (0: by size, -1: never)", &o.Breaks),
		list("currencies", GroupData, "currencies of the payouts, the most frequent first (default EUR,GBP,USD,JPY)", &o.Currencies),
		list("on-behalf-of", GroupData, "sub-members that payouts belong to", &o.OnBehalfOf),
		text("member", GroupData, "memberId of all payouts (default: made from the seed)", &o.MemberID),
		toggle("own-only", GroupData, "without onBehalfOfId, show only what belongs to no sub-member", &o.OwnOnly),
		toggle("unregulated", GroupData, "refuse requests without onBehalfOfId", &o.Unregulated),
		text("token", GroupAuth, "bearer token to accept (default "+DemoToken+")", &o.Token),
		text("read-token", GroupAuth, "bearer token that may read but not pay", &o.ReadToken),
		text("basic", GroupAuth, "basic key to accept, exactly as sent", &o.Basic),
	}
}

func (f *Faults) wayFlags() []*Flag {
	const g = GroupWay
	return []*Flag{
		span("latency", g, "every answer takes this long", &f.Latency),
		span("jitter", g, "and up to so much longer", &f.Jitter),
		number("rate-limit", g, "requests per second; beyond it 429 (0: no limit)", &f.RateLimit),
		choice("retry-after", g, "what a 429 or 503 says of when to come back", &f.RetryAfter),
		number("errors", g, "one request in N is answered 5xx", &f.Errors),
		choice("error-code", g, "which 5xx", &f.ErrorCode),
		choice("error-body", g, "the body of errors", &f.ErrorBody),
		toggle("bank-fault", g, "5xx say that the bank is at fault (token-external-error)", &f.BankFault),
		number("torn", g, "one body in N breaks off in the middle", &f.Torn),
		number("reset", g, "one request in N is cut off without an answer", &f.Reset),
		number("slow", g, "one body in N arrives in drips", &f.Slow),
		span("slow-for", g, "over so long", &f.SlowFor),
		number("lost-posts", g, "one POST in N is performed and its answer lost", &f.LostPosts),
		number("in-a-row", g, "troubles that one request meets in a row, at most", &f.InARow),
		toggle("forbid", g, "answer everything 403", &f.Forbid),
		span("skew", g, "the Date header is wrong by so much", &f.Skew),
		toggle("no-date", g, "no Date header", &f.NoDate),
	}
}

func (f *Faults) listFlags() []*Flag {
	const g = GroupLists
	return []*Flag{
		choice("cursor", g, "pages go on after a key, or at a position that shifts", &f.Cursor),
		span("cursor-ttl", g, "refuse cursors older than this (0: never)", &f.CursorTTL),
		number("refuse-cursors", g, "refuse the first N cursors", &f.RefuseCursors),
		choice("order", g, "which payouts come first", &f.Order),
		choice("last-cursor", g, "the cursor of a full last page: leads to an empty page, is missing, or is the same again", &f.LastCursor),
		toggle("short-cursor", g, "short pages carry a cursor too", &f.ShortCursor),
		choice("end-date", g, "endDate means the whole day or its first instant", &f.EndDate),
		number("repeat-rows", g, "the first N following pages repeat a row", &f.RepeatRows),
		number("shift-rows", g, "the first N following pages leave out a row", &f.ShiftRows),
	}
}

func (f *Faults) payoutFlags() []*Flag {
	const g = GroupPayouts
	return []*Flag{
		number("unknown-status", g, "one payout in N ends in a status nobody documented", &f.UnknownStatus),
		toggle("unknown-fields", g, "answers carry members nobody documented", &f.UnknownFields),
		toggle("empty-optionals", g, `optional texts are sent as "" or null`, &f.EmptyOptionals),
		number("no-initiation", g, "one payout in N has no initiation", &f.NoInitiation),
		toggle("numeric-sort-code", g, "sortCode is a number", &f.NumericSort),
		toggle("time-forms", g, "times in every form that ISO 8601 allows", &f.TimeForms),
		number("vanish", g, "one payout in N is gone after a while", &f.Vanish),
		span("vanish-after", g, "how long after its creation", &f.VanishAfter),
		number("flip", g, "one final status in N becomes another final one", &f.Flip),
		span("flip-after", g, "how long after it became final", &f.FlipAfter),
	}
}

func seedFlag(to *uint64) *Flag {
	return &Flag{
		Name: "seed", Group: GroupData, Help: "everything follows from this number", kind: "number",
		get: func() string { return strconv.FormatUint(*to, 10) },
		set: func(s string) error {
			v, err := strconv.ParseUint(s, 10, 64)
			return assign(to, v, err, s, "a whole number")
		},
	}
}

// payoutsFlag takes 0 for what it says: none, which Options keep as a negative number.
func payoutsFlag(to *int) *Flag {
	f := number("payouts", GroupData, "how many payouts there are", to)
	f.get = func() string { return strconv.Itoa(max(*to, 0)) }
	set := f.set
	f.set = func(s string) error {
		err := set(s)
		if err == nil && *to == 0 {
			*to = -1
		}
		return err
	}
	return f
}

func number(name, group, help string, to *int) *Flag {
	return &Flag{
		Name: name, Group: group, Help: help, kind: "number",
		get: func() string { return strconv.Itoa(*to) },
		set: func(s string) error {
			v, err := strconv.Atoi(s)
			return assign(to, v, err, s, "a whole number")
		},
	}
}

func span(name, group, help string, to *time.Duration) *Flag {
	return &Flag{
		Name: name, Group: group, Help: help, kind: "duration",
		get: func() string { return to.String() },
		set: func(s string) error {
			v, err := time.ParseDuration(s)
			return assign(to, v, err, s, "a duration such as 200ms or 2s")
		},
	}
}

func toggle(name, group, help string, to *bool) *Flag {
	return &Flag{
		Name: name, Group: group, Help: help, Bare: "true", kind: "bool",
		get: func() string { return strconv.FormatBool(*to) },
		set: func(s string) error {
			v, err := strconv.ParseBool(s)
			return assign(to, v, err, s, "true or false")
		},
	}
}

func text(name, group, help string, to *string) *Flag {
	return &Flag{
		Name: name, Group: group, Help: help, kind: "string",
		get: func() string { return *to },
		set: func(s string) error { *to = s; return nil },
	}
}

func list(name, group, help string, to *[]string) *Flag {
	return &Flag{
		Name: name, Group: group, Help: help, kind: "list",
		get: func() string { return strings.Join(*to, ",") },
		set: func(s string) error { *to = strings.Split(s, ","); return nil },
	}
}

func choice(name, group, help string, to *string) *Flag {
	words := choices[name]
	return &Flag{
		Name: name, Group: group, Help: help + " (" + strings.Join(words, ", ") + ")", kind: "word",
		get: func() string { return *to },
		set: func(s string) error {
			if !slices.Contains(words, s) {
				return payout.Errorf(payout.KindInput, "%q is none of %s", s, strings.Join(words, ", "))
			}
			*to = s
			return nil
		},
	}
}

// assign sets *to to v, unless text could not be read.
func assign[T any](to *T, v T, err error, text, want string) error {
	if err != nil {
		return payout.Errorf(payout.KindInput, "%q is not %s", text, want)
	}
	*to = v
	return nil
}
