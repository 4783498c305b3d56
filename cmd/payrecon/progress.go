package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// screen is a terminal that lines of words and a bar share. A line takes the place of a bar that stands there; the bar's
// next step, which begins by going back to the start of its line, draws it below.
type screen struct {
	f *os.File

	mu   sync.Mutex
	open bool // what was written last does not end its line: it is a bar
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	if s.open && p[0] != '\r' {
		if _, err := io.WriteString(s.f, "\r\x1b[K"); err != nil {
			return 0, err
		}
	}
	s.open = p[len(p)-1] != '\n'
	return s.f.Write(p)
}

// width returns how many characters fit on a line.
func (s *screen) width() int {
	if width, _, err := term.GetSize(int(s.f.Fd())); err == nil && width > 0 {
		return width
	}
	return 80
}

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

const (
	barWidth  = 20            // of the bar itself, in characters
	barExtent = barWidth + 10 // with its percentage, its frame and the spaces between
)

// newProgress returns a progress for the work named what, or one that shows nothing when the user wants quiet.
func (a *app) newProgress(what string) *progress {
	p := &progress{a: a, what: what, start: time.Now(), last: time.Now()}
	if a.onTerminal() && !a.quiet {
		p.bar = progressbar.NewOptions64(-1,
			progressbar.OptionSetWriter(a.stderr),
			progressbar.OptionSetDescription(what),
			progressbar.OptionSetWidth(barWidth),
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionSetElapsedTime(false),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetVisibility(true),
		)
	}
	return p
}

// show says that done of total units, such as days, are done (total 0: not known), with a few more words.
func (p *progress) show(done, total int, unit string, more ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	words := pieces(done, total, unit, more, now.Sub(p.start))
	if p.bar == nil {
		if now.Sub(p.last) >= logEvery {
			p.last = now
			p.a.log.Info(p.what+": "+strings.Join(words, ", "), "elapsed", now.Sub(p.start).Round(time.Second).String())
		}
		return
	}
	if total > 0 && p.bar.GetMax() != total {
		p.bar.ChangeMax(total)
	}
	if s, ok := p.a.stderr.(*screen); ok {
		words = fitting(words, s.width()-barExtent-len(p.what)-len(": ")-1) // a bar that fills the line wraps, and cannot draw over itself
	}
	p.bar.Describe(p.what + ": " + strings.Join(words, ", "))
	_ = p.bar.Set(done) // a bar that cannot be drawn must not stop the work
}

// pieces are those of "13 of 46 days, 982 payouts, 3s left". How long it takes is said once there is something to judge by.
func pieces(done, total int, unit string, more []string, elapsed time.Duration) (parts []string) {
	if total > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d %s", done, total, unit))
	}
	parts = append(parts, more...)
	if done > 0 && done < total && elapsed >= 2*time.Second {
		if left := (elapsed / time.Duration(done) * time.Duration(total-done)).Round(time.Second); left > 0 {
			parts = append(parts, left.String()+" left")
		}
	}
	return parts
}

// fitting returns as many of the parts, from the first, as take so many characters.
func fitting(parts []string, most int) []string {
	for len(parts) > 0 && utf8.RuneCountInString(strings.Join(parts, ", ")) > most {
		parts = parts[:len(parts)-1]
	}
	return parts
}

// done takes the bar away.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
