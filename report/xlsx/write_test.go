package xlsx

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/xuri/excelize/v2"

	"payrecon/internal/money"
	"payrecon/internal/payout"
	"payrecon/report"
)

// TestKeep writes the sample workbooks where PAYRECON_KEEP says, to be looked at.
func TestKeep(t *testing.T) {
	dir := os.Getenv("PAYRECON_KEEP")
	if dir == "" {
		t.Skip("PAYRECON_KEEP is not set")
	}
	for _, name := range samples {
		s := load(t, name)
		if err := Write(context.Background(), filepath.Join(dir, name+".xlsx"), build(t, s, report.Options{Matched: matchedOf(s)}), Options{}); err != nil {
			t.Fatal(err)
		}
		s.Rec = nil
		if err := Write(context.Background(), filepath.Join(dir, name+"-mirror.xlsx"), build(t, s, report.Options{}), Options{}); err != nil {
			t.Fatal(err)
		}
	}
}

// manyMatched yields n agreed pairs.
func manyMatched(n int) iter.Seq2[payout.Finding, error] {
	return func(yield func(payout.Finding, error) bool) {
		p, e := make([]payout.PayoutRef, 1), make([]payout.Entry, 1)
		for i := range n {
			units := int64(i%1_000_000+1) * 12_300
			ref := "INV-2026-" + strconv.Itoa(i)
			p[0] = payout.PayoutRef{ID: "po:3xGfq2TzVhHCDeFgHjKmNp" + strconv.Itoa(i) + ":5zKtXEAq", RefID: ref, Amount: money.New(units, "EUR"), Status: payout.Completed, Created: 1_772_323_200_000 + payout.Millis(i)*1000%86_400_000}
			e[0] = payout.Entry{Line: i + 2, Ref: ref, Amount: money.New(units, "EUR"), Status: "BOOKED", Day: 20_513}
			f := payout.Finding{Outcome: payout.Matched, RefID: ref, Payouts: p, Entries: e}
			if !yield(f, nil) {
				return
			}
		}
	}
}

func noFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		t.Errorf("files %q, want %q", names, want)
	}
}

func TestWritePrivate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "book.xlsx")
	if err := Write(context.Background(), path, build(t, load(t, "day"), report.Options{}), Options{}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
	noFiles(t, dir, "book.xlsx")
}

// TestFailedWriteKeepsTheOld: whatever goes wrong, the report of yesterday stays, and nothing else does.
func TestFailedWriteKeepsTheOld(t *testing.T) {
	broken := func(yield func(payout.Finding, error) bool) {
		n := 0
		for f := range manyMatched(20_000) {
			if n++; !yield(f, nil) {
				return
			}
		}
	}
	calls := 0
	failing := func(yield func(payout.Finding, error) bool) {
		if calls++; calls == 1 { // counted by Build; then it breaks
			broken(yield)
			return
		}
		yield(payout.Finding{}, errors.New("the spool is gone"))
	}
	ctx, cancel := context.WithCancel(context.Background())
	for _, c := range []struct {
		name    string
		matched iter.Seq2[payout.Finding, error]
		ctx     context.Context
		o       Options
		want    string
	}{
		{"stream fails", failing, context.Background(), Options{}, "the spool is gone"},
		{"interrupted", broken, ctx, Options{Progress: func(done, _ int) {
			if done > 1000 {
				cancel()
			}
		}}, "context canceled"},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "book.xlsx")
		if err := os.WriteFile(path, []byte("yesterday"), 0o600); err != nil {
			t.Fatal(err)
		}
		b := build(t, load(t, "day"), report.Options{Matched: c.matched})
		err := Write(c.ctx, path, b, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "unchanged") {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if got, _ := os.ReadFile(path); string(got) != "yesterday" {
			t.Errorf("%s: the old report is now %.20q", c.name, got)
		}
		noFiles(t, dir, "book.xlsx")
	}
}

// fullDisk takes so many bytes.
type fullDisk struct{ room int }

func (d *fullDisk) Write(b []byte) (int, error) {
	if d.room -= len(b); d.room < 0 {
		return 0, syscall.ENOSPC
	}
	return len(b), nil
}

// TestFullDisk lets the disk fill up at every stage: the error always comes through, whatever the library makes of it.
func TestFullDisk(t *testing.T) {
	b := build(t, load(t, "month"), report.Options{Matched: manyMatched(3000)})
	whole := &fullDisk{room: 1 << 30}
	if err := encode(context.Background(), whole, b, Options{}, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	size := 1<<30 - whole.room
	for i := range 17 {
		room := size * i / 17
		err := encode(context.Background(), &fullDisk{room}, b, Options{}, t.TempDir())
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%d of %d bytes: %v, want no space left on device", room, size, err)
		}
	}
}

