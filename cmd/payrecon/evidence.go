package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"github.com/klauspost/compress/gzip"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	"payrecon/reconcile"
)

// replay is what a run needs, beside the mirror with its items and the ledger, to be performed again: everything it was told
// and everything it was answered.
type replay struct {
	Files    []payout.LedgerFile `json:"files"`
	Config   string              `json:"config"` // YAML as effective
	Period   payout.Period       `json:"period"`
	AsOf     payout.Millis       `json:"as_of"`
	Coverage payout.Coverage     `json:"coverage"`
	NextItem int64               `json:"next_item"`
	Answered []string            `json:"answered"` // references that the provider answered
	Offline  bool                `json:"offline"`
}

// keepLedger puts a gzip copy of each ledger file into the evidence folder, named by its content, mode 0600. A copy that
// is there already is left alone.
func keepLedger(dir string, files []payout.LedgerFile) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("evidence folder %s: %w", dir, err)
	}
	for _, f := range files {
		path := evidencePath(dir, f.SHA256)
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if err := copyCompressed(path, f); err != nil {
			return fmt.Errorf("evidence: copy of ledger %s: %w", f.Path, err)
		}
	}
	return nil
}

func evidencePath(dir, sum string) string { return filepath.Join(dir, "ledger-"+sum+".csv.gz") }

// copyCompressed compresses the file that f describes to path, and makes sure that it is still that file.
func copyCompressed(path string, f payout.LedgerFile) error {
	in, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o600))
	if err != nil {
		return err
	}
	defer out.Cleanup()                                  //nolint:errcheck // nothing is left to clean up after CloseAtomicallyReplace
	zip, err := gzip.NewWriterLevel(out, gzip.BestSpeed) // the reports wait for it
	if err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(zip, sum), in); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != f.SHA256 {
		return errors.New("the file changed while it was being reconciled")
	}
	if err := zip.Close(); err != nil {
		return err
	}
	return out.CloseAtomicallyReplace()
}

// restoreLedgers puts the ledger files of a run into dir as they were then, from the evidence folder, or from where they
// lay if they are still there unchanged.
func restoreLedgers(dir, evidence string, files []payout.LedgerFile) ([]string, error) {
	var paths []string
	for i, f := range files {
		path := filepath.Join(dir, fmt.Sprintf("%d-%s", i, filepath.Base(f.Path)))
		if err := restoreLedger(path, evidence, f); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

func restoreLedger(path, evidence string, f payout.LedgerFile) error {
	text, err := readEvidence(evidence, f)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = os.ReadFile(f.Path)
		if errors.Is(err, fs.ErrNotExist) {
			return payout.Errorf(payout.KindInput, "the ledger %s of that run is neither in the evidence folder nor where it lay: it cannot be performed again", f.Path)
		}
	}
	if err != nil {
		return fmt.Errorf("ledger %s: %w", f.Path, err)
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != f.SHA256 {
		return payout.Errorf(payout.KindInput, "the ledger %s is not the one of that run any more (SHA-256 differs): it cannot be performed again", f.Path)
	}
	return os.WriteFile(path, text, 0o600)
}

func readEvidence(dir string, f payout.LedgerFile) ([]byte, error) {
	if dir == "" {
		return nil, fs.ErrNotExist
	}
	text, err := os.ReadFile(evidencePath(dir, f.SHA256))
	if err != nil {
		return nil, err
	}
	zip, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(zip)
}

// replayProvider answers as the provider did then: what was found then lies in the mirror by now.
type replayProvider map[string]bool

func (p replayProvider) AskRefs(_ context.Context, refs []string) payout.RefAnswer {
	answer := payout.RefAnswer{Answered: map[string]bool{}}
	for _, ref := range refs {
		if p[ref] {
			answer.Answered[ref] = true
		}
	}
	if len(answer.Answered) < len(refs) {
		answer.Err = errors.New("not answered when the run was performed first")
	}
	return answer
}

// performAgain derives a recorded run anew from what was known then and compares totals and outcomes. matched, where it
// is not nil, receives the agreed findings.
func (a *app) performAgain(ctx context.Context, m *mirror.Mirror, run int64, matched func(payout.Finding) error) (*payout.Reconciliation, error) {
	then, text, err := m.Reconciliation(ctx, run)
	if err != nil {
		return nil, err
	}
	var r replay
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("run %d: what it needs to be performed again cannot be read: %w", then.Run, err)
	}
	cfg, err := a.configuration()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(cfg.Database), ".payrecon-again-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	files, err := restoreLedgers(dir, cfg.evidenceDir(), r.Files)
	if err != nil {
		return nil, err
	}
	in, err := r.input(then.Run)
	if err != nil {
		return nil, err
	}
	ran, err := m.Run(ctx, then.Run)
	if err != nil {
		return nil, err
	}
	if in.Items, err = m.ItemsBefore(ctx, then.Run); err != nil {
		return nil, err
	}
	in.Clock = ran.Started.Time
	in.Source, in.MaxSeq, in.LedgerFiles, in.SpillDir, in.Matched, in.Logger = m, then.Sequence, files, dir, matched, a.log
	now, err := reconcile.Reconcile(ctx, in)
	if err != nil {
		return nil, err
	}
	for i := range now.Ledger.Files { // it was read from a copy
		now.Ledger.Files[i] = then.Ledger.Files[i]
	}
	now.Lookup = then.Lookup
	return now, sameResult(then, now)
}

// input is what the run was told and answered then.
func (r *replay) input(run int64) (reconcile.Input, error) {
	cfg := defaultConfig()
	if err := decodeConfig(cfg, fmt.Sprintf("the configuration of run %d", run), []byte(r.Config)); err != nil {
		return reconcile.Input{}, err
	}
	options, err := cfg.reconcileOptions(r.Period, r.AsOf.Time())
	if err != nil {
		return reconcile.Input{}, err
	}
	in := reconcile.Input{
		Options: options, Ledger: cfg.ledgerOptions(), Coverage: r.Coverage, NextItem: r.NextItem, Run: run,
	}
	if !r.Offline {
		answered := replayProvider{}
		for _, ref := range r.Answered {
			answered[ref] = true
		}
		in.Provider = answered
	}
	return in, nil
}

// sameResult refuses a run performed again that differs from the stored one.
func sameResult(then, now *payout.Reconciliation) error {
	if now.OutcomeHash != then.OutcomeHash {
		return fmt.Errorf("run %d performed again does not give the stored outcomes (hash %s, stored %s): the mirror or the ledger copy was changed", then.Run, now.OutcomeHash, then.OutcomeHash)
	}
	if len(now.Totals) != len(then.Totals) {
		return fmt.Errorf("run %d performed again gives %d totals, stored %d", then.Run, len(now.Totals), len(then.Totals))
	}
	for i := range now.Totals {
		if now.Totals[i] != then.Totals[i] {
			return fmt.Errorf("run %d performed again gives another total for %s, %s, %s", then.Run, then.Totals[i].Currency, then.Totals[i].Day, then.Totals[i].Outcome)
		}
	}
	return nil
}
