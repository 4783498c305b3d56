//go:build unix

package main

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"payrecon/internal/sandbox"
)

// TestLedgerFromAPipe: it cannot be read twice, so it is refused before anything is begun; nobody writes into this one. To look
// at what comes out of a pipe once does no harm.
func TestLedgerFromAPipe(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	s.do(exitDone, "sync")
	pipe := s.path("pipe.csv")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink(pipe, s.path("link.csv")); err != nil {
		t.Fatal(err)
	}
	refused := func(what string, args ...string) {
		t.Helper()
		if code, out, words := s.try(args...); code != exitInput || out != "" || !strings.Contains(words, what+", and cannot be read twice: save it first") {
			t.Errorf("%q: exit %d, want %d and %q\n%s%s", args, code, exitInput, what, out, words)
		}
	}
	for _, ledger := range []string{pipe, s.path("link.csv")} {
		refused("is a pipe, not a file", "reconcile", "--ledger", ledger)
		refused("is a pipe, not a file", "reconcile", "--ledger", ledger, "--no-record")
	}
	refused("is a device, not a file", "reconcile", "--ledger", os.DevNull)
	s.write("payrecon.yaml", "api: {rate_limit: none}\nledger: {path: \""+s.path("p*.csv")+"\"}\n")
	refused("is a pipe, not a file", "reconcile")
	if _, out, _ := s.try("doctor"); !strings.Contains(out, "is a pipe, not a file") {
		t.Errorf("doctor says\n%s", out)
	}
	go func() { _ = os.WriteFile(pipe, []byte("ref_id,amount,currency\nA,1.00,EUR\n"), 0o600) }()
	if out := s.do(exitDone, "ledger", "check", pipe); !strings.Contains(out, "1.00") {
		t.Errorf("ledger check says\n%s", out)
	}
}
