//go:build !windows

package report

import (
	"io"

	"github.com/google/renameio/v2"
)

// WriteWhole writes a file whole or not at all: under a temporary name, in the folder temp (beside path when that is ""),
// synced, then renamed to path; mode 0600. A file that was at path stays as it was until then.
func WriteWhole(path, temp string, write func(io.Writer) error) error {
	f, err := renameio.NewPendingFile(path, renameio.WithStaticPermissions(0o600), renameio.WithTempDir(temp))
	if err != nil {
		return err
	}
	defer f.Cleanup() //nolint:errcheck // does nothing once the file has its name
	if err := write(f); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}
