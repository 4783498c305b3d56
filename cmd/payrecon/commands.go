package main

import "github.com/spf13/cobra"

// commands lists the commands in the order a person meets them.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.demoCommand(),
		a.initCommand(),
		a.doctorCommand(),
		a.runCommand(),
		a.syncCommand(),
		a.backfillCommand(),
		a.reconcileCommand(),
		a.reportCommand(),
		a.breaksCommand(),
		a.ledgerCommand(),
		a.payoutsCommand(),
		a.statusCommand(),
		a.scheduleCommand(),
		a.sandboxCommand(),
		a.backupCommand(),
		a.exportCommand(),
		a.outcomesTopic(),
	}
}
