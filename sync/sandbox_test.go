package sync_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
	payoutsync "payrecon/sync"
	"payrecon/sync/payapi"
)

// overHTTP is a mirror that is synced from a sandbox through the real client, in process and on the bubble's clock.
type overHTTP struct {
	sandbox *sandbox.Sandbox
	mirror  *mirror.Mirror
	syncer  *payoutsync.Syncer
	clock   func() time.Time
}

func newOverHTTP(t *testing.T, so sandbox.Options, o payoutsync.Options) *overHTTP {
	t.Helper()
	began := time.Now()
	clock := func() time.Time { return sandbox.DemoNow.Add(time.Since(began)) }
	so.Now, so.Token = clock, "token"
	box, err := sandbox.New(so)
	if err != nil {
		t.Fatal(err)
	}
	client, err := payapi.New(payapi.Options{
		BaseURL: "http://127.0.0.1:1", Auth: payapi.Bearer("token"), Transport: box.Transport(), Clock: clock, RateLimit: 50,
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := mirror.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), mirror.Options{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	o.Clock, o.Split = clock, payapi.Split
	return &overHTTP{box, m, payoutsync.New(client, m, o), clock}
}

func TestSandboxFaults(t *testing.T) {
	first := payout.DayOf(sandbox.DemoNow) - 11
	for name, f := range map[string]sandbox.Faults{
		"none":                   {},
		"errors":                 {Errors: 3, ErrorBody: "mix"},
		"torn bodies and resets": {Torn: 4, Reset: 5},
		"slow":                   {Slow: 4, Latency: 300 * time.Millisecond, Jitter: time.Second},
		"429":                    {RateLimit: 1_000_000, RetryAfter: "date", Errors: 4, ErrorCode: "503"},
		"the clock is wrong":     {Skew: -3 * time.Hour},
		"no Date":                {NoDate: true},
		"positions":              {Cursor: "position"},
		"refused cursors":        {RefuseCursors: 2},
		"cursors that expire":    {CursorTTL: time.Hour},
		"newest first":           {Order: "newest"},
		"no last cursor":         {LastCursor: "none"},
		"repeated last cursor":   {LastCursor: "repeat"},
		"short pages' cursors":   {ShortCursor: true},
		"endDate is midnight":    {EndDate: "midnight"},
		"repeated rows":          {RepeatRows: 3},
		"odd payouts":            {UnknownStatus: 20, UnknownFields: true, NoInitiation: 30, NumericSort: true, TimeForms: true, EmptyOptionals: true},
		"flips":                  {Flip: 40},
		"much at once": {
			Errors: 6, Torn: 9, Reset: 11, LastCursor: "none", EndDate: "midnight", Order: "newest", Cursor: "position",
			RepeatRows: 2, RefuseCursors: 1, UnknownStatus: 50, TimeForms: true,
		},
	} {
		if testing.Short() && name != "much at once" && name != "errors" && name != "positions" { // the race detector's share
			continue
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newOverHTTP(t, sandbox.Options{Payouts: 2600, Days: 12, FutureDays: 3, Faults: f}, payoutsync.Options{StartDay: first})
				defer w.mirror.Close()
				for run := range int64(2) {
					w.sandbox.SetNow(w.clock()) // the truth stands still while it is read
					sum, err := w.syncer.Nightly(context.Background(), run+1)
					if err != nil {
						t.Fatal(err)
					}
					var want []payout.Day
					if f.Skew < 0 { // 02:30 less three hours: yesterday had not ended, as far as anybody knows
						want = []payout.Day{payout.DayOf(w.clock()) - 1}
					}
					if !slices.Equal(sum.Gaps, want) || sum.Complete != (len(want) == 0) {
						t.Errorf("night %d: complete=%v with gaps %v, want %v", run+1, sum.Complete, sum.Gaps, want)
					}
					if diff := truthDiff(context.Background(), w.mirror, w.sandbox.Truth()); diff != "" {
						t.Errorf("night %d: %s", run+1, diff)
					}
					time.Sleep(24 * time.Hour)
				}
			})
		})
	}
}

// TestCircleOfPagesIsNotTakenUpAgain has next links that lead in a circle, each under a new cursor: the day is a gap, what was
// shown of it is kept, and no walk is left open that would go round again.
func TestCircleOfPagesIsNotTakenUpAgain(t *testing.T) {
	now := noon(day0 + 10)
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var rows []string
		if r.URL.Query().Has("startDate") {
			requests.Add(1)
			for i := range 197 {
				rows = append(rows, fmt.Sprintf(`{"id":"po:%d-%d","memberId":"m:1","createdDateTime":"%[3]sT10:00:00Z","status":"INITIATION_COMPLETED"}`, requests.Load()%2, i, day0))
			}
		}
		fmt.Fprintf(w, `{"payouts":[%s],"paging":{"offset":"c%d"}}`, strings.Join(rows, ","), requests.Load())
	}))
	defer server.Close()
	client, err := payapi.New(payapi.Options{BaseURL: server.URL, Auth: payapi.Bearer("token"), MaxPages: 30})
	if err != nil {
		t.Fatal(err)
	}
	m := openMirror(t)
	for run := range int64(2) {
		requests.Store(0)
		s := payoutsync.New(client, m, payoutsync.Options{Clock: func() time.Time { return now }})
		sum, err := s.Backfill(t.Context(), run+1, day0, day0)
		if err != nil || sum.Complete || !slices.Equal(sum.Gaps, []payout.Day{day0}) || requests.Load() > 15 {
			t.Errorf("Backfill: gaps %v, complete %v, %d requests, %v; want the day alone as a gap, five pages of each size", sum.Gaps, sum.Complete, requests.Load(), err)
		}
		if open, err := m.OpenWalks(t.Context(), "backfill"); err != nil || len(open) != 0 {
			t.Errorf("walks left open: %+v, %v", open, err)
		}
	}
	if held, _, err := rowsOf(t.Context(), m); err != nil || len(held) != 394 {
		t.Errorf("%d payouts in the mirror, %v; want all that were shown", len(held), err)
	}
}
