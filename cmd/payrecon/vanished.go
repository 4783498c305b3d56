package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
)

// What a person is told of payouts that the API does not show any more.

const namedVanished = 5 // named one by one

// printVanished names the first of the payouts that the API does not show any more.
func printVanished(w io.Writer, list []mirror.Vanishing) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(w, "Vanished   %s in the mirror, not shown by the API any more; ask the provider\n", plural(int64(len(list)), "payout"))
	for _, v := range list[:min(len(list), namedVanished)] {
		fmt.Fprintf(w, "  %s, created %s%s: %s\n", printable(v.ID), v.Created.Day(), forWhom(v.OnBehalfOf), vanishedInWords(&v))
	}
	if more := len(list) - namedVanished; more > 0 {
		fmt.Fprintf(w, "  and %d more; `payrecon status --json` lists them all\n", more)
	}
}

func vanishedInWords(v *mirror.Vanishing) string {
	return fmt.Sprintf("found out by run %d at %s", v.Run, v.At)
}

// warnVanished says which payouts of the period the API does not show any more: they are matched as it showed them last.
func (s *session) warnVanished(ctx context.Context, r *payout.Reconciliation) error {
	list, err := s.m.Vanishings(ctx)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(v mirror.Vanishing) bool { return !r.Period.Contains(v.Created.Day()) })
	if len(list) == 0 {
		return nil
	}
	var ids []string
	for _, v := range list[:min(len(list), namedVanished)] {
		ids = append(ids, v.ID)
	}
	more := ""
	if len(list) > namedVanished {
		more = fmt.Sprintf(" and %d more (`payrecon status`)", len(list)-namedVanished)
	}
	warning := fmt.Sprintf("%s of the period, which the API does not show any more, counted as it showed them last: %s%s; ask the provider what became of them",
		plural(int64(len(list)), "payout"), strings.Join(ids, ", "), more)
	s.log.Warn(warning)
	r.Warnings = append(r.Warnings, warning)
	return nil
}
