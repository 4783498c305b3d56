package xlsx

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"payrecon/report"
)

// TestParts looks at the parts of the file as Excel does when it decides whether to offer a repair.
func TestParts(t *testing.T) {
	for _, name := range samples {
		for _, mirrorOnly := range []bool{false, true} {
			s := load(t, name)
			o := report.Options{Matched: matchedOf(s)}
			if mirrorOnly {
				s.Rec, o.Matched = nil, nil
			}
			t.Run(fmt.Sprintf("%s mirror only %t", name, mirrorOnly), func(t *testing.T) {
				b := build(t, s, o)
				path := written(t, b)
				checkParts(t, path)
				checkUse(t, path, b)
			})
		}
	}
}

func checkParts(t *testing.T, file string) {
	r, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	parts := map[string][]byte{}
	for _, f := range r.File {
		if parts[f.Name] != nil {
			t.Errorf("part %s is there twice", f.Name)
		}
		parts[f.Name] = readPart(t, f)
		if strings.HasSuffix(f.Name, ".xml") || strings.HasSuffix(f.Name, ".rels") {
			wellFormed(t, f.Name, parts[f.Name])
		}
	}
	contentTypes(t, parts)
	relations(t, parts)
	for name, content := range parts {
		if strings.HasPrefix(name, "xl/worksheets/sheet") {
			checkSheet(t, name, content)
		}
	}
	for _, name := range []string{"xl/workbook.xml", "xl/styles.xml", "docProps/core.xml"} {
		if parts[name] == nil {
			t.Errorf("part %s is missing", name)
		}
	}
}

// checkUse looks for what people work with: on every sheet rows that stay in view, an area and titles to print, and links
// that lead to a row that is there.
func checkUse(t *testing.T, path string, b *report.Book) {
	f, err := excelize.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	names := map[string]string{}
	for _, n := range f.GetDefinedName() {
		names[n.Scope+" "+n.Name] = n.RefersTo
	}
	for _, s := range b.Sheets {
		panes, err := f.GetPanes(s.Name)
		if err != nil || !panes.Freeze || panes.YSplit == 0 {
			t.Errorf("%s: no rows stay in view (%v)", s.Name, err)
		}
		for _, name := range []string{"_xlnm.Print_Area", "_xlnm.Print_Titles"} {
			if !strings.HasPrefix(names[s.Name+" "+name], "'"+s.Name+"'!$") {
				t.Errorf("%s: %s is %q", s.Name, name, names[s.Name+" "+name])
			}
		}
		for i, r := range s.Rows {
			for j, c := range r.Cells {
				if c.Link == "" {
					continue
				}
				sheet, cell, _ := strings.Cut(c.Link, "!")
				to := b.Sheet(strings.Trim(sheet, "'"))
				_, row, err := excelize.CellNameToCoordinates(strings.ReplaceAll(cell, "$", ""))
				if err != nil || to == nil || row > to.LastRow() {
					t.Errorf("%s, row %d, column %d: link to %s", s.Name, i+1, j+1, c.Link)
				}
			}
		}
	}
}

func wellFormed(t *testing.T, name string, content []byte) {
	d := xml.NewDecoder(bytes.NewReader(content))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
	}
}

func contentTypes(t *testing.T, parts map[string][]byte) {
	var types struct {
		Defaults []struct {
			Extension string `xml:",attr"`
		} `xml:"Default"`
		Overrides []struct {
			PartName string `xml:",attr"`
		} `xml:"Override"`
	}
	if err := xml.Unmarshal(parts["[Content_Types].xml"], &types); err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, o := range types.Overrides {
		if named[o.PartName] {
			t.Errorf("content type of %s is given twice", o.PartName)
		}
		named[o.PartName] = true
		if parts[strings.TrimPrefix(o.PartName, "/")] == nil {
			t.Errorf("content type of %s, which is no part", o.PartName)
		}
	}
	for name := range parts {
		byExtension := slices.ContainsFunc(types.Defaults, func(d struct {
			Extension string `xml:",attr"`
		},
		) bool {
			return strings.HasSuffix(name, "."+d.Extension)
		})
		if !named["/"+name] && !byExtension && name != "[Content_Types].xml" {
			t.Errorf("part %s has no content type", name)
		}
		if strings.HasPrefix(name, "xl/") && strings.HasSuffix(name, ".xml") && !named["/"+name] {
			t.Errorf("part %s has only the content type of its extension", name)
		}
	}
}

// relations checks that every relation leads to a part.
func relations(t *testing.T, parts map[string][]byte) {
	for name, content := range parts {
		if !strings.HasSuffix(name, ".rels") {
			continue
		}
		var rels struct {
			List []struct {
				ID     string `xml:"Id,attr"`
				Target string `xml:",attr"`
				Mode   string `xml:"TargetMode,attr"`
			} `xml:"Relationship"`
		}
		if err := xml.Unmarshal(content, &rels); err != nil {
			t.Fatal(err)
		}
		base := path.Dir(path.Dir(name))
		ids := map[string]bool{}
		for _, r := range rels.List {
			target := path.Join(base, r.Target)
			if strings.HasPrefix(r.Target, "/") {
				target = r.Target[1:]
			}
			if r.Mode != "External" && parts[target] == nil {
				t.Errorf("%s: relation %s leads to %s, which is no part", name, r.ID, target)
			}
			if ids[r.ID] {
				t.Errorf("%s: relation %s twice", name, r.ID)
			}
			ids[r.ID] = true
		}
	}
}

