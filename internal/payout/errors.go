package payout

import (
	"errors"
	"fmt"
)

// Kind says what kind of end an error is: it decides the exit code, never the text.
type Kind uint8

// The kinds of error. Everything that is not one of the others is KindFailed.
const (
	KindFailed      Kind = iota // it did not work
	KindInput                   // bad usage, configuration or input: a person must mend it
	KindAuth                    // the API refused the authorization (401, 403)
	KindBusy                    // another run holds the lease
	KindInterrupted             // a person or the system stopped it; state is safe
	KindNotFound                // the thing asked for does not exist
	KindTransport               // the API could not be reached or did not answer properly; trying again may help
)

// Error is an error with a kind. Its text names the thing, its value and what to do.
type Error struct {
	Kind Kind
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an error of the kind; %w works as in fmt.Errorf.
func Errorf(kind Kind, format string, args ...any) error {
	return &Error{kind, fmt.Errorf(format, args...)}
}

// KindOf returns the kind of the first Error in err's chain, else KindFailed.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindFailed
}

// unmarshalName sets *to to the index of text in names.
func unmarshalName[T ~uint8](to *T, names []string, text []byte, what string) error {
	for i, n := range names {
		if n == string(text) {
			*to = T(i)
			return nil
		}
	}
	return fmt.Errorf("%q is not a known %s", text, what)
}
