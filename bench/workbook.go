//go:build ignore

// The workbook of a month that is made up: the facts and breaks of a sample, and as many agreed payouts as asked for.
//
//	workbook write SAMPLE.json ROWS BREAKS BOOK.xlsx   all sheets, through report.Build and xlsx.Write
//	workbook rows  SAMPLE.json ROWS BREAKS ROWS.tsv    only the rows of the sheet Matched, for another writer
//
// ROWS.tsv begins with the columns' kinds (text, number, money, date, instant), widths and headings; dates and instants
// are Excel's serial numbers already, so that the other writer has nothing to convert.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log"
	"os"
	"strconv"
	"strings"

	"payrecon/internal/money"
	"payrecon/internal/payout"
	"payrecon/report"
	"payrecon/report/xlsx"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 6 {
		log.Fatal("usage: workbook write|rows SAMPLE.json ROWS BREAKS FILE")
	}
	rows, err := strconv.Atoi(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	breaks, err := strconv.Atoi(os.Args[4])
	if err != nil {
		log.Fatal(err)
	}
	book, err := build(os.Args[2], rows, breaks)
	if err != nil {
		log.Fatal(err)
	}
	if os.Args[1] == "rows" {
		err = writeRows(os.Args[5], book.Sheet(report.SheetMatched))
	} else {
		err = xlsx.Write(context.Background(), os.Args[5], book, xlsx.Options{})
	}
	if err != nil {
		log.Fatal(err)
	}
}

func build(file string, rows, breaks int) (*report.Book, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var sample struct {
		Facts *payout.Facts          `json:"facts"`
		Rec   *payout.Reconciliation `json:"reconciliation"`
	}
	if err := json.Unmarshal(data, &sample); err != nil {
		return nil, err
	}
	items := sample.Rec.Items
	for i := 0; len(sample.Rec.Items) < breaks; i++ {
		item := items[i%len(items)]
		item.ID = int64(100_000 + i)
		sample.Rec.Items = append(sample.Rec.Items, item)
	}
	return report.Build(sample.Facts, sample.Rec, report.Options{Generated: sample.Facts.AsOf, Version: "bench", Command: "payrecon report --matched", Matched: agreed(rows)})
}

// agreed makes n agreed findings of one payout and one entry each.
func agreed(n int) iter.Seq2[payout.Finding, error] {
	return func(yield func(payout.Finding, error) bool) {
		p, e := make([]payout.PayoutRef, 1), make([]payout.Entry, 1)
		for i := range n {
			amount := money.New(int64(i%1_000_000+1)*12_300, "EUR")
			ref := fmt.Sprintf("INV-2026-%07d", i)
			created := payout.Millis(1_772_323_200_000 + int64(i)*1000%(31*86_400_000))
			p[0] = payout.PayoutRef{ID: fmt.Sprintf("po:3xGfq2TzVhHCDeFgHj%07d:5zKtXEAq", i), RefID: ref, Amount: amount, Status: payout.Completed, Created: created}
			e[0] = payout.Entry{Line: i + 2, Ref: ref, Amount: amount, Status: "BOOKED", Day: created.Day()}
			if !yield(payout.Finding{Outcome: payout.Matched, RefID: ref, Payouts: p, Entries: e}, nil) {
				return
			}
		}
	}
}

func writeRows(path string, s *report.Sheet) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	var kinds, widths, headings []string
	for _, c := range s.Columns {
		widths, headings = append(widths, strconv.Itoa(c.Width)), append(headings, c.Heading)
	}
	for row, err := range s.Stream {
		if err != nil {
			return err
		}
		texts := make([]string, len(row))
		for i, c := range row {
			if len(kinds) < len(row) {
				kinds = append(kinds, kindOf(c))
			}
			texts[i] = valueOf(c)
		}
		if headings != nil {
			fmt.Fprintf(w, "%s\n%s\n%s\n", strings.Join(kinds, "\t"), strings.Join(widths, "\t"), strings.Join(headings, "\t"))
			headings = nil
		}
		fmt.Fprintln(w, strings.Join(texts, "\t"))
	}
	return errors.Join(w.Flush(), f.Close())
}

func kindOf(c report.Cell) string {
	switch c.Kind {
	case report.Integer:
		return "number"
	case report.Money:
		return "money"
	case report.Date:
		return "date"
	case report.Instant:
		return "instant"
	}
	return "text"
}

func valueOf(c report.Cell) string {
	const epoch = 25_569 // 1970-01-01 as Excel counts days
	switch c.Kind {
	case report.Blank:
		return ""
	case report.Integer:
		return strconv.FormatInt(c.Number, 10)
	case report.Money:
		return money.FormatUnits(c.Number, c.Currency)
	case report.Date:
		return strconv.FormatInt(c.Number+epoch, 10)
	case report.Instant:
		return strconv.FormatFloat(epoch+float64(c.Number/1000)/86_400, 'f', 6, 64)
	}
	return c.Text
}
