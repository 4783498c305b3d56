package mirror

import (
	"cmp"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// refText are references and accounts that could break a reader: separators, NUL, quotes, bytes that are not UTF-8, and one
// too long for a page of the file.
var refText = rapid.OneOf(
	anyBytes,
	rapid.SampledFrom([]string{"PAY-1", "PAY-2", strings.Repeat("long ", 3000), strings.Repeat("x", 8157-60), "\x1f\x1e|,;\t"}),
)

// drawPayout makes one thing that the API may say of the payout with this number.
func drawPayout(t *rapid.T, number int) payout.Payout {
	p := payout.Payout{
		ID: fmt.Sprintf("po:%d", number), MemberID: "m:1",
		Created: payout.Millis(int64(number%10-3)*40_000_000 + 5), // some before 1970
		Updated: payout.Millis(rapid.Int64Range(1, 50).Draw(t, "updated")),
		Status:  rapid.SampledFrom([]payout.Status{payout.Pending, payout.Processing, payout.Completed, payout.Rejected, "INITIATION_ODD"}).Draw(t, "status"),
		RefID:   refText.Draw(t, "ref"),
		Amount: money.New(rapid.OneOf(rapid.Int64Range(-300, 300), rapid.Int64Range(-1e15, 1e15)).Draw(t, "units"),
			rapid.SampledFrom([]string{"EUR", "GBP", money.NoCurrency}).Draw(t, "currency")),
		Reason: anyBytes.Draw(t, "reason"), BankStatus: rapid.SampledFrom([]string{"", "AC04"}).Draw(t, "bank status"),
		BankTransactionID: anyBytes.Draw(t, "transaction"), Description: "Invoice", DebtorAccount: "a:1",
		Creditor: payout.Creditor{Name: "Name", IBAN: rapid.SampledFrom([]string{"", "DE02", "GB33"}).Draw(t, "iban")},
	}
	p.Raw = []byte("{}")
	p.Hash = md5.Sum(fmt.Appendf(nil, "%+v", p))
	return p
}

// commit writes rows as one page that belongs to no walk.
func commit(t interface {
	Helper()
	Fatal(...any)
}, m *Mirror, onBehalfOf string, asked payout.Millis, rows ...payout.Payout,
) {
	t.Helper()
	if _, err := m.CommitPage(testContext, &payout.PageCommit{Run: 1, OnBehalfOf: onBehalfOf, Payouts: rows, Asked: asked}); err != nil {
		t.Fatal(err)
	}
}

// currentView reads the current view as plainly as can be.
func currentView(t *rapid.T, m *Mirror) map[string]payout.Row {
	rows, err := m.read().Query(`
		SELECT p.id, p.ref_id, o.word, p.account, p.units, c.word, s.word, p.created, p.changed, p.seq
		FROM payouts p JOIN words o ON o.n = p.on_behalf_of JOIN words c ON c.n = p.currency JOIN words s ON s.n = p.status`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	view := map[string]payout.Row{}
	for rows.Next() {
		var r payout.Row
		if err := rows.Scan(&r.ID, &r.RefID, &r.OnBehalfOf, &r.Account, &r.Units, &r.Currency, &r.Status, &r.Created, &r.Changed, &r.Version); err != nil {
			t.Fatal(err)
		}
		view[r.ID] = r
	}
	return view
}

// readBlocks collects what Blocks gives out.
func readBlocks(t interface{ Fatal(...any) }, m *Mirror, maxSeq int64) map[string]payout.Row {
	var parts [blockWorkers]map[string]payout.Row
	for i := range parts {
		parts[i] = map[string]payout.Row{}
	}
	err := m.Blocks(testContext, maxSeq, func(worker int, rows []payout.Row) error {
		for _, r := range rows {
			if _, twice := parts[worker][r.ID]; twice {
				return fmt.Errorf("payout %s was given out twice", r.ID)
			}
			parts[worker][r.ID] = r
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for id := range parts[0] {
		if _, twice := parts[1][id]; twice {
			t.Fatal("given out twice: " + id)
		}
	}
	maps.Copy(parts[0], parts[1])
	return parts[0]
}

// sumsOf adds up a view in Go.
func sumsOf(view map[string]payout.Row, p payout.Period) []payout.Sum {
	sums := []payout.Sum{}
	for _, r := range view {
		if !p.Contains(r.Created.Day()) {
			continue
		}
		i := slices.IndexFunc(sums, func(s payout.Sum) bool { return s.Currency == r.Currency && s.Status == r.Status })
		if i < 0 {
			i, sums = len(sums), append(sums, payout.Sum{Currency: r.Currency, Status: r.Status})
		}
		sums[i].Count++
		sums[i].Units += r.Units
	}
	slices.SortFunc(sums, func(a, b payout.Sum) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Status, b.Status))
	})
	return sums
}

// TestEveryEarlierViewIsExact plays random pages into a mirror, keeps what stood after each, and reads all of it again as of
// each version: rows, details and sums, however far the daily sums were brought.
func TestEveryEarlierViewIsExact(t *testing.T) {
	m := openTest(t)
	if _, err := m.w.Exec("PRAGMA synchronous = OFF"); err != nil { // durability is not the point here
		t.Fatal(err)
	}
	round := 0
	history := map[int64]map[string]payout.Row{} // of all rounds
	rapid.Check(t, func(rt *rapid.T) {
		round++
		views := map[int64]map[string]payout.Row{}
		for step := range rapid.IntRange(1, 5).Draw(rt, "pages") {
			numbers := rapid.SliceOfNDistinct(rapid.IntRange(0, 9), 1, 6, rapid.ID[int]).Draw(rt, "numbers")
			rows := make([]payout.Payout, len(numbers))
			for i, number := range numbers {
				rows[i] = drawPayout(rt, round/10*10+number) // now and then new ones
			}
			commit(rt, m, rapid.SampledFrom([]string{"", "sub-1"}).Draw(rt, "on behalf of"), payout.Millis(1000+step), rows...)
			seq, err := m.Sequence(testContext)
			if err != nil {
				rt.Fatal(err)
			}
			views[seq] = currentView(rt, m)
			history[seq] = views[seq]
			if rapid.IntRange(0, 3).Draw(rt, "sum days") == 0 {
				if err := m.SumDays(testContext); err != nil {
					rt.Fatal(err)
				}
			}
		}
		views[0] = views[slices.Max(slices.Collect(maps.Keys(views)))]
		period := payout.Period{From: payout.Day(rapid.IntRange(-3, 1).Draw(rt, "from")), To: payout.Day(rapid.IntRange(1, 5).Draw(rt, "to"))}
		for seq, want := range views {
			if got := readBlocks(rt, m, seq); !maps.Equal(got, want) {
				equal(rt, fmt.Sprintf("view as of %d", seq), got, want)
			}
			sums, err := m.Sums(testContext, seq, period)
			if err != nil {
				rt.Fatal(err)
			}
			equal(rt, fmt.Sprintf("sums as of %d", seq), sums, sumsOf(want, period))
			checkDetails(rt, m, seq, want, wasFinal(history, seq, want))
		}
	})
}

// wasFinal returns the last other final status of payouts before version seq (0 = the newest), at which they stood as in view.
func wasFinal(history map[int64]map[string]payout.Row, seq int64, view map[string]payout.Row) map[string]payout.Status {
	was := map[string]payout.Status{}
	for _, at := range slices.Sorted(maps.Keys(history)) {
		if seq != 0 && at > seq {
			break
		}
		for id, row := range history[at] {
			if row.Status.Final() && row.Status != view[id].Status {
				was[id] = row.Status
			}
		}
	}
	return was
}

func checkDetails(t *rapid.T, m *Mirror, seq int64, view map[string]payout.Row, was map[string]payout.Status) {
	ids := slices.Sorted(maps.Keys(view))
	slices.Reverse(ids)
	refs, err := m.Details(testContext, seq, ids)
	if err != nil {
		t.Fatal(err)
	}
	rows := make([]payout.Row, len(ids))
	for i, id := range ids {
		rows[i] = view[id]
	}
	details, err := m.DetailsOf(testContext, rows)
	if err != nil {
		t.Fatal(err)
	}
	for i, ref := range refs {
		r := rows[i]
		want := payout.Row{
			ID: ref.ID, RefID: ref.RefID, OnBehalfOf: ref.OnBehalfOf, Account: ref.Account, Units: ref.Amount.Units(),
			Currency: ref.Amount.Currency(), Status: ref.Status, Created: ref.Created, Changed: ref.Changed, Version: r.Version,
		}
		if r != want {
			equal(t, "details of "+ids[i], r, want)
		}
		if ref.Payee != "Name" || ref.DebtorAccount != "a:1" || ref.Description != "Invoice" {
			t.Errorf("details of %s are %+v", ids[i], ref)
		}
		if got := details[i]; got != (payout.Detail{
			Payee: ref.Payee, DebtorAccount: ref.DebtorAccount, Description: ref.Description, Reason: ref.Reason,
			BankStatus: ref.BankStatus, BankTransactionID: ref.BankTransactionID, Was: was[ids[i]],
		}) {
			t.Errorf("DetailsOf %s = %+v, Details = %+v", ids[i], got, ref)
		}
	}
	if _, err := m.DetailsOf(testContext, []payout.Row{{ID: "po:none", Version: 1 << 40}}); err == nil {
		t.Error("DetailsOf a version that is not there = nil, want an error")
	}
	if _, err := m.Details(testContext, seq, []string{"po:none"}); payout.KindOf(err) != payout.KindNotFound {
		t.Errorf("Details of an unknown id = %v, want not found", err)
	}
}

// manyPayouts commits count payouts, 200 a page, each with its number as its units.
func manyPayouts(t *testing.T, m *Mirror, count int) {
	t.Helper()
	for first := 0; first < count; first += 200 {
		rows := make([]payout.Payout, min(200, count-first))
		for i := range rows {
			n := first + i
			rows[i] = payout.Payout{
				ID: fmt.Sprint("po:", n), MemberID: "m:1", Created: payout.Millis(n+1) * 60_000, Updated: 5, Status: payout.Completed,
				RefID: fmt.Sprint("R-", n), Amount: money.New(int64(n), "EUR"), Raw: []byte("{}"), Hash: md5.Sum(fmt.Append(nil, n)),
			}
		}
		commit(t, m, "", 1, rows...)
	}
}

// Blocks over several levels of the b-tree gives every payout once, by pages and by SQL, also when pages and records are not as
// expected.
func TestBlocksByPagesAndBySQL(t *testing.T) {
	m := openTest(t)
	const count = 3*blockRows + 17
	manyPayouts(t, m, count)
	commit(t, m, "", 1, payout.Payout{
		ID: "po:huge", MemberID: "m:1", Created: 1, Updated: 1, Status: payout.Failed,
		RefID: strings.Repeat("\x00\xff'", 20_000), Amount: money.New(1, "EUR"), Raw: []byte("{}"),
	})
	check := func(how string) {
		t.Helper()
		view := readBlocks(t, m, 0)
		if len(view) != count+1 || len(view["po:huge"].RefID) != 60_000 {
			t.Fatalf("%s: %d payouts, the large reference has %d bytes; want %d and 60000", how, len(view), len(view["po:huge"].RefID), count+1)
		}
		for n := range count {
			if r := view[fmt.Sprint("po:", n)]; r.Units != int64(n) || r.RefID != fmt.Sprint("R-", n) || r.Status != payout.Completed {
				t.Fatalf("%s: payout %d is %+v", how, n, r)
			}
		}
	}
	check("by pages")
	r := &blockReader{maxSeq: 1 << 60, words: make([]string, 100)}
	if err := r.begin(testContext, m.read()); err != nil {
		t.Fatal(err)
	}
	if r.pages == nil {
		t.Fatal("the table cannot be read by its pages, want it can")
	}
	if err := r.pages.records(testContext, 0, blockRows, r.take); err != nil || len(r.rows) != blockRows {
		t.Errorf("by pages alone: %d rows, %v; want %d", len(r.rows), err, blockRows)
	}
	if err := r.pages.records(testContext, count-2, count+9, r.take); !errors.Is(err, errLayout) {
		t.Errorf("a record that overflows its page = %v, want errLayout", err)
	}
	r.end()
	// A column that was added later is missing in the records written before.
	if _, err := m.w.Exec(`ALTER TABLE payouts RENAME COLUMN seq TO old_seq; ALTER TABLE payouts ADD COLUMN seq INTEGER NOT NULL DEFAULT 1`); err != nil {
		t.Fatal(err)
	}
	check("by SQL")
}

func TestBlocksStops(t *testing.T) {
	m := openTest(t)
	manyPayouts(t, m, 2*blockRows)
	stop := errors.New("enough")
	if err := m.Blocks(testContext, 0, func(int, []payout.Row) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("Blocks() = %v, want the error of its caller", err)
	}
	if view := readBlocks(t, m, 0); len(view) != 2*blockRows {
		t.Errorf("after that %d payouts, want %d", len(view), 2*blockRows)
	}
	empty := openTest(t)
	if view := readBlocks(t, empty, 0); len(view) != 0 {
		t.Errorf("an empty mirror gave out %d payouts", len(view))
	}
}

// While a writer commits, Blocks gives the view of the version it was asked for, whole.
func TestBlocksWhileAWriterCommits(t *testing.T) {
	m := openTest(t)
	manyPayouts(t, m, 2*blockRows)
	want := readBlocks(t, m, 0)
	seq, err := m.Sequence(testContext)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		var err error
		for i := range 30 {
			row := payout.Payout{
				ID: fmt.Sprint("po:", i*250), MemberID: "m:1", Created: payout.Millis(i*250+1) * 60_000, Updated: 9,
				Status: payout.Failed, Amount: money.New(-1, "EUR"), Raw: []byte("{}"),
			}
			_, commitErr := m.CommitPage(testContext, &payout.PageCommit{Run: 1, Payouts: []payout.Payout{row}, Asked: 9})
			err = errors.Join(err, commitErr)
		}
		done <- err
	}()
	for range 6 {
		if !maps.Equal(readBlocks(t, m, seq), want) {
			t.Error("the view changed while a writer committed")
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(readBlocks(t, m, seq), want) {
		t.Error("the view changed after a writer committed")
	}
}

func FuzzRecord(f *testing.F) {
	f.Add("\x04\x00\x17\x01hello\x05", 3)
	f.Add("\x81", 1)
	f.Add("\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff", 2)
	f.Fuzz(func(t *testing.T, record string, columns int) {
		var r fields
		columns = max(0, min(columns, maxColumns+1))
		if !r.split(record, columns) {
			return
		}
		for i := range columns { // within the record, whatever it says
			text, ok := r.text(i)
			if ok && len(text) > len(record) {
				t.Errorf("column %d holds %d bytes of %d", i, len(text), len(record))
			}
			r.integer(i)
		}
	})
}

func FuzzTablePage(f *testing.F) {
	f.Add("\x0d\x00\x00\x00\x01\x00\x00\x00\x00\x0a\x01\x01\x02", int64(0), int64(9))
	f.Add("\x05\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07\x00\x0e\x00\x00\x00\x02\x05", int64(0), int64(9))
	f.Fuzz(func(t *testing.T, page string, after, through int64) {
		page += strings.Repeat("\x00", minUsable)
		cells := bigEndian16(page, 3)
		if 12+2*cells > len(page) {
			return
		}
		leafRecords(page, cells, after, through, func(int64, string) error { return nil })
		appendChildren(nil, page, cells, after, through)
	})
}

// testContext serves also inside rapid's checks, whose own context ends with each of them.
var testContext = context.Background()
