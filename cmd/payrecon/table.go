package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/spf13/cobra"

	"payrecon/internal/payout"
)

// table is what a command lists: headings in words, one text per cell.
type table struct {
	head []string
	rows [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// writeText prints the table in columns. Control characters in data cannot disturb a terminal.
func (t *table) writeText(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, row := range append([][]string{t.head}, t.rows...) {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = printable(c)
		}
		fmt.Fprintln(tw, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
	}
	return tw.Flush()
}

// writeCSV prints the table as CSV, for programs: the texts are as the API sent them, so it is not for a spreadsheet.
func (t *table) writeCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	for _, row := range append([][]string{t.head}, t.rows...) {
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// printable replaces what a terminal would act upon or not show: control characters, line breaks, marks that turn the
// direction of writing, and invisible ones, which make two different references look the same.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return '\ufffd'
		}
		return r
	}, s)
}

// printableLines is printable for words of several lines.
func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return strings.Join(lines, "\n")
}

// listFormat checks the --format of a list: table, csv or json, which --json means too.
func (a *app) listFormat(cmd *cobra.Command, format *string) error {
	if a.asJSON && cmd.Flags().Changed("format") && *format != "json" {
		return payout.Errorf(payout.KindInput, "--json and --format %s contradict each other: leave one of them out", *format)
	}
	if a.asJSON {
		*format = "json"
	}
	return checkFormat(*format, "table", "csv", "json")
}

// checkFormat refuses an output format that a command does not have.
func checkFormat(format string, allowed ...string) error {
	for _, f := range allowed {
		if f == format {
			return nil
		}
	}
	return payout.Errorf(payout.KindInput, "--format %q: want %s", format, strings.Join(allowed, ", "))
}
