package reconcile

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"sync"

	"payrecon/internal/payout"
)

// matchedLog keeps agreed findings for a caller that wants to see them, without holding a million of them in memory: their
// records go to a file, an index of day and reference stays.
type matchedLog struct {
	j  *join
	mu sync.Mutex
	coder
	file *os.File
	buf  []byte
	end  int64 // of file and buf
	list []loggedFinding
}

type loggedFinding struct {
	day  payout.Day
	ref  string
	at   int64
	n    int32
	kind payout.Outcome
}

const matchedBuffer = 1 << 20

func newMatchedLog(j *join) (*matchedLog, error) {
	file, err := spillFile(j.store.dir)
	return &matchedLog{j: j, coder: j.coder(), file: file}, err
}

func (l *matchedLog) close() { closeSpill(l.file) }

// add keeps a finding. The order in which findings come does not matter.
func (l *matchedLog) add(f *finding) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := len(l.buf)
	for _, p := range f.pays {
		l.buf = append(l.buf, payoutSide)
		l.buf = l.appendPayout(l.buf, &p.Row, p.RefID, 0)
	}
	for _, e := range f.ents {
		l.buf = append(l.buf, entrySide)
		l.buf = l.appendEntry(l.buf, &e.Entry, e.Ref, 0)
	}
	n := len(l.buf) - from
	l.list = append(l.list, loggedFinding{f.day(), f.ref(), l.end, int32(n), f.outcome})
	l.end += int64(n)
	if len(l.buf) >= matchedBuffer {
		return l.flush()
	}
	return nil
}

func (l *matchedLog) flush() error {
	if _, err := l.file.WriteAt(l.buf, l.end-int64(len(l.buf))); err != nil {
		return fmt.Errorf("write the spill file of agreed records: %w", err)
	}
	l.buf = l.buf[:0]
	return nil
}

// each visits the findings in order of day, reference and records.
func (l *matchedLog) each(visit func(payout.Finding) error) error {
	if err := l.flush(); err != nil {
		return err
	}
	order := func(a, b loggedFinding) int { return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.ref, b.ref)) }
	slices.SortFunc(l.list, order)
	for from := 0; from < len(l.list); {
		to := from + 1
		for to < len(l.list) && order(l.list[from], l.list[to]) == 0 {
			to++
		}
		same := make([]*finding, 0, to-from)
		for _, logged := range l.list[from:to] {
			f, err := l.read(logged)
			if err != nil {
				return err
			}
			same = append(same, f)
		}
		sortFindings(same)
		for _, f := range same {
			if err := f.measure(); err != nil {
				return err
			}
			if err := visit(l.j.m.finding(f)); err != nil {
				return err
			}
		}
		from = to
	}
	return nil
}

func (l *matchedLog) read(logged loggedFinding) (*finding, error) {
	b := make([]byte, logged.n)
	if _, err := l.file.ReadAt(b, logged.at); err != nil {
		return nil, fmt.Errorf("read the spill file of agreed records: %w", err)
	}
	g := &group{}
	f := &finding{g: g, outcome: logged.kind}
	for len(b) > 0 {
		side := b[0]
		b = b[1:]
		if side == payoutSide {
			f.pays = append(f.pays, l.j.pay(b))
		} else {
			f.ents = append(f.ents, l.j.ent(b))
		}
		b = b[u32(b, recSize):]
	}
	g.pays, g.ents = f.pays, f.ents
	g.key = l.j.keyOf(g)
	return f, nil
}
