package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"payrecon/internal/payout"
)

// WriteCSV writes the CSV twin of each sheet into dir, which it creates: one file per sheet, named after it
// ("possible-double-payments.csv"), UTF-8, mode 0600, each written under a temporary name, synced and renamed.
//
// A sheet that is one table gives the codes of its columns and its data rows; another gives its rows as they lie there.
// Outcomes and states are codes, amounts plain decimals, days and instants ISO 8601 in UTC. A free text that a spreadsheet
// could take for a formula gets an apostrophe in front.
func WriteCSV(dir string, b *Book) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return payout.Errorf(payout.KindInput, "report folder: %w", err)
	}
	for i := 0; i < len(b.Sheets); {
		n := i + 1
		for n < len(b.Sheets) && b.Sheets[n].Continues {
			n++
		}
		path := filepath.Join(dir, CSVName(b.Sheets[i].Name))
		if err := writeTwin(path, b.Sheets[i:n]); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		i = n
	}
	return nil
}

// CSVName returns the file name of a sheet's CSV twin.
func CSVName(sheet string) string {
	return strings.ReplaceAll(strings.ToLower(sheet), " ", "-") + ".csv"
}

func writeTwin(path string, parts []*Sheet) (err error) {
	f, err := renameio.NewPendingFile(path, renameio.WithStaticPermissions(0o600))
	if err != nil {
		return err
	}
	defer f.Cleanup() // does nothing once the file has its name
	w := csv.NewWriter(f)
	for _, s := range parts {
		if err := EncodeCSV(w, s); err != nil {
			return err
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

// EncodeCSV writes the CSV twin of one sheet to w. The caller flushes.
func EncodeCSV(w *csv.Writer, s *Sheet) error {
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
		if table && r.Kind != RowData {
			continue
		}
		if err := write(r.Cells); err != nil {
			return err
		}
	}
	if s.Stream == nil {
		return nil
	}
	for cells, err := range s.Stream {
		if err != nil {
			return err
		}
		if err := write(cells); err != nil {
			return err
		}
	}
	return nil
}

var breaksHeader = strings.Split("id,outcome,severity,state,disposition,ref_id,payout_ids,ledger_lines,payout_amount,ledger_amount,difference,"+
	"exposure,currency,ledger_currency,payout_status,ledger_status,created,ledger_date,age_days,first_run,why", ",")

// BreaksCSV writes items as `breaks list --format csv` shows them. Several ids, lines, currencies or amounts are separated
// by spaces; amounts are plain decimals, those of a group one sum per currency; difference is payout cash - entry cash,
// empty across currencies; currency is the payouts' (the ledger's where there is no payout); created and ledger_date are
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
	currency := s.payoutCurrency
	if currency == "" {
		currency = it.Exposure.Currency()
	}
	if currency == "" {
		currency = s.ledgerCurrency
	}
	return []string{
		count(it.ID).Plain(), it.Outcome.String(), it.Severity.String(), it.State.String(), disposition, guard(it.RefID),
		s.ids, s.lines, s.payoutAmount, s.ledgerAmount, difference, it.Exposure.Text(), currency, s.ledgerCurrency,
		guard(s.payoutStatus), guard(s.ledgerStatus), s.created.String(), s.ledgerDay.String(),
		count(it.AgeDays).Plain(), count(it.FirstRun).Plain(), guard(it.Why),
	}
}
