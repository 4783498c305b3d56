package main

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"os"
	"strings"

	"payrecon/internal/payout"
)

// readPublicKeys reads the sandbox's --public-key flags, each ID=FILE with a PEM public key.
func readPublicKeys(flags []string) (map[string]crypto.PublicKey, error) {
	keys := map[string]crypto.PublicKey{}
	for _, flag := range flags {
		id, path, ok := strings.Cut(flag, "=")
		if !ok || id == "" || path == "" {
			return nil, payout.Errorf(payout.KindInput, "--public-key %q: want ID=FILE", flag)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, payout.Errorf(payout.KindInput, "--public-key: %w", err)
		}
		block, _ := pem.Decode(text)
		if block == nil {
			return nil, payout.Errorf(payout.KindInput, "--public-key %s: the file holds no PEM block", path)
		}
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, payout.Errorf(payout.KindInput, "--public-key %s: %w", path, err)
		}
		keys[id] = key
	}
	return keys, nil
}
