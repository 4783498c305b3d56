//go:build ignore

// Inputs for the comparison of pairing: from a mirror, the payouts of a period as CSV (for tools that cannot read the
// mirror) and a ledger in random order: 1% of the completed payouts missing in it and as many entries without a payout,
// 0.5% with a wrong amount, 0.2% twice. Payouts that the mirror holds beyond the period are in neither: we leave them
// out because they are not of the period, and a plain join would count them.
//
//	go run bench/inputs.go MIRROR.db FROM TO FOLDER
//
// payouts.csv has four columns; payouts-wide.csv the ledger's six, for tools that compare tables of one width only.
package main

import (
	"bufio"
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
	if len(os.Args) != 5 {
		log.Fatal("usage: go run bench/inputs.go MIRROR.db FROM TO FOLDER")
	}
	from, err := payout.ParseDay(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	to, err := payout.ParseDay(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	if err := inputs(os.Args[1], payout.Period{From: from, To: to}, os.Args[4]); err != nil {
		log.Fatal(err)
	}
}

func inputs(db string, period payout.Period, folder string) error {
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
		for _, r := range block {
			if period.Contains(r.Created.Day()) {
				rows = append(rows, r)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(rows, func(a, b payout.Row) int { return strings.Compare(a.ID, b.ID) })
	rng := rand.New(rand.NewPCG(1, 2))
	var payouts, wide, ledger []string
	for i, r := range rows {
		amount := money.FormatUnits(r.Units, r.Currency)
		four := strings.Join([]string{r.RefID, amount, r.Currency, string(r.Status)}, ",")
		payouts = append(payouts, four)
		wide = append(wide, four+","+r.Created.Day().String()+",payout")
		draw := rng.IntN(1000)
		if d := r.Created.Day(); r.Status != payout.Completed || d > period.To-15 || d < period.From+15 {
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
	const columns = "ref_id,amount,currency,status,date,text"
	if err := write(filepath.Join(folder, "payouts-wide.csv"), columns, wide); err != nil {
		return err
	}
	return write(filepath.Join(folder, "ledger.csv"), columns, ledger)
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
