package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	"payrecon/report"
	"payrecon/report/xlsx"
)

func (a *app) breaksImportCommand() *cobra.Command {
	var by string
	var dryRun, partly bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "import BOOK.xlsx",
		Short: "Read back what people filled in on the Breaks sheet",
		Long: `Read disposition, due, owner and note from the Breaks sheet of a workbook that payrecon wrote, show what
changes, and record who, when and the file's hash. A row whose figures were edited, or whose item has moved on
since, is refused with its cell; the other rows are taken only with --partly.`,
		Example: `  payrecon breaks import reports/book.xlsx --by "A. Reviewer" --dry-run
  payrecon breaks import reports/book.xlsx --by "A. Reviewer"`,
		Args: exactly(1, "one workbook"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(by) == "" {
				return payout.Errorf(payout.KindInput, "--by: say who filled it in")
			}
			if err := needFile("workbook", args[0]); err != nil {
				return err
			}
			im, err := a.readImport(args[0], by)
			if err != nil {
				return err
			}
			if dryRun {
				return a.read(cmd.Context(), func(m *mirror.Mirror) error {
					if err := im.compare(cmd.Context(), m, payout.DayOf(a.clock().UTC())); err != nil {
						return err
					}
					return errors.Join(a.showImport(im), im.refusal(partly))
				})
			}
			return a.write(cmd.Context(), "breaks import", wait, func(ctx context.Context, s *session) error { return s.importBreaks(ctx, im, partly) })
		},
	}
	cmd.Flags().StringVar(&by, "by", "", "who filled it in")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show what would change, change nothing")
	cmd.Flags().BoolVar(&partly, "partly", false, "take the good rows although others are refused")
	waitFlag(cmd, &wait)
	return cmd
}

// breaksImport is a workbook on its way back.
type breaksImport struct {
	by      string
	sha256  string
	book    *report.BreaksBook
	changes []importChange
	refused []string
}

// importChange is one row that says something new.
type importChange struct {
	Item     int64  `json:"item"`
	Place    string `json:"place"`
	From     string `json:"from"`
	To       string `json:"to"`
	decision itemDecision
}

func (a *app) readImport(path, by string) (*breaksImport, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, payout.Errorf(payout.KindInput, "workbook: %w", err)
	}
	sum := sha256.Sum256(text)
	book, err := xlsx.ReadBreaks(path)
	return &breaksImport{by: by, sha256: hex.EncodeToString(sum[:]), book: book}, err
}

// compare holds every row against the item as it stands now.
func (im *breaksImport) compare(ctx context.Context, m *mirror.Mirror, today payout.Day) error {
	run, _, err := m.Reconciliation(ctx, im.book.Run)
	if err != nil {
		return payout.Errorf(payout.KindInput, "the workbook is of run %d, which this mirror does not hold: %w", im.book.Run, err)
	}
	if run.OutcomeHash != im.book.OutcomeHash {
		return payout.Errorf(payout.KindInput, "the workbook is of another run %d than this mirror's: is it another database?", im.book.Run)
	}
	seen := map[int64]bool{}
	for i := range im.book.Rows {
		row := &im.book.Rows[i]
		place := fmt.Sprintf("%s!A%d", row.Sheet, row.Row)
		for _, p := range row.Problems {
			im.refused = append(im.refused, p.String())
		}
		if len(row.Problems) > 0 {
			continue
		}
		if seen[row.Item] {
			im.refused = append(im.refused, fmt.Sprintf("%s: item %d stands in the sheet twice", place, row.Item))
			continue
		}
		seen[row.Item] = true
		item, events, err := m.Item(ctx, row.Item)
		switch {
		case payout.KindOf(err) == payout.KindNotFound:
			im.refused = append(im.refused, fmt.Sprintf("%s: there is no item %d", place, row.Item))
			continue
		case err != nil:
			return err
		}
		im.compareRow(row, place, &item, decidedAt(events), today)
	}
	return nil
}

