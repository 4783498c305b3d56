package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"payrecon/internal/payout"
)

// secretRef says where a secret lies: env:NAME (environment variable), file:PATH (a file that nobody else may read) or
// cred:NAME (a systemd credential, $CREDENTIALS_DIRECTORY/NAME). The configuration holds references only, so it can be
// shown, hashed and stored with every run.
type secretRef string

// maxSecret bounds what is read for a secret, in bytes: the largest PEM keys are a tenth of it.
const maxSecret = 64 << 10

// UnmarshalText refuses a secret that stands in the file itself, without repeating it.
func (r *secretRef) UnmarshalText(text []byte) error {
	kind, rest, _ := strings.Cut(string(text), ":")
	known := kind == "env" || kind == "file" || kind == "cred"
	if !known || rest == "" {
		return fmt.Errorf("want a reference to the secret, not the secret itself: env:NAME, file:PATH or cred:NAME (what stands here is not shown)")
	}
	if kind == "cred" && rest != filepath.Base(rest) {
		return fmt.Errorf("cred:%s: want the name of a systemd credential, without a path", rest)
	}
	*r = secretRef(text)
	return nil
}

// secret reads the secret that key refers to. Its errors name key, reference and what to do, never the value.
func (c *config) secret(key string, ref secretRef) (string, error) {
	kind, name, _ := strings.Cut(string(ref), ":")
	var value string
	var err error
	switch kind {
	case "env":
		if value = c.getenv(name); value == "" {
			err = fmt.Errorf("the environment variable is empty or not set")
		}
	case "file":
		value, err = readSecretFile(name, true)
	case "cred":
		folder := c.getenv("CREDENTIALS_DIRECTORY")
		if folder == "" {
			err = fmt.Errorf("systemd passed no credentials: add LoadCredential=%s:PATH to the unit", name)
			break
		}
		value, err = readSecretFile(filepath.Join(folder, name), false)
	default:
		err = fmt.Errorf("no secret is configured")
	}
	if err != nil {
		return "", payout.Errorf(payout.KindInput, "%s (%s): %w", c.place(key), ref, err)
	}
	return value, nil
}

// secretLine is secret for values that must be one line without spaces, such as tokens and URLs.
func (c *config) secretLine(key string, ref secretRef) (string, error) {
	value, err := c.secret(key, ref)
	if err != nil {
		return "", err
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return "", payout.Errorf(payout.KindInput, "%s (%s): the value holds spaces or line breaks: want one word", c.place(key), ref)
	}
	return value, nil
}

// readSecretFile reads a secret without its last line break. private refuses a file that group or others may read;
// systemd looks after its credentials itself, with access lists that show as group bits.
func readSecretFile(path string, private bool) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is not a regular file", path)
	case private && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return "", fmt.Errorf("%s may be read by others than its owner (mode %04o): chmod 600 it", path, info.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	switch {
	case err != nil:
		return "", err
	case len(text) > maxSecret:
		return "", fmt.Errorf("%s is larger than any secret (%d bytes at most)", path, maxSecret)
	}
	value := strings.TrimRight(string(text), "\r\n")
	if strings.TrimSpace(value) == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return value, nil
}
