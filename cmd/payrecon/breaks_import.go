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
		Long: `Read the yellow columns of the Breaks sheet of a workbook that payrecon wrote (disposition, until, reason,
due, owner, note), show what changes, and record who, when and the file's hash. Rows may have been sorted,
filtered or deleted, columns moved or added. A row of which another cell was edited, or whose item has moved on
since, is refused with the cell; then nothing is recorded, unless --partly takes the other rows. A cell that
nobody filled in never undoes what was decided since.`,
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
			im.partly, im.dryRun = partly, dryRun
			if dryRun {
				return a.read(cmd.Context(), func(m *mirror.Mirror) error { return a.importBreaks(cmd.Context(), m, im) })
			}
			return a.decide(cmd.Context(), "breaks import", wait, func(ctx context.Context, s *session) error { return a.importBreaks(ctx, s.m, im) })
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
	by     string
	partly bool // good rows are taken although others are refused
	dryRun bool

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
	decision mirror.Decision
}

// importLimit is how large the file of a workbook may be, in bytes; one with a million agreed rows has about 100 MB.
const importLimit = 512 << 20

func (a *app) readImport(path, by string) (*breaksImport, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, payout.Errorf(payout.KindInput, "workbook: %w", err)
	}
	if info.Size() > importLimit {
		return nil, payout.Errorf(payout.KindInput, "workbook %s: %d bytes are more than the %d that are read", path, info.Size(), importLimit)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, payout.Errorf(payout.KindInput, "workbook: %w", err)
	}
	sum := sha256.Sum256(text)
	book, err := xlsx.ReadBreaks(path, text)
	return &breaksImport{by: by, sha256: hex.EncodeToString(sum[:]), book: book}, err
}

// compare holds every row against the item as it stands now.
func (im *breaksImport) compare(ctx context.Context, m *mirror.Mirror, now payout.Millis) error {
	run, _, err := m.Reconciliation(ctx, im.book.Run)
	if err != nil {
		return payout.Errorf(payout.KindInput, "the workbook is of run %d, which this mirror does not hold: %w", im.book.Run, err)
	}
	if run.OutcomeHash != im.book.OutcomeHash {
		return payout.Errorf(payout.KindInput, "the workbook is of another run %d than this mirror's: is it another database?", im.book.Run)
	}
	then := map[int64]*payout.Item{}
	for i := range run.Items {
		then[run.Items[i].ID] = &run.Items[i]
	}
	seen := map[int64]string{}
	for i := range im.book.Rows {
		row := &im.book.Rows[i]
		place := row.Place("id")
		if len(row.Problems) > 0 {
			im.refuseProblems(row, then[row.Item])
			continue
		}
		if first := seen[row.Item]; first != "" {
			im.refused = append(im.refused, fmt.Sprintf("%s: item %d stands in %s already", place, row.Item, first))
			continue
		}
		seen[row.Item] = place
		if _, filled := row.Filled(); !filled {
			continue
		}
		item, _, err := m.Item(ctx, row.Item)
		switch {
		case payout.KindOf(err) == payout.KindNotFound:
			im.refused = append(im.refused, fmt.Sprintf("%s: there is no item %d", place, row.Item))
		case err != nil:
			return err
		default:
			im.compareRow(row, &item, now)
		}
	}
	return nil
}

