package xlsx

import (
	"archive/zip"
	"bytes"
	"strings"

	"payrecon/internal/payout"
)

// What a workbook may be when unpacked, in bytes. One with a million agreed rows is about half the limit; the rest keeps a
// crafted file from filling memory or disk. Sheets above inMemory are read from a temporary file.
const (
	unpackedLimit = 4 << 30
	inMemory      = 4 << 20
	heldLimit     = 256 << 20 // parts that are held in memory, together
	ratioLimit    = 400       // of a part above inMemory; spreadsheets pack their sheets by 5 to 40
)

// oldContainer begins files of Excel before 2007, and workbooks with a password.
const oldContainer = "\xd0\xcf\x11\xe0"

// checkContainer tells from the table of contents whether a file is worth unpacking.
func checkContainer(name string, text []byte) error {
	input := func(format string, args ...any) error {
		return payout.Errorf(payout.KindInput, "%s "+format, append([]any{name}, args...)...)
	}
	if bytes.HasPrefix(text, []byte(oldContainer)) {
		return input("has a password, or is a workbook of before 2007 (.xls): save it as .xlsx, without a password")
	}
	archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		if bytes.HasPrefix(text, []byte("PK\x03\x04")) {
			return input("is damaged or cut off (%w): copy it again", err)
		}
		return input("cannot be read as an Excel workbook: it is another kind of file")
	}
	workbook := false
	var unpacked, held uint64
	for _, part := range archive.File {
		workbook = workbook || strings.EqualFold(part.Name, "xl/workbook.xml")
		size := part.UncompressedSize64
		if size > unpackedLimit || size > inMemory && size/ratioLimit > part.CompressedSize64 {
			return input("is refused: its part %s would unpack from %d to %d bytes, which no spreadsheet does", part.Name, part.CompressedSize64, size)
		}
		unpacked += size
		path := strings.ToLower(part.Name)
		streamed := strings.HasPrefix(path, "xl/worksheets/sheet") || path == "xl/sharedstrings.xml"
		if size <= inMemory || !streamed {
			held += size
		}
	}
	switch {
	case !workbook:
		return input("cannot be read as an Excel workbook (it has no xl/workbook.xml): save it as .xlsx")
	case unpacked > unpackedLimit:
		return input("is refused: it would unpack to %d bytes, more than the %d that are read", unpacked, int64(unpackedLimit))
	case held > heldLimit:
		return input("is refused: %d bytes of it would be held in memory, more than the %d that are; pictures make it large", held, int64(heldLimit))
	}
	return nil
}
