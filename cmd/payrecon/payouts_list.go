package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"payrecon/internal/payout"
	"payrecon/sync/payapi"
)

// listFlags are the filters of GET /payouts.
type listFlags struct {
	from, to       string
	ids, refIDs    []string
	statuses       []string
	invertIDs      bool
	invertStatuses bool
	onBehalfOf     string
	limit, max     int
	offset, format string
	unmask         bool
}

func (a *app) payoutsListCommand() *cobra.Command {
	var f listFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Ask the API for payouts; every filter of the API is a flag",
		Long: `Ask the API for payouts; every filter of the API is a flag.

Each payout is shown once, although the API may repeat it from page to page. With --json the document also says
whether a regular end was seen ("complete"), and the cursor to go on from when --max stopped the list at the end of a
page ("next", for --offset with the same other flags; empty within a page: make --max a multiple of --limit). When the API leaves open whether it has sent everything, the exit code is 3.`,
		Example: `  payrecon payouts list --from 2026-03-01 --to 2026-03-31
  payrecon payouts list --status INITIATION_PENDING --status INITIATION_PROCESSING
  payrecon payouts list --ref-id INV-1001 --ref-id INV-1002 --format csv`,
		Args: a.noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.listFormat(cmd, &f.format); err != nil {
				return err
			}
			q, err := f.query()
			if err != nil {
				return err
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			return a.listPayouts(cmd.Context(), client, q, &f)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.from, "from", "", "created on or after this UTC day (startDate)")
	fl.StringVar(&f.to, "to", "", "created on or before this UTC day (endDate)")
	fl.StringArrayVar(&f.ids, "id", nil, "these payout ids; repeat the flag (ids)")
	fl.BoolVar(&f.invertIDs, "invert-ids", false, "all but the ids given (invertIds)")
	fl.StringArrayVar(&f.statuses, "status", nil, "these statuses; repeat the flag (statuses)")
	fl.BoolVar(&f.invertStatuses, "invert-statuses", false, "all but the statuses given (invertStatuses)")
	fl.StringArrayVar(&f.refIDs, "ref-id", nil, "these references; repeat the flag (refIds)")
	fl.StringVar(&f.onBehalfOf, "on-behalf-of", "", "the sub-member asked for (onBehalfOfId)")
	fl.IntVar(&f.limit, "limit", payout.MaxLimit, "rows a page, 1 to 200 (limit)")
	fl.StringVar(&f.offset, "offset", "", "go on from this cursor (offset)")
	fl.IntVar(&f.max, "max", 0, "stop after this many payouts (0: all)")
	fl.StringVar(&f.format, "format", "table", "table, csv or json")
	fl.BoolVar(&f.unmask, "unmask", false, "show account numbers in full")
	return cmd
}

// query turns the flags into what the API is asked.
func (f *listFlags) query() (payout.Query, error) {
	from, hasFrom, err := dayFlag("from", f.from)
	if err != nil {
		return payout.Query{}, err
	}
	to, hasTo, err := dayFlag("to", f.to)
	if err != nil {
		return payout.Query{}, err
	}
	switch {
	case f.max < 0:
		return payout.Query{}, payout.Errorf(payout.KindInput, "--max %d: want 0 (all) or more", f.max)
	case f.invertIDs && len(f.ids) == 0, f.invertStatuses && len(f.statuses) == 0:
		return payout.Query{}, payout.Errorf(payout.KindInput, "--invert-ids and --invert-statuses need the list that they invert: --id, --status")
	case hasFrom && hasTo && from > to:
		return payout.Query{}, payout.Errorf(payout.KindInput, "--from %s is after --to %s: swap them", from, to)
	case f.limit < 1 || f.limit > payout.MaxLimit:
		return payout.Query{}, payout.Errorf(payout.KindInput, "--limit %d: want 1 to %d (the API clamps larger ones in silence)", f.limit, payout.MaxLimit)
	}
	q := payout.Query{
		From: from, To: to, IDs: f.ids, InvertIDs: f.invertIDs, InvertStatuses: f.invertStatuses,
		RefIDs: f.refIDs, OnBehalfOf: f.onBehalfOf, Limit: f.limit,
	}
	for _, s := range f.statuses {
		status := payout.Status(strings.ToUpper(s))
		if status.Class() == payout.ClassUnknown {
			status = payout.Status("INITIATION_" + strings.ToUpper(s))
		}
		if status.Class() == payout.ClassUnknown {
			return q, payout.Errorf(payout.KindInput, "--status %q: want PENDING, PROCESSING, COMPLETED, REJECTED or FAILED, with or without INITIATION_", s)
		}
		q.Statuses = append(q.Statuses, status)
	}
	return q, nil
}

