package sandbox

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkPages measures full pages out of a million payouts, one after the other. Goal: over 200 a second.
func BenchmarkPages(b *testing.B) {
	s := newSandbox(b, Options{Payouts: 1_000_000})
	q, err := s.readQuery("limit=200")
	if err != nil {
		b.Fatal(err)
	}
	now := millis(s.Now())
	buffer := make([]byte, 0, 1<<20)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		from := mark{created: s.store.rows[i*200%900_000].created, set: true}
		buffer = buffer[:0]
		for _, num := range s.cut(q, from, now).nums {
			buffer = s.appendPayout(buffer, num, now)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pages/s")
}

// BenchmarkHTTP measures the same through a socket.
func BenchmarkHTTP(b *testing.B) {
	s := newSandbox(b, Options{Payouts: 100_000})
	server := httptest.NewServer(s)
	defer server.Close()
	b.ReportAllocs()
	for b.Loop() {
		r, _ := http.NewRequest("GET", server.URL+"/payouts?limit=200", nil)
		r.Header.Set("Authorization", "Bearer "+DemoToken)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pages/s")
}

// BenchmarkSweep measures the list of what is not final, out of a million payouts.
func BenchmarkSweep(b *testing.B) {
	s := newSandbox(b, Options{Payouts: 1_000_000})
	q, err := s.readQuery("limit=200&invertStatuses=true&statuses=INITIATION_COMPLETED&statuses=INITIATION_REJECTED&statuses=INITIATION_FAILED")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s.cut(q, mark{}, millis(s.Now()))
	}
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		newSandbox(b, Options{Payouts: 1_000_000})
	}
}

func BenchmarkLedger(b *testing.B) {
	s := newSandbox(b, Options{Payouts: 1_000_000})
	for b.Loop() {
		if err := s.WriteLedger(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
