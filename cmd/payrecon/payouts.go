package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	"payrecon/sync/payapi"
)

func (a *app) payoutsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "payouts",
		Short: "The API's endpoints by hand: list, get, initiate; and one payout's history",
		Args:  a.noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.payoutsListCommand(), a.payoutsGetCommand(), a.payoutsHistoryCommand(), a.payoutsInitiateCommand())
	return cmd
}

type payoutRows struct{ table }

func payoutTable() *payoutRows {
	return &payoutRows{table{head: []string{"id", "created", "status", "ref_id", "amount", "currency", "payee", "account", "updated", "reason"}}}
}

func (t *payoutRows) addPayout(p *payout.Payout, unmask bool) {
	account := p.Creditor.Account()
	if !unmask {
		account = payout.MaskAccount(account)
	}
	amount := p.Amount.Text()
	if p.Amount.Currency() == "?" {
		amount = ""
	}
	t.add(p.ID, p.Created.String(), string(p.Status), p.RefID, amount, p.Amount.Currency(), p.Creditor.Name, account, p.Updated.String(), p.Reason)
}

func (a *app) payoutsGetCommand() *cobra.Command {
	var unmask bool
	cmd := &cobra.Command{
		Use:     "get ID",
		Short:   "Ask the API for one payout",
		Example: "  payrecon payouts get po:3ZfdHxbpXmRZ1TVmiYNPgcwEocBy:2gFUX1NDdqr",
		Args:    exactly(1, "a payout's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			p, err := client.Get(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.showPayout(&p, unmask)
		},
	}
	cmd.Flags().BoolVar(&unmask, "unmask", false, "show account numbers in full")
	return cmd
}

func (a *app) showPayout(p *payout.Payout, unmask bool) error {
	if a.asJSON {
		return a.printJSON(rawPayout(p, unmask))
	}
	t := payoutTable()
	t.addPayout(p, unmask)
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-16s %s\n", name, printable(value))
		}
	}
	for i, name := range t.head {
		line(name, t.rows[0][i])
	}
	line("description", p.Description)
	line("from", p.DebtorAccount)
	line("ultimate payee", p.Creditor.UltimateName)
	line("bank", strings.TrimSpace(p.Creditor.BankName+" "+p.Creditor.BIC))
	line("bank status", p.BankStatus)
	line("bank transaction", p.BankTransactionID)
	_, err := io.WriteString(a.stdout, b.String())
	return err
}

func (a *app) payoutsHistoryCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "history ID",
		Short:   "One payout's life as the mirror saw it: every version, from when, by which run, and whether it vanished",
		Example: "  payrecon payouts history po:3ZfdHxbpXmRZ1TVmiYNPgcwEocBy:2gFUX1NDdqr",
		Args:    exactly(1, "a payout's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.read(cmd.Context(), func(m *mirror.Mirror) error {
				versions, err := m.History(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if len(versions) == 0 {
					return payout.Errorf(payout.KindNotFound, "payout %s: the mirror does not hold it; `payrecon payouts get` asks the API", args[0])
				}
				vanished, err := m.VanishingOf(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.showHistory(versions, vanished)
			})
		},
	}
}

