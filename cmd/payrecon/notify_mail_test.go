package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"payrecon/internal/payout"
)

// postOffice is a mail server: as much of SMTP as a client needs, with STARTTLS when it has a certificate.
type postOffice struct {
	net.Listener
	tls    *tls.Config
	refuse string // answer to the recipient, instead of 250

	mu       sync.Mutex
	mails    []string // as they came over the wire
	verbs    []string
	starttls bool // the last mail came encrypted
}

func newPostOffice(t *testing.T, config *tls.Config) *postOffice {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &postOffice{Listener: l, tls: config}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(conn)
		}
	}()
	return p
}

func (p *postOffice) serve(conn net.Conn) {
	defer func() { conn.Close() }()
	r, encrypted := bufio.NewReader(conn), false
	say := func(format string, args ...any) { fmt.Fprintf(conn, format+"\r\n", args...) }
	say("220 mail.example.com")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		verb := strings.ToUpper(strings.Fields(line + " x")[0])
		p.mu.Lock()
		p.verbs = append(p.verbs, verb)
		p.mu.Unlock()
		switch verb {
		case "EHLO":
			say("250-mail.example.com")
			if p.tls != nil && !encrypted {
				say("250-STARTTLS")
			}
			say("250 AUTH PLAIN LOGIN")
		case "STARTTLS":
			say("220 go on")
			secure := tls.Server(conn, p.tls)
			conn, r, encrypted = secure, bufio.NewReader(secure), true
		case "AUTH":
			want := base64.StdEncoding.EncodeToString([]byte("\x00payrecon\x00hush"))
			if !strings.Contains(line, want) {
				say("535 no: %s", strings.TrimSpace(line))
				continue
			}
			say("235 yes")
		case "RCPT":
			if p.refuse != "" {
				say("%s", p.refuse)
				continue
			}
			say("250 ok")
		case "DATA":
			say("354 go on")
			var text strings.Builder
			for {
				line, err := r.ReadString('\n')
				if err != nil || line == ".\r\n" {
					break
				}
				text.WriteString(strings.TrimPrefix(line, "."))
			}
			p.mu.Lock()
			p.mails, p.starttls = append(p.mails, text.String()), encrypted
			p.mu.Unlock()
			say("250 thanks")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// at sends a notifier's mail to this post office, whatever the host's name.
func (p *postOffice) at(n *notifier) {
	n.dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, p.Addr().String())
	}
}

// testCertificate is one for example.com, and what trusts it.
func testCertificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates}, &tls.Config{RootCAs: roots, ServerName: "example.com"}
}

func writeTestWorkbook(t *testing.T) (path string, content []byte) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, _ := z.Create("xl/workbook.xml")
	fmt.Fprint(f, "<workbook/>")
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "payrecon-2026-01.xlsx")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, b.Bytes()
}

// parts reads a received mail: its text and its attachments by name.
func parts(t *testing.T, raw string) (header mail.Header, text string, files map[string][]byte) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	files = map[string][]byte{}
	if !strings.HasPrefix(kind, "multipart/") {
		body, _ := io.ReadAll(m.Body)
		return m.Header, string(body), files
	}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextPart() // undoes quoted-printable
		if err == io.EOF {
			return m.Header, text, files
		}
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(p)
		if p.FileName() == "" {
			text = string(body)
			continue
		}
		files[p.FileName()], err = base64.StdEncoding.DecodeString(strings.ReplaceAll(string(body), "\r\n", ""))
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestMailBringsTheWorkbook(t *testing.T) {
	server, client := testCertificate(t)
	p := newPostOffice(t, server)
	n := testNotifier(t, nil, "MAIL", "1", "PW", "hush")
	n.cfg.Notify.Email.Username, n.cfg.Notify.Email.Password = "payrecon", "env:PW"
	n.tls = client
	p.at(n)
	path, content := writeTestWorkbook(t)
	rec := reconciliationWith(breakItem(1, payout.High, payout.ItemNew), breakItem(2, payout.Critical, payout.ItemNew))
	got := n.tell(t.Context(), jobResult{Job: "nightly", Outcome: "ok", Words: "done", Rec: rec, Workbook: path})
	if len(got.Undelivered) > 0 {
		t.Fatalf("got %+v", got)
	}
	if len(p.mails) != 1 || !p.starttls {
		t.Fatalf("%d mails, encrypted %v", len(p.mails), p.starttls)
	}
	header, text, files := parts(t, p.mails[0])
	if got, want := header.Get("Subject"), "payrecon Example Ltd: 2 new breaks, the worst critical"; got != want {
		t.Errorf("subject %q, want %q", got, want)
	}
	if to := header.Get("To"); !strings.Contains(to, "finance@example.com") || !strings.Contains(to, "ops@example.com") {
		t.Errorf("to %q", to)
	}
	if !strings.Contains(text, "EUR: ledger 1,234,567.89") || strings.Index(text, "#2, critical") > strings.Index(text, "#1, high") {
		t.Errorf("text\n%s", text)
	}
	attached := files["payrecon-2026-01.xlsx"]
	if !bytes.Equal(attached, content) {
		t.Fatalf("the attachment differs from the workbook: %d bytes, want %d; %v", len(attached), len(content), files)
	}
	if z, err := zip.NewReader(bytes.NewReader(attached), int64(len(attached))); err != nil || z.File[0].Name != "xl/workbook.xml" {
		t.Errorf("the attachment cannot be opened: %v", err)
	}
}

