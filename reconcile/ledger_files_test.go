package reconcile

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payrecon/internal/payout"
)

func packed(t testing.TB, chunks ...[]byte) string {
	t.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	for _, c := range chunks {
		if err == nil {
			_, err = w.Write(c)
		}
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestReadLedgerRefusesBadFiles: one message that names the file and the problem, of KindInput.
func TestReadLedgerRefusesBadFiles(t *testing.T) {
	good := "ref_id,amount,currency\nR1,1.00,EUR\n"
	goodPacked := packed(t, []byte(good))
	million := bytes.Repeat([]byte("R1,1.00,EUR\n"), 1<<20)
	bomb := [][]byte{[]byte("ref_id,amount,currency\n")}
	for range 6 { // 72 MB of lines that are right, one by one
		bomb = append(bomb, million)
	}
	for _, tt := range []struct {
		name, text string
		o          LedgerOptions
		want       string
	}{
		{"empty", "", LedgerOptions{}, "the file is empty: not even a header"},
		{"empty, though rows may be missing", "", LedgerOptions{AllowEmpty: true}, "the file is empty: not even a header"},
		{"blank", " \n\r\n\n", LedgerOptions{}, "the file is empty: not even a header"},
		{"a mark and nothing", "\xef\xbb\xbf", LedgerOptions{}, "the file is empty: not even a header"},
		{"nothing, packed", packed(t), LedgerOptions{}, "the file is empty: not even a header"},
		{"header only", "ref_id,amount,currency\n", LedgerOptions{}, "has a header but no rows: if an empty ledger is right, set ledger.allow_empty"},
		{"header and blank lines", "ref_id,amount,currency\n\n\n", LedgerOptions{}, "has a header but no rows: if an empty ledger is right, set ledger.allow_empty"},
		{
			"no reference column", "id,amount,currency\n1,1.00,EUR\n",
			LedgerOptions{},
			`no column for ref_id (looked for ref_id, reference, ref): the header has 3 columns, "id", "amount", "currency" (delimiter comma); name it in ledger.columns.ref_id`,
		},
		{
			"no currency", "ref;amount\n1;1.00\n",
			LedgerOptions{},
			`no column for currency (looked for currency, ccy): the header has 2 columns, "ref", "amount" (delimiter semicolon); name it in ledger.columns.currency or set ledger.currency`,
		},
		{"configured column missing", good, LedgerOptions{Columns: map[string]string{"date": "Booked"}}, `no column "Booked" for ledger.columns.date: the header has 3 columns, "ref_id", "amount", "currency"`},
		{"column number too high", good, LedgerOptions{Columns: map[string]string{"date": "4"}}, `ledger.columns.date is column 4, but the header has 3 columns, "ref_id", "amount", "currency"`},
		{"column twice", "ref_id,amount,Amount,currency\n", LedgerOptions{}, `the header has "Amount" twice, as column 2 and column 3: say which by its number in ledger.columns`},
		{"filter column missing", good, LedgerOptions{Filters: []LedgerFilter{{Column: "Type", Values: []string{"x"}}}}, `no column "Type" for ledger.filter: the header has 3 columns, "ref_id", "amount", "currency"`},
		{
			"not a table", "hello\nworld\n",
			LedgerOptions{},
			`no column for ref_id (looked for ref_id, reference, ref): the header has one column, "hello" (delimiter comma); name it in ledger.columns.ref_id`,
		},
		{"binary", "ref_id,amount,currency\nR1,\x00\x01,EUR\n", LedgerOptions{}, "is not a text file (byte 26 is NUL): is it binary, or UTF-16 without a byte order mark?"},
		{"workbook", "PK\x03\x04....", LedgerOptions{}, "is a zip archive or an Excel workbook: export the ledger as CSV"},
		{"not utf-8", "ref_id,amount,currency,text\nR1,1.00,EUR,ok\nR2,1.00,EUR,M\xf6bel\n", LedgerOptions{}, "line 3: byte 0xF6 is not UTF-8: set ledger.encoding (windows-1252?)"},
		{"header not utf-8", "ref_id,amount,currency,M\xf6bel\nR1,1.00,EUR,ok\n", LedgerOptions{}, "line 1: byte 0xF6 is not UTF-8: set ledger.encoding (windows-1252?)"},
		{"not utf-16", "\xff\xfer\x00e\x00f\x00,\x00a\x00m\x00o\x00u\x00n\x00t\x00\n\x00a\x00\x00\xd8,\x001\x00\n\x00", LedgerOptions{Currency: "EUR"}, "line 2: is not valid UTF-16"},
		{"no utf-16 mark", good, LedgerOptions{Encoding: "utf-16"}, "has no UTF-16 byte order mark, but ledger.encoding is utf-16"},
		{"truncated gzip", goodPacked[:len(goodPacked)-9], LedgerOptions{}, "the gzip file is cut off: was it copied whole?"},
		{"gzip without its end", goodPacked[:len(goodPacked)-2], LedgerOptions{}, "the gzip file is cut off: was it copied whole?"},
		{"only gzip's magic", goodPacked[:2], LedgerOptions{}, "the gzip file is cut off: was it copied whole?"},
		{"damaged gzip", goodPacked[:len(goodPacked)-6] + "xxxxxx", LedgerOptions{}, "the gzip file is damaged: gzip: invalid checksum"},
		{"gzip bomb", packed(t, bomb...), LedgerOptions{}, "unpacks to more than 64 MB: refused"},
		{"too large", strings.Repeat(good, 100), LedgerOptions{MaxBytes: 1000}, "the file holds more than 0 MB: is this the ledger?"},
		{"too large unpacked", packed(t, []byte(strings.Repeat(good, 100))), LedgerOptions{MaxBytes: 1000}, "the file holds more than 0 MB: is this the ledger?"},
		{"unclosed quote", good + "R2,\"1.00,EUR\nR3,1.00,EUR\n", LedgerOptions{}, "line 3: a quote is opened and never closed"},
		{"unclosed quote in the header", "\"ref_id,amount,currency\nR1,1.00,EUR\n", LedgerOptions{}, "line 1: a quote is opened and never closed"},
		{"long line", good + strings.Repeat("x", 3<<20), LedgerOptions{}, "line 3 is longer than 1024 KB: is this a CSV file?"},
		{"long first line", strings.Repeat("x", 3<<20), LedgerOptions{}, "line 1 is longer than 1024 KB: is this a CSV file?"},
		{"too many columns", strings.Repeat("a,", 5000) + "b\n", LedgerOptions{}, "the header has 5001 columns, more than 4096: is this a ledger?"},
		{
			"nothing but rejected rows", "ref_id,amount,currency\n" + strings.Repeat("R,x,EUR\n", 300),
			LedgerOptions{maxRejected: 100, chunkSize: 100},
			"cannot be read, such as line",
		},
		{"sums out of range", good + strings.Repeat("R,900000000000000,EUR\n", 3), LedgerOptions{}, "the ledger's amounts of EUR add up to more than can be held; look for amounts that are too large, or split the file: amount out of range (about 922 trillion)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := ledgerFile(t, tt.text)
			in, err := ReadLedger(t.Context(), []string{path}, tt.o, always, func(int, []payout.Entry) error { return nil })
			if payout.KindOf(err) != payout.KindInput || !cmp.Equal(in, payout.Intake{}) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %+v, %v, want nothing and one line of KindInput", in, err)
			}
			if err == nil || !strings.HasPrefix(err.Error(), "ledger "+path+": ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant ledger %s: %s", err, path, tt.want)
			}
		})
	}
}

