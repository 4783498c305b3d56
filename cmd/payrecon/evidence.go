package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/klauspost/compress/gzip"

	"payrecon/internal/payout"
	"payrecon/report"
)

// keepLedger puts a gzip copy of each ledger file into the evidence folder, named by its content, mode 0600. A copy that
// is there already is left alone.
func keepLedger(dir string, files []payout.LedgerFile) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("evidence folder %s: %w", dir, err)
	}
	for _, f := range files {
		path := evidencePath(dir, f.SHA256)
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if err := copyCompressed(path, f); err != nil {
			return fmt.Errorf("evidence: copy of ledger %s: %w", f.Path, err)
		}
	}
	return nil
}

func evidencePath(dir, sum string) string { return filepath.Join(dir, "ledger-"+sum+".csv.gz") }

// copyCompressed compresses the file that f describes to path, and makes sure that it is still that file.
func copyCompressed(path string, f payout.LedgerFile) error {
	in, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	defer in.Close()
	return report.WriteWhole(path, "", func(out io.Writer) error {
		zip, err := gzip.NewWriterLevel(out, gzip.BestSpeed) // the reports wait for it
		if err != nil {
			return err
		}
		sum := sha256.New()
		if _, err := io.Copy(io.MultiWriter(zip, sum), in); err != nil {
			return err
		}
		if got := hex.EncodeToString(sum.Sum(nil)); got != f.SHA256 {
			return errors.New("the file changed while it was being reconciled")
		}
		return zip.Close()
	})
}

// restoreLedgers puts the ledger files of a run into dir as they were then, from the evidence folder, or from where they
// lay if they are still there unchanged.
func restoreLedgers(dir, evidence string, files []payout.LedgerFile) ([]string, error) {
	var paths []string
	for i, f := range files {
		own := filepath.Join(dir, strconv.Itoa(i)) // two files may have one name, and sentences tell the name
		if err := os.Mkdir(own, 0o700); err != nil {
			return nil, err
		}
		path := filepath.Join(own, filepath.Base(f.Path))
		if err := restoreLedger(path, evidence, f); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// restoreLedger writes to path the ledger that f describes. What is wrong with the copy matters only when the original does
// not serve either.
func restoreLedger(path, evidence string, f payout.LedgerFile) error {
	var kept error
	if evidence == "" {
		kept = errors.New("no copies are kept (evidence: none)")
	} else if kept = restoreFrom(path, evidencePath(evidence, f.SHA256), true, f); kept == nil {
		return nil
	}
	lay := restoreFrom(path, f.Path, false, f)
	if lay == nil {
		return nil
	}
	return payout.Errorf(payout.KindInput, "the ledger %s of that run (SHA-256 %s) is not there any more, so that the run cannot be performed again: %w; %w", f.Path, f.SHA256, kept, lay)
}

// restoreFrom copies a ledger, unpacked if it is a copy of ours, and makes sure that it is the one that f describes.
func restoreFrom(path, from string, packed bool, f payout.LedgerFile) error {
	in, err := os.Open(from)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: there is no such file", from)
	}
	if err != nil {
		return err
	}
	defer in.Close()
	text := io.Reader(in)
	if packed {
		if text, err = gzip.NewReader(in); err != nil {
			return fmt.Errorf("%s: the copy is damaged: %w", from, err)
		}
	}
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, sum), io.LimitReader(text, f.Bytes+1)) // one byte more is another file
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != f.SHA256 {
		return fmt.Errorf("%s: it is another file now (SHA-256 %s)", from, got)
	}
	return nil
}
