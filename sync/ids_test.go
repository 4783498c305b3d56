package sync_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
	"payrecon/sync/payapi"
)

// clamping serves a fakeAPI over HTTP. It shows at most clamp rows, gives a cursor when there are more, and refuses every one.
func clamping(t *testing.T, a *fakeAPI, clamp int) *payapi.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", a.now.UTC().Format(http.TimeFormat))
		asked := r.URL.Query()
		if asked.Has("offset") {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		q := payout.Query{IDs: asked["ids"], InvertStatuses: asked.Get("invertStatuses") == "true"}
		for _, s := range asked["statuses"] {
			q.Statuses = append(q.Statuses, payout.Status(s))
		}
		q.From, _ = payout.ParseDay(asked.Get("startDate"))
		q.To, _ = payout.ParseDay(asked.Get("endDate"))
		limit, _ := strconv.Atoi(asked.Get("limit"))
		var rows []string
		all := a.answer(q)
		for _, p := range all[:min(len(all), limit, clamp)] {
			rows = append(rows, fmt.Sprintf(`{"id":%q,"memberId":%q,"createdDateTime":%q,"updatedDateTime":%q,"status":%q}`, p.ID, p.MemberID, p.Created, p.Updated, p.Status))
		}
		paging := ""
		if len(rows) < len(all) {
			paging = `"offset":"no good"`
		}
		fmt.Fprintf(w, `{"payouts":[%s],"paging":{%s}}`, strings.Join(rows, ","), paging)
	}))
	t.Cleanup(server.Close)
	client, err := payapi.New(payapi.Options{BaseURL: server.URL, Auth: payapi.Bearer("x"), Clock: func() time.Time { return a.now }})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// TestCutListsOfIDsAreAskedForInParts has an API whose windows fit its pages, while its answers to lists of ids are cut.
func TestCutListsOfIDsAreAskedForInParts(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 60)}
	for d := range payout.Day(61) {
		a.add(fmt.Sprintf("po:%02d", d), payout.MillisOf((day0 + d).Start().Add(time.Hour)), payout.Processing)
	}
	m := openMirror(t)
	s := payoutsync.New(clamping(t, a, 10), m, payoutsync.Options{StartDay: day0, Split: payapi.Split, Clock: func() time.Time { return a.now }})
	if sum, err := s.Nightly(t.Context(), 1); err != nil || !sum.Complete {
		t.Fatalf("Nightly: %+v, %v; want complete", sum, err)
	}
	a.now = noon(day0 + 61)
	for i := range 40 {
		a.setStatus(i, payout.Failed, payout.MillisOf(a.now))
	}
	sum, err := s.Nightly(t.Context(), 2)
	if err != nil || !sum.Complete {
		t.Errorf("Nightly: %+v, %v; want complete", sum, err)
	}
	wantOpen(t, m, a, nil)
	if len(sum.Alerts) != 1 || !strings.Contains(sum.Alerts[0], "list of payouts that are not final came to no regular end") {
		t.Errorf("alerts %q, want one that the list of what is not final was cut", sum.Alerts)
	}
}

// cutShort keeps n rows of a page, and no way on.
func cutShort(page *payout.Page, n int) {
	page.Payouts, page.End, page.Next = page.Payouts[:min(n, len(page.Payouts))], payout.PageUnsure, ""
}

