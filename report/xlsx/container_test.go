package xlsx

import (
	"archive/zip"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"payrecon/internal/payout"
	"payrecon/report"
)

// TestReadForeign: files that are no workbook of ours, and archives that would fill memory or disk, are told for what they are.
func TestReadForeign(t *testing.T) {
	s := load(t, "day")
	ours := written(t, build(t, s, report.Options{}))
	s.Rec = nil
	for name, c := range map[string]struct {
		text []byte
		want string
	}{
		"a text":          {[]byte("id,outcome\n"), "another kind of file"},
		"nothing":         {nil, "another kind of file"},
		"another program": {saved(t, excelize.NewFile()), "holds no Breaks sheet"},
		"mirror only":     {readText(t, written(t, build(t, s, report.Options{}))), "holds no Breaks sheet"},
		"a password":      {saved(t, excelize.NewFile(), excelize.Options{Password: "secret"}), "has a password"},
		"cut off":         {readText(t, ours)[:20_000], "is damaged or cut off"},
		"another archive": {archive(t, claimed{name: "content.xml", packed: 9, unpacked: 9}), "it has no xl/workbook.xml"},
		"a bomb":          {archive(t, claimed{"xl/workbook.xml", 9, 9}, claimed{"xl/worksheets/sheet1.xml", 80 << 20, 80 << 30}), "would unpack from 83886080 to 85899345920 bytes"},
		"a small bomb":    {archive(t, claimed{"xl/workbook.xml", 9, 9}, claimed{"xl/worksheets/sheet1.xml", 1 << 10, 1 << 30}), "would unpack from 1024"},
		"many sheets":     {archive(t, slices.Repeat([]claimed{{"xl/worksheets/sheet1.xml", 30 << 20, 3 << 30}, {"xl/workbook.xml", 9, 9}}, 2)...), "more than the 4294967296 that are read"},
		"a heavy picture": {archive(t, claimed{"xl/workbook.xml", 9, 9}, claimed{"xl/media/image1.png", 300 << 20, 300 << 20}), "would be held in memory"},
	} {
		_, err := ReadBreaks("book.xlsx", c.text)
		if err == nil || payout.KindOf(err) != payout.KindInput || !strings.HasPrefix(err.Error(), "book.xlsx ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an input error with %q", name, err, c.want)
		}
	}
}

func readText(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func saved(t *testing.T, f *excelize.File, o ...excelize.Options) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "saved.xlsx")
	if err := errors.Join(f.SaveAs(path, o...), f.Close()); err != nil {
		t.Fatal(err)
	}
	return readText(t, path)
}

// claimed is an entry of an archive: its name, and the sizes it claims.
type claimed struct {
	name             string
	packed, unpacked uint64
}

// archive writes the table of contents of an archive; there is nothing behind it.
func archive(t *testing.T, parts ...claimed) []byte {
	t.Helper()
	var text bytes.Buffer
	w := zip.NewWriter(&text)
	for _, p := range parts {
		if _, err := w.CreateRaw(&zip.FileHeader{Name: p.name, Method: zip.Deflate, CompressedSize64: p.packed, UncompressedSize64: p.unpacked}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}
