package reconcile

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"payrecon/internal/payout"
)

// csvRecord is a record as the splitter read it.
type csvRecord struct {
	Line   int
	Fields []string
	Stray  int
}

// splitAll reads text through chunker and splitter, as the intake does.
func splitAll(r io.Reader, delim, eol byte, size, maxRecord int) (records []csvRecord, chunks int, err error) {
	c := newCSVChunker(r, size, maxRecord)
	c.delim, c.eol = delim, eol
	s := newCSVSplitter(delim, eol, 100)
	for {
		chunk, err := c.next()
		if errors.Is(err, io.EOF) {
			return records, chunks, nil
		}
		if err != nil {
			return records, chunks, err
		}
		chunks++
		line := chunk.line
		s.reset(chunk.text, chunk.quotes)
		for s.next() {
			if !s.blank() {
				rec := csvRecord{Line: line, Stray: s.stray}
				for i := range s.count {
					rec.Fields = append(rec.Fields, s.field(i))
				}
				records = append(records, rec)
			}
			line += s.lines
		}
	}
}

func TestSplitterReadsRecords(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []csvRecord
	}{
		{"plain", "a,b\nc,d\n", []csvRecord{{1, []string{"a", "b"}, 0}, {2, []string{"c", "d"}, 0}}},
		{"no line end at the end", "a,b\nc,d", []csvRecord{{1, []string{"a", "b"}, 0}, {2, []string{"c", "d"}, 0}}},
		{"crlf", "a,b\r\nc,d\r\n", []csvRecord{{1, []string{"a", "b"}, 0}, {2, []string{"c", "d"}, 0}}},
		{"cr at the very end", "a,b\r", []csvRecord{{1, []string{"a", "b"}, 0}}},
		{"lone cr is text", "a\rb,c\n", []csvRecord{{1, []string{"a\rb", "c"}, 0}}},
		{"empty fields", ",,\n", []csvRecord{{1, []string{"", "", ""}, 0}}},
		{"blank lines count", "a\n\n  \n\r\nb\n", []csvRecord{{1, []string{"a"}, 0}, {5, []string{"b"}, 0}}},
		{"quoted", `"a","b"` + "\n", []csvRecord{{1, []string{"a", "b"}, 0}}},
		{"quoted crlf", `"a","b"` + "\r\nc,d\r\n", []csvRecord{{1, []string{"a", "b"}, 0}, {2, []string{"c", "d"}, 0}}},
		{"quoted delimiter", `"a,b",c` + "\n", []csvRecord{{1, []string{"a,b", "c"}, 0}}},
		{"doubled quotes", `"a""b",""""` + "\n", []csvRecord{{1, []string{`a"b`, `"`}, 0}}},
		{"empty quotes", `"",""` + "\n", []csvRecord{{1, []string{"", ""}, 0}}},
		{"quoted newline", "\"a\nb\",c\nd,e\n", []csvRecord{{1, []string{"a\nb", "c"}, 0}, {3, []string{"d", "e"}, 0}}},
		{"quoted crlf inside", "\"a\r\nb\",c\r\nd,e\r\n", []csvRecord{{1, []string{"a\r\nb", "c"}, 0}, {3, []string{"d", "e"}, 0}}},
		{"bare quote is text", `a"b,5" disk,"x"` + "\n", []csvRecord{{1, []string{`a"b`, `5" disk`, "x"}, 0}}},
		{"text after a closing quote", `x,"a"b,c` + "\n" + `d,e,f` + "\n", []csvRecord{{1, []string{"x", `"a"b`, "c"}, 2}, {2, []string{"d", "e", "f"}, 0}}},
		{"quote at the end of all", `a,"b"`, []csvRecord{{1, []string{"a", "b"}, 0}}},
		{
			"long fields", strings.Repeat("x", 20) + "," + strings.Repeat("y", 17) + "\n" + "1,2\n",
			[]csvRecord{{1, []string{strings.Repeat("x", 20), strings.Repeat("y", 17)}, 0}, {2, []string{"1", "2"}, 0}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for size := 1; size <= len(tt.text)+1; size++ { // a chunk ends at every place it can
				got, _, err := splitAll(strings.NewReader(tt.text), ',', '\n', size, 1<<20)
				if err != nil {
					t.Fatalf("size %d: %v", size, err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("size %d: -want +got\n%s", size, diff)
				}
			}
		})
	}
}