// TestUnansweredIDsFailTheNight has payouts that the API does not show, in answers that never come to a regular end: they have
// not vanished, nobody knows. The others are asked for all the same.
func TestUnansweredIDsFailTheNight(t *testing.T) {
	for _, c := range []struct {
		silent int // payouts that are never shown
		named  string
		most   int  // pages of ids
		others bool // are known afterwards
	}{
		{1, "po:2026-02-16-0003 changed is not known", 10, true},
		{7, "and 2 more changed is not known", 50, true},
		{60, " more changed is not known", 90, false},
	} {
		t.Run(fmt.Sprint(c.silent), func(t *testing.T) {
			a, s, m, _ := lateWorld(t, payoutsync.Options{Workers: 1})
			silent := map[string]bool{}
			for d := range c.silent {
				silent[a.rows[d*12+3].ID] = true
				a.setStatus(d*12+3, payout.Failed, payout.MillisOf(a.now))
			}
			pages := 0
			a.cut = func(q payout.Query, page *payout.Page) {
				if len(q.IDs) == 0 {
					return
				}
				pages++
				if slices.ContainsFunc(q.IDs, func(id string) bool { return silent[id] }) {
					page.Payouts = slices.DeleteFunc(page.Payouts, func(p payout.Payout) bool { return silent[p.ID] })
					cutShort(page, len(page.Payouts)/2)
				}
			}
			sum, err := s.Nightly(t.Context(), 3)
			if payout.KindOf(err) != payout.KindTransport || sum.Complete || len(sum.Gaps) == 0 || sum.Windows == 0 {
				t.Errorf("Nightly: %+v, %v; want a failure of the API, and the windows walked", sum, err)
			}
			if len(sum.Alerts) != 1 || !strings.Contains(sum.Alerts[0], c.named) {
				t.Errorf("alerts %q, want one with %q", sum.Alerts, c.named)
			}
			if vanished, err := m.Vanished(t.Context()); err != nil || len(vanished) != 0 {
				t.Errorf("vanished: %v, %v; want none", vanished, err)
			}
			if pages > c.most {
				t.Errorf("%d pages of ids, want at most %d", pages, c.most)
			}
			a.rows = slices.DeleteFunc(a.rows, func(p payout.Payout) bool { return silent[p.ID] })
			if c.others {
				wantOpen(t, m, a, silent)
			}
		})
	}
}

// TestClampedIDsHaveNotVanished has an API that looks at the first few ids of a list only, and does not say so.
func TestClampedIDsHaveNotVanished(t *testing.T) {
	a, s, m, _ := lateWorld(t, payoutsync.Options{})
	for i := range a.rows[:40*12] {
		if !a.rows[i].Status.Final() {
			a.setStatus(i, payout.Completed, payout.MillisOf(a.now))
		}
	}
	gone := a.rows[7*12+3].ID
	a.rows = slices.Delete(a.rows, 7*12+3, 7*12+4)
	a.cut = func(q payout.Query, page *payout.Page) {
		if len(q.IDs) > 0 {
			page.Payouts = page.Payouts[:min(5, len(page.Payouts))]
		}
	}
	sum, err := s.Nightly(t.Context(), 3)
	if err != nil || !sum.Complete || len(sum.Alerts) != 1 || !strings.Contains(sum.Alerts[0], gone) {
		t.Errorf("Nightly: %+v, %v; want complete, and one payout vanished", sum, err)
	}
	wantOpen(t, m, a, map[string]bool{gone: true})
}

// TestStrangersInListsOfIDs has an API that shows, beside what it was asked for by id, a payout that nobody asked for. What it shows
// of the ids holds; the others are asked for without the one that leads to the stranger.
func TestStrangersInListsOfIDs(t *testing.T) {
	for name, instead := range map[string]bool{"beside it": false, "instead of it": true} {
		t.Run(name, func(t *testing.T) {
			a, s, m, changed := lateWorld(t, payoutsync.Options{})
			for d := range 40 {
				a.setStatus(d*12+3, payout.Failed, payout.MillisOf(a.now))
			}
			stranger := a.rows[0]
			a.bend = func(q payout.Query, rows []payout.Payout) []payout.Payout {
				if !slices.Contains(q.IDs, changed) {
					return rows
				}
				if instead {
					rows = slices.DeleteFunc(rows, func(p payout.Payout) bool { return p.ID == changed })
				}
				return append(rows, stranger)
			}
			sum, err := s.Nightly(t.Context(), 3)
			if !instead {
				if err != nil || !sum.Complete || len(sum.Alerts) != 0 {
					t.Errorf("Nightly: %+v, %v; want complete, and no alert", sum, err)
				}
				wantTruth(t, m, a)
				return
			}
			if payout.KindOf(err) != payout.KindTransport || sum.Complete || !strings.Contains(err.Error(), "whether "+changed+" changed is not known") {
				t.Errorf("Nightly: complete=%v, %v; want a failure that names %s alone", sum.Complete, err, changed)
			}
			wantOpen(t, m, a, map[string]bool{changed: true})
			if got := vanishedIDs(t, m); len(got) != 0 {
				t.Errorf("vanished are %q, want none", got)
			}
		})
	}
}

