package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// notifyTries is how often one notification is tried.
const notifyTries = 3

// maxWebhookText is where Slack begins to cut a message, in characters, with some room.
const maxWebhookText = 3500

// slackEscapes are what Slack asks for in text: nothing in it may then mention people or look like a link.
var slackEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// postWebhook posts the message in the JSON form that Slack defined and that others take as well.
func (n *notifier) postWebhook(ctx context.Context, ref secretRef, m message) error {
	address, err := n.address("notify.webhook", ref)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]string{"text": "*" + slackEscapes.Replace(m.subject) + "*\n" + slackEscapes.Replace(m.text(maxWebhookText))})
	if err != nil {
		return err
	}
	return n.request(ctx, http.MethodPost, address.String(), body)
}

// getHeartbeat calls the heartbeat address, with /fail at the end of its path when the job did not do its work.
func (n *notifier) getHeartbeat(ctx context.Context, ref secretRef, done bool) error {
	address, err := n.address("notify.heartbeat", ref)
	if err != nil {
		return err
	}
	if !done {
		address = address.JoinPath("fail")
	}
	return n.request(ctx, http.MethodGet, address.String(), nil)
}

// address reads an address that is itself a secret. Over the network it must be https.
func (n *notifier) address(key string, ref secretRef) (*url.URL, error) {
	text, err := n.cfg.secretLine(key, ref)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Host == "", u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("%s (%s): the value is not an address (want https://...)", n.cfg.place(key), ref)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return nil, fmt.Errorf("%s (%s): the address is plain http to another machine: want https", n.cfg.place(key), ref)
	}
	return u, nil
}

// request sends one request, again after errors that may pass. Its errors never show the address.
func (n *notifier) request(ctx context.Context, method, address string, body []byte) error {
	return n.retried(ctx, func() error {
		req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
		if err != nil {
			return backoff.Permanent(errors.New("the address cannot be used"))
		}
		if body != nil {
			req.Header.Set("Content-Type", "application/json; charset=utf-8")
		}
		req.Header.Set("User-Agent", "payrecon")
		res, err := n.http.Do(req)
		var u *url.Error
		switch {
		case errors.As(err, &u):
			return u.Err // without the address
		case err != nil:
			return err
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
		switch {
		case res.StatusCode < 300:
			return nil
		case res.StatusCode == http.StatusTooManyRequests, res.StatusCode == http.StatusRequestTimeout, res.StatusCode >= 500:
			return fmt.Errorf("the answer was %s", res.Status)
		}
		return backoff.Permanent(fmt.Errorf("the answer was %s", res.Status))
	})
}

// retried runs op up to notifyTries times, with growing pauses.
func (n *notifier) retried(ctx context.Context, op func() error) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval = n.pause
	pauses.MaxInterval = 10 * max(n.pause, time.Millisecond)
	_, err := backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, op() }, backoff.WithBackOff(pauses), backoff.WithMaxTries(notifyTries))
	var permanent *backoff.PermanentError
	if errors.As(err, &permanent) {
		return permanent.Err
	}
	return err
}

// isLoopback reports whether host is this machine by name or number.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
