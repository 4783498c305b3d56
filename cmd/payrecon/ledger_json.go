package main

import (
	"payrecon/internal/payout"
	"payrecon/reconcile"
)

// ledgerCheckJSON is the answer of ledger check --json: the check, with amounts as decimal strings.
type ledgerCheckJSON struct {
	*reconcile.LedgerCheck
	Rejected []rejectedJSON     `json:"rejected"`
	Filtered []filteredJSON     `json:"filtered"`
	Sums     []currencyJSON     `json:"sums"`
	Unused   []payout.ColumnUse `json:"unused_columns"`
	First    []entryJSON        `json:"first_entries"`

	InPeriod any `json:"in_period,omitempty"` // there is no period: hides that of the check
	OutOf    any `json:"out_of_period,omitempty"`
}

type rejectedJSON struct {
	File     int    `json:"file,omitempty"`
	Line     int    `json:"line"`
	Column   string `json:"column"`
	Value    string `json:"value"`
	Reason   string `json:"reason"`
	RefID    string `json:"ref_id"`
	Text     string `json:"text"`
	Amount   string `json:"amount"` // "" where it could not be read
	Currency string `json:"currency"`
}

type filteredJSON struct {
	Column   string `json:"column"`
	Value    string `json:"value"`
	Currency string `json:"currency"`
	Rows     int64  `json:"rows"`
	Amount   string `json:"amount"`
	Unread   int64  `json:"unread"` // rows among them whose amount could not be read
}

type currencyJSON struct {
	Currency string `json:"currency"`
	Entries  int64  `json:"entries"`
	Amount   string `json:"amount"`
	Cash     string `json:"cash"`
}

type entryJSON struct {
	Line       int               `json:"line"`
	RefID      string            `json:"ref_id"`
	Amount     string            `json:"amount"`
	Currency   string            `json:"currency"`
	Class      payout.EntryClass `json:"class"`
	Status     string            `json:"status"`
	Date       payout.Day        `json:"date"`
	Text       string            `json:"text"`
	Document   string            `json:"document"`
	OnBehalfOf string            `json:"on_behalf_of"`
}

func ledgerCheckForm(c *reconcile.LedgerCheck) ledgerCheckJSON {
	out := ledgerCheckJSON{
		LedgerCheck: c, Rejected: []rejectedJSON{}, Filtered: []filteredJSON{}, Sums: []currencyJSON{}, Unused: orEmpty(c.Unused), First: []entryJSON{},
	}
	for _, r := range c.Rejected {
		row := rejectedJSON{File: r.File, Line: r.Line, Column: r.Column, Value: r.Value, Reason: r.Reason, RefID: r.Ref, Text: r.Text}
		if currency := r.Amount.Currency(); currency != "" {
			row.Amount, row.Currency = r.Amount.Text(), currency
		}
		out.Rejected = append(out.Rejected, row)
	}
	for _, f := range c.Filtered {
		out.Filtered = append(out.Filtered, filteredJSON{f.Column, f.Value, f.Currency, f.Rows, units(f.Units, f.Currency), f.Unread})
	}
	for _, s := range c.Sums {
		out.Sums = append(out.Sums, currencyJSON{s.Currency, s.Count, units(s.Units, s.Currency), units(s.Cash, s.Currency)})
	}
	for _, e := range c.First {
		out.First = append(out.First, entryJSON{
			e.Line, e.Ref, e.Amount.Text(), e.Amount.Currency(), e.Class, e.Status, e.Day, e.Text, e.Document, e.OnBehalfOf,
		})
	}
	return out
}
