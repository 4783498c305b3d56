package sync_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
)

const (
	childDatabase = "PAYRECON_TEST_SYNC_CHILD"
	childWorkers  = 3
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childDatabase); path != "" {
		if err := backfillAsChild(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	flag.Parse()
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		if err := f.Value.Set("12"); err != nil { // each check is several nights on a real file
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// childAPI is the truth that parent and child agree on. It is slow enough to be killed.
func childAPI() *fakeAPI {
	a := &fakeAPI{now: noon(day0 + 40), latency: 2 * time.Millisecond}
	a.fill(day0, 12, 40)
	a.fill(day0+12, 2, 1100)
	a.fill(day0+14, 12, 40)
	return a
}

// loggedAPI writes down every page of a window that was fetched.
type loggedAPI struct {
	*fakeAPI
	log *os.File
}

func (l *loggedAPI) Pages(ctx context.Context, q payout.Query, cursor string) iter.Seq2[*payout.Page, error] {
	return func(yield func(*payout.Page, error) bool) {
		for page, err := range l.fakeAPI.Pages(ctx, q, cursor) {
			if err == nil && q.HasFrom() {
				_, position, _ := strings.Cut(page.Cursor, "#")
				fmt.Fprintf(l.log, "%s %s\n", q.From, position)
			}
			if !yield(page, err) {
				return
			}
		}
	}
}

func backfillAsChild(path string) error {
	ctx := context.Background()
	lease, err := mirror.Acquire(ctx, path, "backfill", 0)
	if err != nil {
		return err
	}
	defer lease.Release()
	m, err := mirror.Open(ctx, path, mirror.Options{})
	if err != nil {
		return err
	}
	defer m.Close()
	log, err := os.OpenFile(path+".pages", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	a := childAPI()
	s := payoutsync.New(&loggedAPI{a, log}, m, payoutsync.Options{Workers: childWorkers, Clock: func() time.Time { return a.now }})
	sum, err := s.Backfill(ctx, 1, day0, day0+25)
	if err == nil && !sum.Complete {
		err = fmt.Errorf("gaps %v", sum.Gaps)
	}
	return err
}

// TestKilledAtAnyMoment kills a backfill with SIGKILL at random moments, until one run comes to its end.
func TestKilledAtAnyMoment(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "killed.db")
	if err := os.WriteFile(path+".pages", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	patience, more := 30*time.Millisecond, 10*time.Millisecond
	if testing.Short() { // under the race detector: a child needs longer to get anywhere
		patience, more = 300*time.Millisecond, 60*time.Millisecond
	}
	kills, fetched, lost := 0, 0, 0
	for ; ; patience += more {
		cmd := exec.Command(exe, "-test.run=^$")
		cmd.Env = append(os.Environ(), childDatabase+"="+path)
		var words strings.Builder
		cmd.Stderr = &words
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(patience+rand.N(patience), func() { cmd.Process.Kill() })
		err := cmd.Wait()
		timer.Stop()
		if err == nil {
			break
		}
		if words.Len() > 0 {
			t.Fatalf("the child failed: %s", words.String())
		}
		kills++
		before := fetched
		fetched, _ = pagesFetched(t, path+".pages")
		lost += min(fetched-before, childWorkers) // at most: none of a child that was killed before its first page
	}
	m, err := mirror.Open(t.Context(), path, mirror.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	wantTruth(t, m, childAPI())
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var integrity string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&integrity); err != nil || integrity != "ok" {
		t.Errorf("integrity_check: %q, %v; want ok", integrity, err)
	}
	pages, again := pagesFetched(t, path+".pages")
	if again > lost {
		t.Errorf("%d of %d pages were fetched again after %d kills, want at most %d: one for each worker that had fetched any", again, pages, kills, lost)
	}
	t.Logf("%d kills, %d pages, %d of them again, at most %d", kills, pages, again, lost)
}

// pagesFetched counts the pages in a log, and those that are in it more than once.
func pagesFetched(t *testing.T, path string) (pages, again int) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	seen := map[string]bool{}
	for lines := bufio.NewScanner(file); lines.Scan(); pages++ {
		if seen[lines.Text()] {
			again++
		}
		seen[lines.Text()] = true
	}
	return pages, again
}

var errKilled = errors.New("killed")

// killedStore is a mirror whose process is killed when a page has been committed, or vanished payouts have been marked: nothing is
// written after it.
type killedStore struct {
	*mirror.Mirror
	after func(result payout.PageResult) bool
	marks bool
	dead  bool
}

func (s *killedStore) MarkVanished(ctx context.Context, run int64, gone []payout.HeldPayout, tell func([]payout.HeldPayout) []string) (alerts []string, err error) {
	err = s.alive(func() error {
		alerts, err = s.Mirror.MarkVanished(ctx, run, gone, tell)
		s.dead = s.marks && len(gone) > 0
		return err
	})
	return alerts, err
}

func (s *killedStore) CommitPage(ctx context.Context, c *payout.PageCommit) (payout.PageResult, error) {
	if s.dead {
		return payout.PageResult{}, errKilled
	}
	result, err := s.Mirror.CommitPage(ctx, c)
	s.dead = s.after != nil && s.after(result)
	return result, err
}

func (s *killedStore) alive(write func() error) error {
	if s.dead {
		return errKilled
	}
	return write()
}

func (s *killedStore) AddAlerts(ctx context.Context, run int64, texts []string) error {
	return s.alive(func() error { return s.Mirror.AddAlerts(ctx, run, texts) })
}

func (s *killedStore) TellOfDays(ctx context.Context, run int64, alerts []string, told map[string][]payout.Day) error {
	return s.alive(func() error { return s.Mirror.TellOfDays(ctx, run, alerts, told) })
}

func (s *killedStore) BindMembers(ctx context.Context, onBehalfOf string) error {
	return s.alive(func() error { return s.Mirror.BindMembers(ctx, onBehalfOf) })
}

func (s *killedStore) EndNight(ctx context.Context) error {
	return s.alive(func() error { return s.Mirror.EndNight(ctx) })
}

// goneWorld is a mirror that has synced, and an API that does not show a completed payout of the lookback's first day any more.
func goneWorld(t *testing.T) (a *fakeAPI, m *mirror.Mirror, gone payout.Payout) {
	t.Helper()
	a = &fakeAPI{now: noon(day0 + 60)}
	a.fill(day0+40, 22, 10)
	m = openMirror(t)
	if sum, err := newSyncer(a, m, payoutsync.Options{StartDay: day0 + 40}).Nightly(t.Context(), 1); err != nil || !sum.Complete {
		t.Fatalf("Nightly: %+v, %v; want complete", sum, err)
	}
	a.now = noon(day0 + 61)
	i := 14*10 + 5
	gone = a.rows[i]
	a.rows = slices.Delete(a.rows, i, i+1)
	return a, m, gone
}

// completeWithout reports whether a page's walk has shown a day complete without a payout that the mirror knows.
func completeWithout(result payout.PageResult) bool {
	return slices.ContainsFunc(result.Judged, func(j payout.DayJudged) bool { return j.Missed && j.State == payout.DayComplete })
}

// TestKilledBeforeAskingForWhatIsGone kills a night when it has shown a day complete without a payout that the mirror knows, and has
// not asked for it by its id. Whatever runs next does, and tells.
func TestKilledBeforeAskingForWhatIsGone(t *testing.T) {
	for _, c := range []struct {
		name  string
		later time.Duration
		next  func(s *payoutsync.Syncer) (*payout.SyncSummary, error)
	}{
		{"the night goes on", time.Hour, func(s *payoutsync.Syncer) (*payout.SyncSummary, error) { return s.Nightly(t.Context(), 3) }},
		{"the next night", 24 * time.Hour, func(s *payoutsync.Syncer) (*payout.SyncSummary, error) { return s.Nightly(t.Context(), 3) }},
		{"a backfill of other days", time.Hour, func(s *payoutsync.Syncer) (*payout.SyncSummary, error) {
			return s.Backfill(t.Context(), 3, day0+30, day0+35)
		}},
		{"a sync of other days", time.Hour, func(s *payoutsync.Syncer) (*payout.SyncSummary, error) {
			return s.Range(t.Context(), 3, day0+45, day0+45)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, m, gone := goneWorld(t)
			killed := &killedStore{Mirror: m, after: completeWithout}
			if _, err := newSyncer(a, killed, payoutsync.Options{Workers: 1}).Nightly(t.Context(), 2); !errors.Is(err, errKilled) {
				t.Fatalf("Nightly: %v, want it killed", err)
			}
			a.now = a.now.Add(c.later)
			s := newSyncer(a, m, payoutsync.Options{})
			if sum, err := c.next(s); err != nil || !sum.Complete || len(sum.Alerts) != 1 || !strings.Contains(sum.Alerts[0], gone.ID) {
				t.Errorf("the next run: %+v, %v; want complete, and an alert that names %s", sum, err, gone.ID)
			}
			if got := vanishedIDs(t, m); !slices.Equal(got, []string{gone.ID}) {
				t.Errorf("vanished are %q, want %s", got, gone.ID)
			}
			if sum, err := s.Range(t.Context(), 4, day0+45, day0+45); err != nil || len(sum.Alerts) != 0 || sum.Windows != 1 {
				t.Errorf("the run after it: %+v, %v; want its day walked alone, and nothing told again", sum, err)
			}
		})
	}
}

// TestKilledAfterMarkingWhatIsGone kills a night, and a verification, when they have marked a payout as vanished: it is told.
func TestKilledAfterMarkingWhatIsGone(t *testing.T) {
	for name, sync := range map[string]func(s *payoutsync.Syncer) error{
		"night": func(s *payoutsync.Syncer) error {
			_, err := s.Nightly(t.Context(), 2)
			return err
		},
		"verification": func(s *payoutsync.Syncer) error {
			_, err := s.Verify(t.Context(), 2, day0+50, day0+60)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, m, gone := goneWorld(t)
			if err := sync(newSyncer(a, &killedStore{Mirror: m, marks: true}, payoutsync.Options{Workers: 1})); !errors.Is(err, errKilled) {
				t.Fatalf("%v, want it killed", err)
			}
			alerts, err := m.Alerts(t.Context(), 10)
			if err != nil || len(alerts) != 1 || !strings.HasSuffix(alerts[0].Text, "not shown: "+gone.ID) {
				t.Errorf("alerts %+v, %v; want one that names %s", alerts, err, gone.ID)
			}
			report, err := newSyncer(a, m, payoutsync.Options{}).Verify(t.Context(), 3, day0+50, day0+60)
			if err != nil || !slices.Equal(report.Vanished, []string{gone.ID}) || len(report.Alerts) != 0 {
				t.Errorf("Verify: %+v, %v; want it known to have vanished, and told once", report, err)
			}
		})
	}
}