// sheetPart is what Excel is strict about in a sheet.
type sheetPart struct {
	Rows []struct {
		Number int `xml:"r,attr"`
		Cells  []struct {
			Ref string `xml:"r,attr"`
		} `xml:"c"`
	} `xml:"sheetData>row"`
	Filter *struct {
		Ref string `xml:"ref,attr"`
	} `xml:"autoFilter"`
	Merges []struct {
		Ref string `xml:"ref,attr"`
	} `xml:"mergeCells>mergeCell"`
	Tables []struct{} `xml:"tableParts>tablePart"`
}

func checkSheet(t *testing.T, name string, content []byte) {
	var s sheetPart
	if err := xml.Unmarshal(content, &s); err != nil {
		t.Fatal(err)
	}
	last := 0
	for _, r := range s.Rows {
		if r.Number <= last || r.Number > report.MaxRows {
			t.Errorf("%s: row %d after row %d", name, r.Number, last)
		}
		last = r.Number
		column := 0
		for _, c := range r.Cells {
			x, y, err := excelize.CellNameToCoordinates(c.Ref)
			if err != nil || y != r.Number || x <= column {
				t.Errorf("%s: cell %s in row %d after column %d", name, c.Ref, r.Number, column)
			}
			column = x
		}
	}
	if s.Filter != nil {
		if len(s.Tables) > 0 {
			t.Errorf("%s: a filter and a table", name)
		}
		_, to, _ := strings.Cut(s.Filter.Ref, ":")
		if _, y, err := excelize.CellNameToCoordinates(strings.ReplaceAll(to, "$", "")); err != nil || y > last {
			t.Errorf("%s: filter %s ends below the last row %d", name, s.Filter.Ref, last)
		}
	}
	if bytes.Contains(content, []byte("filterMode")) {
		t.Errorf("%s says that a filter hides rows", name)
	}
	if n := bytes.Count(content, []byte("<v>NaN")) + bytes.Count(content, []byte("Inf</v>")); n > 0 {
		t.Errorf("%s: %d values that are no numbers", name, n)
	}
}

// TestSheetNames: Excel refuses names that are equal in any letter case, too long, or hold certain characters.
func TestSheetNames(t *testing.T) {
	s := load(t, "month")
	seen := map[string]bool{}
	for _, sheet := range build(t, s, report.Options{Matched: matchedOf(s)}).Sheets {
		key := strings.ToLower(sheet.Name)
		if seen[key] || len([]rune(sheet.Name)) > 31 || strings.ContainsAny(sheet.Name, `:\/?*[]`) {
			t.Errorf("sheet name %q", sheet.Name)
		}
		seen[key] = true
	}
}

// TestTyped reads typed cells back: references are text, money is a number with its currency's digits, dates are dates.
func TestTyped(t *testing.T) {
	s := load(t, "month")
	s.Rec.Items[0].RefID = "00123"
	f, err := excelize.OpenFile(written(t, build(t, s, report.Options{})))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	row := "6"
	at := func(code string) string { return columnOf(t, code) + row }
	for _, c := range []struct{ code, want, kind string }{
		{"ref_id", "00123", "text"}, {"created", "", "number"}, {"payout_amount", "", "number"}, {"payout_ids", s.Rec.Items[0].Payouts[0].ID, "text"},
	} {
		kind, err := f.GetCellType(report.SheetBreaks, at(c.code))
		if err != nil {
			t.Fatal(err)
		}
		isText := kind == excelize.CellTypeInlineString || kind == excelize.CellTypeSharedString
		if isText != (c.kind == "text") {
			t.Errorf("%s: cell type %d, want %s", c.code, kind, c.kind)
		}
		if got, _ := f.GetCellValue(report.SheetBreaks, at(c.code)); c.want != "" && got != c.want {
			t.Errorf("%s = %q, want %q", c.code, got, c.want)
		}
	}
	want := s.Rec.Items[0].Payouts[0].Created.Time().Format("2006-01-02 15:04:05")
	if got, _ := f.GetCellValue(report.SheetBreaks, at("created")); got != want {
		t.Errorf("created shows %q, want %q", got, want)
	}
	amount := s.Rec.Items[0].Payouts[0].Amount
	if got, _ := f.GetCellValue(report.SheetBreaks, at("payout_amount")); strings.ReplaceAll(strings.TrimSpace(got), ",", "") != amount.Text() {
		t.Errorf("payout amount shows %q, want %s", got, amount.Text())
	}
	props, err := f.GetDocProps()
	if err != nil || props.Creator != "payrecon 1.0.0" || !strings.Contains(props.Title, "Example Ltd") {
		t.Errorf("document properties %+v, %v", props, err)
	}
}