// TestRefusedPayoutDoesNotStarveTheOthers has an API that refuses every list of ids with one that it knows no more: the others are
// asked for without it, the days are read, and the night names it.
func TestRefusedPayoutDoesNotStarveTheOthers(t *testing.T) {
	for name, kind := range map[string]payout.Kind{"400": payout.KindInput, "404": payout.KindNotFound} {
		t.Run(name, func(t *testing.T) {
			a, s, m, _ := lateWorld(t, payoutsync.Options{})
			for d := range 40 {
				a.setStatus(d*12+3, payout.Failed, payout.MillisOf(a.now))
			}
			purged := a.rows[5*12+3].ID
			a.before = func(_ int, q payout.Query, _ string) error {
				if slices.Contains(q.IDs, purged) {
					return payout.Errorf(kind, "unknown payout")
				}
				return nil
			}
			sum, err := s.Nightly(t.Context(), 3)
			if payout.KindOf(err) != payout.KindTransport || sum.Complete || sum.Windows == 0 {
				t.Errorf("Nightly: %+v, %v; want a failure, and the windows walked", sum, err)
			}
			if len(sum.Alerts) != 1 || !strings.Contains(sum.Alerts[0], "whether "+purged+" changed is not known: unknown payout") {
				t.Errorf("alerts %q, want one that names %s alone, with the refusal", sum.Alerts, purged)
			}
			wantOpen(t, m, a, map[string]bool{purged: true})
			if got := vanishedIDs(t, m); len(got) != 0 {
				t.Errorf("vanished are %q, want none", got)
			}
		})
	}
}

// TestNoIDsAnsweredCostFewRequests has an API that ignores ids, or refuses them, and many payouts in flight of which it lists none.
func TestNoIDsAnsweredCostFewRequests(t *testing.T) {
	for _, how := range []string{"ignored", "refuses"} {
		t.Run(how, func(t *testing.T) {
			w := newNightWorld(t, 20, 60, 500)
			w.dawn(10)
			a, byID := w.api, 0
			a.before = func(_ int, q payout.Query, _ string) error {
				if len(q.IDs) == 0 {
					return nil
				}
				byID++
				if how == "refuses" {
					return payout.Errorf(payout.KindInput, "400: no such parameter")
				}
				return nil
			}
			a.bend = func(q payout.Query, rows []payout.Payout) []payout.Payout {
				if q.InvertStatuses {
					return nil
				}
				if len(q.IDs) > 0 {
					return slices.Clone(a.rows[len(a.rows)-payout.MaxLimit:])
				}
				return rows
			}
			sum, err := w.syncer.Nightly(t.Context(), 3)
			if payout.KindOf(err) != payout.KindTransport || sum.Complete || !strings.Contains(err.Error(), how) {
				t.Errorf("Nightly: complete=%v, %v; want it failed", sum.Complete, err)
			}
			if byID > 40 { // a list for every fifty, and one or two of them in ever smaller parts
				t.Errorf("%d requests by id, want few", byID)
			}
		})
	}
}

// wantOpen makes sure that the mirror holds those payouts open that are, and besides only those that the API never shows.
func wantOpen(t *testing.T, m *mirror.Mirror, a *fakeAPI, besides map[string]bool) {
	t.Helper()
	held, err := m.HeldOpen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	open := map[string]bool{}
	for _, p := range a.rows {
		open[p.ID] = !p.Status.Final()
	}
	held = slices.DeleteFunc(held, func(h payout.HeldPayout) bool { return open[h.ID] || besides[h.ID] })
	if len(held) > 0 {
		t.Errorf("%d payouts are open in the mirror and final, %s among them", len(held), held[0].ID)
	}
}
