package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
)

// planJSON is the answer of backfill --dry-run --json.
type planJSON struct {
	payoutsync.Plan
	Rows    *int   `json:"rows"`    // null: nothing is known of this API's payouts yet
	Seconds int64  `json:"seconds"` // how long the requests take, about
	Pace    string `json:"pace"`    // what that rests on
}

// planBackfill says what a backfill would do.
func (a *app) planBackfill(ctx context.Context, p payout.Period) error {
	cfg, err := a.configuration()
	if err != nil {
		return err
	}
	return a.readOrEmpty(ctx, func(m *mirror.Mirror) error {
		s := &session{app: a, cfg: cfg, m: m}
		plan, err := s.syncer(nil, nil).Plan(ctx, p.From, p.To)
		if err != nil {
			return err
		}
		took, pace, err := s.timeFor(ctx, plan.Requests)
		if err != nil {
			return err
		}
		doc := planJSON{Plan: plan, Seconds: int64(took / time.Second), Pace: pace}
		payouts, requests, about := "an unknown number of payouts", "at least ", "at least"
		if plan.Known {
			doc.Rows, payouts, requests, about = &plan.Rows, "about "+plural(int64(plan.Rows), "payout"), "", "about"
		}
		if a.asJSON {
			return a.printJSON(doc)
		}
		fmt.Fprintf(a.stdout, "%s: %s to read in about %s, %s and %s%s (%s).\n",
			plan.Period, plural(int64(plan.Days), "day"), plural(int64(plan.Windows), "window"), payouts, requests, plural(int64(plan.Requests), "request"), plan.Basis)
		if plan.Requests > 0 {
			fmt.Fprintf(a.stdout, "That takes %s %s: %s.\n", about, took, pace)
		}
		return nil
	})
}

const (
	assumedRequest = 500 * time.Millisecond // of an API that has not been timed yet
	timedRequests  = 20                     // fewer say little about how long one takes
	timedRuns      = 200                    // among how many of the latest runs one to go by is sought
)

// timeFor estimates how long requests take, to the second: as long each as in the last sync or backfill on record, or as is
// assumed; and never less than the rate limit allows.
func (s *session) timeFor(ctx context.Context, requests int) (took time.Duration, pace string, err error) {
	each, pace, err := s.timed(ctx)
	if err != nil {
		return 0, "", err
	}
	if each == 0 {
		each = assumedRequest / time.Duration(s.cfg.Sync.Workers)
		pace = fmt.Sprintf("assuming %s a request and %s", assumedRequest, plural(int64(s.cfg.Sync.Workers), "worker"))
	}
	took = each * time.Duration(requests)
	if r := s.cfg.API.RateLimit; r.per > 0 {
		if least := r.per * time.Duration(requests) / time.Duration(r.count); least > took {
			limit, _ := r.MarshalText()
			took, pace = least, fmt.Sprintf("at %s (api.rate_limit)", limit)
		}
	}
	return (took + time.Second - 1).Truncate(time.Second), pace, nil
}

// timed returns how long a request took in the last sync or backfill on record that sent some number of them, its workers
// side by side; 0 when there is none.
func (s *session) timed(ctx context.Context) (each time.Duration, pace string, err error) {
	runs, err := s.m.Runs(ctx, timedRuns)
	if err != nil {
		return 0, "", err
	}
	for _, r := range runs {
		if r.Ended == 0 || r.Command != "sync" && r.Command != "backfill" {
			continue
		}
		sum, err := s.m.SyncOf(ctx, r.ID)
		if err != nil {
			return 0, "", err
		}
		if sum != nil && sum.Requests >= timedRequests {
			each = r.Ended.Time().Sub(r.Started.Time()) / time.Duration(sum.Requests)
			return each, fmt.Sprintf("as run %d, %s, took for %d requests", r.ID, r.Command, sum.Requests), nil
		}
	}
	return 0, "", nil
}

// readOrEmpty is read, but a mirror that does not exist yet is an empty one: a plan is most wanted before the first sync.
func (a *app) readOrEmpty(ctx context.Context, look func(m *mirror.Mirror) error) error {
	cfg, err := a.configuration()
	if err != nil {
		return err
	}
	if !cfg.noMirrorYet() {
		return a.read(ctx, look)
	}
	dir, err := os.MkdirTemp("", "payrecon-plan-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	m, err := mirror.Open(ctx, filepath.Join(dir, "empty.db"), mirror.Options{Clock: a.clock, Logger: a.log})
	if err != nil {
		return err
	}
	return errors.Join(look(m), m.Close())
}
