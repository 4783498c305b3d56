package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far a long piece of work is: on a terminal one bar that draws over itself, elsewhere a log line now
// and then. It writes to stderr only. Its methods may be called from several goroutines.
type progress struct {
	a    *app
	what string

	mu    sync.Mutex
	bar   *progressbar.ProgressBar
	start time.Time
	last  time.Time
}

// logEvery is the pace of log lines away from a terminal: often enough to see that it lives, seldom enough for a log.
const logEvery = 10 * time.Second

// newProgress returns a progress for the work named what, or one that shows nothing when the user wants quiet.
func (a *app) newProgress(what string) *progress {
	p := &progress{a: a, what: what, start: time.Now(), last: time.Now()}
	if a.onTerminal() && !a.quiet {
		p.bar = progressbar.NewOptions64(-1,
			progressbar.OptionSetWriter(a.stderr),
			progressbar.OptionSetDescription(what),
			progressbar.OptionSetWidth(24),
			progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetVisibility(true),
		)
	}
	return p
}

// show says that done of total are done (total 0: not known), with a few words such as the rate.
func (p *progress) show(done, total int, words string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		if total > 0 && p.bar.GetMax() != total {
			p.bar.ChangeMax(total)
		}
		p.bar.Describe(p.what + "  " + words)
		_ = p.bar.Set(done) // a bar that cannot be drawn must not stop the work
		return
	}
	if now := time.Now(); now.Sub(p.last) >= logEvery {
		p.last = now
		of := ""
		if total > 0 {
			of = fmt.Sprintf(" of %d", total)
		}
		p.a.log.Info(fmt.Sprintf("%s: %d%s, %s", p.what, done, of, words), "elapsed", now.Sub(p.start).Round(time.Second).String())
	}
}

// done takes the bar away.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
