//go:build ignore

// Inputs for the comparison of pairing: from a mirror, the payouts as CSV (for tools that cannot read the mirror) and a
// ledger in random order: 1% of the completed payouts missing in it and as many entries without a payout, 0.5% with a
// wrong amount, 0.2% twice.
//
//	go run bench/inputs.go MIRROR.db FOLDER
package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"payrecon/internal/mirror"
	"payrecon/internal/money"
	"payrecon/internal/payout"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: go run bench/inputs.go MIRROR.db FOLDER")
	}
	if err := inputs(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func inputs(db, folder string) error {
	ctx := context.Background()
	m, err := mirror.OpenReadOnly(ctx, db)
	if err != nil {
		return err
	}
	defer m.Close()
	var mu sync.Mutex
	var rows []payout.Row
	err = m.Blocks(ctx, 0, func(_ int, block []payout.Row) error {
		mu.Lock()
		defer mu.Unlock()
		rows = append(rows, block...)
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(rows, func(a, b payout.Row) int { return strings.Compare(a.ID, b.ID) })
	rng := rand.New(rand.NewPCG(1, 2))
	newest := slices.MaxFunc(rows, func(a, b payout.Row) int { return cmp.Compare(a.Created, b.Created) }).Created.Day()
	oldest := slices.MinFunc(rows, func(a, b payout.Row) int { return cmp.Compare(a.Created, b.Created) }).Created.Day()
	payouts, ledger := []string{}, []string{}
	for i, r := range rows {
		amount := money.FormatUnits(r.Units, r.Currency)
		payouts = append(payouts, strings.Join([]string{r.RefID, amount, r.Currency, string(r.Status)}, ","))
		draw := rng.IntN(1000)
		if d := r.Created.Day(); r.Status != payout.Completed || d > newest-15 || d < oldest+15 {
			draw = 999 // kept as it is, so that what a plain join finds is what the rules find
		}
		entry := func(ref, amount string) {
			ledger = append(ledger, strings.Join([]string{ref, amount, r.Currency, string(r.Status), r.Created.Day().String(), "payout"}, ","))
		}
		switch {
		case draw < 10: // missing in the ledger, and an entry of its own instead
			entry(fmt.Sprintf("UNKNOWN-%d", i), amount)
		case draw < 15:
			entry(r.RefID, money.FormatUnits(r.Units+10*money.Scale, r.Currency))
		case draw < 17:
			entry(r.RefID, amount)
			entry(r.RefID, amount)
		default:
			entry(r.RefID, amount)
		}
	}
	rng.Shuffle(len(ledger), func(i, j int) { ledger[i], ledger[j] = ledger[j], ledger[i] })
	if err := write(filepath.Join(folder, "payouts.csv"), "ref_id,amount,currency,status", payouts); err != nil {
		return err
	}
	return write(filepath.Join(folder, "ledger.csv"), "ref_id,amount,currency,status,date,text", ledger)
}

func write(path, header string, lines []string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, header)
	for _, l := range lines {
		fmt.Fprintln(w, l)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}