// compareRow adds the row's change, or why it is refused; a row in which nobody wrote anything new is neither. What was
// decided since the workbook was written is never undone by a cell that a person left as it was.
func (im *breaksImport) compareRow(row *report.BreaksRow, item *payout.Item, now payout.Millis) {
	d := itemDecision{by: im.by, until: payout.NoDay, source: "workbook " + im.sha256}
	cell := ""
	for _, part := range []struct {
		codes []string
		said  bool // the item says so already
		take  func()
	}{
		{[]string{"disposition", "until", "reason"}, saysDisposition(row, item.Disposition), func() { d.takeDisposition(row) }},
		{[]string{"owner"}, row.Owner == item.Owner, func() { d.owner = &row.Owner }},
		{[]string{"due"}, row.Due == item.Due, func() { d.setDue, d.due = true, row.Due }},
		{[]string{"note"}, row.Note == item.Note, func() { d.note = &row.Note }},
	} {
		code, filled := row.Filled(part.codes...)
		if !filled || part.said {
			continue
		}
		if at, shows, moved := row.Moved(*item, part.codes...); moved {
			im.refuse(row, at, "what was decided about item %d has changed since the workbook was written, this is %q now: fill in a newer one", item.ID, orDash(shows))
			return
		}
		if part.take(); cell == "" {
			cell = code
		}
	}
	if cell == "" {
		return
	}
	if item.State == payout.ItemCleared {
		im.refuse(row, cell, "item %d was cleared by %s on %s: there is nothing to decide", item.ID, item.ClearedBy, item.ClearedAt.Day())
	} else if at, shows, moved := row.Moved(*item); moved {
		im.refuse(row, at, "item %d has moved on since the workbook was written, this is %q now: fill in a newer one", item.ID, orDash(shows))
	} else if field, words := d.problem(now.Day()); words != "" {
		im.refuse(row, field, "%s", words)
	} else {
		im.changes = append(im.changes, importChange{
			Item: item.ID, Place: row.Place(cell), From: dispositionWords(item.Disposition), To: d.words(), decision: d.about(*item, now),
		})
	}
}

func (im *breaksImport) refuse(row *report.BreaksRow, code, format string, args ...any) {
	im.refused = append(im.refused, row.Place(code)+": "+fmt.Sprintf(format, args...))
}

// refuseProblems tells of each cell that cannot be taken what is in it, what is wrong, and what payrecon wrote.
func (im *breaksImport) refuseProblems(row *report.BreaksRow, then *payout.Item) {
	for _, p := range row.Problems {
		words := p.String()
		if then != nil {
			if was, ok := row.Wrote(*then, p.Code); ok && was != "" {
				words += fmt.Sprintf(" (it said %q)", was)
			}
		}
		im.refused = append(im.refused, words)
	}
}

// saysDisposition reports whether the row's decision is the one given, if any.
func saysDisposition(row *report.BreaksRow, d *payout.Disposition) bool {
	if d == nil {
		return row.Disposition == "" && row.Until == payout.NoDay && row.Reason == ""
	}
	return row.Disposition == d.Kind && row.Until == d.Until && row.Reason == d.Reason
}

func (d *itemDecision) takeDisposition(row *report.BreaksRow) {
	d.kind, d.until, d.reason = row.Disposition, row.Until, row.Reason
	if d.kind == "" && d.until == payout.NoDay && d.reason == "" {
		d.kind = dispositionNone
	}
}

// importBreaks records what the workbook says, all of it or nothing, and shows it.
func (a *app) importBreaks(ctx context.Context, m *mirror.Mirror, im *breaksImport) error {
	if err := im.compare(ctx, m, payout.MillisOf(a.clock())); err != nil {
		return err
	}
	if !im.dryRun && (len(im.refused) == 0 || im.partly) {
		decisions := make([]mirror.Decision, len(im.changes))
		for i := range im.changes {
			decisions[i] = im.changes[i].decision
		}
		if err := m.Decide(ctx, decisions...); err != nil {
			return err
		}
	}
	return errors.Join(a.showImport(im), im.refusal())
}

// refusal is the end of an import with rows that cannot be taken.
func (im *breaksImport) refusal() error {
	if len(im.refused) == 0 {
		return nil
	}
	rest := "nothing was recorded; mend them, or take the others with --partly"
	switch {
	case im.partly && im.dryRun:
		rest = plural(int64(len(im.changes)), "other row") + " would be recorded"
	case im.partly:
		rest = plural(int64(len(im.changes)), "other row") + " recorded"
	}
	return payout.Errorf(payout.KindInput, "%s refused, %s", plural(int64(len(im.refused)), "cell"), rest)
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
	switch {
	case len(im.changes) > 0:
		if err := t.writeText(a.stdout); err != nil {
			return err
		}
	case len(im.refused) == 0:
		a.say("Nobody wrote anything new.")
	}
	for _, r := range im.refused {
		a.say("Refused: %s", printable(r))
	}
	if im.dryRun {
		a.say("Nothing was recorded: this is what would be.")
	}
	return nil
}
