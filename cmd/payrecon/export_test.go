package main

import (
	"context"
	"crypto/md5"
	"encoding/csv"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"payrecon/internal/mirror"
	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// exportMirror holds payouts of three days, one of them with two versions and one without an amount, a run and an item.
func exportMirror(t *testing.T, largest int64) *mirror.Mirror {
	t.Helper()
	m, err := mirror.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), mirror.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	run, err := m.BeginRun(t.Context(), payout.Run{Command: "run", Started: 5, Config: "a: 1\n"})
	if err != nil {
		t.Fatal(err)
	}
	const day = 86_400_000
	for version, status := range []payout.Status{payout.Pending, payout.Completed} {
		var rows []payout.Payout
		for i := range 5 {
			p := payout.Payout{
				ID: fmt.Sprint("po:", i), MemberID: "m:1", Created: payout.Millis(20_000*day + i*day/2), Updated: payout.Millis(20_010 * day),
				Status: payout.Completed, RefID: "R,\"" + fmt.Sprint(i), Amount: money.New(int64(i)*100_001, "EUR"), Description: "=1+1",
				Creditor: payout.Creditor{IBAN: "DE02", Name: "Žofie \U0001f600"}, Raw: []byte(`{"id":"x"}`),
			}
			if i == 0 {
				p.Status = status
				p.Updated += payout.Millis(version)
			}
			if i == 1 {
				p.Amount = money.New(0, money.NoCurrency)
			}
			if i == 4 {
				p.Amount = money.New(largest, "EUR")
			}
			p.Hash = md5.Sum(fmt.Appendf(nil, "%+v", p))
			rows = append(rows, p)
		}
		if _, err := m.CommitPage(t.Context(), &payout.PageCommit{Run: run, Payouts: rows, Asked: payout.Millis(20_010*day + version)}); err != nil {
			t.Fatal(err)
		}
	}
	rec := &payout.Reconciliation{Run: run, Items: []payout.Item{{
		ID: 1, State: payout.ItemNew, FirstRun: run, LastRun: run, Due: payout.NoDay,
		Finding: payout.Finding{
			Outcome: payout.MissingAtProvider, Severity: payout.High, RefID: "caf\xe9", Exposure: money.New(123_400, "EUR"),
			Entries: []payout.Entry{{Line: 7}, {Line: 9}},
		},
	}}}
	if err := m.SaveReconciliation(t.Context(), rec, nil, nil, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	return m
}

func readCSV(t *testing.T, path string) [][]string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// readParquet reads all files that match, as rows of the CSV twin.
func readParquet[R exportRow](t *testing.T, pattern string) (rows [][]string, files []string) {
	t.Helper()
	var row R
	rows = append(rows, row.header())
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files %s, %v", pattern, err)
	}
	for _, file := range files {
		read, err := parquet.ReadFile[R](file)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range read {
			rows = append(rows, r.csv())
		}
	}
	return rows, files
}

func TestExportFormatsAgree(t *testing.T) {
	m := exportMirror(t, maxDecimal-1)
	asCSV, asParquet := filepath.Join(t.TempDir(), "csv"), filepath.Join(t.TempDir(), "parquet")
	for dir, format := range map[string]string{asCSV: exportCSV, asParquet: exportParquet} {
		if err := exportTo(t.Context(), m, dir, format); err != nil {
			t.Fatal(err)
		}
	}
	payouts, files := readParquet[payoutRow](t, filepath.Join(asParquet, "payouts", "*", "*.parquet"))
	versions, _ := readParquet[versionRow](t, filepath.Join(asParquet, "versions", "*", "*.parquet"))
	items, _ := readParquet[itemRow](t, filepath.Join(asParquet, "items.parquet"))
	runs, _ := readParquet[runRow](t, filepath.Join(asParquet, "runs.parquet"))
	for name, got := range map[string][][]string{"payouts": payouts, "versions": versions, "items": items, "runs": runs} {
		if d := cmp.Diff(readCSV(t, filepath.Join(asCSV, name+".csv")), got); d != "" {
			t.Errorf("%s: Parquet and CSV differ (-csv +parquet):\n%s", name, d)
		}
	}
	if len(payouts) != 6 || len(versions) != 7 || len(items) != 2 || len(runs) != 2 || len(files) != 3 {
		t.Errorf("%d payouts in %v, %d versions, %d items, %d runs with headers; want 6 in 3 days, 7, 2, 2",
			len(payouts), files, len(versions), len(items), len(runs))
	}
	if !strings.Contains(files[0], "day=2024-10-04") {
		t.Errorf("the first day's file is %s, want one of 2024-10-04", files[0])
	}
	amount := slices.Index(payouts[0], "amount")
	got := []string{}
	for _, row := range payouts[1:] {
		got = append(got, row[amount])
	}
	if want := []string{"0.00", "", "20.0002", "30.0003", "99999999999999.9999"}; !slices.Equal(got, want) {
		t.Errorf("amounts are %q, want %q", got, want)
	}
	checkDecimal(t, files[0])
	filepath.WalkDir(asParquet, func(path string, entry fs.DirEntry, err error) error {
		info, statErr := entry.Info()
		if err != nil || statErr != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, want nothing for others", path, info.Mode())
		}
		return nil
	})
}

// checkDecimal makes sure that other readers see a decimal, not an integer.
func checkDecimal(t *testing.T, path string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	opened, err := parquet.OpenFile(file, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	column, ok := opened.Schema().Lookup("amount")
	if !ok || column.Node.Type().String() != "DECIMAL(18,4)" {
		t.Errorf("the amount's type is %v, want DECIMAL(18,4)", column.Node.Type())
	}
}

func TestExportRefuses(t *testing.T) {
	m := exportMirror(t, maxDecimal)
	folder := t.TempDir()
	full := filepath.Join(folder, "full")
	if err := os.MkdirAll(filepath.Join(full, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dir, format, want string
		kind              payout.Kind
	}{
		{full, exportCSV, "not empty", payout.KindInput},
		{file, exportCSV, "not a folder", payout.KindInput},
		{filepath.Join(folder, "none", "x"), exportCSV, "none", payout.KindInput},
		{filepath.Join(folder, "new"), "xml", `"xml"`, payout.KindInput},
		{filepath.Join(folder, "new"), exportParquet, "payout po:4: amount 100000000000000", payout.KindFailed},
	} {
		err := exportTo(t.Context(), m, c.dir, c.format)
		if err == nil || payout.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.want) {
			t.Errorf("export to %s as %s = %v, want %q", c.dir, c.format, err, c.want)
		}
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := exportTo(canceled, m, filepath.Join(folder, "new"), exportCSV); err == nil {
		t.Error("an interrupted export succeeded")
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 {
		t.Errorf("the folder holds %v, %v; want what was there before", entries, err)
	}
}
