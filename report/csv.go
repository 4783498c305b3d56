package report

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"payrecon/internal/payout"
)

// WriteCSV writes the CSV twin of each sheet into dir, which it creates in a folder that is there: one file per sheet, named
// after it ("possible-double-payments.csv"), UTF-8, mode 0600, each written under a temporary name, synced and renamed. A twin
// that an earlier report left there and this one does not have is removed, so that the folder is one report; other files stay.
// progress, unless nil, is told from time to time how many rows of how many are written.
//
// A sheet that is one table gives the codes of its columns and its data rows; another gives its rows as they lie there.
// Outcomes and states are codes, amounts plain decimals, days and instants ISO 8601 in UTC. A free text that a spreadsheet
// could take for a formula gets an apostrophe in front.
func WriteCSV(ctx context.Context, dir string, b *Book, progress func(done, total int)) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return payout.Errorf(payout.KindInput, "report folder %s cannot be made: %w (choose another folder with --out or report.dir)", dir, err)
	}
	t := &twins{ctx: ctx, progress: progress}
	for _, s := range b.Sheets {
		t.total += s.LastRow()
	}
	written := map[string]bool{}
	for i := 0; i < len(b.Sheets); {
		n := i + 1
		for n < len(b.Sheets) && b.Sheets[n].Continues {
			n++
		}
		name := CSVName(b.Sheets[i].Name)
		if err := t.write(filepath.Join(dir, name), b.Sheets[i:n]); err != nil {
			return fmt.Errorf("write %s: %w", filepath.Join(dir, name), err)
		}
		written[name] = true
		i = n
	}
	return removeEarlier(dir, written)
}

// beginnings are how the twins begin that not every report has.
var beginnings = map[string]string{
	SheetStatement: SheetStatement + "\n", SheetBreaks: "id,severity,outcome,why,", SheetRollForward: SheetRollForward + "\n",
	SheetCleared: "id,outcome,ref_id,exposure,", SheetTwins: "set,payee,account,", SheetRejected: SheetRejected + "\n",
	SheetMatched: "ref_id,outcome,currency,payout_amount,", SheetTotals: "currency,day,outcome,payouts,", SheetGuide: SheetGuide + "\n",
}

// removeEarlier removes the twins of an earlier report that this one did not write over. A file is one if it has the name of a
// sheet's twin and begins as that does.
func removeEarlier(dir string, written map[string]bool) error {
	for _, sheet := range sheetOrder {
		path := filepath.Join(dir, CSVName(sheet))
		begins, lacking := beginnings[sheet]
		if info, err := os.Lstat(path); !lacking || written[CSVName(sheet)] || err != nil || !info.Mode().IsRegular() {
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		start := make([]byte, len(begins))
		_, err = io.ReadFull(f, start)
		if closed := f.Close(); err != nil || closed != nil || string(start) != begins {
			continue // somebody else's
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// CSVName returns the file name of a sheet's CSV twin.
func CSVName(sheet string) string {
	return strings.ReplaceAll(strings.ToLower(sheet), " ", "-") + ".csv"
}

// twins writes files and knows how far it is.
type twins struct {
	ctx         context.Context
	progress    func(done, total int)
	done, total int
}

// row counts one row. Now and then it says so, and hears whether to stop.
func (t *twins) row() error {
	if t.done++; t.done%10_000 != 0 && t.done != t.total {
		return nil
	}
	if t.progress != nil {
		t.progress(t.done, t.total)
	}
	return t.ctx.Err()
}

func (t *twins) write(path string, parts []*Sheet) error {
	return WriteWhole(path, "", func(to io.Writer) error {
		w := csv.NewWriter(to)
		for _, s := range parts {
			if err := encodeCSV(w, s, t.row); err != nil {
				return err
			}
		}
		w.Flush()
		return w.Error()
	})
}

// encodeCSV writes the CSV twin of one sheet to w and calls done after each row of the sheet. The caller flushes.
func encodeCSV(w *csv.Writer, s *Sheet, done func() error) error {
	table := s.Table()
	var record []string
	write := func(cells []Cell) error {
		record = record[:0]
		for i, c := range cells {
			if table && s.Columns[i].Hidden {
				continue
			}
			record = append(record, c.csvField())
		}
		if len(record) == 0 {
			return nil
		}
		return w.Write(record)
	}
	if table && !s.Continues {
		for _, c := range s.Columns {
			if !c.Hidden {
				record = append(record, c.Code)
			}
		}
		if err := w.Write(record); err != nil {
			return err
		}
	}
	for _, r := range s.Rows {
		if !table || r.Kind == RowData {
			if err := write(r.Cells); err != nil {
				return err
			}
		}
		if err := done(); err != nil {
			return err
		}
	}
	if s.Stream == nil {
		return nil
	}
	for cells, err := range s.Stream {
		if err == nil {
			err = write(cells)
		}
		if err == nil {
			err = done()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var breaksHeader = strings.Split("id,outcome,severity,state,disposition,ref_id,payout_ids,ledger_lines,payout_amount,ledger_amount,difference,"+
	"exposure,currency,ledger_currency,payout_status,ledger_status,created,ledger_date,age_days,first_run,why", ",")

// BreaksCSV writes items as `breaks list --format csv` shows them. Several ids, lines, currencies or amounts are separated
// by spaces; amounts are plain decimals, those of a group one sum per currency; difference is payout cash - entry cash,
// empty across currencies; exposure is empty where no amount could be read; currency is the payouts' (the ledger's where there is no payout); created and ledger_date are
// the earliest, in UTC.
func BreaksCSV(w io.Writer, items []payout.Item) error {
	out := csv.NewWriter(w)
	if err := out.Write(breaksHeader); err != nil {
		return err
	}
	for i := range items {
		if err := out.Write(breakRecord(&items[i])); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func breakRecord(it *payout.Item) []string {
	s := sidesOf(&it.Finding)
	difference := ""
	if it.Difference != nil {
		difference = it.Difference.Text()
	}
	disposition := ""
	if it.Disposition != nil {
		disposition = it.Disposition.Kind
	}
	currency, exposure := s.payoutCurrency, ""
	if a := it.ExposureRead(); a != nil {
		exposure = a.Text()
	}
	if currency == "" && (exposure != "" || s.ledgerCurrency == "") {
		currency = it.Exposure.Currency()
	}
	if currency == "" {
		currency = s.ledgerCurrency
	}
	return []string{
		count(it.ID).Plain(), it.Outcome.String(), it.Severity.String(), it.State.String(), disposition, guard(it.RefID),
		s.ids, s.lines, s.payoutAmount, s.ledgerAmount, difference, exposure, currency, s.ledgerCurrency,
		guard(s.payoutStatus), guard(s.ledgerStatus), s.created.String(), s.ledgerDay.String(),
		count(it.AgeDays).Plain(), count(it.FirstRun).Plain(), guard(it.Why),
	}
}
