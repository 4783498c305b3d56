// Package sandbox is a local stand-in of the payouts API: for demos, training, tests and load.
//
// It tells the whole story from one number, the seed:
//
//  1. A history of payouts is laid out over some days up to the clock's present (generate.go). A payout is sixteen bytes:
//     when it was created, whose it is. Its id, reference, amount, payee and life are computed from the seed and its
//     number whenever somebody asks (row.go), so a million payouts fit into little memory and are served fast.
//  2. A payout's status is a function of its life and the clock, nothing else (life.go): PENDING, PROCESSING, then a final
//     one, or PROCESSING for ever. A running clock needs no timers, a fixed one always answers the same.
//  3. Requests are checked as the provider documents it: authorization (auth.go), parameters (query.go), the body of a
//     new payout (initiate.go). Pages are cut by key or by position (page.go) and written by hand (render.go).
//  4. Everything that is known or suspected to go wrong with such an API can be switched on (faults.go, flags.go). Faults
//     follow from the seed too, and are bounded: a client that is patient always gets to the end.
//  5. The company's own ledger is written to match (ledger.go), with breaks planted in it (plants.go), and with a key that
//     says how each record must end (key.go): known from the planting, never by reconciling.
//
// The facts of the API come from the provider's public documentation; where that is silent the sandbox does the most usual
// thing, and a fault option does the other. Payees and texts are invented sample data.
package sandbox
