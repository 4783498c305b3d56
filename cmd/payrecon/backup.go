package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"payrecon/internal/mirror"
)

func (a *app) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a verified copy of the mirror, also while another command writes",
		Long: `Write a consistent copy of the mirror to FILE (mode 0600) and check it. An existing file is never
overwritten. The evidence folder is not part of it: copy it with any tool, its files never change.`,
		Example: "  payrecon backup payrecon-2026-03-31.db",
		Args:    exactly(1, "the file to write"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.read(cmd.Context(), func(m *mirror.Mirror) error {
				if err := m.Backup(cmd.Context(), args[0]); err != nil {
					return err
				}
				if a.asJSON {
					return a.printJSON(map[string]string{"path": args[0]})
				}
				fmt.Fprintln(a.stdout, args[0])
				return nil
			})
		},
	}
}