func TestReadLedgerRefusesOddPaths(t *testing.T) {
	dir := t.TempDir()
	secret := ledgerFile(t, "ref_id,amount,currency\nR1,1.00,EUR\n")
	if err := os.Chmod(secret, 0); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, path, want string }{
		{"directory", dir, "is a directory, not a file"},
		{"missing", filepath.Join(dir, "none.csv"), "there is no such file"},
		{"under a file", filepath.Join(secret, "x"), "cannot be read: not a directory"},
		{"unreadable", secret, "cannot be read: permission denied"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "unreadable" && os.Geteuid() == 0 {
				t.Skip("root reads everything")
			}
			_, _, err := readFiles(t, LedgerOptions{}, always, tt.path)
			if want := "ledger " + tt.path + ": " + tt.want; err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

// endless is a reader of a file of n bytes of x.
type endless struct{ left int }

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.left)
	for i := range p[:n] {
		p[i] = 'x'
	}
	e.left -= n
	return n, nil
}

// TestReadLedgerMemoryIsBounded: a line of 200 MB is refused after a megabyte of it.
func TestReadLedgerMemoryIsBounded(t *testing.T) {
	path := ledgerFile(t, "")
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("ref_id,amount,currency\nR1,1.00,EUR\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(f, &endless{200 << 20}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err = readFiles(t, LedgerOptions{}, always, path)
	runtime.ReadMemStats(&after)
	if err == nil || !strings.HasSuffix(err.Error(), "line 3 is longer than 1024 KB: is this a CSV file?") {
		t.Errorf("got %v", err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
		t.Errorf("%d MB were allocated", used>>20)
	}
}

// TestReadLedgerNoticesWriters: a file that an export still writes is refused, whatever was read of it.
func TestReadLedgerNoticesWriters(t *testing.T) {
	path := ledgerFile(t, "ref_id,amount,currency\nR1,1.00,EUR\n")
	_, err := ReadLedger(t.Context(), []string{path}, LedgerOptions{}, always, func(int, []payout.Entry) error {
		return os.WriteFile(path, []byte("ref_id,amount,currency\nR1,1.00,EUR\nR2,1.00,EUR\n"), 0o600)
	})
	if want := "ledger " + path + ": changed while it was read: try again when its export has ended"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestReadLedgerAllowsEmpty(t *testing.T) {
	covers := payout.Period{From: day(t, "2026-01-01"), To: day(t, "2026-01-31")}
	in, _ := readText(t, "ref_id,amount,currency\n", LedgerOptions{AllowEmpty: true})
	if !in.Empty || in.Reach != nil || len(in.Notes) != 1 || !strings.Contains(in.Dialect, "decimal mark unknown: no amount to tell it") {
		t.Errorf("got %+v, want an empty extract that reaches no day", in)
	}
	in, _ = readText(t, "ref_id,amount,currency\n", LedgerOptions{AllowEmpty: true, Covers: &covers})
	if in.Empty || in.Reach == nil || *in.Reach != covers {
		t.Errorf("got %+v, want an extract without entries that covers January", in)
	}
}

func TestReadLedgerReach(t *testing.T) {
	in, _ := readText(t, "ref_id,amount,currency,date\nR1,1.00,EUR,\n", LedgerOptions{})
	if in.Empty || in.Reach != nil || in.First != payout.NoDay || in.Last != payout.NoDay {
		t.Errorf("a ledger without dates: got %+v, want no bounds", in)
	}
	covers := payout.Period{From: day(t, "2026-01-01"), To: day(t, "2026-01-31")}
	in, _ = readText(t, "ref_id,amount,currency,date\nR1,1.00,EUR,2026-01-05\n", LedgerOptions{Covers: &covers})
	if in.Reach == nil || *in.Reach != covers || in.First != day(t, "2026-01-05") {
		t.Errorf("got reach %v, want %v", in.Reach, covers)
	}
}

func TestReadLedgerSeveralFiles(t *testing.T) {
	a := ledgerFile(t, "ref_id,amount,currency\nA1,1.00,EUR\nA2,x,EUR\n")
	b := ledgerFile(t, "currency;amount;ref\nGBP;2,50;B1\nGBP;-;B2\n")
	in, entries, err := readFiles(t, LedgerOptions{}, always, a, b, a)
	if err != nil {
		t.Fatal(err)
	}
	want := []payout.Entry{
		{File: 0, Line: 2, Ref: "A1", Amount: amount(t, "1", "EUR"), Class: payout.EntryNone, Day: payout.NoDay},
		{File: 1, Line: 2, Ref: "B1", Amount: amount(t, "2.50", "GBP"), Class: payout.EntryNone, Day: payout.NoDay},
		{File: 2, Line: 2, Ref: "A1", Amount: amount(t, "1", "EUR"), Class: payout.EntryNone, Day: payout.NoDay},
	}
	if diff := cmp.Diff(want, entries, sameEntries); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if len(in.Files) != 3 || len(in.Rejected) != 3 || in.Rejected[1].File != 1 || in.Rejected[1].Line != 3 {
		t.Errorf("got %d files, rejected %v", len(in.Files), in.Rejected)
	}
	notes := strings.Join(in.Notes, "\n")
	for _, want := range []string{
		b + " is read otherwise than the first file: UTF-8; delimiter semicolon (detected); decimal comma",
		a + " is byte for byte the same file as " + a + ": its entries count twice",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes %q, want %q among them", notes, want)
		}
	}
	if _, err := ReadLedger(t.Context(), nil, LedgerOptions{}, always, nil); payout.KindOf(err) != payout.KindInput {
		t.Errorf("no files: got %v", err)
	}
}

func TestFindLedger(t *testing.T) {
	dir, now := t.TempDir(), time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)
	for i, name := range []string{"ledger-b.csv", "ledger-a.csv", "ledger-[1].csv", "other.csv"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now, now.Add(-time.Duration(i+10)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "ledger-dir.csv"), 0o700); err != nil {
		t.Fatal(err)
	}
	undated := filepath.Join(dir, "undated.csv")
	if err := os.WriteFile(undated, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(undated, time.Unix(0, 0), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, pattern, take string
		maxAge              time.Duration
		want                string // names, or the error after the folder's path was taken out
	}{
		{"newest", "ledger-*.csv", "", 0, "ledger-b.csv"},
		{"newest, said", "ledger-?.csv", "newest", 10 * time.Hour, "ledger-b.csv"},
		{"all", "ledger-*.csv", "all", 10 * time.Hour, "ledger-[1].csv ledger-a.csv ledger-b.csv"},
		{"a path", "other.csv", "", 0, "other.csv"},
		{"a path with brackets", "ledger-[1].csv", "", 0, "ledger-[1].csv"},
		{"too old", "ledger-*.csv", "", 9 * time.Hour, "ledger DIR/ledger-b.csv was last changed 2026-02-28T20:00:00Z, 10h ago, which is more than ledger.max_age 9h: did the export run?"},
		{"of no known time", "undated.csv", "", 9 * time.Hour, "ledger DIR/undated.csv bears no time of its last change, which ledger.max_age 9h asks for"},
		{"of no known time, any will do", "undated.csv", "", 0, "undated.csv"},
		{"none", "*.txt", "", 0, "ledger DIR/*.txt: there is no such file: set ledger.path or pass --ledger"},
		{"a directory", "ledger-dir.csv", "", 0, "ledger DIR/ledger-dir.csv is a directory: name a file, or a pattern such as DIR/ledger-dir.csv/*.csv"},
		{"a bad pattern", "[", "", 0, `ledger.path "DIR/[": syntax error in pattern`},
		{"a bad take", "*", "oldest", 0, `ledger.take: "oldest" is not known (want newest or all)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found, err := FindLedger(filepath.Join(dir, tt.pattern), tt.take, tt.maxAge, now)
			got := strings.ReplaceAll(strings.Join(found, " "), dir+"/", "")
			if err != nil {
				got = strings.ReplaceAll(err.Error(), dir, "DIR")
				if payout.KindOf(err) != payout.KindInput {
					t.Errorf("kind %d", payout.KindOf(err))
				}
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	if _, err := FindLedger("", "", 0, now); payout.KindOf(err) != payout.KindInput {
		t.Errorf("no pattern: got %v", err)
	}
}

func TestCompareFiles(t *testing.T) {
	file := func(path, sum string, modified payout.Millis) payout.LedgerFile {
		return payout.LedgerFile{Path: path, SHA256: sum, Modified: modified}
	}
	for _, tt := range []struct {
		name      string
		now, last []payout.LedgerFile
		want      []string
	}{
		{"first run", []payout.LedgerFile{file("a", "1", 5000)}, nil, []string{}},
		{"newer", []payout.LedgerFile{file("b", "2", 6000)}, []payout.LedgerFile{file("a", "1", 5000)}, []string{}},
		{
			"the same",
			[]payout.LedgerFile{file("b", "1", 6000)},
			[]payout.LedgerFile{file("a", "1", 5000)},
			[]string{"ledger b is byte for byte the file of the last run (a): did the export run?"},
		},
		{
			"older",
			[]payout.LedgerFile{file("b", "2", 4000)},
			[]payout.LedgerFile{file("a", "1", 5000)},
			[]string{"ledger b was last changed 1970-01-01T00:00:04Z, before the file of the last run (a, 1970-01-01T00:00:05Z): is it the right one?"},
		},
		{
			"one of two the same",
			[]payout.LedgerFile{file("a", "1", 5000), file("b", "2", 6000)},
			[]payout.LedgerFile{file("a", "1", 5000)},
			[]string{"ledger a is byte for byte the file of the last run (a): did the export run?"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, CompareFiles(tt.now, tt.last)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}