func TestUnwritableFolder(t *testing.T) {
	err := Write(context.Background(), filepath.Join(t.TempDir(), "none", "book.xlsx"), build(t, load(t, "empty"), report.Options{}), Options{})
	if payout.KindOf(err) != payout.KindInput || !strings.Contains(err.Error(), "choose another folder") {
		t.Errorf("%v, want an input error that says what to do", err)
	}
}

// TestManyRows streams more rows than one sheet holds, with a low limit and, where there is time, with Excel's own.
func TestManyRows(t *testing.T) {
	limits := []int{1000}
	if os.Getenv("PAYRECON_LARGE") != "" { // takes half a minute
		limits = append(limits, report.MaxRows)
	}
	for _, limit := range limits {
		rows := 2*limit + 7
		b := build(t, load(t, "clean"), report.Options{Matched: manyMatched(rows), MaxRows: limit})
		path := filepath.Join(t.TempDir(), "book.xlsx")
		last := 0
		if err := Write(context.Background(), path, b, Options{Progress: func(done, total int) {
			if done < last || done > total {
				t.Errorf("progress %d of %d after %d", done, total, last)
			}
			last = done
		}}); err != nil {
			t.Fatal(err)
		}
		if limit < report.MaxRows {
			checkParts(t, path)
			checkSplit(t, path, limit, rows)
		}
	}
}

// checkSplit reads Matched back: every sheet but the last is full, each has its headings, and no row is lost or doubled.
func checkSplit(t *testing.T, path string, limit, want int) {
	t.Helper()
	f, err := excelize.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seen := 0
	for _, name := range []string{report.SheetMatched, report.SheetMatched + " 2", report.SheetMatched + " 3"} {
		rows, err := f.GetRows(name)
		if err != nil {
			t.Fatal(err)
		}
		if name != report.SheetMatched+" 3" && len(rows) != limit || rows[0][0] != name || rows[4][0] != "Reference" {
			t.Errorf("%s: %d rows of %d, title %q, heading %q", name, len(rows), limit, rows[0][0], rows[4][0])
		}
		for _, r := range rows[5:] {
			if ref := "INV-2026-" + strconv.Itoa(seen); r[0] != ref {
				t.Fatalf("%s: reference %q after %d rows, want %q", name, r[0], seen, ref)
			}
			seen++
		}
	}
	if seen != want {
		t.Errorf("%d rows, want %d", seen, want)
	}
}

// TestExtremeTexts: control characters, long texts, emoji and formulas stay text, or are cut visibly.
func TestExtremeTexts(t *testing.T) {
	s := load(t, "day")
	texts := []string{"=cmd|' /C calc'!A0", "a\x00b\x1bc\rd", strings.Repeat("😀", 40_000), "_x000D_ &lt; <b>", "\xff\xfe broken"}
	for i, x := range texts {
		s.Rec.Items[i%len(s.Rec.Items)].RefID = x
	}
	f, err := excelize.OpenFile(written(t, build(t, s, report.Options{})))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i, it := range s.open() {
		cell := columnOf(t, "ref_id") + strconv.Itoa(6+i)
		got, err := f.GetCellValue(report.SheetBreaks, cell)
		if want := report.Clean(it.RefID); err != nil || got != want {
			t.Errorf("%s = %.60q (%v), want %.60q", cell, got, err, want)
		}
		if formula, _ := f.GetCellFormula(report.SheetBreaks, cell); formula != "" {
			t.Errorf("%s holds a formula %q", cell, formula)
		}
	}
}

// BenchmarkMonth is a typical month: 50,000 agreed payouts, 200 breaks.
func BenchmarkMonth(b *testing.B) {
	s := load(b, "month")
	for len(s.Rec.Items) < 200 {
		s.Rec.Items = append(s.Rec.Items, s.Rec.Items[len(s.Rec.Items)%100])
	}
	for b.Loop() {
		book := build(b, s, report.Options{Matched: manyMatched(50_000)})
		if err := Write(context.Background(), filepath.Join(b.TempDir(), "book.xlsx"), book, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMillion is 1,000,000 agreed rows.
func BenchmarkMillion(b *testing.B) {
	s := load(b, "clean")
	for b.Loop() {
		book := build(b, s, report.Options{Matched: manyMatched(1_000_000)})
		if err := Write(context.Background(), filepath.Join(b.TempDir(), "book.xlsx"), book, Options{}); err != nil {
			b.Fatal(err)
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/1e6, "MB-sys")
}
