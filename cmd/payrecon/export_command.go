package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
)

func (a *app) exportCommand() *cobra.Command {
	var out, format string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Payouts, versions, items and runs as files for a warehouse",
		Long: `Write payouts, their versions, items and runs to a new folder, as Parquet or CSV. Parquet files are
partitioned by day, amounts are exact decimals, instants are UTC. Accounts are not masked: treat the folder as you
treat the mirror.`,
		Example: "  payrecon export --out warehouse/2026-03-31 --format parquet",
		Args:    a.noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return payout.Errorf(payout.KindInput, "--out: name a folder for the export")
			}
			if err := checkFormat(format, "parquet", "csv"); err != nil {
				return err
			}
			return a.read(cmd.Context(), func(m *mirror.Mirror) error {
				if err := exportTo(cmd.Context(), m, out, format); err != nil {
					return err
				}
				if a.asJSON {
					return a.printJSON(map[string]string{"path": out, "format": format})
				}
				fmt.Fprintln(a.stdout, out)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "folder to make")
	cmd.Flags().StringVar(&format, "format", "parquet", "parquet or csv")
	return cmd
}
