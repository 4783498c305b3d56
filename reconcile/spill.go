package reconcile

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
)

// The records of both sides are kept as bytes in partitions by key hash. Up to a bound they stay in memory; from then on
// full chunks go to one spill file, which is unlinked as soon as it is open (where the system allows that) and removed in
// any case when the store is closed.

const (
	partitions = 128      // a million rows a side: some 8,000 rows, about 1.5 MB, a partition: it fits a core's cache
	chunkSize  = 32 << 10 // bytes a writer gathers for one partition before it hands them over
)

// The two sides of the join.
const (
	payoutSide = iota
	entrySide
	sides
)

type store struct {
	dir   string
	bound int64
	held  atomic.Int64 // bytes kept in memory

	mu   sync.Mutex // guards file
	file *os.File
	end  atomic.Int64 // bytes given out in file

	parts [sides][partitions]partition
}

// partition is one side of one partition: chunks in memory and chunks in the file, in no particular order.
type partition struct {
	mu    sync.Mutex
	mem   [][]byte
	spans []spilled
	size  int
}

type spilled struct{ at, n int64 }

func newStore(dir string, bound int64) *store { return &store{dir: dir, bound: bound} }

// put takes a chunk of whole records. It returns the buffer to gather the next chunk in.
func (s *store) put(side, part int, chunk []byte) ([]byte, error) {
	p := &s.parts[side][part]
	if s.held.Add(int64(len(chunk))) <= s.bound {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.mem = append(p.mem, chunk)
		p.size += len(chunk)
		return nil, nil
	}
	s.held.Add(-int64(len(chunk)))
	file, err := s.open()
	if err != nil {
		return nil, err
	}
	n := int64(len(chunk))
	at := s.end.Add(n) - n
	if _, err := file.WriteAt(chunk, at); err != nil {
		return nil, fmt.Errorf("write the spill file in %s: %w", s.dir, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spans = append(p.spans, spilled{at, n})
	p.size += len(chunk)
	return chunk[:0], nil
}

func (s *store) open() (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != nil {
		return s.file, nil
	}
	file, err := spillFile(s.dir)
	s.file = file
	return file, err
}

// spillFile opens a file for one process's eyes only (0600) that is gone when the process is, also by kill -9.
func spillFile(dir string) (*os.File, error) {
	file, err := os.CreateTemp(dir, ".payrecon-spill-*")
	if err != nil {
		return nil, fmt.Errorf("open a spill file: %w", err)
	}
	_ = os.Remove(file.Name()) // where an open file cannot be removed, closeSpill does it
	return file, nil
}

func closeSpill(file *os.File) {
	if file != nil {
		_ = file.Close()
		_ = os.Remove(file.Name())
	}
}

// load returns all records of one side of one partition, in buf if it is large enough, and lets go of what was in memory.
func (s *store) load(side, part int, buf []byte) ([]byte, error) {
	p := &s.parts[side][part]
	if cap(buf) < p.size {
		buf = make([]byte, 0, p.size+p.size/8)
	}
	buf = buf[:0]
	for _, chunk := range p.mem {
		buf = append(buf, chunk...)
	}
	p.mem = nil
	for _, span := range p.spans {
		from := len(buf)
		buf = buf[:from+int(span.n)]
		if _, err := s.file.ReadAt(buf[from:], span.at); err != nil {
			return nil, fmt.Errorf("read the spill file in %s: %w", s.dir, err)
		}
	}
	return buf, nil
}

func (s *store) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	closeSpill(s.file)
	s.file = nil
}