// compareRow adds the row's change, or why it is refused; a row that says nothing new is neither.
func (im *breaksImport) compareRow(row *report.BreaksRow, place string, item *payout.Item, decided payout.Millis, today payout.Day) {
	d := itemDecision{by: im.by, until: payout.NoDay, text: "workbook " + im.sha256}
	var old payout.Disposition
	old.Until = payout.NoDay
	if item.Disposition != nil {
		old = *item.Disposition
	}
	if row.Disposition != old.Kind || row.Until != old.Until || row.Reason != old.Reason {
		d.kind, d.until, d.reason = row.Disposition, row.Until, row.Reason
		if d.kind == "" {
			d.kind = "none"
		}
	}
	if row.Owner != item.Owner {
		d.owner = &row.Owner
	}
	if row.Note != item.Note {
		d.note = &row.Note
	}
	if row.Due != item.Due {
		d.setDue, d.due = true, row.Due
	}
	if d.kind == "" && d.owner == nil && d.note == nil && !d.setDue {
		return
	}
	err := d.check(today)
	switch {
	case item.State == payout.ItemCleared:
		err = fmt.Errorf("item %d is cleared by now", item.ID)
	case decided >= im.book.Made+1000: // the workbook knows its time to the second
		err = fmt.Errorf("somebody decided on item %d on %s, after the workbook was written: fill in a newer one", item.ID, decided)
	case report.Proof(*item) != row.Proof:
		err = fmt.Errorf("item %d has moved on since the workbook was written: fill in a newer one", item.ID)
	}
	if err != nil {
		im.refused = append(im.refused, fmt.Sprintf("%s: %s", place, strings.ReplaceAll(err.Error(), "--", "")))
		return
	}
	im.changes = append(im.changes, importChange{Item: item.ID, Place: place, From: dispositionWords(item.Disposition), To: d.words(), decision: d})
}

// decidedAt is when a person last said something about an item.
func decidedAt(events []payout.ItemEvent) (at payout.Millis) {
	for _, e := range events {
		if e.By != "" {
			at = max(at, e.At)
		}
	}
	return at
}

// words says what a decision sets.
func (d *itemDecision) words() string {
	var parts []string
	if d.kind != "" {
		text := d.kind
		if d.until != payout.NoDay {
			text += " until " + d.until.String()
		}
		if d.reason != "" {
			text += " (" + d.reason + ")"
		}
		parts = append(parts, text)
	}
	if d.owner != nil {
		parts = append(parts, "owner "+orDash(*d.owner))
	}
	if d.setDue {
		parts = append(parts, "due "+orDash(d.due.String()))
	}
	if d.note != nil {
		parts = append(parts, "note "+orDash(*d.note))
	}
	return strings.Join(parts, ", ")
}

func (s *session) importBreaks(ctx context.Context, im *breaksImport, partly bool) error {
	if err := im.compare(ctx, s.m, payout.DayOf(s.clock().UTC())); err != nil {
		return err
	}
	refused := im.refusal(partly)
	if len(im.refused) > 0 && !partly {
		return errors.Join(s.showImport(im), refused)
	}
	for _, c := range im.changes {
		if err := s.decide(ctx, c.Item, c.decision); err != nil {
			return err
		}
	}
	return errors.Join(s.showImport(im), refused)
}

// refusal is the end of an import with rows that cannot be taken.
func (im *breaksImport) refusal(partly bool) error {
	if len(im.refused) == 0 {
		return nil
	}
	rest := "nothing was recorded; mend them, or take the others with --partly"
	if partly {
		rest = plural(int64(len(im.changes)), "other row") + " recorded"
	}
	return payout.Errorf(payout.KindInput, "%s refused, %s", plural(int64(len(im.refused)), "row"), rest)
}

// showImport prints what changes and what is refused.
func (a *app) showImport(im *breaksImport) error {
	if a.asJSON {
		return a.printJSON(map[string]any{"run": im.book.Run, "sha256": im.sha256, "changes": orEmpty(im.changes), "refused": orEmpty(im.refused)})
	}
	t := table{head: []string{"ITEM", "PLACE", "FROM", "TO"}}
	for _, c := range im.changes {
		t.add(fmt.Sprint(c.Item), c.Place, c.From, c.To)
	}
	if len(im.changes) == 0 {
		a.say("Nothing to change.")
	} else if err := t.writeText(a.stdout); err != nil {
		return err
	}
	for _, r := range im.refused {
		a.say("Refused: %s", printable(r))
	}
	return nil
}
