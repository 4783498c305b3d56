package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/wneessen/go-mail"
)

// maxAttached is the largest workbook that is attached, in bytes: many servers refuse more than 20 or 25 MB, and
// encoding adds a third.
const maxAttached = 12 << 20

const mailTimeout = 30 * time.Second

// sendMail sends the message to everybody in notify.email.to, with the workbook attached.
func (n *notifier) sendMail(ctx context.Context, m message) error {
	e := n.cfg.Notify.Email
	client, err := n.mailClient(e)
	if err != nil {
		return err
	}
	msg := mail.NewMsg()
	if err := errors.Join(msg.From(e.From), msg.To(e.To...)); err != nil {
		return fmt.Errorf("%s: %w", n.cfg.place("notify.email"), err)
	}
	msg.Subject(m.subject)
	msg.SetDateWithValue(n.clock())
	msg.SetMessageID()
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // no out-of-office answers
	text := m.text(0)
	if m.workbook != "" && e.attach() {
		switch info, err := os.Stat(m.workbook); {
		case err != nil:
			text += "\nThe workbook could not be attached: it is not there any more.\n"
		case info.Size() > maxAttached:
			text += fmt.Sprintf("\nThe workbook is too large to be attached (%d MB).\n", info.Size()>>20)
		default:
			msg.AttachFile(m.workbook, mail.WithFileName(filepath.Base(m.workbook)))
		}
	}
	msg.SetBodyString(mail.TypeTextPlain, text)
	return n.withoutPassword(n.retried(ctx, func() error {
		err := client.DialAndSendWithContext(ctx, msg)
		var sent *mail.SendError
		if errors.As(err, &sent) && !sent.IsTemp() {
			return backoff.Permanent(err)
		}
		return err
	}))
}

// withoutPassword takes out of an error what a server repeats of the password, in every form in which it was sent.
func (n *notifier) withoutPassword(err error) error {
	e := n.cfg.Notify.Email
	if err == nil || e.Username == "" {
		return err
	}
	password, failed := n.cfg.secret("notify.email.password", e.Password)
	if failed != nil {
		return failed
	}
	text := err.Error()
	for _, form := range []string{"\x00" + e.Username + "\x00" + password, password} {
		text = strings.ReplaceAll(text, base64.StdEncoding.EncodeToString([]byte(form)), "[secret]")
	}
	return errors.New(strings.ReplaceAll(text, password, "[secret]"))
}

// mailClient returns the client for the server. The way to another machine is always encrypted: by STARTTLS, without
// which nothing is sent, or from the first byte (tls: implicit). To this machine it is in the clear unless configured.
func (n *notifier) mailClient(e emailConfig) (*mail.Client, error) {
	port := e.Port
	options := []mail.Option{mail.WithTimeout(mailTimeout)}
	switch {
	case e.TLS == "implicit":
		if port == 0 {
			port = 465
		}
		options = append(options, mail.WithSSL())
	case e.TLS == "" && isLoopback(e.Host):
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if port == 0 {
		port = 587
	}
	options = append(options, mail.WithPort(port))
	if n.tls != nil {
		options = append(options, mail.WithTLSConfig(n.tls))
	}
	if n.dial != nil {
		options = append(options, mail.WithDialContextFunc(n.dial))
	}
	if e.Username != "" {
		password, err := n.cfg.secret("notify.email.password", e.Password)
		if err != nil {
			return nil, err
		}
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(e.Username), mail.WithPassword(password))
	}
	client, err := mail.NewClient(e.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n.cfg.place("notify.email"), err)
	}
	return client, nil
}
