package sandbox

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"
)

// mark is where a page begins. With cursors by key: after the payout (created, num); by position: after count payouts.
type mark struct {
	created int64
	num     uint32
	count   uint32
	set     bool
}

// A cursor is opaque to clients: the mark, the query it belongs to, when it was made on both clocks (zero where cursors
// live for ever, so that equal pages have equal cursors), and a checksum against tampering.
const cursorSize = 8 + 4 + 4 + 8 + 8 + 8 + 4

func (s *Sandbox) cursorFor(q *pageQuery, m mark, now int64) string {
	b := make([]byte, 0, cursorSize)
	b = binary.BigEndian.AppendUint64(b, uint64(m.created))
	b = binary.BigEndian.AppendUint32(b, m.num)
	b = binary.BigEndian.AppendUint32(b, m.count)
	b = binary.BigEndian.AppendUint64(b, q.hash)
	var api, wall int64
	if s.o.Faults.CursorTTL > 0 {
		api, wall = now, millis(time.Now())
	}
	b = binary.BigEndian.AppendUint64(b, uint64(api))
	b = binary.BigEndian.AppendUint64(b, uint64(wall))
	b = binary.BigEndian.AppendUint32(b, s.checksum(b))
	return base64.RawURLEncoding.EncodeToString(b)
}

func (s *Sandbox) checksum(b []byte) uint32 {
	return uint32(textHash(draw(s.o.Seed, saltCursor), string(b)))
}

// readCursor returns the mark of a cursor of ours. A cursor is good for its own query only.
func (s *Sandbox) readCursor(q *pageQuery, now int64) (mark, error) {
	b, err := base64.RawURLEncoding.DecodeString(q.cursor)
	if err != nil || len(b) != cursorSize || s.checksum(b[:cursorSize-4]) != binary.BigEndian.Uint32(b[cursorSize-4:]) {
		return mark{}, fmt.Errorf("`offset` is not valid")
	}
	m := mark{int64(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:]), true}
	if binary.BigEndian.Uint64(b[16:]) != q.hash {
		return mark{}, fmt.Errorf("`offset` belongs to another query")
	}
	api, wall := int64(binary.BigEndian.Uint64(b[24:])), int64(binary.BigEndian.Uint64(b[32:]))
	ttl := s.o.Faults.CursorTTL.Milliseconds()
	if ttl > 0 && (now-api > ttl || millis(time.Now())-wall > ttl) {
		return mark{}, fmt.Errorf("`offset` has expired")
	}
	if n := s.o.Faults.RefuseCursors; n > 0 && s.memory.spend("cursor", n) {
		return mark{}, fmt.Errorf("`offset` has expired")
	}
	return m, nil
}
