package reconcile

import "strings"

// ledgerMemo remembers what a word of a column with few different words means: status words, currencies, dates. A hit costs
// one string comparison. It is one worker's own.
type ledgerMemo[V any] struct {
	slots [128]*ledgerMemoized[V]
	all   map[string]*ledgerMemoized[V]
	max   int // different words that are kept
}

type ledgerMemoized[V any] struct {
	word  string // not part of a chunk's text
	value V
}

func newLedgerMemo[V any](most int) ledgerMemo[V] {
	return ledgerMemo[V]{all: map[string]*ledgerMemoized[V]{}, max: most}
}

// get returns what is known of the word, or nil.
func (m *ledgerMemo[V]) get(word string) *ledgerMemoized[V] {
	h := len(word)
	if h > 0 {
		h += int(word[0])*3 + int(word[h-1])*31 + int(word[h/2])*7 + int(word[max(h-2, 0)])*13
	}
	slot := &m.slots[h%len(m.slots)]
	if *slot != nil && (*slot).word == word {
		return *slot
	}
	if known := m.all[word]; known != nil {
		*slot = known
		return known
	}
	return nil
}

// put remembers the word, unless there are too many already: then it is known for this once.
func (m *ledgerMemo[V]) put(word string, value V) *ledgerMemoized[V] {
	known := &ledgerMemoized[V]{strings.Clone(word), value}
	if len(m.all) < m.max {
		m.all[known.word] = known
	}
	return known
}