func TestSplitterKnowsLoneCR(t *testing.T) {
	got, _, err := splitAll(strings.NewReader("a,b\r\"c\rd\",e\rf,g"), ',', '\r', 4, 1<<20)
	want := []csvRecord{{1, []string{"a", "b"}, 0}, {2, []string{"c\rd", "e"}, 0}, {4, []string{"f", "g"}, 0}}
	if err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

func TestChunkerRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"unclosed quote", "a,b\nc,\"d\ne,f\n", "line 2: a quote is opened and never closed"},
		{"unclosed at once", `"`, "line 1: a quote is opened and never closed"},
		{"unclosed after doubled", "a\nb\n\"x\"\"", "line 3: a quote is opened and never closed"},
		{"long line", "a,b\n" + strings.Repeat("x", 5000), "line 2 is longer than 4 KB: is this a CSV file?"},
		{"long quote", "a,b\n1,2\n\"" + strings.Repeat("x\n", 5000), "line 3: a quote is opened and not closed within 4 KB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := splitAll(strings.NewReader(tt.text), ',', '\n', 16, 4096)
			if err == nil || err.Error() != tt.want || payout.KindOf(err) != payout.KindInput {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestChunkerPassesReadErrors(t *testing.T) {
	broken := errors.New("the disk is gone")
	_, _, err := splitAll(io.MultiReader(strings.NewReader("a,b\nc"), iotest.ErrReader(broken)), ',', '\n', 100, 4096)
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	if _, _, err := splitAll(iotest.ErrReader(nil), ',', '\n', 100, 4096); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that gives nothing: got %v, want %v", err, io.ErrNoProgress)
	}
}

// TestSplitterAgreesWithEncodingCSV: on every text that encoding/csv accepts without LazyQuotes the two read the same
// records on the same lines. Two differences are meant and undone here: encoding/csv makes \n of \r\n inside quotes, and it
// takes a line of spaces for a record.
func TestSplitterAgreesWithEncodingCSV(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SampledFrom([]string{
			"a", "bc", "12.50", "long enough to fill words", "é", ",", ",", ";", "\n", "\n", "\r\n", `"`, `""`, `"x"`, "\"a\nb\"", `,"q,r",`, `"a""b"`, " ", "\r",
		})
		text := strings.Join(rapid.SliceOfN(piece, 0, 40).Draw(t, "pieces"), "")
		delim := rapid.SampledFrom([]byte{',', ';'}).Draw(t, "delimiter")
		want, ok := standardRecords(text, rune(delim))
		if !ok {
			t.Skip("not what encoding/csv accepts")
		}
		size := rapid.IntRange(1, 64).Draw(t, "size")
		got, _, err := splitAll(iotest.OneByteReader(strings.NewReader(text)), delim, '\n', size, 1<<20)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		got = slices.DeleteFunc(got, func(r csvRecord) bool { return len(r.Fields) == 1 && strings.TrimSpace(r.Fields[0]) == "" })
		for _, r := range got {
			for i, f := range r.Fields {
				r.Fields[i] = strings.ReplaceAll(f, "\r\n", "\n")
			}
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%q: -encoding/csv +ours\n%s", text, diff)
		}
	})
}

func standardRecords(text string, delim rune) (records []csvRecord, ok bool) {
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord = delim, -1
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return records, true
		}
		if err != nil {
			return nil, false
		}
		line, _ := r.FieldPos(0)
		if len(fields) > 1 || strings.TrimSpace(fields[0]) != "" {
			records = append(records, csvRecord{Line: line, Fields: fields})
		}
	}
}

// TestCutAgreesWithSplitter: wherever a text is cut, the pieces hold the records that the whole text holds.
func TestCutAgreesWithSplitter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("ab,\n\r\"")), 0, 60, -1).Draw(t, "text")
		whole, _, errWhole := splitAll(strings.NewReader(text), ',', '\n', 1<<10, 1<<20)
		size := rapid.IntRange(1, 70).Draw(t, "size")
		cut, _, errCut := splitAll(strings.NewReader(text), ',', '\n', size, 1<<20)
		if (errWhole == nil) != (errCut == nil) {
			t.Fatalf("%q: whole %v, cut %v", text, errWhole, errCut)
		}
		if errWhole == nil {
			if diff := cmp.Diff(whole, cut); diff != "" {
				t.Fatalf("%q: -whole +cut\n%s", text, diff)
			}
		}
		end, _, _ := csvCut([]byte(text), ',', '\n', false)
		if end > 0 && text[end-1] != '\n' || end > bytes.LastIndexByte([]byte(text), '\n')+1 {
			t.Fatalf("%q: cut at %d", text, end)
		}
	})
}
