package sandbox

import (
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"payrecon/internal/payout"
)

// pageQuery is a list request, checked.
type pageQuery struct {
	limit    int
	from, to int64 // creation, milliseconds, both inclusive
	ids      []string
	notIDs   bool
	statuses uint8 // mask of statusCode bits that are wanted
	refs     []string
	owner    string
	owned    bool   // onBehalfOfId was given
	hash     uint64 // of all that a cursor belongs to: everything but limit and offset
	cursor   string
}

const allStatuses uint8 = 1<<len(statusWords) - 1

// single and repeated are the parameters of GET /payouts.
var (
	single   = []string{"limit", "offset", "startDate", "endDate", "invertIds", "invertStatuses", "onBehalfOfId"}
	repeated = []string{"ids", "statuses", "refIds"}
)

// readQuery checks the parameters of a list as they are documented. The error's text is for the client.
func (s *Sandbox) readQuery(raw string) (*pageQuery, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, fmt.Errorf("the query string cannot be read")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch {
		case slices.Contains(repeated, name):
			if slices.Contains(values[name], "") {
				return nil, fmt.Errorf("`%s` should not be empty", name)
			}
		case !slices.Contains(single, name):
			return nil, fmt.Errorf("unknown parameter `%s`", name)
		case len(values[name]) > 1:
			return nil, fmt.Errorf("`%s` is given more than once", name)
		}
	}
	q := &pageQuery{ids: values["ids"], refs: values["refIds"], owner: values.Get("onBehalfOfId"), owned: values.Has("onBehalfOfId"), cursor: values.Get("offset")}
	if q.limit, err = readLimit(values); err != nil {
		return nil, err
	}
	if err := q.readDates(values, s.o.Faults.EndDate == "midnight"); err != nil {
		return nil, err
	}
	if q.notIDs, err = readBool(values, "invertIds"); err != nil {
		return nil, err
	}
	if err := q.readStatuses(values); err != nil {
		return nil, err
	}
	if q.owned && q.owner == "" {
		return nil, fmt.Errorf("`onBehalfOfId` should not be empty")
	}
	if s.o.Unregulated && !q.owned {
		return nil, fmt.Errorf("`onBehalfOfId` is mandatory for unregulated members")
	}
	values.Del("limit")
	values.Del("offset")
	q.hash = textHash(s.o.Seed, values.Encode())
	return q, nil
}

// readLimit clamps in silence, as documented.
func readLimit(values url.Values) (int, error) {
	if !values.Has("limit") {
		return 0, fmt.Errorf("`limit` is required")
	}
	n, err := strconv.ParseInt(values.Get("limit"), 10, 32)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("`limit` should be a whole number from 1 to %d", payout.MaxLimit)
	}
	return int(min(n, payout.MaxLimit)), nil
}

func (q *pageQuery) readDates(values url.Values, midnight bool) error {
	q.from, q.to = math.MinInt64, math.MaxInt64
	if values.Has("startDate") {
		d, err := payout.ParseDay(values.Get("startDate"))
		if err != nil {
			return fmt.Errorf("`startDate` should be a date in the format YYYY-MM-DD")
		}
		q.from = millis(d.Start())
	}
	if values.Has("endDate") {
		d, err := payout.ParseDay(values.Get("endDate"))
		if err != nil {
			return fmt.Errorf("`endDate` should be a date in the format YYYY-MM-DD")
		}
		q.to = millis(d.Start()) + day - 1
		if midnight {
			q.to = millis(d.Start())
		}
	}
	if q.from > q.to && q.from-q.to > day {
		return fmt.Errorf("`startDate` should not be after `endDate`")
	}
	return nil
}

func (q *pageQuery) readStatuses(values url.Values) error {
	inverted, err := readBool(values, "invertStatuses")
	if err != nil {
		return err
	}
	for _, word := range values["statuses"] {
		i := slices.Index(statusWords[:unknown], payout.Status(word))
		if i < 0 {
			return fmt.Errorf("`statuses` should be among %s", strings.Join(documentedStatuses(), ", "))
		}
		q.statuses |= 1 << i
	}
	switch {
	case inverted:
		q.statuses = allStatuses &^ q.statuses
	case q.statuses == 0:
		q.statuses = allStatuses
	}
	return nil
}

func documentedStatuses() []string {
	var words []string
	for _, w := range statusWords[:unknown] {
		words = append(words, string(w))
	}
	return words
}

func readBool(values url.Values, name string) (bool, error) {
	switch values.Get(name) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	if values.Has(name) {
		return false, fmt.Errorf("`%s` should be true or false", name)
	}
	return false, nil
}
