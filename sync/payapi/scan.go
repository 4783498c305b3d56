package payapi

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// What one payout, or one other member of an answer, may hold at most. The documented payout has some thirty nodes and
// three levels; the limits only keep hostile answers from taking memory.
const (
	maxDepth = 32
	maxNodes = 1 << 15
)

var (
	errTorn      = errors.New("the JSON ends early")
	errMalformed = errors.New("malformed JSON")
)

// The kinds of node. Members of an object are two nodes each: the name (kindString) and its value.
const (
	kindNull = iota
	kindBool
	kindNumber
	kindString
	kindArray
	kindObject
)

// node is one JSON value as a range of the source. Nodes lie in the order of the source; after is the index of the
// node that follows the value with all it holds.
type node struct {
	start, end int32 // of the text; strings with their quotes
	after      int32
	kind       uint8
	escaped    bool // a string with a backslash
	wide       bool // a string with bytes above ASCII
}

// scanner reads JSON (RFC 8259) into nodes. It accepts nothing else, and allocates only its nodes, which are used
// again for the next value.
type scanner struct {
	src   []byte
	text  string // the same bytes, so that unescaped strings need no copy of their own
	pos   int
	nodes []node
	order []int32 // scratch of canonical
	canon []byte  // scratch of canonical
}

func newScanner(src []byte) *scanner {
	return &scanner{src: src, text: string(src), nodes: make([]node, 0, 64)}
}

func (s *scanner) malformed(what string) error {
	if s.pos >= len(s.src) {
		return errTorn
	}
	return fmt.Errorf("%w: byte %d: %s", errMalformed, s.pos, what)
}

// space skips white space and returns the next byte, 0 at the end of the source.
func (s *scanner) space() byte {
	for ; s.pos < len(s.src); s.pos++ {
		switch c := s.src[s.pos]; c {
		case ' ', '\n', '\r', '\t':
		default:
			return c
		}
	}
	return 0
}

// expect skips white space and the byte c.
func (s *scanner) expect(c byte) error {
	if s.space() != c {
		return s.malformed("want " + string(c))
	}
	s.pos++
	return nil
}

// end refuses anything but white space up to the end of the source.
func (s *scanner) end() error {
	if s.space(); s.pos < len(s.src) {
		return s.malformed("text after the end of the answer")
	}
	return nil
}

// value reads the next value into s.nodes, replacing what was there.
func (s *scanner) value() error {
	s.nodes = s.nodes[:0]
	return s.nested(0)
}

func (s *scanner) nested(depth int) error {
	if len(s.nodes) >= maxNodes {
		return fmt.Errorf("%w: more than %d values in one member", errMalformed, maxNodes)
	}
	c := s.space()
	at := len(s.nodes)
	s.nodes = append(s.nodes, node{start: int32(s.pos)})
	var err error
	switch {
	case c == '{' || c == '[':
		if depth == maxDepth {
			return fmt.Errorf("%w: more than %d levels", errMalformed, maxDepth)
		}
		err = s.container(c, depth+1)
		s.nodes[at].kind = kindArray
		if c == '{' {
			s.nodes[at].kind = kindObject
		}
	case c == '"':
		s.nodes[at].kind = kindString
		s.nodes[at].escaped, s.nodes[at].wide, err = s.str()
	case c == '-' || c >= '0' && c <= '9':
		s.nodes[at].kind = kindNumber
		err = s.number()
	default:
		s.nodes[at].kind, err = s.word(c)
	}
	s.nodes[at].end = int32(s.pos)
	s.nodes[at].after = int32(len(s.nodes))
	return err
}

// container reads an object or an array from its opening bracket to its closing one.
func (s *scanner) container(open byte, depth int) error {
	closing := byte(']')
	if open == '{' {
		closing = '}'
	}
	s.pos++
	if s.space() == closing {
		s.pos++
		return nil
	}
	for {
		if open == '{' {
			if s.space() != '"' {
				return s.malformed("want the name of a member")
			}
			if err := s.nested(depth); err != nil {
				return err
			}
			if err := s.expect(':'); err != nil {
				return err
			}
		}
		if err := s.nested(depth); err != nil {
			return err
		}
		switch s.space() {
		case ',':
			s.pos++
		case closing:
			s.pos++
			return nil
		default:
			return s.malformed("want a comma or " + string(closing))
		}
	}
}

// str reads a string from quote to quote.
func (s *scanner) str() (escaped, wide bool, err error) {
	s.pos++
	for s.pos < len(s.src) {
		c := s.src[s.pos]
		switch {
		case c == '"':
			s.pos++
			return escaped, wide, nil
		case c == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return escaped, wide, err
			}
			continue
		case c < ' ':
			return escaped, wide, s.malformed("control character in a string")
		case c >= utf8.RuneSelf:
			wide = true
		}
		s.pos++
	}
	return escaped, wide, errTorn
}

// escape skips one escape sequence; s.pos is at its backslash.
func (s *scanner) escape() error {
	s.pos++
	if s.pos >= len(s.src) {
		return errTorn
	}
	switch s.src[s.pos] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return nil
	case 'u':
		s.pos++
		for range 4 {
			if s.pos >= len(s.src) || hexDigit(s.src[s.pos]) < 0 {
				return s.malformed("want four hexadecimal digits")
			}
			s.pos++
		}
		return nil
	}
	return s.malformed("unknown escape")
}

func hexDigit(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c >= 'a' && c <= 'f':
		return rune(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return rune(c-'A') + 10
	}
	return -1
}

// number skips -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (s *scanner) number() error {
	if s.src[s.pos] == '-' {
		s.pos++
	}
	if s.pos < len(s.src) && s.src[s.pos] == '0' {
		s.pos++
	} else if !s.digits() {
		return s.malformed("want a digit")
	}
	if s.pos < len(s.src) && s.src[s.pos] == '.' {
		s.pos++
		if !s.digits() {
			return s.malformed("want a digit after the point")
		}
	}
	if s.pos < len(s.src) && (s.src[s.pos] == 'e' || s.src[s.pos] == 'E') {
		s.pos++
		if s.pos < len(s.src) && (s.src[s.pos] == '+' || s.src[s.pos] == '-') {
			s.pos++
		}
		if !s.digits() {
			return s.malformed("want a digit in the exponent")
		}
	}
	return nil
}

// digits skips digits, and reports whether there was one.
func (s *scanner) digits() bool {
	from := s.pos
	for s.pos < len(s.src) && s.src[s.pos] >= '0' && s.src[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > from
}

// word reads true, false or null, c being the next byte.
func (s *scanner) word(c byte) (kind uint8, err error) {
	want := ""
	switch c {
	case 't':
		want, kind = "true", kindBool
	case 'f':
		want, kind = "false", kindBool
	case 'n':
		want, kind = "null", kindNull
	default:
		return 0, s.malformed("want a value")
	}
	for i := range len(want) {
		if s.pos >= len(s.src) || s.src[s.pos] != want[i] {
			return 0, s.malformed("want " + want)
		}
		s.pos++
	}
	return kind, nil
}
