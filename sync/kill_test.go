package sync_test

import (
	"bufio"
	"context"
	"database/sql"
	"flag"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
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
