package reconcile

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"payrecon/internal/payout"
)

// FindLedger returns the files that pattern, a path or a glob, stands for: the one changed last with take "newest" (or ""),
// all of them in the order of their names with "all". With maxAge above 0 the newest of them must not be older than that.
// Errors are of payout.KindInput: nothing matches, a bad pattern, too old.
func FindLedger(pattern, take string, maxAge time.Duration, now time.Time) ([]string, error) {
	if take != "" && take != "newest" && take != "all" {
		return nil, ledgerBadKey("take", take, "newest or all")
	}
	found, err := ledgerMatches(pattern)
	if err != nil {
		return nil, err
	}
	newest := slices.MaxFunc(found, func(a, b ledgerMatch) int {
		return cmp.Or(a.changed.Compare(b.changed), cmp.Compare(a.path, b.path))
	})
	if maxAge > 0 && newest.changed.Year() <= 1980 { // what file systems and archives say that do not know
		return nil, payout.Errorf(payout.KindInput, "ledger %s bears no time of its last change, which ledger.max_age %s asks for", newest.path, ledgerAge(maxAge))
	}
	if age := now.Sub(newest.changed); maxAge > 0 && age > maxAge {
		return nil, payout.Errorf(payout.KindInput, "ledger %s was last changed %s, %s ago, which is more than ledger.max_age %s: did the export run?",
			newest.path, payout.MillisOf(newest.changed.Truncate(time.Second)), ledgerAge(age), ledgerAge(maxAge))
	}
	if take != "all" {
		return []string{newest.path}, nil
	}
	paths := make([]string, 0, len(found))
	for _, m := range found {
		paths = append(paths, m.path)
	}
	slices.Sort(paths)
	return paths, nil
}

type ledgerMatch struct {
	path    string
	changed time.Time
}

// ledgerMatches lists the files, at least one. A path that exists is taken as it is, also with a bracket in it.
func ledgerMatches(pattern string) ([]ledgerMatch, error) {
	if pattern == "" {
		return nil, payout.Errorf(payout.KindInput, "no ledger file given: set ledger.path or pass --ledger")
	}
	info, err := os.Stat(pattern)
	switch {
	case err == nil && info.IsDir():
		return nil, payout.Errorf(payout.KindInput, "ledger %s is a directory: name a file, or a pattern such as %s", pattern, filepath.Join(pattern, "*.csv"))
	case err == nil:
		return []ledgerMatch{{pattern, info.ModTime()}}, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, payout.Errorf(payout.KindInput, "ledger %s: %w", pattern, err)
	}
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return nil, payout.Errorf(payout.KindInput, "ledger.path %q: %w", pattern, err)
	}
	var found []ledgerMatch
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			found = append(found, ledgerMatch{path, info.ModTime()})
		}
	}
	if len(found) == 0 {
		return nil, payout.Errorf(payout.KindInput, "ledger %s: there is no such file: set ledger.path or pass --ledger", pattern)
	}
	return found, nil
}

// ledgerAge prints a duration as people say it: 36h, 5d, 90m.
func ledgerAge(d time.Duration) string {
	switch {
	case d >= 72*time.Hour:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return d.Round(time.Minute).String()
}

// CompareFiles says what is odd about the files of a run next to those of the last one: the same bytes again, or an older
// file. now and last are Intake.Files of the two runs.
func CompareFiles(now, last []payout.LedgerFile) []string {
	notes := []string{}
	for _, n := range now {
		i := slices.IndexFunc(last, func(l payout.LedgerFile) bool { return l.SHA256 == n.SHA256 })
		if i >= 0 {
			notes = append(notes, fmt.Sprintf("ledger %s is byte for byte the file of the last run (%s): did the export run?", n.Path, last[i].Path))
		}
	}
	if len(now) == 0 || len(last) == 0 || len(notes) == len(now) {
		return notes
	}
	changed := func(a, b payout.LedgerFile) int { return cmp.Compare(a.Modified, b.Modified) }
	n, l := slices.MaxFunc(now, changed), slices.MaxFunc(last, changed)
	if n.Modified < l.Modified {
		notes = append(notes, fmt.Sprintf("ledger %s was last changed %s, before the file of the last run (%s, %s): is it the right one?", n.Path, n.Modified, l.Path, l.Modified))
	}
	return notes
}
