package main

import (
	"archive/zip"
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"payrecon/internal/sandbox"
)

// TestSecretsStaySecret runs commands, and their failures, with marked secrets, and searches everything they print and
// write for the marks.
func TestSecretsStaySecret(t *testing.T) {
	const mark = "marked-7f3a91"
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	keyText := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	keyBody := strings.Split(keyText, "\n")[1]
	s := newSite(t, sandbox.Options{Payouts: 200, Token: mark + "-token", Basic: mark + "-basic", Keys: map[string]crypto.PublicKey{"k1": public}})
	ledger, err := os.Create(s.path("ledger.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.box.WriteLedger(ledger); err != nil {
		t.Fatal(err)
	}
	ledger.Close()
	s.write("signing.pem", keyText)
	if err := os.Chmod(s.path("signing.pem"), 0o600); err != nil {
		t.Fatal(err)
	}
	ways := map[string]map[string]string{
		"token": {envToken: mark + "-token"},
		"wrong": {envToken: mark + "-wrong"},
		"basic": {envBasic: mark + "-basic"},
		"key":   {},
		"none":  {envToken: ""},
	}
	commands := [][]string{
		{"sync"},
		{"sync", "--from", "2026-03-20", "--to", "2026-03-22"},
		{"sync", "verify", "--from", "2026-03-20", "--to", "2026-03-22"},
		{"backfill", "--from", "2026-02-20", "--to", "2026-02-22"},
		{"backfill", "--from", "2026-02-20", "--to", "2026-02-22", "--dry-run"},
		{"run", "--ledger", s.path("ledger.csv"), "--out", s.path("book.xlsx")},
		{"reconcile", "--ledger", s.path("ledger.csv"), "--json"},
		{"report", "--out", s.path("report.xlsx")},
		{"report", "--format", "csv", "--out", s.path("csv")},
		{"status", "--json"},
		{"doctor"},
		{"doctor", "--json"},
		{"payouts", "list", "--json"},
		{"payouts", "get", "po:none"},
		{"payouts", "initiate", "--ref-id", "X"},
		{"breaks", "list"},
		{"schedule", "list"},
		{"ledger", "check", s.path("ledger.csv")},
		{"backup", s.path("copy.db")},
	}
	searched := 0
	search := func(where string, content []byte) {
		searched++
		for _, secret := range []string{mark, keyBody} {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("%s holds a secret", where)
			}
		}
	}
	for _, way := range sortedKeys(ways) {
		env := ways[way]
		env[envURL] = s.url
		config := "api: {rate_limit: none"
		if way == "key" {
			config += ", auth: {key: {member_id: '" + s.box.Options().MemberID + "', key_id: k1, file: 'file:" + s.path("signing.pem") + "'}}"
		}
		s.write("payrecon.yaml", config+"}\n")
		for _, args := range commands {
			var out bytes.Buffer
			args = append(args, "-v", "--config", s.path("payrecon.yaml"), "--db", s.path("payrecon.db"))
			code := run(t.Context(), args, func(k string) string { return env[k] }, &out, &out, func() time.Time { return s.now })
			if way == "key" && args[0] == "sync" && code != exitDone {
				t.Errorf("signed %s: exit %d\n%s", strings.Join(args[:2], " "), code, out.String())
			}
			search(way+": "+strings.Join(args, " "), out.Bytes())
		}
	}
	err = filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "signing.pem" {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		search(path, content)
		if strings.HasSuffix(path, ".xlsx") {
			searchWorkbook(t, path, search)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if searched < 5*len(commands)+10 {
		t.Errorf("searched %d outputs and files only", searched)
	}
}

func searchWorkbook(t *testing.T, path string, search func(string, []byte)) {
	t.Helper()
	book, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	for _, part := range book.File {
		r, err := part.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		search(path+"/"+part.Name, content)
	}
}
