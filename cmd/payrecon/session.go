package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
	"payrecon/sync/payapi"
)

// session is what a writing command works in: the lease, the mirror, the run it is recorded as.
type session struct {
	*app
	cfg   *config
	lease *mirror.Lease
	m     *mirror.Mirror
	run   payout.Run
	lost  error // why the lease was not got back after giving way; nil = it is held
}

// waitFlag adds --wait to a writing command.
func waitFlag(cmd *cobra.Command, wait *time.Duration) {
	cmd.Flags().TextVar((*duration)(wait), "wait", duration(0), "how long to wait while another run holds the lease, such as 30m or 1d; 0s: end at once with 6")
}

// write takes the lease, opens the mirror, records a run, works, and records how it ended.
func (a *app) write(ctx context.Context, command string, wait time.Duration, work func(ctx context.Context, s *session) error) (err error) {
	cfg, err := a.configuration()
	if err != nil {
		return err
	}
	defer a.leaveMetrics(context.WithoutCancel(ctx)) // last of all: the run is on record and the lease is free
	whole := ctx
	if a.deadline > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, a.deadline)
		defer stop()
	}
	defer func() { err = outOfTime(whole, ctx, err) }()
	lease, err := mirror.Acquire(ctx, cfg.Database, "payrecon "+command, wait)
	if err != nil {
		return err
	}
	s := &session{app: a, cfg: cfg, lease: lease}
	defer func() { err = errors.Join(err, s.lease.Release()) }()
	m, err := mirror.Open(ctx, cfg.Database, mirror.Options{Clock: a.clock, Logger: a.log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	s.m, s.run = m, payout.Run{
		Command: command, Version: versionText(), Config: cfg.effective(), Started: payout.MillisOf(a.clock()), Exit: -1,
	}
	if s.run.ID, err = m.BeginRun(ctx, s.run); err != nil {
		return err
	}
	a.recorded = s.run.ID
	a.log = a.log.With("run", s.run.ID)
	err = outOfTime(whole, ctx, work(ctx, s))
	s.run.Ended, s.run.Exit, s.run.Words = payout.MillisOf(a.clock()), exitCode(err), "done"
	if err != nil {
		s.run.Words = err.Error()
	}
	if !s.mayWrite(ctx, "how this run ended") {
		return err
	}
	if ended := m.EndRun(context.WithoutCancel(ctx), s.run); ended != nil && err == nil {
		return ended
	}
	return err
}

// read opens the mirror for a command that only looks: no lease, no migration.
func (a *app) read(ctx context.Context, look func(m *mirror.Mirror) error) (err error) {
	cfg, err := a.configuration()
	if err != nil {
		return err
	}
	m, err := mirror.OpenReadOnly(ctx, cfg.Database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	return look(m)
}

// noMirrorYet reports whether the configured database has not been made yet.
func (c *config) noMirrorYet() bool {
	_, err := os.Stat(c.Database)
	return errors.Is(err, fs.ErrNotExist)
}

// client builds the API client that the configuration describes.
func (a *app) client() (*payapi.Client, error) {
	cfg, err := a.configuration()
	if err != nil {
		return nil, err
	}
	auth, err := cfg.authorizer(a.clock)
	if err != nil {
		return nil, err
	}
	return payapi.New(payapi.Options{
		BaseURL:   cfg.API.BaseURL,
		Auth:      auth,
		RateLimit: cfg.API.RateLimit.perSecond(),
		Timeout:   time.Duration(cfg.API.Timeout),
		Transport: a.transport,
		Clock:     a.clock,
		Logger:    a.log,
		UserAgent: "payrecon/" + versionText(),
	})
}

// authorizer turns the configured way of authorization into the client's.
func (c *config) authorizer(clock func() time.Time) (payapi.Authorizer, error) {
	auth := c.API.Auth
	switch {
	case auth.Token != "":
		token, err := c.secretLine("api.auth.token", auth.Token)
		return payapi.Bearer(token), err
	case auth.Basic != "":
		key, err := c.secretLine("api.auth.basic", auth.Basic)
		return payapi.Basic(key), err
	case auth.Key.isSet():
		pem, err := c.secret("api.auth.key.file", auth.Key.File)
		if err != nil {
			return nil, err
		}
		return payapi.NewSigner(payapi.SignerOptions{
			MemberID: auth.Key.MemberID, KeyID: auth.Key.KeyID, PEM: []byte(pem), Algorithm: auth.Key.Algorithm,
			Exp: auth.Key.Exp, Host: auth.Key.Host, Clock: clock,
		})
	}
	return nil, payout.Errorf(payout.KindInput,
		"no authorization for %s: set %s (or %s), or api.auth in payrecon.yaml; `payrecon demo` and `payrecon sandbox` need none", c.API.BaseURL, envToken, envBasic)
}

// syncer joins client and mirror.
func (s *session) syncer(client payoutsync.API, progress func(payoutsync.Progress)) *payoutsync.Syncer {
	start := s.cfg.Sync.Start
	if start == payout.NoDay {
		start = 0 // the syncer's own default
	}
	return payoutsync.New(client, s.m, payoutsync.Options{
		OnBehalfOf:   s.cfg.API.OnBehalfOf,
		LookbackDays: int(s.cfg.Sync.Lookback),
		Workers:      s.cfg.Sync.Workers,
		Settle:       time.Duration(s.cfg.Sync.Settle),
		StartDay:     start,
		Clock:        s.clock,
		Logger:       s.log,
		Split:        payapi.Split,
		Progress:     progress,
		Yield:        s.giveWay,
	})
}

// giveWay lets a waiting command go first, between two pages of a backfill. An error says that the lease is gone.
func (s *session) giveWay(ctx context.Context) error {
	if s.lost != nil || s.lease == nil || !s.lease.Wanted() {
		return s.lost
	}
	s.log.Info("giving way to a command that waits")
	s.lost = s.lease.GiveWay(ctx)
	return s.lost
}

// mayWrite reports whether what is left to be kept of a run may be written. The lease of a backfill that ended while it gave
// way is taken again for that, unless the other command still has it: nothing is written beside that one.
func (s *session) mayWrite(ctx context.Context, what string) bool {
	if s.lost == nil {
		return true
	}
	err := s.lease.Release()
	if err == nil {
		var again *mirror.Lease
		if again, err = mirror.Acquire(context.WithoutCancel(ctx), s.cfg.Database, "payrecon "+s.run.Command, 0); err == nil {
			s.lease, s.lost = again, nil
			return true
		}
	}
	s.log.Warn(what+" is not kept: the lease was lost while giving way", "why", err.Error())
	return false
}

// connect builds the client and binds the mirror to its API: a mirror holds the payouts of one API only.
func (s *session) connect(ctx context.Context) (*payapi.Client, error) {
	client, err := s.client()
	if err != nil {
		return nil, err
	}
	return client, s.m.Bind(ctx, s.cfg.API.BaseURL)
}

// incomplete is the end of a command whose source has gaps on ended days.
func incomplete(gaps []payout.Day) error {
	if len(gaps) == 0 {
		return nil
	}
	return &outcomeError{exitIncomplete, fmt.Errorf(
		"the source is incomplete on %s: run `payrecon sync` again, for days before the nightly runs `payrecon backfill --from %s --to %s`; `payrecon status` shows the days",
		daysInWords(gaps), gaps[0], gaps[len(gaps)-1])}
}

// daysInWords is payout.DaysInWords with their number.
func daysInWords(days []payout.Day) string {
	if len(days) < 2 {
		return payout.DaysInWords(days)
	}
	return fmt.Sprintf("%s (%d days)", payout.DaysInWords(days), len(days))
}

// needSaved refuses a ledger that is not a file on disk: it is read more than once, to keep a copy of it.
func needSaved(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return payout.Errorf(payout.KindInput, "ledger %s: %w", path, err)
	}
	what := "is no regular file"
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode&fs.ModeNamedPipe != 0:
		what = "is a pipe, not a file"
	case mode&fs.ModeDevice != 0:
		what = "is a device, not a file"
	}
	return payout.Errorf(payout.KindInput, "ledger %s: %s, and cannot be read twice: save it first, and name the file", path, what)
}

// needFile refuses a path that is not a readable file, before any work is done.
func needFile(what, path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return payout.Errorf(payout.KindInput, "%s %s: there is no such file", what, path)
	case err != nil:
		return payout.Errorf(payout.KindInput, "%s %s: %w", what, path, err)
	case info.IsDir():
		return payout.Errorf(payout.KindInput, "%s %s: is a directory, not a file", what, path)
	}
	return nil
}
