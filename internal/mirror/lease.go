package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"payrecon/internal/payout"
)

// Lease is the right to write to one database. It is a lock of the operating system on <database>.lock, so a process
// that dies leaves nothing behind; the database itself is never locked for longer than a transaction. The file holds
// one line that says who has the lease, with which process, since when.
//
// A command that waits for the lease holds a shared lock on <database>.lock.wait meanwhile. So a long backfill can see
// that somebody waits (Wanted), and step aside between two pages (GiveWay).
type Lease struct {
	path   string
	who    string
	lock   *flock.Flock
	wanted *flock.Flock
}

// holder is what the lock file says.
type holder struct {
	Who   string        `json:"who"`
	PID   int           `json:"pid"`
	Since payout.Millis `json:"since"`
}

// leasePoll is how often a waiting command tries again.
const leasePoll = 50 * time.Millisecond

// Acquire takes the lease of the database at path for the command who. When somebody else has it, it waits for up to
// wait; then the error is payout.KindBusy and says who, with which process, since when. A cancelled ctx is
// payout.KindInterrupted.
func Acquire(ctx context.Context, path, who string, wait time.Duration) (*Lease, error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // a database has one lease, under whatever name it is opened
	}
	l := &Lease{
		path:   path,
		who:    who,
		lock:   flock.New(path+".lock", flock.SetPermissions(0o600)),
		wanted: flock.New(path+".lock.wait", flock.SetPermissions(0o600)),
	}
	got, err := l.lock.TryLock()
	if err != nil {
		return nil, payout.Errorf(payout.KindInput, "lock %s.lock: %w: can this folder be written to?", path, err)
	}
	if !got && wait > 0 {
		got, err = l.queue(ctx, wait)
	}
	if err != nil {
		return nil, err
	}
	if !got {
		return nil, l.busy()
	}
	return l, l.sign()
}

// queue waits for the lease, visibly.
func (l *Lease) queue(ctx context.Context, wait time.Duration) (bool, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, wait, errWaitedLong)
	defer cancel()
	if _, err := l.wanted.TryRLockContext(ctx, leasePoll); err != nil {
		return false, l.gaveUp(ctx, err)
	}
	defer l.wanted.Unlock()
	got, err := l.lock.TryLockContext(ctx, leasePoll)
	if err != nil {
		return false, l.gaveUp(ctx, err)
	}
	return got, nil
}

var errWaitedLong = errors.New("waited long enough")

// gaveUp tells the end of the wait from an interruption, and both from a file that cannot be locked.
func (l *Lease) gaveUp(ctx context.Context, err error) error {
	switch {
	case ctx.Err() == nil:
		return payout.Errorf(payout.KindInput, "wait for database %s: %w: can this folder be written to?", l.path, err)
	case errors.Is(context.Cause(ctx), errWaitedLong):
		return nil
	}
	return payout.Errorf(payout.KindInterrupted, "interrupted while waiting for database %s: %w", l.path, context.Cause(ctx))
}

func (l *Lease) busy() error {
	h, err := readHolder(l.path + ".lock")
	if err != nil {
		return payout.Errorf(payout.KindBusy, "another payrecon is writing to %s: try again, or let it wait with --wait 30m", l.path)
	}
	return payout.Errorf(payout.KindBusy, "another payrecon is writing to %s: %s, process %d, since %s: try again, or let it wait with --wait 30m",
		l.path, h.Who, h.PID, h.Since)
}

func readHolder(path string) (h holder, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return h, err
	}
	return h, json.Unmarshal(text, &h)
}

// sign writes who has the lease.
func (l *Lease) sign() error {
	text, err := json.Marshal(holder{l.who, os.Getpid(), payout.MillisOf(time.Now().Truncate(time.Second))})
	if err == nil {
		err = os.WriteFile(l.path+".lock", append(text, '\n'), 0o600)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("lock %s.lock: %w", l.path, err), l.lock.Unlock())
	}
	return nil
}

// Wanted reports whether another command waits for the lease.
func (l *Lease) Wanted() bool {
	got, err := l.wanted.TryLock()
	if err != nil {
		return false
	}
	if got {
		l.wanted.Unlock()
	}
	return !got
}

// GiveWay lets those who wait for the lease go first: it releases the lease when somebody waits, and returns when it has
// it again. Nobody may be writing meanwhile. It returns at once when nobody waits.
func (l *Lease) GiveWay(ctx context.Context) error {
	if !l.Wanted() {
		return nil
	}
	if err := l.lock.Unlock(); err != nil {
		return fmt.Errorf("lock %s.lock: %w", l.path, err)
	}
	for {
		select {
		case <-ctx.Done():
			return payout.Errorf(payout.KindInterrupted, "interrupted while another command writes to %s: %w", l.path, context.Cause(ctx))
		case <-time.After(2 * leasePoll):
		}
		if l.Wanted() {
			continue
		}
		got, err := l.lock.TryLock()
		if err != nil {
			return fmt.Errorf("lock %s.lock: %w", l.path, err)
		}
		if got {
			return l.sign()
		}
	}
}

// Release gives the lease back.
func (l *Lease) Release() error {
	return errors.Join(l.lock.Unlock(), l.wanted.Close())
}
