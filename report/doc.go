// Package report turns what the mirror and a reconciliation know into a workbook that finance signs, as typed data.
//
// Build takes the facts of the mirror and, where there was one, the result of matching, and lays them out as a Book:
// sheets of rows of typed cells. Nothing is formatted here. A cell says what it is (a text, a count, money, a day, an
// instant, a share) and which formula proves it; package xlsx writes the cells to Excel, WriteCSV writes their twins as
// text. Both come from the same cells, so they cannot disagree.
//
// The proof runs through two sheets. Totals holds the in-period records by currency, day and outcome as plain values;
// Breaks holds every open item. Every figure above them (statement, roll-forward, summary) is a formula over these,
// carried together with the value that Build computed from the same data: a formula and its value are made in one place
// (see area) so that no reader depends on a recalculation, and every recalculation agrees. What can be known from two
// independent sources is compared in a check cell that says OK or shows the difference; the conclusion on the first sheet
// counts those that do not say OK, and is withdrawn when there are any.
//
// Money is exact here: integer units of a currency, totals per currency and never across. Times are UTC.
package report
