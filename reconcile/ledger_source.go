package reconcile

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"payrecon/internal/payout"
)

const (
	ledgerBlock = 256 << 10 // bytes read at a time

	// A gzip file may grow by this factor once it is past the first 64 MB. Ledgers shrink to a third or a twentieth; what
	// grows a hundredfold was made to fill a disk or a memory.
	ledgerMaxRatio  = 100
	ledgerRatioFree = 64 << 20
)

// ledgerSource is a ledger file as UTF-8 text without a byte order mark.
type ledgerSource struct {
	io.Reader
	file     *os.File
	before   fs.FileInfo
	ahead    *ledgerAhead
	gzip     bool
	encoding string // in words
}

// openLedger opens the file and starts reading it.
func openLedger(path string, r *ledgerRules) (*ledgerSource, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, payout.Errorf(payout.KindInput, "there is no such file")
	case err == nil && info.IsDir():
		return nil, payout.Errorf(payout.KindInput, "is a directory, not a file")
	case err == nil && info.Mode().IsRegular() && info.Size() == 0:
		return nil, payout.Errorf(payout.KindInput, "the file is empty: not even a header")
	}
	if err == nil && info.Mode().IsRegular() && info.Size() > r.MaxBytes {
		return nil, ledgerTooLarge(r.MaxBytes)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, ledgerReadError(err)
	}
	s := &ledgerSource{file: file, before: info, ahead: newLedgerAhead(file, info)}
	if err := s.decode(r); err != nil {
		s.close()
		return nil, ledgerReadError(err)
	}
	return s, nil
}

func ledgerTooLarge(limit int64) error {
	return payout.Errorf(payout.KindInput, "the file holds more than %d MB: is this the ledger?", limit>>20)
}

// ledgerReadError makes an input error of whatever kept the file from being read.
func ledgerReadError(err error) error {
	var known *payout.Error
	var path *fs.PathError
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return payout.Errorf(payout.KindInput, "the gzip file is cut off: was it copied whole?")
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		return payout.Errorf(payout.KindInput, "the gzip file is damaged: %w", err)
	case errors.As(err, &path):
		return payout.Errorf(payout.KindInput, "cannot be read: %w", path.Err)
	}
	return payout.Errorf(payout.KindInput, "cannot be read: %w", err)
}

// decode looks at the first bytes and puts the readers together: raw bytes, gzip, limit, encoding.
func (s *ledgerSource) decode(r *ledgerRules) error {
	raw := bufio.NewReaderSize(s.ahead, 16)
	magic, err := raw.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	limit := &ledgerLimit{left: r.MaxBytes, limit: r.MaxBytes, r: raw}
	if len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		s.gzip = true
		unzip, err := gzip.NewReader(bufio.NewReaderSize(raw, 64<<10))
		if err != nil {
			return err
		}
		limit.r, limit.packed = unzip, s.ahead
	}
	text := bufio.NewReaderSize(limit, 16) // larger reads go past it
	mark, err := text.Peek(8)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if what := ledgerForeign(mark); what != "" {
		return payout.Errorf(payout.KindInput, "is %s: export the ledger as CSV", what)
	}
	s.encoding = "UTF-8"
	switch {
	case bytes.HasPrefix(mark, []byte("\xef\xbb\xbf")):
		s.encoding = "UTF-8 with byte order mark"
		_, err = text.Discard(3)
		s.Reader = text
	case bytes.HasPrefix(mark, []byte("\xff\xfe")):
		s.encoding = "UTF-16 LE"
		s.Reader = transform.NewReader(text, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder())
	case bytes.HasPrefix(mark, []byte("\xfe\xff")):
		s.encoding = "UTF-16 BE"
		s.Reader = transform.NewReader(text, unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder())
	case r.Encoding == "utf-16":
		return payout.Errorf(payout.KindInput, "has no UTF-16 byte order mark, but ledger.encoding is utf-16")
	case r.Encoding == "windows-1252":
		s.encoding = "Windows-1252 (configured)"
		s.Reader = transform.NewReader(text, charmap.Windows1252.NewDecoder())
	default:
		s.Reader = text
	}
	if s.gzip {
		s.encoding += ", gzip"
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return err
}

// ledgerForeign recognises files that are no text at all by their first bytes.
func ledgerForeign(magic []byte) string {
	for prefix, what := range map[string]string{
		"PK\x03\x04": "a zip archive or an Excel workbook", "\xd0\xcf\x11\xe0": "an old Excel workbook", "%PDF": "a PDF document",
		"\x28\xb5\x2f\xfd": "a zstd archive", "BZh": "a bzip2 archive", "\xfd7zXZ": "an xz archive", "PAR1": "a Parquet file",
		"SQLite f": "an SQLite database",
	} {
		if bytes.HasPrefix(magic, []byte(prefix)) {
			return what
		}
	}
	return ""
}

