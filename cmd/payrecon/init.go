package main

import (
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"payrecon/internal/payout"
)

func (a *app) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init",
		Short: "Write a commented payrecon.yaml",
		Long: `Write payrecon.yaml (or the file that --config names) with every setting explained and its default.
An existing file is never touched.`,
		Example: "  payrecon init\n  payrecon init --config /etc/payrecon/payrecon.yaml",
		Args:    a.noArgs,
		RunE: func(_ *cobra.Command, _ []string) error {
			path := a.configPath
			if path == "" {
				path = defaultConfigPath
			}
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if errors.Is(err, fs.ErrExist) {
				return payout.Errorf(payout.KindInput, "%s exists already; it is left as it is (name another file with --config)", path)
			}
			if err != nil {
				return payout.Errorf(payout.KindInput, "cannot write %s: %w", path, err)
			}
			_, err = f.WriteString(configTemplate)
			if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
				return errors.Join(err, os.Remove(path))
			}
			if a.asJSON {
				return a.printJSON(map[string]string{"path": path})
			}
			a.say("Wrote %s. Next: set %s (or %s), then `payrecon doctor`.", path, envToken, envBasic)
			return nil
		},
	}
}
