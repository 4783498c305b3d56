package sandbox

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Transport returns a way to the sandbox that needs no socket, so that tests can run it on a fake clock. Cut connections
// and torn bodies arrive as they do from a network.
func (s *Sandbox) Transport() http.RoundTripper { return inProcess{s} }

type inProcess struct{ handler http.Handler }

func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in := r.Clone(r.Context())
	in.RequestURI, in.RemoteAddr = r.URL.RequestURI(), "in-process"
	if in.Body == nil {
		in.Body = http.NoBody
	}
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	reader, pipe := io.Pipe()
	w := &pipeWriter{header: make(http.Header), pipe: pipe, sent: make(chan struct{})}
	go w.serve(t.handler, in)
	select {
	case <-w.sent:
	case <-r.Context().Done():
		_ = reader.CloseWithError(r.Context().Err())
		return nil, r.Context().Err()
	}
	if w.status == 0 {
		return nil, &connectionReset{}
	}
	return &http.Response{
		Status: strconv.Itoa(w.status) + " " + http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.final, Body: reader, ContentLength: -1, Request: r,
	}, nil
}

type connectionReset struct{}

func (*connectionReset) Error() string { return "read: connection reset by peer" }
func (*connectionReset) Unwrap() error { return syscall.ECONNRESET }

// pipeWriter is the server's side of one answer.
type pipeWriter struct {
	header, final http.Header
	status        int // 0: cut off without an answer
	pipe          *io.PipeWriter
	sent          chan struct{} // closed when status and final are set
	once          sync.Once
}

func (w *pipeWriter) serve(h http.Handler, r *http.Request) {
	defer func() {
		caught := recover()
		_ = r.Body.Close()
		if caught == nil {
			w.WriteHeader(http.StatusOK)
			_ = w.pipe.Close()
			return
		}
		err, _ := caught.(error)
		if !errors.Is(err, http.ErrAbortHandler) {
			panic(caught)
		}
		_ = w.pipe.CloseWithError(io.ErrUnexpectedEOF)
		w.once.Do(func() { close(w.sent) })
	}()
	h.ServeHTTP(w, r)
}

func (w *pipeWriter) Header() http.Header { return w.header }

func (w *pipeWriter) WriteHeader(status int) {
	w.once.Do(func() {
		w.status, w.final = status, make(http.Header, len(w.header))
		for name, values := range w.header {
			if len(values) > 0 && !strings.EqualFold(name, "Content-Length") {
				w.final[name] = append([]string(nil), values...)
			}
		}
		close(w.sent)
	})
}

func (w *pipeWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.pipe.Write(b)
}

func (w *pipeWriter) Flush() {}
