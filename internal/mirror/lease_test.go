package mirror

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"payrecon/internal/payout"
)

func TestLeaseSaysWhoHasIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	l, err := Acquire(t.Context(), path, "backfill", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, wait := range []time.Duration{0, 120 * time.Millisecond} {
		_, err = Acquire(t.Context(), path, "sync", wait)
		if payout.KindOf(err) != payout.KindBusy || !strings.Contains(err.Error(), "backfill") || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
			t.Errorf("wait %s: %v, want busy, with who and the process", wait, err)
		}
	}
	if l.Wanted() {
		t.Error("Wanted() after the other gave up, want false")
	}
	info, err := os.Stat(path + ".lock")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the lock file: %v, %v; want 600", info.Mode(), err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	l, err = Acquire(t.Context(), path, "sync", 0)
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	l.Release()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the lease touched the database: %v", err)
	}
}

// TestQueueThatCannotBeLocked: what keeps a command from waiting is said, and is no interruption.
func TestQueueThatCannotBeLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	first, err := Acquire(t.Context(), path, "first", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Release()
	if err := os.Mkdir(path+".lock.wait", 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Acquire(t.Context(), path, "second", time.Minute); payout.KindOf(err) != payout.KindInput || !strings.Contains(err.Error(), ".lock.wait") {
		t.Errorf("kind %d, %v; want bad input that names the file", payout.KindOf(err), err)
	}
}

// TestOneLeaseUnderAnyName: a link to a database leads to the same lease.
func TestOneLeaseUnderAnyName(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "x.db"), filepath.Join(dir, "link.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Skip(err)
	}
	l, err := Acquire(t.Context(), link, "backfill", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	if _, err := Acquire(t.Context(), path, "sync", 0); payout.KindOf(err) != payout.KindBusy {
		t.Errorf("the database behind the link: %v, want busy", err)
	}
}

func TestWaitEndsWithTheHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	l, err := Acquire(t.Context(), path, "backfill", 0)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(100*time.Millisecond, func() { l.Release() })
	second, err := Acquire(t.Context(), path, "sync", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	second.Release()
}

func TestWaitIsInterrupted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	l, err := Acquire(t.Context(), path, "backfill", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := Acquire(ctx, path, "sync", time.Minute); payout.KindOf(err) != payout.KindInterrupted {
		t.Errorf("Acquire: %v, want interrupted", err)
	}
}

// TestGiveWay lets a waiting command go first, and takes the lease back after it.
func TestGiveWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	l, err := Acquire(t.Context(), path, "backfill", 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.GiveWay(t.Context()); err != nil {
		t.Fatalf("with nobody waiting: %v", err)
	}
	order := make(chan string, 2)
	go func() {
		second, err := Acquire(context.Background(), path, "sync", time.Minute)
		if err != nil {
			order <- err.Error()
			return
		}
		time.Sleep(50 * time.Millisecond)
		order <- "sync"
		second.Release()
	}()
	for !l.Wanted() {
		time.Sleep(5 * time.Millisecond)
	}
	if err := l.GiveWay(t.Context()); err != nil {
		t.Fatal(err)
	}
	order <- "backfill"
	if first := <-order; first != "sync" {
		t.Errorf("first came %q, want sync", first)
	}
	h, err := readHolder(path + ".lock")
	if err != nil || h.Who != "backfill" {
		t.Errorf("the lock file says %+v, %v; want backfill", h, err)
	}
	l.Release()
}
