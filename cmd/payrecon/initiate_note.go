package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"payrecon/internal/payout"
	"payrecon/report"
	"payrecon/sync/payapi"
)

// sentNote is on the disk before a payout is sent, and goes when its fate is known. While it stands, its reference is not
// sent again: a payout that was taken may be missing from the API's lists for a while, so that a look-up proves nothing.
type sentNote struct {
	RefID      string    `json:"ref_id"`
	Amount     string    `json:"amount"`
	Currency   string    `json:"currency"`
	Account    string    `json:"account"` // the payee's, masked
	OnBehalfOf string    `json:"on_behalf_of"`
	BaseURL    string    `json:"base_url"`
	Sent       time.Time `json:"sent"`

	path string
}

// newNote returns the note for a request, not yet written. References that the API may take for the same share a file,
// whose name holds nothing of them: references are data, and data chooses no path.
func newNote(database, baseURL string, in *payapi.Initiation) *sentNote {
	key := sha256.Sum256([]byte(strings.ToLower(strings.TrimSpace(in.RefID))))
	return &sentNote{
		RefID: in.RefID, Amount: in.Amount, Currency: in.Currency, Account: payout.MaskAccount(in.Creditor.Account()),
		OnBehalfOf: in.OnBehalfOf, BaseURL: baseURL, path: fmt.Sprintf("%s.initiate.%x.json", database, key[:8]),
	}
}

// write puts the note on the disk, and its name too: after a power cut it is there if the request was sent.
func (n *sentNote) write(now time.Time) error {
	n.Sent = now.UTC().Truncate(time.Second)
	text, err := json.MarshalIndent(n, "", "  ")
	if err == nil {
		err = report.WriteWhole(n.path, filepath.Dir(n.path), func(w io.Writer) error {
			_, err := w.Write(append(text, '\n'))
			return err
		})
	}
	if err != nil {
		return payout.Errorf(payout.KindFailed, "nothing was sent: the note that has to be on the disk before could not be written: %w", err)
	}
	if folder, err := os.Open(filepath.Dir(n.path)); err == nil {
		_ = folder.Sync() // not every system can
		_ = folder.Close()
	}
	return nil
}

// standing returns the note of an earlier request with the same reference, nil when there is none.
func (n *sentNote) standing() (*sentNote, error) {
	text, err := os.ReadFile(n.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	old := &sentNote{path: n.path}
	if err == nil {
		err = json.Unmarshal(text, old)
	}
	if err == nil && (old.RefID == "" || old.Sent.IsZero()) {
		err = errors.New("it does not say what was sent, and when")
	}
	if err != nil {
		return nil, payout.Errorf(payout.KindInput, "nothing was sent: the note %s says that reference %q was sent before, but cannot be read (%w): whether it was paid is not known. "+
			"Clear that up with the provider, then remove the file", n.path, n.RefID, err)
	}
	return old, nil
}

// refusal says why nothing is sent while the note stands.
func (n *sentNote) refusal() error {
	whom := ""
	if n.OnBehalfOf != "" {
		whom = " on behalf of " + n.OnBehalfOf
	}
	return payout.Errorf(payout.KindInput, "nothing was sent: reference %q was sent already, at %s (%s %s to %s%s, at %s), and its fate is unknown: the API does not show it, and it may still appear. "+
		"Clear that up with the provider, then remove the note %s", n.RefID, n.Sent.Format(time.RFC3339), n.Amount, n.Currency, n.Account, whom, n.BaseURL, n.path)
}

// answeredBy reports whether a look-up for the request of other is one for n as well.
func (n *sentNote) answeredBy(other *sentNote) bool {
	return n.OnBehalfOf == other.OnBehalfOf && n.BaseURL == other.BaseURL
}

// remove removes the note: the fate of its request is known.
func (n *sentNote) remove() error {
	if err := os.Remove(n.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the note %s has served, and could not be removed: %w", n.path, err)
	}
	return nil
}