func TestMailWithoutEncryptionIsNotSent(t *testing.T) {
	p := newPostOffice(t, nil)
	n := testNotifier(t, nil, "MAIL", "1", "PW", "hush")
	n.cfg.Notify.Email.Username, n.cfg.Notify.Email.Password = "payrecon", "env:PW"
	p.at(n)
	got := n.tell(t.Context(), jobResult{Job: "nightly", Outcome: "failed", Words: "disk full"})
	if len(got.Undelivered) != 1 || !strings.Contains(got.Undelivered[0], "STARTTLS") {
		t.Errorf("got %+v", got)
	}
	for _, verb := range p.verbs {
		if verb == "AUTH" || verb == "MAIL" || verb == "DATA" {
			t.Errorf("%s was sent in the clear", verb)
		}
	}
}

func TestMailWithAnUntrustedCertificateIsNotSent(t *testing.T) {
	server, _ := testCertificate(t)
	p := newPostOffice(t, server)
	n := testNotifier(t, nil, "MAIL", "1")
	p.at(n)
	got := n.tell(t.Context(), jobResult{Job: "nightly", Outcome: "failed", Words: "disk full"})
	if len(got.Undelivered) != 1 || len(p.mails) != 0 {
		t.Errorf("got %+v, %d mails", got, len(p.mails))
	}
}

func TestMailToThisMachine(t *testing.T) {
	p := newPostOffice(t, nil)
	n := testNotifier(t, nil, "MAIL", "1")
	n.cfg.Notify.Email.Host = "127.0.0.1"
	n.cfg.Notify.Email.Port = p.Addr().(*net.TCPAddr).Port
	no := false
	n.cfg.Notify.Email.Attach = &no
	path, _ := writeTestWorkbook(t)
	got := n.tell(t.Context(), jobResult{Job: "nightly", Outcome: "failed", Words: "disk full\r\nBcc: x@example.com", Workbook: path})
	if len(got.Undelivered) > 0 || len(p.mails) != 1 {
		t.Fatalf("got %+v", got)
	}
	header, text, files := parts(t, p.mails[0])
	if len(files) != 0 || header.Get("Bcc") != "" || header.Get("Subject") != "payrecon Example Ltd: the job nightly failed" {
		t.Errorf("files %v, header %v", files, header)
	}
	if !strings.Contains(text, "What happened: disk full") || !strings.Contains(text, "What to do:") {
		t.Errorf("text\n%s", text)
	}
}

func TestMailRefusedForGoodIsNotRetried(t *testing.T) {
	for answer, tries := range map[string]int{"550 no such user": 1, "450 try later": notifyTries} {
		p := newPostOffice(t, nil)
		p.refuse = answer
		n := testNotifier(t, nil, "MAIL", "1")
		n.cfg.Notify.Email.Host, n.cfg.Notify.Email.Port = "127.0.0.1", p.Addr().(*net.TCPAddr).Port
		got := n.tell(t.Context(), jobResult{Job: "nightly", Outcome: "failed", Words: "disk full"})
		conversations := strings.Count(strings.Join(p.verbs, " "), "EHLO")
		if len(got.Undelivered) != 1 || conversations != tries {
			t.Errorf("%s: %d tries, want %d; %+v", answer, conversations, tries, got)
		}
	}
}