// ledgerCheckText refuses text that is not what its encoding promises. It starts on the given line; what could not be
// decoded from UTF-16 stands in it as U+FFFD.
func ledgerCheckText(text string, utf16 bool, line int, eol byte) error {
	if !utf16 && utf8.ValidString(text) {
		return nil
	}
	for i, r := range text {
		if r != utf8.RuneError {
			continue
		}
		_, size := utf8.DecodeRuneInString(text[i:])
		if utf16 {
			return payout.Errorf(payout.KindInput, "line %d: is not valid UTF-16", line+strings.Count(text[:i], string(rune(eol))))
		}
		if size == 1 {
			return payout.Errorf(payout.KindInput, "line %d: byte 0x%X is not UTF-8: set ledger.encoding (windows-1252?)",
				line+strings.Count(text[:i], string(rune(eol))), text[i])
		}
	}
	return nil
}

// utf16 reports whether the file was decoded from UTF-16.
func (s *ledgerSource) utf16() bool { return strings.HasPrefix(s.encoding, "UTF-16") }

// close ends the reading, whether all was read or not.
func (s *ledgerSource) close() {
	close(s.ahead.done)
	_ = s.file.Close() // it was only read; this also ends a read that waits
	s.ahead.ended.Wait()
}

// finish returns what is known of the file once its text has been read whole. A file that changed meanwhile is refused:
// an export may still be writing it.
func (s *ledgerSource) finish(path string) (payout.LedgerFile, error) {
	if _, err := io.Copy(io.Discard, s.ahead); err != nil {
		return payout.LedgerFile{}, ledgerReadError(err)
	}
	after, err := s.file.Stat()
	if err != nil {
		return payout.LedgerFile{}, ledgerReadError(err)
	}
	if after.Mode().IsRegular() && (after.Size() != s.before.Size() || !after.ModTime().Equal(s.before.ModTime())) {
		return payout.LedgerFile{}, payout.Errorf(payout.KindInput, "changed while it was read: try again when its export has ended")
	}
	return payout.LedgerFile{
		Path: path, SHA256: hex.EncodeToString(s.ahead.sum.Sum(nil)), Bytes: s.ahead.bytes, Modified: payout.MillisOf(s.before.ModTime()),
	}, nil
}

// ledgerLimit stops a text that grows beyond what a ledger can be.
type ledgerLimit struct {
	r           io.Reader
	left, limit int64
	packed      *ledgerAhead // nil when the file is not compressed
}

func (l *ledgerLimit) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	l.left -= int64(n)
	if l.left < 0 {
		return 0, ledgerTooLarge(l.limit)
	}
	if read := l.limit - l.left; l.packed != nil && read > ledgerRatioFree && read/ledgerMaxRatio > l.packed.bytes {
		return 0, payout.Errorf(payout.KindInput, "the gzip file of %d KB unpacks to more than %d MB: refused", l.packed.bytes>>10, read>>20)
	}
	return n, err
}

// ledgerAhead reads a file ahead of its reader and takes the SHA-256 of the same bytes, in a goroutine of its own: hashing
// costs about as much as parsing.
type ledgerAhead struct {
	full   chan []byte
	free   chan []byte
	done   chan struct{}
	ended  sync.WaitGroup
	sum    hash.Hash
	failed error // why the reading ended; set before full is closed

	block, rest []byte
	bytes       int64 // handed to the reader so far
}

func newLedgerAhead(r io.Reader, info fs.FileInfo) *ledgerAhead {
	size := ledgerBlock
	if info.Mode().IsRegular() {
		size = int(min(info.Size()+1, ledgerBlock))
	}
	a := &ledgerAhead{full: make(chan []byte, 3), free: make(chan []byte, 4), done: make(chan struct{}), sum: sha256.New()}
	for range cap(a.free) {
		a.free <- make([]byte, size)
	}
	a.ended.Add(1)
	go a.read(r)
	return a
}

func (a *ledgerAhead) read(r io.Reader) {
	defer a.ended.Done()
	defer close(a.full)
	for {
		var block []byte
		select {
		case block = <-a.free:
		case <-a.done:
			return
		}
		n, err := r.Read(block[:cap(block)])
		a.sum.Write(block[:n])
		if n > 0 {
			select {
			case a.full <- block[:n]:
			case <-a.done:
				return
			}
		} else {
			a.free <- block
		}
		if err != nil {
			a.failed = err
			return
		}
	}
}

func (a *ledgerAhead) Read(p []byte) (int, error) {
	if len(a.rest) == 0 {
		if a.block != nil {
			a.free <- a.block
			a.block = nil
		}
		block, ok := <-a.full
		if !ok {
			return 0, a.failed
		}
		a.block, a.rest = block, block
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	a.bytes += int64(n)
	return n, nil
}
