package payapi

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// hash returns the first 16 bytes of SHA-256 over the canonical form of the value in s.nodes: members sorted by the
// bytes of their names, no white space, numbers verbatim, strings escaped only where they must be. Equal content gives
// an equal hash, whatever the order of members, the white space or the escapes. A name that occurs twice in an object
// is an error: readers differ in which of them counts.
func (s *scanner) hash() (h [16]byte, err error) {
	s.canon, s.order = s.canon[:0], s.order[:0]
	if _, err := s.canonical(0); err != nil {
		return h, err
	}
	sum := sha256.Sum256(s.canon)
	return [16]byte(sum[:16]), nil
}

// canonical appends the value at node i to s.canon, and returns the index of the node after it.
func (s *scanner) canonical(i int32) (int32, error) {
	n := &s.nodes[i]
	switch n.kind {
	case kindString:
		s.canon = s.appendString(s.canon, n)
	case kindArray:
		s.canon = append(s.canon, '[')
		for k := i + 1; k < n.after; {
			if k > i+1 {
				s.canon = append(s.canon, ',')
			}
			var err error
			if k, err = s.canonical(k); err != nil {
				return 0, err
			}
		}
		s.canon = append(s.canon, ']')
	case kindObject:
		if err := s.canonicalObject(i); err != nil {
			return 0, err
		}
	default:
		s.canon = append(s.canon, s.src[n.start:n.end]...)
	}
	return n.after, nil
}

func (s *scanner) canonicalObject(i int32) error {
	members, base := s.members(i)
	defer func() { s.order = s.order[:base] }()
	s.canon = append(s.canon, '{')
	for j, k := range members {
		if j > 0 {
			if s.compareNames(members[j-1], k) == 0 {
				return fmt.Errorf("%w: the member %q occurs twice in one object", errMalformed, clip(s.stringAt(k), 40))
			}
			s.canon = append(s.canon, ',')
		}
		s.canon = s.appendString(s.canon, &s.nodes[k])
		s.canon = append(s.canon, ':')
		if _, err := s.canonical(k + 1); err != nil {
			return err
		}
	}
	s.canon = append(s.canon, '}')
	return nil
}

// members returns the nodes of the names of object i, sorted, on top of s.order, which was base long before.
func (s *scanner) members(i int32) (members []int32, base int) {
	base = len(s.order)
	for k := i + 1; k < s.nodes[i].after; k = s.nodes[k+1].after {
		s.order = append(s.order, k)
	}
	members = s.order[base:len(s.order):len(s.order)]
	slices.SortFunc(members, s.compareNames)
	return members, base
}

func (s *scanner) compareNames(a, b int32) int {
	x, y := &s.nodes[a], &s.nodes[b]
	if x.escaped || y.escaped {
		return strings.Compare(s.stringAt(a), s.stringAt(b))
	}
	return bytes.Compare(s.src[x.start+1:x.end-1], s.src[y.start+1:y.end-1])
}

// stringAt returns the string at node i. Without escapes it shares the text of the whole answer.
func (s *scanner) stringAt(i int32) string {
	n := &s.nodes[i]
	text := s.text[n.start+1 : n.end-1]
	if n.escaped {
		text = string(unescape(make([]byte, 0, len(text)), text))
	}
	if n.wide && !utf8.ValidString(text) {
		return strings.ToValidUTF8(text, "\uFFFD")
	}
	return text
}

// unescape appends text, the inside of a well-formed JSON string, to dst. Half a surrogate pair becomes U+FFFD.
func unescape(dst []byte, text string) []byte {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			dst = append(dst, text[i])
			continue
		}
		i++
		switch text[i] {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := hex4(text[i+1:])
			i += 4
			if utf16.IsSurrogate(r) && strings.HasPrefix(text[i+1:], `\u`) {
				if pair := utf16.DecodeRune(r, hex4(text[i+3:])); pair != utf8.RuneError {
					r = pair
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, text[i])
		}
	}
	return dst
}

func hex4(text string) (r rune) {
	for i := range 4 {
		r = r<<4 | hexDigit(text[i])
	}
	return r
}

// appendString appends the string of node n in its shortest form, in quotes.
func (s *scanner) appendString(dst []byte, n *node) []byte {
	if !n.escaped {
		return append(dst, s.src[n.start:n.end]...)
	}
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, c := range unescape(nil, s.text[n.start+1:n.end-1]) {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
