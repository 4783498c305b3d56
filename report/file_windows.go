package report

import (
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// WriteWhole writes a file whole or not at all: under a temporary name, in the folder temp (beside path when that is ""),
// synced, then renamed to path. A file that was at path stays as it was until then. Who may read it is the folder's affair.
func WriteWhole(path, temp string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(cmp.Or(temp, filepath.Dir(path)), ".payrecon-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
