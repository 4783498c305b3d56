package xlsx

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/xuri/excelize/v2"

	"payrecon/internal/payout"
	"payrecon/report"
)

// Options say how to write.
type Options struct {
	// Progress, when set, is told from time to time how many rows of how many are written.
	Progress func(done, total int)
}

// Write writes the book to path: in a private folder (0700) beside it, synced, then renamed, mode 0600. When anything fails, or ctx ends, nothing is left behind and a file that was at path stays as it was.
func Write(ctx context.Context, path string, b *report.Book, o Options) (err error) {
	temp, err := os.MkdirTemp(filepath.Dir(path), ".payrecon-")
	if err != nil {
		return payout.Errorf(payout.KindInput, "workbook %s cannot be written: %w (choose another folder with --out or report.dir)", path, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	if err := report.WriteWhole(path, temp, func(w io.Writer) error { return encode(ctx, w, b, o, temp) }); err != nil {
		return fmt.Errorf("workbook %s was not written, what was there before is unchanged: %w", path, err)
	}
	return nil
}

// encode writes the whole file to w.
func encode(ctx context.Context, w io.Writer, b *report.Book, o Options, temp string) (err error) {
	f := excelize.NewFile(excelize.Options{TmpDir: temp})
	defer func() { err = errors.Join(err, f.Close()) }()
	styles := newStyles(f)
	if err := furnish(f, b, styles); err != nil {
		return err
	}
	p := &pack{ctx: ctx, rows: map[string]*rowWriter{}, progress: o.Progress}
	p.open(w)
	for i, s := range b.Sheets {
		p.rows[fmt.Sprintf("xl/worksheets/sheet%d.xml", i+1)] = &rowWriter{ctx: ctx, sheet: s, styles: styles, pack: p}
		p.total += s.LastRow()
	}
	// Styles must be complete before the library writes them, so those of the streamed rows are made by a look at the kinds
	// of cell they can hold.
	if err := styles.prepare(b); err != nil {
		return err
	}
	f.ZipWriter = func(io.Writer) excelize.ZipWriter { return p }
	if err := f.Write(io.Discard); err != nil {
		return errors.Join(p.err, err)
	}
	return p.err
}

// pack is the zip file that the library writes its parts to. It puts the rows into the parts of sheets, and it remembers
// the first error: the library goes on after some, and its last word may be that all went well.
type pack struct {
	ctx      context.Context
	zip      *zip.Writer
	rows     map[string]*rowWriter // by the part's name
	progress func(done, total int)
	done     int
	total    int
	err      error
}

func (p *pack) open(w io.Writer) {
	p.zip = zip.NewWriter(w)
	p.zip.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestSpeed) })
}

// Create begins a part. The library writes each part by one call of Write.
func (p *pack) Create(name string) (io.Writer, error) {
	if err := p.failed(p.ctx.Err()); err != nil {
		return nil, err
	}
	w, err := p.zip.Create(name)
	if p.failed(err) != nil {
		return nil, p.err
	}
	return &part{pack: p, name: name, w: w}, nil
}

// failed keeps the first error and returns it.
func (p *pack) failed(err error) error {
	if p.err == nil {
		p.err = err
	}
	return p.err
}

// AddFS is never called by the library; it is part of its interface.
func (p *pack) AddFS(fs.FS) error { return p.failed(errors.ErrUnsupported) }

// Close ends the file.
func (p *pack) Close() error {
	if p.err != nil {
		return p.err
	}
	return p.failed(p.zip.Close())
}

// part is one part of the file.
type part struct {
	pack *pack
	name string
	w    io.Writer
}

var (
	sheetData, sheetDataEnd = []byte("<sheetData>"), []byte("</sheetData>")
	// filterMode says that rows are hidden by a filter. The library sets it on every sheet with filter arrows.
	filterMode = []byte(` filterMode="true"`)
)

// Write writes the part; where it is a sheet, with its rows.
func (p *part) Write(content []byte) (int, error) {
	rows := p.pack.rows[p.name]
	if rows == nil {
		_, err := p.w.Write(content)
		return len(content), p.pack.failed(err)
	}
	before, rest, found := bytes.Cut(content, sheetData)
	_, after, closed := bytes.Cut(rest, sheetDataEnd)
	if !found || !closed {
		return 0, p.pack.failed(fmt.Errorf("part %s has no place for its rows", p.name))
	}
	before = bytes.Replace(before, filterMode, nil, 1)
	err := rows.write(p.w, before, after)
	return len(content), p.pack.failed(err)
}

// counter counts what goes through it. Excel reads no part beyond 4 GiB that was not announced as such.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	if c.n > math.MaxUint32 {
		return 0, errors.New("a sheet is larger than 4 GiB: report a shorter period, or use --format csv")
	}
	return c.w.Write(b)
}

// escape writes s as the text of an XML element. Excel reads _x0041_ as the letter A, so a text that looks like this is
// marked as meant.
func escape(dst []byte, s string) []byte {
	if !strings.ContainsAny(s, "&<>_\"") {
		return append(dst, s...)
	}
	for i := range len(s) {
		switch c := s[i]; c {
		case '&':
			dst = append(dst, "&amp;"...)
		case '<':
			dst = append(dst, "&lt;"...)
		case '>':
			dst = append(dst, "&gt;"...)
		case '"':
			dst = append(dst, "&quot;"...)
		case '_':
			if isCharacterCode(s[i:]) {
				dst = append(dst, "_x005F"...)
			}
			dst = append(dst, '_')
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// isCharacterCode reports whether s begins with _xHHHH_.
func isCharacterCode(s string) bool {
	if len(s) < 7 || s[1] != 'x' || s[6] != '_' {
		return false
	}
	for _, c := range []byte(s[2:6]) {
		if !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)) {
			return false
		}
	}
	return true
}
