package payapi

import (
	"net/url"
	"strconv"
	"strings"

	"payrecon/internal/payout"
)

// The bounds of one query's lists. Gateways commonly refuse request lines above 8 KB; half of that leaves room for
// everything else. A list of one page's length is answered by one page.
const (
	maxListBytes  = 4000
	maxListValues = 100
)

// encode writes the query string: parameters in alphabetical order (endDate, ids, invertIds, invertStatuses, limit,
// offset, onBehalfOfId, refIds, startDate, statuses), the values of a list in the order given as repeated parameters,
// a space as %20. These bytes are signed and sent. A limit of 0 or above 200 is 200, because the API clamps in silence.
func encode(q payout.Query, cursor string) string {
	v := url.Values{"limit": {strconv.Itoa(limit(q))}}
	if cursor != "" {
		v.Set("offset", cursor)
	}
	if q.HasFrom() {
		v.Set("startDate", q.From.String())
	}
	if q.HasTo() {
		v.Set("endDate", q.To.String())
	}
	if len(q.IDs) > 0 {
		v["ids"] = q.IDs
	}
	if q.InvertIDs {
		v.Set("invertIds", "true")
	}
	for _, s := range q.Statuses {
		v.Add("statuses", string(s))
	}
	if q.InvertStatuses {
		v.Set("invertStatuses", "true")
	}
	if len(q.RefIDs) > 0 {
		v["refIds"] = q.RefIDs
	}
	if q.OnBehalfOf != "" {
		v.Set("onBehalfOfId", q.OnBehalfOf)
	}
	return strings.ReplaceAll(v.Encode(), "+", "%20")
}

// limit returns the number of rows a page of q is asked for.
func limit(q payout.Query) int {
	if q.Limit <= 0 || q.Limit > payout.MaxLimit {
		return payout.MaxLimit
	}
	return q.Limit
}

// Split cuts a query whose ids or refIds are too long for one URL (4000 bytes or 100 values of a list) into queries
// whose answers together are its answer. A query that fits comes back alone. An inverted list of ids cannot be split:
// "none of these" is not the union of its parts; it comes back whole.
func Split(q payout.Query) []payout.Query {
	ids := [][]string{q.IDs}
	if !q.InvertIDs {
		ids = chunks(q.IDs)
	}
	var queries []payout.Query
	for _, i := range ids {
		for _, r := range chunks(q.RefIDs) {
			part := q
			part.IDs, part.RefIDs = i, r
			queries = append(queries, part)
		}
	}
	return queries
}

// chunks cuts a list; the parts share its array. An empty list is one empty part.
func chunks(list []string) [][]string {
	var parts [][]string
	from, size := 0, 0
	for i, v := range list {
		cost := len("refIds=&") + len(url.QueryEscape(v))
		if i > from && (size+cost > maxListBytes || i-from == maxListValues) {
			parts = append(parts, list[from:i:i])
			from, size = i, 0
		}
		size += cost
	}
	return append(parts, list[from:])
}