func (a *app) payoutsInitiateCommand() *cobra.Command {
	var in payapi.Initiation
	var file string
	var yes bool
	cmd := &cobra.Command{
		Use:   "initiate",
		Short: "Initiate one payout (needs api.allow_initiate: true, and --yes)",
		Long: `Initiate one payout. Nothing is sent before everything below is true: api.allow_initiate is true,
the request is valid as the provider checks it, the API knows no payout with the same reference, and
--yes is given. Without --yes it shows what it would do.

The API offers no protection against paying twice. So a request is sent once: when its answer is lost,
the reference is looked up, what is known is said, and the exit code is 1. Before it is sent, a note is
written beside the database (DATABASE.initiate.*.json). It goes when the payout's fate is known. While
it stands and the API does not show the payout, the reference is not sent again (exit code 2), until a
person has cleared the matter up with the provider and removed the note.`,
		Example: `  payrecon payouts initiate --ref-id INV-1001 --amount 10.23 --currency EUR --debtor-account a:1 \
      --iban DE89370400440532013000 --name "Sample Payee" --description "INVOICE 1001"
  payrecon payouts initiate --file request.json --yes`,
		Args: a.noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file != "" {
				var also []string
				cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
					if f.Changed && f.Name != "file" && f.Name != "yes" {
						also = append(also, "--"+f.Name)
					}
				})
				if len(also) > 0 {
					return payout.Errorf(payout.KindInput, "--file holds the whole request: leave out %s", strings.Join(also, ", "))
				}
				text, err := os.ReadFile(file)
				if err != nil {
					return payout.Errorf(payout.KindInput, "--file: %w", err)
				}
				if in, err = payapi.ParseInitiation(text); err != nil {
					return payout.Errorf(payout.KindInput, "--file %s: %w", file, err)
				}
			}
			return a.initiate(cmd.Context(), in, yes)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&file, "file", "", "the request as JSON ({\"initiation\":{...}}), instead of the flags below")
	fl.StringVar(&in.RefID, "ref-id", "", "your reference: at most 18 of A-Z a-z 0-9 - are recommended, 35 characters are the most")
	fl.StringVar(&in.Amount, "amount", "", "amount, such as 10.23")
	fl.StringVar(&in.Currency, "currency", "", "ISO 4217 code, such as EUR")
	fl.StringVar(&in.DebtorAccount, "debtor-account", "", "id of the settlement account that pays")
	fl.StringVar(&in.Description, "description", "", "bank reference the payee sees, at least 6 letters or digits")
	fl.StringVar(&in.Creditor.Name, "name", "", "payee's name")
	fl.StringVar(&in.Creditor.IBAN, "iban", "", "payee's IBAN")
	fl.StringVar(&in.Creditor.BIC, "bic", "", "payee's BIC")
	fl.StringVar(&in.Creditor.SortCode, "sort-code", "", "payee's sort code, 6 digits")
	fl.StringVar(&in.Creditor.AccountNumber, "account-number", "", "payee's account number, 8 digits")
	fl.StringVar(&in.Creditor.UltimateName, "ultimate-name", "", "ultimate payee's name")
	fl.StringVar(&in.Creditor.BankName, "bank-name", "", "payee's bank")
	fl.StringVar(&in.Creditor.VerificationID, "verification-id", "", "id of the account verification, which the provider requires in EUR")
	fl.StringVar(&in.OnBehalfOf, "on-behalf-of", "", "the sub-member you act for")
	fl.BoolVar(&yes, "yes", false, "really send it")
	return cmd
}

// showHistory prints the versions of a payout, and whether the API has stopped showing it.
func (a *app) showHistory(versions []mirror.Version, vanished *mirror.Vanishing) error {
	if a.asJSON {
		return a.printJSON(map[string]any{"versions": versions, "vanished": vanished})
	}
	t := table{head: []string{"VERSION", "SEEN", "RUN", "UPDATED", "STATUS", "BANK", "REASON", "NOTE"}}
	for _, v := range versions {
		note := ""
		if !v.Applied {
			note = "an older fact that came late"
		}
		t.add(fmt.Sprint(v.Seq), v.Asked.String(), fmt.Sprint(v.Run), v.Updated.String(), string(v.Status), v.BankStatus, v.Reason, note)
	}
	if err := t.writeText(a.stdout); err != nil || vanished == nil {
		return err
	}
	_, err := fmt.Fprintf(a.stdout, "Vanished: not shown by the API any more, %s; ask the provider\n", vanishedInWords(vanished))
	return err
}

// rawPayout is a payout's JSON as the API sent it. Unless asked for, account numbers are masked, which also puts its
// members in alphabetical order.
func rawPayout(p *payout.Payout, unmask bool) any {
	if unmask {
		return json.RawMessage(p.Raw)
	}
	var doc map[string]any
	d := json.NewDecoder(bytes.NewReader(p.Raw))
	d.UseNumber()
	if err := d.Decode(&doc); err != nil {
		return map[string]string{"id": p.ID} // what cannot be read cannot be masked
	}
	if initiation, ok := doc["initiation"].(map[string]any); ok {
		if creditor, ok := initiation["creditor"].(map[string]any); ok {
			for _, field := range []string{"iban", "accountNumber"} {
				if value, ok := creditor[field]; ok && value != nil { // a number, in some mocks
					creditor[field] = payout.MaskAccount(fmt.Sprint(value))
				}
			}
		}
	}
	return doc
}
