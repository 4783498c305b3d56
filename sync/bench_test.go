package sync_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
	payoutsync "payrecon/sync"
	"payrecon/sync/payapi"
)

// slowTransport answers as the sandbox does, after some latency.
type slowTransport struct {
	inner   http.RoundTripper
	latency time.Duration
}

func (s slowTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(s.latency)
	return s.inner.RoundTrip(r)
}

// benchSync makes a sandbox of n payouts over days, and a syncer of a new mirror with it.
func benchSync(b *testing.B, n, days, workers int, latency time.Duration) (*payoutsync.Syncer, *sandbox.Sandbox, *mirror.Mirror) {
	b.Helper()
	box, err := sandbox.New(sandbox.Options{Payouts: n, Days: days, Token: "token", FutureDays: 1})
	if err != nil {
		b.Fatal(err)
	}
	client, err := payapi.New(payapi.Options{
		BaseURL: "http://127.0.0.1:1", Auth: payapi.Bearer("token"), Transport: slowTransport{box.Transport(), latency}, Clock: box.Now,
	})
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "bench.db")
	m, err := mirror.Open(b.Context(), path, mirror.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { m.Close() })
	return payoutsync.New(client, m, payoutsync.Options{Workers: workers, Clock: box.Now, Split: payapi.Split}), box, m
}

// BenchmarkBackfill fetches n payouts into a new mirror. of-ideal is pages x latency / workers by the time it took, for the
// fewest pages that hold the payouts.
func BenchmarkBackfill(b *testing.B) {
	for _, c := range []struct {
		n, days, workers int
		latency          time.Duration
	}{
		{100_000, 60, 4, 0},
		{100_000, 60, 8, 50 * time.Millisecond},
		{100_000, 365, 8, 50 * time.Millisecond},
		{50_000, 60, 8, 400 * time.Millisecond}, // so slow that what is left to gain is the dealing out of windows
		{1_000_000, 365, 4, 0},
	} {
		b.Run(fmt.Sprintf("%d payouts, %d days, %d workers, %s", c.n, c.days, c.workers, c.latency), func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				s, box, _ := benchSync(b, c.n, c.days, c.workers, c.latency)
				b.StartTimer()
				began := time.Now()
				today := payout.MillisOf(box.Now()).Day()
				sum, err := s.Backfill(b.Context(), 1, today-payout.Day(c.days), today-1)
				if err != nil || !sum.Complete {
					b.Fatalf("Backfill: %+v, %v", sum, err)
				}
				took := time.Since(began)
				pages := c.n / payout.MaxLimit
				b.ReportMetric(float64(sum.New)/took.Seconds(), "rows/s")
				b.ReportMetric(float64(sum.Pages), "pages")
				if c.latency > 0 {
					b.ReportMetric(float64(pages)*c.latency.Seconds()/float64(c.workers)/took.Seconds(), "of-ideal")
				}
				b.ReportMetric(float64(peakMemory(b)), "peak-MB")
			}
		})
	}
}

// peakMemory is the most memory that this process has had, sandbox included.
func peakMemory(b *testing.B) int {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+)`).FindSubmatch(text)
	if found == nil {
		b.Fatal("no VmHWM")
	}
	kb, err := strconv.Atoi(string(found[1]))
	if err != nil {
		b.Fatal(err)
	}
	return kb / 1024
}

// BenchmarkNight is a nightly run on mirrors of 100,000 and of a million payouts, 1,370 a day, of which 500 of all ages are in
// flight and 50 of these became final since: what it does is in proportion to what changed, not to what is stored.
func BenchmarkNight(b *testing.B) {
	for _, days := range []int{73, 730} {
		b.Run(fmt.Sprintf("%d payouts", days*1370), func(b *testing.B) {
			w := newNightWorld(b, days, 1370, 500)
			b.ResetTimer()
			for i := range b.N {
				b.StopTimer()
				w.dawn(50)
				b.StartTimer()
				sum, err := w.syncer.Nightly(b.Context(), int64(i+3))
				if err != nil || !sum.Complete {
					b.Fatalf("Nightly: %+v, %v; want complete", sum, err)
				}
				b.ReportMetric(float64(sum.Requests), "requests")
				b.ReportMetric(float64(sum.Swept), "swept")
				b.ReportMetric(float64(sum.Rows), "rows")
			}
		})
	}
}
