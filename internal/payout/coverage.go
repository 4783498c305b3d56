package payout

import "slices"

// DayState says what the mirror can prove of one day under one onBehalfOfId.
type DayState uint8

// The states of a day. Never: no walk touched it. Partial: a walk touched it, nothing is proven, or later evidence
// disproved it. Complete: a walk that began after the day had ended reached a regular end (see package sync).
const (
	DayNever DayState = iota
	DayPartial
	DayComplete
)

var dayStateNames = []string{"never", "partial", "complete"}

func (s DayState) String() string { return dayStateNames[s] }

// MarshalText is String; UnmarshalText reads it back.
func (s DayState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a state's name.
func (s *DayState) UnmarshalText(text []byte) error {
	return unmarshalName(s, dayStateNames, text, "day state")
}

// DayEvidence is what is known of one day under one onBehalfOfId, and from which walk.
type DayEvidence struct {
	Day         Day      `json:"day"`
	OnBehalfOf  string   `json:"on_behalf_of,omitempty"`
	State       DayState `json:"state"`
	Walk        int64    `json:"walk,omitempty"`
	Began       Millis   `json:"began,omitempty"` // the earlier of our clock and the server's Date, when the walk began
	Count       int      `json:"count"`
	Fingerprint string   `json:"fingerprint,omitempty"` // order-free, of the ids
	Why         string   `json:"why,omitempty"`         // why it is not complete
}

// Coverage is the evidence for a range of days under every onBehalfOfId that is synced now.
type Coverage struct {
	OnBehalfOf []string // the ids in force; "" is the plain pass
	Days       []DayEvidence
}

// Complete returns a function that tells whether a day is complete under every onBehalfOfId in force.
func (c Coverage) Complete() func(Day) bool {
	count := make(map[Day]int, len(c.Days))
	for _, d := range c.Days {
		if d.State == DayComplete && slices.Contains(c.OnBehalfOf, d.OnBehalfOf) {
			count[d.Day]++
		}
	}
	need := len(c.OnBehalfOf)
	return func(d Day) bool { return need > 0 && count[d] >= need }
}

// Gaps lists the days of the period, up to and including last, that are not complete.
func (c Coverage) Gaps(p Period, last Day) []Day {
	complete := c.Complete()
	gaps := []Day{}
	for d := p.From; d <= min(p.To, last); d++ {
		if !complete(d) {
			gaps = append(gaps, d)
		}
	}
	return gaps
}

// SyncSummary says what one sync did. Its JSON form is the answer of sync --json.
type SyncSummary struct {
	Run       int64    `json:"run"`
	Windows   int      `json:"windows"`
	Pages     int      `json:"pages"`
	Requests  int      `json:"requests"`
	Retries   int      `json:"retries"`
	Rows      int      `json:"rows"`
	New       int      `json:"new"`
	Changed   int      `json:"changed"`
	Unchanged int      `json:"unchanged"`
	Swept     int      `json:"swept"` // payouts looked at by the sweep and by ids, whatever their age
	Complete  bool     `json:"complete"`
	Gaps      []Day    `json:"gaps"` // ended days of the range that are not shown complete
	Alerts    []string `json:"alerts"`
}

// RefAnswer is what the provider said when asked for references by refIds=.
type RefAnswer struct {
	Payouts  []Payout        // all payouts shown for them
	Answered map[string]bool // the references, as asked, whose answer is whole: only for these "not shown" means "no"
	Requests int
	Err      error // why some were not answered; nil when all were
}