// payoutList is what a walk by hand showed: each payout once, as it was seen last.
type payoutList struct {
	max      int
	payouts  []payout.Payout
	at       map[string]int // id -> place in payouts
	complete bool           // every page was seen, up to a regular end
	next     string         // cursor to go on from; "" when there is none
}

// listPayouts prints the answer to a query. Its exit code is 3 when the API left open whether that was all.
func (a *app) listPayouts(ctx context.Context, client *payapi.Client, q payout.Query, f *listFlags) error {
	if f.max > 0 {
		q.Limit = min(q.Limit, f.max) // so that the cursor of the last page leads on from where the list stops
	}
	queries := payapi.Split(q)
	if len(queries) > 1 && f.offset != "" {
		return payout.Errorf(payout.KindInput, "--offset: a cursor belongs to one query, but these lists need %d; ask for fewer ids at a time", len(queries))
	}
	l := &payoutList{max: f.max, at: map[string]int{}}
	unsure := false
	for i, part := range queries {
		end, err := l.settle(ctx, client, part, f.offset)
		if err != nil {
			return err
		}
		unsure = unsure || end == payout.PageUnsure
		if end == payout.PageMore { // --max is reached
			if len(queries) > 1 {
				l.next = ""
			}
			break
		}
		l.complete = !unsure && i == len(queries)-1
	}
	if err := l.print(a, f); err != nil {
		return err
	}
	switch {
	case unsure:
		return &outcomeError{exitIncomplete, errors.New("the API sent a full page without a new cursor, or refused the cursor it gave: this may not be all; ask again with another --limit, or for fewer days")}
	case l.next != "":
		a.say("There may be more: go on with --offset %s", l.next)
	case !l.complete:
		a.say("There may be more than --max %d.", f.max)
	}
	return nil
}

// settle walks a query, and again with smaller pages where the end is unsure: a full last page is not full with another
// limit. A cursor belongs to its limit, so a walk that begins with one is not repeated.
func (l *payoutList) settle(ctx context.Context, client *payapi.Client, q payout.Query, cursor string) (end payout.PageEnd, err error) {
	for _, fewer := range []int{0, 1, 2} {
		q.Limit -= fewer // as a sync does it: 200, 199, 197
		if fewer > 0 && (cursor != "" || q.Limit < 1) {
			break
		}
		if end, err = l.walk(ctx, client, q, cursor); err != nil || end != payout.PageUnsure {
			break
		}
	}
	return end, err
}

// walk adds the answer to one query, up to the most that is wanted, and says how it ended: PageMore when that many were
// seen before the end.
func (l *payoutList) walk(ctx context.Context, client *payapi.Client, q payout.Query, cursor string) (end payout.PageEnd, err error) {
	for page, err := range client.Pages(ctx, q, cursor) {
		if err != nil {
			return end, err
		}
		end = page.End
		for i, p := range page.Payouts {
			if at, seen := l.at[p.ID]; seen {
				l.payouts[at] = p
				continue
			}
			if l.max > 0 && len(l.payouts) == l.max {
				return payout.PageMore, nil // in the middle of a page: no cursor leads on from here
			}
			l.at[p.ID] = len(l.payouts)
			l.payouts = append(l.payouts, page.Payouts[i])
		}
		if l.max > 0 && len(l.payouts) == l.max && end == payout.PageMore {
			l.next = page.Next
			return end, nil
		}
	}
	return end, nil
}

func (l *payoutList) print(a *app, f *listFlags) error {
	if f.format == "json" {
		docs := []any{}
		for i := range l.payouts {
			docs = append(docs, rawPayout(&l.payouts[i], f.unmask))
		}
		return a.printJSON(map[string]any{"payouts": docs, "complete": l.complete, "next": l.next})
	}
	t := payoutTable()
	for i := range l.payouts {
		t.addPayout(&l.payouts[i], f.unmask)
	}
	if f.format == "csv" {
		return t.writeCSV(a.stdout)
	}
	if len(l.payouts) == 0 {
		a.say("No payouts.")
		return nil
	}
	return t.writeText(a.stdout)
}
