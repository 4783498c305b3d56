package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"payrecon/internal/sandbox"
)

// slow is an API that takes payouts, loses the answers, and lists them late. Its lock makes what one request did visible
// to the next and to the test: an answer that is cut off tells nobody.
type slow struct {
	mu     sync.Mutex
	posts  map[string]int // by reference
	listed bool
	status int // of the answer to a POST; 0 = cut off
}

// sent returns how often each reference was sent.
func (f *slow) sent() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.posts)
}

func (f *slow) set(listed bool, status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listed, f.status = listed, status
}

func (f *slow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Method == http.MethodPost {
		var body struct {
			Initiation struct {
				RefID string `json:"refId"`
			} `json:"initiation"`
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		f.posts[body.Initiation.RefID]++
		if f.status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(f.status)
		return
	}
	rows := ""
	if f.listed {
		rows = fmt.Sprintf(`{"id":"po:1","createdDateTime":"2026-03-04T00:00:00Z","status":"INITIATION_PENDING","initiation":{"refId":%q}}`, r.URL.Query().Get("refIds"))
	}
	_, _ = io.WriteString(w, `{"payouts":[`+rows+`]}`)
}

func slowSite(t *testing.T) (*site, *slow) {
	t.Helper()
	s, f := payingSite(t, sandbox.Faults{}), &slow{posts: map[string]int{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s, f
}

// notes returns the notes beside the database.
func (s *site) notes() []string {
	s.t.Helper()
	found, err := filepath.Glob(s.path("payrecon.db.initiate.*.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

// TestInitiateUnknownFateIsNotSentAgain: a payout that the API took and does not list yet is not sent again, however often
// the command is repeated, by whatever writing of its reference, until the API shows it or a person removes the note.
func TestInitiateUnknownFateIsNotSentAgain(t *testing.T) {
	s, api := slowSite(t)
	s.refuses(exitFailed, 0, initiating("INV-1", "--yes"), "it may still appear", "payrecon.db.initiate.")
	notes := s.notes()
	if len(notes) != 1 {
		t.Fatalf("notes %v, want one", notes)
	}
	for _, again := range [][]string{{"INV-1", "--yes"}, {"INV-1"}, {"inv-1", "--yes"}, {"INV-1", "--yes", "--on-behalf-of", "subA"}} {
		s.refuses(exitInput, 0, initiating(again[0], again[1:]...), "nothing was sent", `"INV-1" was sent already, at 20`, "10.23 EUR", "fate is unknown", notes[0], "provider")
	}
	s.refuses(exitFailed, 0, initiating("INV-2", "--yes"), "it may still appear")
	if sent := api.sent(); len(s.notes()) != 2 || len(sent) != 2 || sent["INV-1"] != 1 || sent["INV-2"] != 1 {
		t.Fatalf("notes %v, sent %v; want two, each reference once", s.notes(), sent)
	}

	api.set(true, 0)
	s.refuses(exitInput, 0, initiating("INV-1", "--yes", "--on-behalf-of", "subA"), "already knows") // of another member
	s.refuses(exitInput, 0, initiating("INV-2", "--yes"), "already knows", "po:1")
	if left := s.notes(); len(left) != 1 || left[0] != notes[0] {
		t.Errorf("notes %v, want that of INV-1 alone", left)
	}
	api.set(false, 0)
	if err := os.Remove(notes[0]); err != nil {
		t.Fatal(err)
	}
	s.refuses(exitFailed, 0, initiating("INV-1", "--yes"), "it may still appear")
	if sent := api.sent(); sent["INV-1"] != 2 {
		t.Errorf("sent %v, want INV-1 again after its note was removed", sent)
	}
}

// TestInitiateNote: what it holds, when it goes, and what is done about one that cannot be read or written.
func TestInitiateNote(t *testing.T) {
	s, api := slowSite(t)
	api.set(false, http.StatusBadRequest)
	s.refuses(exitInput, 0, initiating("INV-1", "--yes"), "nothing was paid")
	if left := s.notes(); len(left) != 0 {
		t.Errorf("after a refusal there are notes: %v", left)
	}
	api.set(false, http.StatusServiceUnavailable)
	s.refuses(exitFailed, 0, initiating("INV-1", "--yes"), "it may still appear")
	left := s.notes()
	if len(left) != 1 {
		t.Fatalf("notes %v, want one", left)
	}
	info, err := os.Stat(left[0])
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the note is %v, %v; want mode 0600", info, err)
	}
	text, err := os.ReadFile(left[0])
	if err != nil || strings.Contains(string(text), "370400440532") || strings.Contains(string(text), sandbox.DemoToken) {
		t.Errorf("the note holds %s, %v; want the account masked", text, err)
	}
	for _, broken := range []string{"", "{", "{}", "[]", string(text[:len(text)/2])} {
		if err := os.WriteFile(left[0], []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		s.refuses(exitInput, 0, initiating("INV-1", "--yes"), "nothing was sent", left[0], "cannot be read", "INV-1")
	}
	if sent := api.sent(); sent["INV-1"] != 2 {
		t.Errorf("sent %v, want INV-1 twice: refused, and lost", sent)
	}
	if err := os.Remove(left[0]); err != nil {
		t.Fatal(err)
	}
	made := payingSite(t, sandbox.Faults{})
	made.do(exitDone, initiating("INV-1", "--yes")...)
	if left := made.notes(); len(left) != 0 {
		t.Errorf("after a payout was made there are notes: %v", left)
	}
}
