// Package payout is the vocabulary that every other package speaks: types and tables, no behaviour that needs a file,
// a clock or a network.
//
// A Payout is what the payouts API says; an Entry is one row of the company's ledger; a Key joins them. Matching them
// gives Findings, each with one Outcome; those that need a person's eye live on from night to night as Items. The
// figures of one reconciliation, from totals to conclusion, are a Reconciliation.
//
// Days are UTC calendar days for payouts and ledger days for entries; instants are integer milliseconds; money is
// exact (package money).
package payout
